"""Brightness from mono, color from elsewhere: how every baseline that keeps mono's luminance ends."""

from __future__ import annotations

import numpy as np

from dualcam.evaluation.baselines.exposure import PANCHROMATIC
from dualcam.frame import FloatArray

# Under a thousandth of white the colors' ratio is noise: there the pixel goes to gray.
_FLOOR = np.float32(1e-3)


def luma(color: FloatArray) -> FloatArray:
    """What a mono camera would see of a color picture: (..., 3) linear -> (...) linear."""
    return (color @ PANCHROMATIC).astype(np.float32, copy=False)


def with_luminance(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Give a color picture mono's brightness exactly, at its own hue; paler where no display shows that color.

    Args:
        color: (H, W, 3) float32, linear; negative values are taken for 0.
        mono: (H, W) float32, linear; clipped to [0, 1].

    Returns:
        (H, W, 3) float32, linear, in [0, 1], with ``luma`` equal to mono.
    """
    color, mono = np.maximum(color, 0), np.clip(mono, 0, 1)
    own = luma(color)
    scaled = color * (mono / np.maximum(own, _FLOOR))[..., None]
    scaled += (np.maximum(_FLOOR - own, 0) / _FLOOR * mono)[..., None]
    highest = scaled.max(axis=-1)
    room = np.where(highest > 1, (1 - mono) / np.maximum(highest - mono, 1e-6), 1).astype(np.float32)
    gray = mono[..., None]
    return np.clip(gray + (scaled - gray) * room[..., None], 0, 1)
