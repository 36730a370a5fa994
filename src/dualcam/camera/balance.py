"""White balance of a mosaic whose file states none, from the picture itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

_BLOCK = 4  # Bayer cells a side that are averaged, so that noise does not pass for bright color
_POWER = 6.0
_CAPPED = 99.0  # percentile of brightness: one lamp shall not decide alone
_CLIPPED = 0.95
_LARGEST = 8.0


def estimate_white_balance(samples: FloatArray, pattern: str) -> FloatArray:
    """Factors that make the picture gray on average, bright surfaces counting most.

    Shades of gray (Finlayson and Trezzi, Shades of gray and colour constancy, CIC 2004): a Minkowski mean with the
    power 6 lies between gray world, which takes a green meadow for gray, and the brightest point, which
    may be a lamp. Blocks of pixels are averaged first, clipped ones are left out, and none counts for more than one
    at the 99th percentile of brightness. ``benchmarks/white_balance.py`` compares it with plain gray world.

    Args:
        samples: (H, W) float32, linear, black 0, saturation 1.
        pattern: color filter of the first two rows, such as "RGGB".

    Returns:
        (3,) float32, for camera red, green and blue; green is 1, all lie in [1/8, 8]. Ones where the picture is too
        dark or too clipped to tell.
    """
    blocks, brightest = _blocks(samples, pattern)
    usable = blocks[brightest < _CLIPPED]
    if len(usable) < 4:
        return np.ones(3, np.float32)
    light = np.maximum(usable, 0)
    total = light.sum(axis=1)
    cap = float(np.percentile(total, _CAPPED))
    if not cap > 0:
        return np.ones(3, np.float32)
    light *= np.minimum(1, cap / np.maximum(total, cap * 1e-6))[:, None] / cap
    means = np.mean(light**_POWER, axis=0) ** (1 / _POWER)
    if not means.min() > 0:
        return np.ones(3, np.float32)
    return np.clip(means[1] / means, 1 / _LARGEST, _LARGEST).astype(np.float32)


def _blocks(samples: FloatArray, pattern: str) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Mean red, green and blue of every block (n, 3), and its brightest sample (n,)."""
    side = 2 * _BLOCK
    rows, columns = samples.shape[0] // side, samples.shape[1] // side
    crop = samples[: rows * side, : columns * side].reshape(rows, _BLOCK, 2, columns, _BLOCK, 2)
    sites = crop.mean(axis=(1, 4), dtype=np.float64)  # rows, 2, columns, 2
    means = np.zeros((rows, columns, 3))
    for site, letter in enumerate(pattern):
        means[..., "RGB".index(letter)] += sites[:, site // 2, :, site % 2] / (2 if letter == "G" else 1)
    return means.reshape(-1, 3), crop.max(axis=(1, 2, 4, 5)).ravel()
