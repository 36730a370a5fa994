"""refSR baselines: aligned color enlarged to the mono picture's size, with the mono picture's detail.

All take color (h, w, 3) and mono (H, W), both float32 and linear, and give (H, W, 3) float32, linear, in [0, 1].
All but ``bicubic`` and ``lab`` end with mono's luminance exactly.
"""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.camera.curves import decode, encode
from dualcam.evaluation.baselines.grid import enlarge, footprint, shrink
from dualcam.evaluation.baselines.luminance import luma, with_luminance
from dualcam.frame import FloatArray

# Kernels of ``joint_bilateral`` for color with some noise left, wider than for clean color: they average it too.
NOISY = (1.5, 0.2)


def bicubic(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Enlarge every channel (Keys 1981) in the display domain; of mono only the size is used."""
    return decode(np.clip(_enlarged(color, mono), 0, 1))


def mono_luma(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Add the enlarged difference of color and its luma to mono, in the display domain: the YCbCr swap."""
    difference = _display(color) - encode(luma(np.clip(color, 0, 1)))[..., None]
    return with_luminance(decode(encode(mono)[..., None] + enlarge(difference, *mono.shape)), mono)


def guided(color: FloatArray, mono: FloatArray, radius: int = 1, smoothness: float = 3e-3) -> FloatArray:
    """Enlarge by the guided filter (He et al. 2013): every channel is a local line of mono, in the display domain.

    Args:
        color: (h, w, 3) linear.
        mono: (H, W) linear, the guide.
        radius: of the window, in color pixels.
        smoothness: the paper's epsilon, display squared.
    """
    guide, display = encode(shrink(mono, *color.shape[:2])), _display(color)

    def mean(picture: FloatArray) -> FloatArray:
        return cv2.blur(picture, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_color = mean(guide), mean(display)
    covariance = mean(guide[..., None] * display) - mean_guide[..., None] * mean_color
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = (covariance / (np.maximum(variance, 0) + np.float32(smoothness))[..., None]).astype(np.float32)
    offset = mean_color - slope * mean_guide[..., None]
    # The line's coefficients are enlarged, not its values: the detail is that of the full guide.
    slope, offset = enlarge(mean(slope), *mono.shape), enlarge(mean(offset), *mono.shape)
    return with_luminance(decode(slope * encode(mono)[..., None] + offset), mono)


def joint_bilateral(
    color: FloatArray, mono: FloatArray, spatial: float = 0.5, tonal: float = 0.1
) -> FloatArray:
    """Joint bilateral upsampling (Kopf et al. 2007) of the difference of color and its luma, guided by mono.

    Args:
        color: (h, w, 3) linear.
        mono: (H, W) linear, the guide.
        spatial: deviation of the spatial kernel, in color pixels; the window is 5 x 5 of them.
        tonal: deviation of the range kernel, display.
    """
    rows, columns = color.shape[:2]
    guide, small = encode(mono), encode(shrink(mono, rows, columns))
    difference = _display(color) - encode(luma(np.clip(color, 0, 1)))[..., None]
    down, across = footprint(mono.shape, (rows, columns))
    total = np.zeros((*mono.shape, 3), np.float32)
    weight = np.full(mono.shape, 1e-8, np.float32)
    for dy in range(-2, 3):
        near_rows, row_weight = _neighbor(mono.shape[0], rows, down, dy, spatial)
        seen, carried = small[near_rows], difference[near_rows]
        for dx in range(-2, 3):
            near, column_weight = _neighbor(mono.shape[1], columns, across, dx, spatial)
            apart = (guide - seen[:, near]) * np.float32(1 / tonal)
            share = np.exp(np.float32(-0.5) * apart * apart) * row_weight[:, None] * column_weight
            weight += share
            total += share[..., None] * carried[:, near]
    return with_luminance(decode(guide[..., None] + total / weight[..., None]), mono)


def brovey(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Multiply the enlarged color by mono over its luma (the Brovey transform, Gillespie et al. 1987)."""
    return with_luminance(decode(np.maximum(_enlarged(color, mono), 0)), mono)


def gram_schmidt(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Gram-Schmidt pan-sharpening (Laben and Brower 2000) in the display domain.

    The low-resolution pan is the color's own luma. Mono, already as bright as it, needs no histogram match: one
    was tried and made it worse.
    """
    large = _enlarged(color, mono)
    pan = encode(luma(decode(np.maximum(large, 0))))
    deviation = pan - pan.mean()
    variance = float((deviation * deviation).mean())
    centered = large - large.mean(axis=(0, 1))
    # A flat picture has no detail to be proportional to: it is injected as it is.
    injection = (centered * deviation[..., None]).mean(axis=(0, 1)) / variance if variance > 1e-9 else 1.0
    sharp = large + np.float32(injection) * (encode(mono) - pan)[..., None]
    return with_luminance(decode(np.maximum(sharp, 0)), mono)


def lab(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Lightness from mono, a and b from the enlarged color: the LRGB recipe of astrophotography, in CIELAB."""
    large = decode(np.clip(_enlarged(color, mono), 0, 1))
    shade = np.repeat(mono[..., None], 3, axis=2)
    lightness = cv2.cvtColor(shade, cv2.COLOR_LRGB2Lab)[..., :1]
    hue = cv2.cvtColor(large, cv2.COLOR_LRGB2Lab)[..., 1:]
    mixed = cv2.cvtColor(np.concatenate([lightness, hue], axis=-1), cv2.COLOR_Lab2LRGB)
    return np.clip(mixed, 0, 1)


def _display(color: FloatArray) -> FloatArray:
    return encode(np.clip(color, 0, 1))


def _enlarged(color: FloatArray, mono: FloatArray) -> FloatArray:
    return enlarge(_display(color), *mono.shape)


def _neighbor(
    length: int, small: int, step: float, offset: int, spatial: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], FloatArray]:
    """For each of ``length`` pixels the small pixel at an offset from its own, and its spatial weight."""
    position = (np.arange(length) + 0.5) / step - 0.5
    index = np.rint(position).astype(np.intp) + offset
    weight = np.exp(-0.5 * ((position - index) / spatial) ** 2).astype(np.float32)
    return np.clip(index, 0, small - 1), weight
