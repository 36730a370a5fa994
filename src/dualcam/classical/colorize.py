"""refColor by hand: the exposed color carried into the mono view, wrong matches found and filled.

What travels is color minus mono: it is smooth, so that small errors of the flow do not show, and where the match
fails the measured values of neighbors with the same mono brightness take its place, or nothing (neutral).
"""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.camera.curves import encode
from dualcam.classical import evidence
from dualcam.classical.exposure import luminance_display
from dualcam.classical.propagate import propagate
from dualcam.frame import Colored, Exposed, FloatArray, Provenance
from dualcam.rig import warp
from dualcam.rig.matching import Match

# Pixels of forward-backward disagreement, and display difference beyond noise, at which trust is halved.
_DISAGREEMENT_PX = 1.5
_PHOTOMETRIC = 0.06
# The filling needs no fine grid; larger ones are reduced to about this many pixels.
_FILL_PIXELS = 500_000
_MEASURED, _NEUTRAL = 0.5, 0.2


def colorize(mono: FloatArray, exposed: Exposed, match: Match) -> Colored:
    """Bring the exposed color into the mono view.

    Args:
        mono: (h, w) float32, linear, denoised mono on the match grid.
        exposed: what refEC made.
        match: the match.
    """
    seen = gather(mono, exposed, match)
    trust, shrink = evidence.weigh(seen)
    blended = trust[..., None] * seen.difference + ((1 - trust) * shrink)[..., None] * seen.filled
    provenance = np.full(trust.shape, Provenance.PROPAGATED, np.uint8)
    provenance[(seen.support < _NEUTRAL) & (trust <= _MEASURED)] = Provenance.NEUTRAL
    provenance[(trust > _MEASURED) & match.inside] = Provenance.MEASURED
    return Colored(
        mono=seen.mono,
        color=seen.mono[..., None] + blended,
        confidence=evidence.confidence(seen, trust, blended),
        provenance=provenance,
        tone=exposed.tone,
    )


def gather(mono: FloatArray, exposed: Exposed, match: Match) -> evidence.Evidence:
    """Everything that is known about the color of every grid pixel, before it is decided."""
    display = encode(mono)
    color = warp.sample(exposed.color, match.to_color)
    sigma = warp.sample(exposed.sigma, match.to_color)
    luma = luminance_display(color, exposed.tone)
    difference = color - display[..., None]
    reliable = reliability(display, luma, sigma, match)
    filled, support = _fill(difference, reliable, display)
    return evidence.Evidence(
        difference=difference,
        filled=filled,
        reliable=reliable,
        support=support,
        outside=match.outside,
        disagreement=match.disagreement,
        photometric=np.abs(cv2.GaussianBlur(luma - display, (0, 0), 1.5)),
        likeness=match.likeness,
        sigma=sigma,
        mono=display,
    )


def reliability(mono: FloatArray, luma: FloatArray, sigma: FloatArray, match: Match) -> FloatArray:
    """How far every matched color can be believed, (h, w) in [0, 1].

    Args:
        mono: (h, w) display.
        luma: (h, w) display, the matched color as the mono camera would see it.
        sigma: (h, w) display, noise of the color.
        match: the match, for its flow's disagreement and the field of view.
    """
    # Over a window, so that noise averages out and one lucky pixel does not count.
    apart = np.abs(cv2.GaussianBlur(luma - mono, (0, 0), 1.5))
    excess = np.maximum(apart - sigma, 0) / np.float32(_PHOTOMETRIC)
    gone = match.disagreement / np.float32(_DISAGREEMENT_PX)
    trust = 1 / (1 + gone**4) / (1 + excess**4)
    if match.rendering == "gradient":
        # Near infrared and visible light differ in brightness everywhere: that is no evidence.
        trust = 1 / (1 + gone**4)
    trust = trust * match.inside
    return cv2.GaussianBlur(trust.astype(np.float32), (0, 0), 0.8)


def _fill(difference: FloatArray, trust: FloatArray, mono: FloatArray) -> tuple[FloatArray, FloatArray]:
    height, width = mono.shape
    factor = min(1.0, (_FILL_PIXELS / (height * width)) ** 0.5)
    if factor == 1.0:
        return propagate(difference, trust, mono)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    weighted = warp.resize(difference * trust[..., None], *size)
    small = warp.resize(trust, *size)
    values = (weighted / np.maximum(small, 1e-3)[..., None]).astype(np.float32)
    filled, support = propagate(values, small, warp.resize(mono, *size))
    return warp.resize(filled, height, width), np.clip(warp.resize(support, height, width), 0, 1)
