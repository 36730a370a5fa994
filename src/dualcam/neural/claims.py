"""What the networks may claim: where their color comes from, and how sure they can be where they were never taught.

They were trained on pairs whose views overlap and whose spectra can be related. A network that meets anything else
answers all the same; these plain rules hold it back.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.channels import highest
from dualcam.camera.smooth import wide_blur
from dualcam.classical.evidence import within_reach
from dualcam.frame import FloatArray, Provenance
from dualcam.rig.matching import Match

# Grid pixels of forward-backward disagreement, and display difference beyond noise, up to which a match counts as
# seen.
_DISAGREEMENT_PX = 1.5
_CHANGED = 0.06
# Beyond the color picture less than this share of the color is left: gray.
_GRAY = 0.5
# Correlation of mono's detail with that of the color's luma: related, and hardly related.
_RELATED, _UNRELATED = 0.6, 0.2
_HALF = np.float32(0.5)
# Pixels around its own that a pixel's blur looks at.
_BLUR_PX = 8


def provenance(match: Match, color: FloatArray, matched: FloatArray, sigma: FloatArray) -> NDArray[np.uint8]:
    """Where every color comes from, (h, w) ``Provenance`` values.

    Measured: both directions of the match agree, inside the color picture, and the network kept the matched color.

    Args:
        match: the match.
        color: (h, w, 3) display, what the network made.
        matched: (h, w, 3) display, the matched color.
        sigma: (h, w) display, noise of the color as shot, matched.
    """

    def seen(rows: slice) -> tuple[NDArray[np.bool_]]:
        # The network removes noise too; what counts is a change of the place, not of the pixel.
        moved = highest(np.abs(cv2.GaussianBlur(color[rows] - matched[rows], (0, 0), 1.5)))
        agreeing = (match.outside[rows] <= 0) & (match.disagreement[rows] < _DISAGREEMENT_PX)
        return (agreeing & (moved < _CHANGED + sigma[rows]),)

    (measured,) = parallel.banded(seen, len(sigma), _BLUR_PX)
    out = np.where(measured, Provenance.MEASURED, Provenance.PROPAGATED).astype(np.uint8)
    out[within_reach(match.outside) < _GRAY] = Provenance.NEUTRAL
    return out


def fade(mono: FloatArray, color: FloatArray, match: Match) -> None:
    """Far beyond the color picture let color go to gray: training knows no such distance.

    Args:
        mono: (h, w) display.
        color: (h, w, 3) float32, display; it is changed in place.
        match: the match.
    """

    def faded(rows: slice) -> tuple[()]:
        share = within_reach(match.outside[rows])[..., None]
        color[rows] -= mono[rows][..., None]
        color[rows] *= share
        color[rows] += mono[rows][..., None]
        return ()

    parallel.banded(faded, len(mono))


def allowed(mono: FloatArray, luma: FloatArray, match: Match) -> FloatArray:
    """What the networks' confidence is multiplied by, (h, w) in [0, 1].

    Falls beyond the color picture, and everywhere by up to half where mono and color are hardly related (near
    infrared, or two pictures that do not belong together): a color can be told from mono's brightness no more.

    Args:
        mono: (h, w) display.
        luma: (h, w) display, the matched color as the mono camera would see it.
        match: the match.
    """
    share = (relation(mono, luma, match.inside) - _UNRELATED) / (_RELATED - _UNRELATED)
    doubt = _HALF + _HALF * np.float32(min(1.0, max(0.0, share)))
    return (within_reach(match.outside) * doubt).astype(np.float32)


def relation(mono: FloatArray, luma: FloatArray, where: NDArray[np.bool_]) -> float:
    """Correlation of the detail of two pictures (h, w) display over a part of them, -1 to 1; 1 where there is none."""
    sigma = max(mono.shape) / 40
    a, b = ((p - wide_blur(p, sigma))[where] for p in (mono, luma))
    energy = float((a * a).mean() * (b * b).mean()) if a.size else 0.0
    # Pictures without any detail contradict nothing.
    return float((a * b).mean()) / energy**0.5 if energy > 1e-10 else 1.0
