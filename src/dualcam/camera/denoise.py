"""Denoising by thresholding a sliding block DCT (Yu and Sapiro, IPOL 2011), for noise of known strength.

A second pass may follow, that knows from the first one how strong every coefficient is (the empirical Wiener filter of
Ghael, Sayeed and Baraniuk 1997).

Chosen over non-local means in a trial on simulated mono pictures (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dualcam import parallel
from dualcam.camera import block_dct
from dualcam.camera import noise as noise_model
from dualcam.camera.curves import encode
from dualcam.frame import FloatArray, NoiseModel

# Rows worked on at a time: bounds the working memory for any picture height. Each strip costs a row of blocks more.
_STRIP = 192


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
    scratch = block_dct.Scratch()

    def strip(top: int) -> None:
        bottom = min(height, top + _STRIP)
        out[top:bottom] = block_dct.shrunk(planes, top, bottom, threshold, step, scratch)

    for _ in parallel.each(strip, range(0, height, _STRIP)):
        pass
    return out


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
