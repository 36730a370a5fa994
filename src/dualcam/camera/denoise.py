"""Denoising by thresholding a sliding block DCT (Yu and Sapiro, IPOL 2011), for noise of known strength.

A second pass may follow, that knows from the first one how strong every coefficient is (the empirical Wiener filter of
Ghael, Sayeed and Baraniuk 1997).

Chosen over non-local means in a trial on simulated mono pictures (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
_ONES = np.ones(_N, np.float32)
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
    return _in_strips([plane], np.float32(threshold), step)


def dct_wiener(plane: FloatArray, guide: FloatArray, step: int = 2) -> FloatArray:
    """Remove white noise of unit standard deviation, knowing about what the picture is.

    Args:
        plane: (H, W) float32, scaled so that its noise has standard deviation 1.
        guide: (H, W) float32, the same picture with little noise, such as ``dct_denoise`` makes it.
        step: as there.

    Returns:
        (H, W) float32.
    """
    return _in_strips([plane, guide], None, step)


def _in_strips(planes: list[FloatArray], threshold: np.float32 | None, step: int) -> FloatArray:
    height = planes[0].shape[0]
    out = np.empty_like(planes[0])

    def strip(top: int) -> None:
        bottom = min(height, top + _STRIP)
        # Blocks that touch the strip reach 7 rows beyond it: the strips' results are those of the whole.
        above = min(top, _N)
        below = min(height - bottom, _N)
        parts = [plane[top - above : bottom + below] for plane in planes]
        out[top:bottom] = _shrunk(parts, threshold, step, top - above)[above : above + bottom - top]

    for _ in parallel.each(strip, range(0, height, _STRIP)):
        pass
    return out


def _shrunk(planes: list[FloatArray], threshold: np.float32 | None, step: int, origin: int) -> FloatArray:
    height, width = planes[0].shape
    # One block of border on every side; ``phase`` keeps the block grid that of the whole picture.
    phase = origin % _N
    border = _N + phase, _N + (-height - phase) % _N, _N, _N + (-width) % _N
    padded = [cv2.copyMakeBorder(plane, *border, cv2.BORDER_REFLECT) for plane in planes]
    total = np.zeros_like(padded[0])
    weight = np.zeros_like(padded[0])
    for oy in range(0, _N, step):
        rows = (len(total) - oy) // _N
        window = slice(oy, oy + rows * _N)
        # The columns of the blocks are transformed once for all their places along the rows.
        columns = [_BASIS @ plane[window].reshape(rows, _N, -1) for plane in padded]
        sums, weights = _along_rows(columns, threshold, step)
        total[window] += (_BASIS.T @ sums).reshape(rows * _N, -1)
        weight[window] += np.repeat(weights, _N, axis=0)
    weight[weight == 0] = 1
    return (total / weight)[_N + phase : _N + phase + height, _N : _N + width]


def _along_rows(
    columns: list[FloatArray], threshold: np.float32 | None, step: int
) -> tuple[FloatArray, FloatArray]:
    """Shrink the coefficients of blocks whose columns have been transformed, at every place along the rows.

    Args:
        columns: (rows of blocks, 8, W) of the picture, and of its guide where there is one.
        threshold: as in ``dct_denoise``; None with a guide.
        step: the same.

    Returns:
        The weighted sum of all blocks, of the same shape, and the weights (rows of blocks, W).
    """
    rows, _, width = columns[0].shape
    sums, weights = np.zeros_like(columns[0]), np.zeros((rows, width), np.float32)
    for ox in range(0, _N, step):
        count = (width - ox) // _N
        window = slice(ox, ox + count * _N)
        coefficients, *guide = (part[:, :, window].reshape(-1, _N) @ _BASIS.T for part in columns)
        keep: NDArray[Any]
        if threshold is None:
            energy = guide[0] ** 2
            keep = energy / (energy + np.float32(1))
            keep.reshape(rows, _N, count, _N)[:, 0, :, 0] = 1
            kept = ((keep * keep) @ _ONES).reshape(rows, _N, count).sum(axis=1)
        else:
            keep = np.abs(coefficients) > threshold
            keep.reshape(rows, _N, count, _N)[:, 0, :, 0] = True
            kept = (keep.view(np.uint64).reshape(rows, _N, count).sum(axis=1) * _LANES) >> _HIGHEST
        # A block that needs few coefficients is probably smooth and knows better.
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
    return _uniform(lambda noisy: dct_denoise(noisy, threshold), noise, plane)


def refine_linear(plane: FloatArray, clean: FloatArray, noise: NoiseModel) -> FloatArray:
    """A second pass over what ``denoise_linear`` made.

    Args:
        plane: (H, W) float32, linear, as shot.
        clean: (H, W) float32, linear, denoised.
        noise: of ``plane``.

    Returns:
        (H, W) float32, linear; the input itself when there is no noise.
    """
    return _uniform(dct_wiener, noise, plane, clean)


def _uniform(work: Callable[..., FloatArray], noise: NoiseModel, *planes: FloatArray) -> FloatArray:
    """Do some work on linear planes (H, W) brought to where the noise has deviation 1 everywhere, and come back."""
    # A thousandth of a 16-bit step is no noise, and dividing by it would be.
    if noise.shot + noise.read < 1e-14:
        return planes[0]
    if noise.shot < 1e-4 * noise.read:
        deviation = np.float32(np.sqrt(noise.read))
        return work(*(plane / deviation for plane in planes)) * deviation
    shot, offset = np.float32(noise.shot), np.float32(noise.read / noise.shot)
    gain = 2 / np.sqrt(shot)

    def root(plane: FloatArray) -> FloatArray:
        lifted = np.sqrt(np.maximum(plane + np.float32(0.375) * shot + offset, 0))
        return (lifted * gain).astype(np.float32)

    cleaned = work(*map(root, planes)) / gain
    return (cleaned * cleaned - np.float32(0.125) * shot - offset).astype(np.float32)


def display_sigma(noise: NoiseModel, linear: FloatArray) -> FloatArray:
    """Noise standard deviation in the display domain at a linear signal (any shape), same shape."""
    linear = np.clip(linear, 0, 16)
    step = np.float32(1e-3)
    low = np.maximum(linear - step, 0)
    slope = (encode(linear + step) - encode(low)) / (linear + step - low)
    return (noise_model.sigma(noise, linear) * slope).astype(np.float32)
