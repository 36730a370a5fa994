"""Non-local means for a dark color picture: the denoiser that hand-written pipelines use, as well as it can be used.

The square-root transform of Anscombe (1948), generalized to Poisson-Gaussian noise, makes the noise the same
everywhere; brightness and color differences are then filtered apart, color differences harder, because they have
less detail to lose. OpenCV's implementation of Buades, Coll and Morel (2005) does the rest in 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from dualcam.frame import FloatArray, NoiseModel

# The signal at which the demosaic's errors are weighed against the noise: 18 % gray.
_GRAY = 0.18
_PATCH, _SEARCH = 3, 15
_OPPONENT = (
    np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32) / np.sqrt(np.array([[3], [2], [6]]))
).astype(np.float32)
# 8 bits hold this many values; the noise of any real picture spans several of them.
_STEPS = np.float32(255)


@dataclass(frozen=True, slots=True)
class Strength:
    """How hard to filter.

    Attributes:
        brightness: h over the standard deviation of the noise.
        color: the same for color differences.
        demosaic: variance over the signal of what demosaicing adds to color differences: no noise, but to be
            filtered like it. It counts where the light is good, and little in the dark.
    """

    brightness: float = 1.0
    color: float = 2.0
    demosaic: float = 1.2e-3


USUAL = Strength()
"""The values in use, tuned on training pairs."""


def denoise(color: FloatArray, noise: Sequence[NoiseModel], strength: Strength = USUAL) -> FloatArray:
    """Denoise a color picture whose noise is known.

    Args:
        color: (h, w, 3) float32, linear, any exposure.
        noise: its noise, one model a channel.
        strength: how hard to filter.

    Returns:
        (h, w, 3) float32, linear, >= 0; the input itself when there is no noise.
    """
    shot = float(np.mean([model.shot for model in noise]))
    read = float(np.mean([model.read for model in noise]))
    if shot + read < 1e-14:
        return color
    rough = float(np.sqrt(1 + strength.demosaic * _GRAY / (shot * _GRAY + read)))
    # Without any shot noise the square root's argument is a straight line far from zero.
    shot = max(shot, 1e-4 * read)
    stable = np.sqrt(np.maximum(shot * color + (0.375 * shot**2 + read), 0)) * (2 / shot)
    opponent = stable.astype(np.float32) @ _OPPONENT.T
    brightness = _filter(opponent[..., 0], strength.brightness)
    difference = _filter(opponent[..., 1:], strength.color * rough)
    stable = np.maximum(np.dstack([brightness, difference]) @ _OPPONENT, 0)
    # The inverse's bias is that of Makitalo and Foi (2013), asymptotically.
    return np.maximum((stable * stable * (shot / 4) - (0.125 * shot + read / shot)), 0).astype(np.float32)


def _filter(picture: FloatArray, strength: float) -> FloatArray:
    """Filter (h, w) or (h, w, 2) with noise of deviation 1, at ``strength`` deviations."""
    low, high = float(picture.min()), float(picture.max())
    unit = np.float32(_STEPS / max(high - low, 1.0))
    coded: Any = np.rint((picture - np.float32(low)) * unit).astype(np.uint8)
    clean = cv2.fastNlMeansDenoising(coded, None, float(strength * unit), _PATCH, _SEARCH)
    return clean.astype(np.float32) / unit + np.float32(low)
