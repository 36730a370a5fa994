"""refSR by hand: color at the mono camera's resolution, its luminance that of the denoised mono picture.

On the coarse grid every channel is a local line of mono, color = a * mono + b (guided filter, He et al. 2013); the
coefficients, not the colors, are enlarged and applied to the full mono picture. Then the luminance is set to
mono's exactly, and what no display can show is made paler instead of being clipped to another hue.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.channels import highest
from dualcam.camera.curves import decode, encode
from dualcam.frame import Colored, FloatArray
from dualcam.rig import warp

_RADIUS = 2
_SMOOTHNESS = 1e-4
# Rows rendered at a time: the working memory does not grow with the picture.
_STRIP = 256


def upsample(colored: Colored, mono: FloatArray, unfitted: NDArray[np.bool_] | None = None) -> FloatArray:
    """Render the full resolution.

    Args:
        colored: what refColor made.
        mono: (H, W) float32, linear, denoised, full resolution.
        unfitted: (H, W) bool, where colors are wanted as they are, even if no display shows them.

    Returns:
        (H, W, 3) float32, linear, in [0, 1] where they were fitted.
    """
    slope, offset = _regress(colored.mono, colored.color)
    height, width = mono.shape
    out = np.empty((height, width, 3), np.float32)
    for top in range(0, height, _STRIP):
        rows = slice(top, min(height, top + _STRIP))
        a, b = (warp.enlarged_part(p, rows, slice(0, width), height, width) for p in (slope, offset))
        plane = mono[rows]
        linear = np.maximum(decode(a * encode(plane)[..., None] + b), 0)
        kept = unfitted[rows] if unfitted is not None else None
        out[rows] = with_luminance(linear, plane, colored.tone.weights, kept)
    return out


def _regress(mono: FloatArray, color: FloatArray) -> tuple[FloatArray, FloatArray]:
    def mean(picture: NDArray[np.floating]) -> FloatArray:
        size = 2 * _RADIUS + 1
        return cv2.blur(picture, (size, size), borderType=cv2.BORDER_REFLECT)

    mean_mono, mean_color = mean(mono), mean(color)
    covariance = mean(mono[..., None] * color) - mean_mono[..., None] * mean_color
    variance = mean(mono * mono) - mean_mono * mean_mono
    slope = covariance / (variance + np.float32(_SMOOTHNESS))[..., None]
    offset = mean(mean_color - slope * mean_mono[..., None])
    # A line averages its window: clean, but blunt. Mono's detail on the color's own value (slope 1) is sharp, but
    # keeps the noise. Half of each was better than either at every level of light (train pairs, dusk to dark).
    half = np.float32(0.5)
    return half * (mean(slope) + 1), half * (offset + color - mono[..., None])


def with_luminance(
    linear: FloatArray, mono: FloatArray, weights: FloatArray, unfitted: NDArray[np.bool_] | None = None
) -> FloatArray:
    """Give a picture mono's luminance; colors that do not fit the display then get paler.

    Args:
        linear: (..., 3) linear.
        mono: (...) linear, denoised.
        weights: (3,) spectral weights of the mono camera.
        unfitted: (...) bool, where colors are wanted as they are, even if no display shows them.

    Returns:
        (..., 3) linear, in [0, 1] where they were fitted.
    """
    luminance = linear @ weights
    # Under a thousandth of white the ratio is noise: there the pixel goes to gray.
    floor = np.float32(1e-3)
    scaled = linear * (mono / np.maximum(luminance, floor))[..., None]
    scaled += (np.maximum(floor - luminance, 0) / floor * mono)[..., None]
    fitted = fit_gamut(scaled, weights)
    if unfitted is not None:
        fitted[unfitted] = scaled[unfitted]
    return fitted


def fit_gamut(linear: FloatArray, weights: FloatArray) -> FloatArray:
    """Make colors outside [0, 1] paler at the same luminance: (..., 3) linear -> (..., 3) linear in [0, 1]."""
    luminance = np.clip(linear @ weights, 0, 1)[..., None]
    most = highest(linear)[..., None]
    room = np.where(most > 1, (1 - luminance) / np.maximum(most - luminance, 1e-6), 1)
    return np.clip(luminance + (linear - luminance) * np.clip(room, 0, 1), 0, 1).astype(np.float32)
