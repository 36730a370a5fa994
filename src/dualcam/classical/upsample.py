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
from dualcam.camera.measure import CLIPPED
from dualcam.frame import Colored, FloatArray
from dualcam.rig import warp

_RADIUS = 2
_SMOOTHNESS = 1e-4
# Recovered highlights rise from the knee to the top; the top is not white, where a display has no color left.
_KNEE, _TOP = 0.65, 0.9
# Rows rendered at a time: the working memory does not grow with the picture.
_STRIP = 256


def upsample(colored: Colored, mono: FloatArray) -> FloatArray:
    """Render the full resolution.

    Args:
        colored: what refColor made.
        mono: (H, W) float32, linear, denoised, full resolution.

    Returns:
        (H, W, 3) float32, linear, in [0, 1].
    """
    slope, offset = _regress(colored.mono, colored.color)
    height, width = mono.shape
    out = np.empty((height, width, 3), np.float32)
    shoulder = highlight_limit(colored, mono)
    for top in range(0, height, _STRIP):
        rows = slice(top, min(height, top + _STRIP))
        a, b = (warp.enlarged_part(p, rows, slice(0, width), height, width) for p in (slope, offset))
        plane = mono[rows]
        linear = np.maximum(decode(a * encode(plane)[..., None] + b), 0)
        out[rows] = with_luminance(linear, plane, colored.tone.weights, shoulder)
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


def highlight_limit(colored: Colored, mono: FloatArray) -> float:
    """The brightest luminance that color saw where mono is clipped; 1 when mono lost nothing worth having."""
    small = decode(colored.mono)
    clipped = small >= CLIPPED
    if clipped.mean() < 1e-3:
        return 1.0
    luminance = decode(cv2.GaussianBlur(colored.color, (0, 0), 1.5)) @ colored.tone.weights
    limit = float(np.percentile(luminance[clipped], 99))
    return min(limit, 8.0) if limit > 1.25 else 1.0


def with_luminance(linear: FloatArray, mono: FloatArray, weights: FloatArray, limit: float) -> FloatArray:
    """Give a picture mono's luminance; colors that do not fit the display then get paler.

    Args:
        linear: (..., 3) linear.
        mono: (...) linear, denoised.
        weights: (3,) spectral weights of the mono camera.
        limit: of ``highlight_limit``.

    Returns:
        (..., 3) linear in [0, 1].
    """
    luminance = linear @ weights
    target = mono
    if limit > 1.0:
        # Where mono is clipped, color still measures; both then share a shoulder that leaves the rest alone.
        blend = np.clip((mono - np.float32(0.9)) / np.float32(CLIPPED - 0.9), 0, 1)
        target = _shoulder((1 - blend) * mono + blend * np.maximum(mono, luminance), limit)
    # Under a thousandth of white the ratio is noise: there the pixel goes to gray.
    floor = np.float32(1e-3)
    scaled = linear * (target / np.maximum(luminance, floor))[..., None]
    scaled += (np.maximum(floor - luminance, 0) / floor * target)[..., None]
    return fit_gamut(scaled, weights)


def _shoulder(luminance: FloatArray, limit: float) -> FloatArray:
    """Identity up to the knee, then a smooth rise that reaches the top at ``limit`` (Reinhard's extended curve)."""
    span = _TOP - _KNEE
    over = np.maximum(luminance - _KNEE, 0) / span
    reach = (limit - _KNEE) / span
    bent = over * (1 + over / reach**2) / (1 + over)
    return np.where(luminance > _KNEE, _KNEE + span * np.minimum(bent, 1), luminance).astype(np.float32)


def fit_gamut(linear: FloatArray, weights: FloatArray) -> FloatArray:
    """Make colors outside [0, 1] paler at the same luminance: (..., 3) linear -> (..., 3) linear in [0, 1]."""
    luminance = np.clip(linear @ weights, 0, 1)[..., None]
    most = highest(linear)[..., None]
    room = np.where(most > 1, (1 - luminance) / np.maximum(most - luminance, 1e-6), 1)
    return np.clip(luminance + (linear - luminance) * np.clip(room, 0, 1), 0, 1).astype(np.float32)
