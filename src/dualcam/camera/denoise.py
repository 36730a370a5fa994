"""Denoising by thresholding a sliding block DCT (Yu and Sapiro, IPOL 2011), for noise of known strength.

Chosen over non-local means in a trial on simulated mono pictures (docs/architecture.md).
"""

from __future__ import annotations

import cv2
import numpy as np

from dualcam import parallel
from dualcam.camera import noise as noise_model
from dualcam.camera.curves import encode
from dualcam.frame import FloatArray, NoiseModel

_N = 8
_BASIS = np.array(
    [
        [np.sqrt((1 if k == 0 else 2) / _N) * np.cos(np.pi * (2 * n + 1) * k / (2 * _N)) for n in range(_N)]
        for k in range(_N)
    ],
    np.float32,
)
# Rows worked on at a time: bounds the working memory for any picture height, and fits into a core's own cache.
_STRIP = 128
# Eight bytes in one number: the product's highest byte is the sum of all eight.
_LANES, _HIGHEST = np.uint64(0x0101010101010101), np.uint64(56)


def dct_denoise(plane: FloatArray, threshold: float, step: int = 2) -> FloatArray:
    """Remove white noise of unit standard deviation.

    Args:
        plane: (H, W) float32, scaled so that its noise has standard deviation 1.
        threshold: coefficients under this many standard deviations are dropped; 2.5 suits independent noise.
        step: shift between block grids, 1 to 8; smaller is better and slower (cost 1 / step squared).

    Returns:
        (H, W) float32.
    """
    height = plane.shape[0]
    out = np.empty_like(plane)

    def strip(top: int) -> None:
        bottom = min(height, top + _STRIP)
        # Blocks that touch the strip reach 7 rows beyond it: the strips' results are those of the whole.
        above = min(top, _N)
        below = min(height - bottom, _N)
        part = _threshold(plane[top - above : bottom + below], np.float32(threshold), step, top - above)
        out[top:bottom] = part[above : above + bottom - top]

    for _ in parallel.each(strip, range(0, height, _STRIP)):
        pass
    return out


def _threshold(plane: FloatArray, threshold: np.float32, step: int, origin: int) -> FloatArray:
    height, width = plane.shape
    # One block of border on every side; ``phase`` keeps the block grid that of the whole picture.
    phase = origin % _N
    padded = cv2.copyMakeBorder(
        plane, _N + phase, _N + (-height - phase) % _N, _N, _N + (-width) % _N, cv2.BORDER_REFLECT
    )
    total = np.zeros_like(padded)
    weight = np.zeros_like(padded)
    for oy in range(0, _N, step):
        rows = (padded.shape[0] - oy) // _N
        window = slice(oy, oy + rows * _N)
        # The columns of the blocks are transformed once for all their places along the rows.
        sums, weights = _along_rows(_BASIS @ padded[window].reshape(rows, _N, -1), threshold, step)
        total[window] += (_BASIS.T @ sums).reshape(rows * _N, -1)
        weight[window] += np.repeat(weights, _N, axis=0)
    weight[weight == 0] = 1
    return (total / weight)[_N + phase : _N + phase + height, _N : _N + width]


def _along_rows(columns: FloatArray, threshold: np.float32, step: int) -> tuple[FloatArray, FloatArray]:
    """Threshold blocks whose columns have been transformed, at every place along the rows.

    Args:
        columns: (rows of blocks, 8, W).
        threshold: as in ``dct_denoise``.
        step: the same.

    Returns:
        The weighted sum of all blocks, of the same shape, and the weights (rows of blocks, W).
    """
    rows, _, width = columns.shape
    sums, weights = np.zeros_like(columns), np.zeros((rows, width), np.float32)
    for ox in range(0, _N, step):
        count = (width - ox) // _N
        window = slice(ox, ox + count * _N)
        coefficients = columns[:, :, window].reshape(-1, _N) @ _BASIS.T
        keep = np.abs(coefficients) > threshold
        keep.reshape(rows, _N, count, _N)[:, 0, :, 0] = True
        # A block that needs few coefficients is probably smooth and knows better.
        kept = (keep.view(np.uint64).reshape(rows, _N, count).sum(axis=1) * _LANES) >> _HIGHEST
        trust = 1 / kept.astype(np.float32)
        coefficients *= keep
        blocks = (coefficients @ _BASIS).reshape(rows, _N, count, _N)
        blocks *= trust[:, None, :, None]
        sums[:, :, window] += blocks.reshape(rows, _N, count * _N)
        weights[:, window] += np.repeat(trust, _N, axis=1)
    return sums, weights


def denoise_linear(plane: FloatArray, noise: NoiseModel, threshold: float = 2.5) -> FloatArray:
    """Denoise a linear picture with Poisson-Gaussian noise.

    The generalised Anscombe transform makes the noise uniform (Makitalo and Foi 2013 for the inverse's bias).

    Args:
        plane: (H, W) float32, linear.
        noise: its noise.
        threshold: in standard deviations of the noise.

    Returns:
        (H, W) float32, linear; the input itself when there is no noise.
    """
    # A thousandth of a 16-bit step is no noise, and dividing by it would be.
    if noise.shot + noise.read < 1e-14:
        return plane
    if noise.shot < 1e-4 * noise.read:
        deviation = np.float32(np.sqrt(noise.read))
        return dct_denoise(plane / deviation, threshold) * deviation
    shot, offset = np.float32(noise.shot), np.float32(noise.read / noise.shot)
    root = np.sqrt(np.maximum(plane + np.float32(0.375) * shot + offset, 0))
    gain = 2 / np.sqrt(shot)
    cleaned = dct_denoise((root * gain).astype(np.float32), threshold) / gain
    return (cleaned * cleaned - np.float32(0.125) * shot - offset).astype(np.float32)


def display_sigma(noise: NoiseModel, linear: FloatArray) -> FloatArray:
    """Noise standard deviation in the display domain at a linear signal (any shape), same shape."""
    linear = np.clip(linear, 0, 16)
    step = np.float32(1e-3)
    low = np.maximum(linear - step, 0)
    slope = (encode(linear + step) - encode(low)) / (linear + step - low)
    return (noise_model.sigma(noise, linear) * slope).astype(np.float32)
