"""What the evidence about a color is worth: how far to believe the match, the filling, and the result.

Three small logistic models over the same regressors, fitted on simulated captures of the training pairs by
``benchmarks/fit_evidence.py``, which prints how well they do on scenes that the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from dualcam import parallel
from dualcam.camera.channels import highest, lowest, total
from dualcam.camera.gradient import gradient_magnitude
from dualcam.frame import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known about every color of the match grid; signals are in the display domain.

    Large pictures are kept in half precision; ``part`` gives what is computed with.

    Attributes:
        luma: (h, w) the matched color as the mono camera would see it.
        fitting: (h, w, 3) the matched color under mono's light.
        difference: (h, w, 3) the same minus its luma.
        filled: (h, w, 3) difference, propagated from reliable neighbors.
        reliable: (h, w) strict reliability of the match, 0 to 1.
        support: (h, w) measured evidence behind ``filled``, 0 to 1.
        outside: (h, w) grid pixels between the match and the edge of the color picture, 0 inside.
        disagreement: (h, w) forward-backward distance, grid pixels.
        photometric: (h, w) difference between mono and the matched color's luma, smoothed.
        likeness: (h, w) local correlation of both pictures, -1 to 1.
        sigma: (h, w) noise of the color before denoising.
        mono: (h, w) mono.
        beyond: (h, w) what color measured above a clipped mono, 0 elsewhere.
    """

    luma: FloatArray
    fitting: FloatArray
    difference: FloatArray
    filled: FloatArray
    reliable: FloatArray
    support: FloatArray
    outside: FloatArray
    disagreement: FloatArray
    photometric: FloatArray
    likeness: FloatArray
    sigma: FloatArray
    mono: FloatArray
    beyond: FloatArray

    def part(self, rows: slice) -> Evidence:
        """Some rows of it, in float32."""
        return Evidence(
            **{name: np.asarray(getattr(self, name)[rows], np.float32) for name in Evidence.__slots__}
        )


# Pixels around its own that the values of a pixel depend on, with the blur that follows them, at most.
_AROUND_PX = 14

REGRESSORS = (
    "constant",
    "reliable",
    "support",
    "log disagreement",
    "log disagreement, far",
    "photometric",
    "photometric over noise",
    "likeness",
    "log noise",
    "mono",
    "mono squared",
    "saturation",
    "spread",
    "detail",
    "match against filling",
    "log outside",
)
# Rows: trust in the match over the filling; strength of the filling; the confidence of the result.
TRUST = np.array(
    [
        1.008,
        0.026,
        -2.537,
        0.000,
        0.000,
        0.000,
        -0.222,
        1.680,
        -0.193,
        1.170,
        -0.101,
        2.786,
        -0.437,
        -2.867,
        1.956,
        0.000,
    ],
    np.float32,
)
SHRINK = np.array(
    [
        1.018,
        0.928,
        0.980,
        0.799,
        1.171,
        0.248,
        -0.041,
        0.844,
        1.017,
        1.365,
        0.962,
        0.797,
        0.553,
        0.743,
        -0.063,
        -1.266,
    ],
    np.float32,
)
CONFIDENCE = np.array(
    [
        1.290,
        0.000,
        1.270,
        0.000,
        -0.195,
        0.000,
        -0.436,
        0.000,
        -3.116,
        1.173,
        0.194,
        -0.065,
        -3.816,
        0.102,
        -1.365,
        0.000,
        2.116,
        2.129,
    ],
    np.float32,
)


def regressors(evidence: Evidence) -> FloatArray:
    """The values of ``REGRESSORS``, (h, w, 16), each of order one."""
    return np.stack([*_values(evidence)], axis=-1).astype(np.float32)


def _values(e: Evidence) -> Iterator[FloatArray]:
    """The same, one after the other."""
    far = np.log1p(e.disagreement)
    saturation = highest(e.difference) - lowest(e.difference)
    detail = gradient_magnitude(e.mono)
    apart = np.sqrt(total(cv2.GaussianBlur(e.difference - e.filled, (0, 0), 1.0) ** 2))
    yield np.ones_like(e.mono)
    yield e.reliable
    yield e.support
    yield np.minimum(far, 1.5)
    yield np.clip(far - 1.5, 0, 2)
    yield np.minimum(e.photometric, 0.2) * 10
    yield np.minimum(e.photometric / (e.sigma + np.float32(0.005)), 4)
    yield e.likeness
    yield np.log10(e.sigma + np.float32(1e-3)) + 2
    yield e.mono
    yield e.mono**2
    yield np.minimum(saturation, 0.5) * 2
    yield np.minimum(_spread(e.difference), 0.2) * 10
    yield np.minimum(cv2.GaussianBlur(detail, (0, 0), 1.0), 0.5) * 2
    yield np.minimum(apart, 0.3) * 5
    yield np.minimum(np.log1p(e.outside), 4)


def weigh(evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """How far to believe the match over the filling, and how strong the filling may be: two (h, w) in [0, 1]."""

    def weighed(rows: slice) -> tuple[FloatArray, FloatArray]:
        here = evidence.part(rows)
        trust, shrink = np.zeros_like(here.mono), np.zeros_like(here.mono)
        for value, for_trust, for_shrink in zip(_values(here), TRUST, SHRINK, strict=True):
            trust += for_trust * value
            shrink += for_shrink * value
        return cv2.GaussianBlur(logistic(trust), (0, 0), 0.8), logistic(shrink)

    # All values of the whole picture at once would be the largest array of the program.
    trust, shrink = parallel.banded(weighed, len(evidence.mono), _AROUND_PX)
    return trust, shrink


def confidence(evidence: Evidence, trust: FloatArray, blended: FloatArray) -> FloatArray:
    """Probability that the chosen difference (h, w, 3) is within 5 CIEDE2000 of the truth, (h, w)."""

    def sure(rows: slice) -> tuple[FloatArray]:
        here = confidence_regressors(evidence.part(rows), trust[rows], blended[rows])
        return (logistic(here @ CONFIDENCE),)

    (known,) = parallel.banded(sure, len(trust), _AROUND_PX)
    return known * within_reach(evidence.outside)


def within_reach(outside: FloatArray) -> FloatArray:
    """1 where the models know what they say, falling to 0 far beyond the color picture, (h, w).

    The captures of the fit reach a tenth of the width beyond the edge.

    Args:
        outside: (h, w) grid pixels between the match and the edge of the color picture, 0 inside.
    """
    reach = np.float32(0.1 * outside.shape[1])
    return np.exp(-np.maximum(outside - reach, 0) / reach)


def confidence_regressors(evidence: Evidence, trust: FloatArray, blended: FloatArray) -> FloatArray:
    """The regressors of the confidence, (h, w, 18): the shared ones, trust, and the spread of the chosen color."""
    chosen = [trust, np.minimum(_spread(blended), 0.2) * 10]
    return np.concatenate([regressors(evidence), np.stack(chosen, axis=-1)], axis=-1).astype(np.float32)


def logistic(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), any shape."""
    return (1 / (1 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32, copy=False)


def _spread(difference: FloatArray) -> FloatArray:
    """Local standard deviation of (h, w, 3) over all channels, (h, w)."""
    mean = cv2.GaussianBlur(difference, (0, 0), 2.0)
    variance = cv2.GaussianBlur(difference**2, (0, 0), 2.0) - mean**2
    return np.sqrt(total(np.maximum(variance, 0)))
