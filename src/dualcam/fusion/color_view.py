"""The color camera's view: everything is in place there but mono's detail, which is brought over.

refEC has made the color picture as bright as mono and removed its noise, with mono's help, on the color camera's own
pixels. What is left to bring is the detail that only mono resolves. It goes where the two agree, and only as far as
they do: a detail of mono that has no counterpart in the color picture (a surface that the color camera does not see, a
wrong match) is left out, and the color picture stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dualcam import parallel
from dualcam.camera.curves import decode, encode
from dualcam.camera.measure import Measured
from dualcam.classical.evidence import logistic
from dualcam.classical.exposure import luminance_display
from dualcam.frame import Exposed, FloatArray, NoiseModel, Pair, Size
from dualcam.rig import mapping, warp
from dualcam.rig.matching import Grid, Match, Second, local_correlation

EVIDENCE = ("contrast", "detail", "noise", "enlargement")
"""Log of the local deviation of brightness, share of mono's detail (0 without enlargement), noise of the color as shot
(both display), log of the enlargement."""

CLAIMS: Mapping[str, tuple[float, float, tuple[float, float, float, float]]] = {
    "classical": (-2.373, 0.75, (-0.709, 1.129, -12.055, -0.647)),
    "neural": (-1.72, 0.501, (-0.673, 1.1, -12.136, -0.739)),
}
"""Offset, factor of the logit of the confidence, and of ``EVIDENCE``, by method.

In the mono view the brightness of every pixel is mono's own. Here it is that of a noisy color picture, and of detail
that was brought over: confidences made for the mono view claim too much. Fitted by ``benchmarks/fit_color_view.py``.
"""

# Pixels of the result are at most so many times those of the larger input.
_MOST = 2.0
# A scale this near to a whole number is one.
_WHOLE = 0.02
# Window, in color pixels, over which the two pictures are compared.
_WINDOW_PX = 2.0
# Disagreement of the flow (grid pixels) and of the brightness beyond noise (display) at which mono counts half.
_DISAGREEMENT_PX, _DIFFERENT = 1.5, 0.05
# Confidences nearer to 0 and 1 than this cannot be told from them.
_SURE = 1e-4
# Contrast (display) that counts as none.
_FLAT = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class ColorView:
    """What refColor and refSR are given for a result in the color camera's view.

    Attributes:
        measured: like that of the pair, with the color view's brightness in place of the mono picture: (H, W) linear,
            without noise.
        mono: (h, w) float32, linear, the same on the color camera's pixels.
        match: nothing is left to be matched.
        detailed: share of the picture that mono gave detail to; 0 where it has none to give.
        evidence: (h, w, 4) float32, ``EVIDENCE``: what speaks for and against the color beside what refColor says.
    """

    measured: Measured
    mono: FloatArray
    match: Match
    detailed: float
    evidence: FloatArray


def output_size(pair: Pair) -> Size:
    """Height and width of a result in the color view: color's pixels, or as fine as mono's where those are finer."""
    height, width = pair.color.pixels.shape[:2]
    most = max(height * width, pair.mono.pixels[..., 0].size) * _MOST
    factor = max(1.0, min(pair.placement.scale, (most / (height * width)) ** 0.5))
    # Whole multiples suit users and cost nothing: a scale is only measured.
    if abs(factor - round(factor)) < _WHOLE * factor:
        factor = round(factor)
    return round(height * factor), round(width * factor)


def bring(pair: Pair, measured: Measured, match: Match, exposed: Exposed) -> ColorView:
    """Bring mono's detail into the color view.

    Args:
        pair: the pair.
        measured: its noise; the denoised mono is taken from here.
        match: the match, from mono to color and back.
        exposed: what refEC made.
    """
    small = exposed.color.shape[:2]
    height, width = output_size(pair)
    # Of what a display shows: a color that does not fit would else become white for the sake of its brightness.
    luma = luminance_display(np.clip(exposed.color, 0, 1), exposed.tone)
    detailed, fine, share = 0.0, luma, np.zeros(small, np.float32)
    if (height, width) != small:
        places = to_mono_pixels(pair, match)
        mono = encode(
            np.maximum(_moved(np.asarray(measured.mono_clean, np.float32), places, height, width), 0)
        )
        coarse = warp.resize(mono, *small)
        share = agreement(luma, coarse, exposed.sigma, match)
        detailed = float((share > 0.5).mean())
        fine = _with_detail(luma, mono, coarse, share)
    plane = decode(np.clip(fine, 0, 1))
    grid = Grid(small[0], small[1], mapping.Mapping(np.eye(3)))
    here, none = grid.centers(), np.zeros(small, np.float32)
    level = warp.resize(plane, *small)
    unmoved = Match(
        grid=grid,
        to_color=here,
        to_mono=here,
        disagreement=none,
        disagreement_color=none,
        likeness=local_correlation(encode(level), luma),
        outside=none,
        rendering=match.rendering,
        second=Second(here, none),
    )
    noiseless = Measured(
        mono=plane,
        mono_noise=NoiseModel(0.0, 0.0),
        color_noise=measured.color_noise,
        mono_clipped=measured.mono_clipped,
        color_clipped=measured.color_clipped,
    )
    enlarged = np.full(small, np.log(height / small[0]), np.float32)
    evidence = np.stack([_contrast(luma), share, exposed.sigma, enlarged], axis=-1)
    return ColorView(noiseless, level, unmoved, detailed, evidence)


def claimed(confidence: FloatArray, view: ColorView, method: str) -> FloatArray:
    """What the confidence of the mono view is worth in this one.

    Args:
        confidence: (H, W) float32 in [0, 1], as ``Method.ref_sr`` gives it.
        view: what it was given.
        method: "classical" or "neural".

    Returns:
        (H, W) float32 in [0, 1].
    """
    offset, slope, weights = CLAIMS[method]
    height, width = confidence.shape
    doubt = (view.evidence @ np.array(weights, np.float32) + np.float32(offset))[..., None]

    def weigh(rows: slice) -> tuple[FloatArray]:
        more = warp.enlarged_part(doubt, rows, slice(0, width), height, width, warp.LINEAR)
        sure = np.clip(confidence[rows], _SURE, 1 - _SURE)
        return (logistic(np.float32(slope) * np.log(sure / (1 - sure)) + more[..., 0]),)

    (found,) = parallel.banded(weigh, height)
    return found


def _contrast(luma: FloatArray) -> FloatArray:
    """Log of the local deviation of a luma (h, w) display over a hundredth of the display range."""
    mean, squared = (cv2.GaussianBlur(p, (0, 0), 1.0) for p in (luma, luma * luma))
    return np.log(np.sqrt(np.maximum(squared - mean * mean, 0)) + np.float32(_FLAT))


def to_mono_pixels(pair: Pair, match: Match) -> FloatArray:
    """Where every color pixel is seen in the mono picture, (h, w, 2) in its pixels."""
    height, width = pair.mono.pixels.shape[:2]
    return match.to_mono * np.array([width / match.grid.width, height / match.grid.height], np.float32)


def agreement(luma: FloatArray, mono: FloatArray, sigma: FloatArray, match: Match) -> FloatArray:
    """How much of mono's detail belongs into the color view.

    Args:
        luma: (h, w) display, the mono camera's view of what refEC made.
        mono: (h, w) display, the mono picture moved there.
        sigma: (h, w) display, noise of the color before refEC.
        match: the match.

    Returns:
        (h, w) in [0, 1]: the slope of luma over mono in a window, where the flow agrees with itself and brightness
        fits.
    """

    def mean(picture: FloatArray) -> FloatArray:
        return cv2.GaussianBlur(picture, (0, 0), _WINDOW_PX)

    def share(rows: slice) -> tuple[FloatArray]:
        a, b = luma[rows], mono[rows]
        mean_a, mean_b = mean(a), mean(b)
        covariance = mean(a * b) - mean_a * mean_b
        slope = np.clip(covariance / (mean(b * b) - mean_b * mean_b + np.float32(_FLAT**2)), 0, 1)
        # refEC leaves about a third of the noise.
        apart = np.maximum(np.abs(mean(a - b)) - mean(sigma[rows]) / 3, 0) / np.float32(_DIFFERENT)
        gone = match.disagreement_color[rows] / np.float32(_DISAGREEMENT_PX)
        seen = warp.inside(match.to_mono[rows], match.grid.height, match.grid.width)
        return (cv2.GaussianBlur(slope * seen / (1 + gone**4) / (1 + apart**4), (0, 0), 1.0),)

    (found,) = parallel.banded(share, len(luma), margin=16)
    return found


def _moved(mono: FloatArray, places: FloatArray, height: int, width: int) -> FloatArray:
    """The mono picture at these places (h, w, 2), enlarged to (height, width)."""

    def look(rows: slice) -> tuple[FloatArray]:
        fine = warp.enlarged_part(places, rows, slice(0, width), height, width, warp.LINEAR)
        return (warp.resample(mono, fine, interpolation=warp.CUBIC),)

    (moved,) = parallel.banded(look, height)
    return moved


def _with_detail(luma: FloatArray, mono: FloatArray, coarse: FloatArray, share: FloatArray) -> FloatArray:
    """Enlarge a luma (h, w) display and add a share of what mono (H, W) has beyond its own coarse version (h, w)."""
    height, width = mono.shape
    every = slice(0, width)

    def add(rows: slice) -> tuple[FloatArray]:
        large = (warp.enlarged_part(p, rows, every, height, width) for p in (luma, coarse, share))
        base, lost, part = large
        return (base + np.clip(part, 0, 1) * (mono[rows] - lost),)

    (fine,) = parallel.banded(add, height)
    return fine
