"""refSR by hand: color at the mono camera's resolution, its luminance that of the denoised mono picture.

On the coarse grid every channel is a local line of mono, color = a * mono + b (guided filter, He et al. 2013); the
coefficients, not the colors, are enlarged and applied to the full mono picture. Then the luminance is set to
mono's exactly, and what no display can show is made paler instead of being clipped to another hue.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.channels import highest, weighted
from dualcam.camera.curves import decode, encode
from dualcam.frame import Colored, FloatArray
from dualcam.rig import warp

_RADIUS = 2
_SMOOTHNESS = 1e-4
# Rows rendered at a time: the working memory does not grow with the picture, and mostly stays in a core's cache.
_STRIP = 64


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
        with_luminance(linear, plane, colored.tone.weights, kept, out[rows])
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
    linear: FloatArray,
    mono: FloatArray,
    weights: FloatArray,
    unfitted: NDArray[np.bool_] | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """Give a picture mono's luminance; colors that do not fit the display then get paler.

    Fastest for some rows at a time, and for a view of planes that lie one behind the other in memory: it works channel
    by channel.

    Args:
        linear: (..., 3) linear.
        mono: (...) linear, denoised.
        weights: (3,) spectral weights of the mono camera.
        unfitted: (...) bool, where colors are wanted as they are, even if no display shows them.
        out: (..., 3) float32 to write the result to; None for a new array.

    Returns:
        (..., 3) linear, in [0, 1] where they were fitted.
    """
    luminance = weighted(linear, weights)
    # Under a thousandth of white the ratio is noise: there the pixel goes to gray.
    floor = np.float32(1e-3)
    ratio = mono / np.maximum(luminance, floor)
    gray = np.maximum(floor - luminance, 0)
    gray /= floor
    gray *= mono
    scaled = np.moveaxis(np.empty((3, *gray.shape), np.float32), 0, -1)
    for channel in range(3):
        np.multiply(linear[..., channel], ratio, out=scaled[..., channel])
        scaled[..., channel] += gray
    fitted = fit_gamut(scaled, weights, out)
    if unfitted is not None:
        fitted[unfitted] = scaled[unfitted]
    return fitted


def fit_gamut(linear: FloatArray, weights: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """Make colors outside [0, 1] paler at the same luminance.

    Args:
        linear: (..., 3) linear.
        weights: (3,) spectral weights of the mono camera.
        out: (..., 3) float32 to write the result to; None for a new array.

    Returns:
        (..., 3) linear in [0, 1].
    """
    if out is None:
        out = np.empty(linear.shape, np.float32)
    most = highest(linear)
    fits = most <= 1
    if fits.all():
        return np.clip(linear, 0, 1, out=out)
    luminance = weighted(linear, weights)
    np.clip(luminance, 0, 1, out=luminance)
    most -= luminance
    room = 1 - luminance
    room /= np.maximum(most, np.float32(1e-6))
    np.clip(room, 0, 1, out=room)
    np.putmask(room, fits, 1)
    for channel in range(3):
        paler = linear[..., channel] - luminance
        paler *= room
        paler += luminance
        np.clip(paler, 0, 1, out=out[..., channel])
    return out
