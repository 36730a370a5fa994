"""The scores of the cross-camera synthesis protocol: PSNR in YUV and in UV, five-level MS-SSIM in RGB.

Source: Guo, Asif, Ma, Low-light color imaging via cross-camera synthesis, IEEE JSTSP 2022, and the authors' test
code for the color matrix. MS-SSIM: Wang, Simoncelli, Bovik, Asilomar 2003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import UsageError
from dualcam.evaluation.metrics.fidelity import PSNR_CAP, RADIUS, WHITE, Picture, moments, similarity

# Rows: Y in [0, 1], U and V in [-0.5, 0.5], of display RGB in [0, 1].
YUV = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
LEVEL_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SMALLEST = (2 * RADIUS + 1) * 2 ** (len(LEVEL_WEIGHTS) - 1)


def score(picture: Picture, truth: Picture) -> dict[str, float]:
    """All three scores of two display pictures (H, W, 3) uint8: ``psnr_yuv``, ``psnr_uv``, ``ssim_ms``.

    Raises:
        UsageError: the pictures differ in size or a side is under 176 pixels.
    """
    structure = ms_ssim(picture, truth)
    apart = yuv_error(picture, truth)
    return {
        "psnr_yuv": psnr_of_one(float(apart.mean())),
        "psnr_uv": psnr_of_one(float(apart[1:].mean())),
        "ssim_ms": structure,
    }


def yuv_error(picture: Picture, truth: Picture) -> NDArray[np.float64]:
    """Mean squared error of Y, U and V of two display pictures (H, W, 3) uint8, white at 1: (3,)."""
    difference = (picture.astype(np.float64) - truth) / WHITE
    # The matrix is linear: products of the three channels' differences are all that is needed of the picture.
    products = np.einsum("hwi,hwj->ij", difference, difference) / (difference.size / 3)
    return np.einsum("ki,ij,kj->k", YUV, products, YUV)


def psnr_of_one(mean: float) -> float:
    """PSNR in dB of a mean squared error where the peak is 1; at most 100."""
    return PSNR_CAP if mean <= 0 else min(PSNR_CAP, float(-10 * np.log10(mean)))


def ms_ssim(picture: Picture, truth: Picture) -> float:
    """Multi-scale structural similarity of two display pictures (H, W, 3) uint8: mean over RGB, in [0, 1].

    Windows lie inside the picture, levels are averages over 2 x 2 pixels (an odd row or column is left out), a
    negative contrast-structure term counts as 0.

    Raises:
        UsageError: the pictures differ in size or a side is under 176 pixels.
    """
    if picture.shape != truth.shape:
        raise UsageError(
            f"the pictures differ in size: {picture.shape} and {truth.shape}.",
            "Compare pictures of one size.",
        )
    if min(picture.shape[:2]) < SMALLEST:
        raise UsageError(
            f"a side of {min(picture.shape[:2])} pixels is too short for five levels.",
            f"Use pictures of at least {SMALLEST} x {SMALLEST} pixels.",
        )
    a, b = picture.astype(np.float64), truth.astype(np.float64)
    result = np.ones(3)
    inside = np.s_[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
    for level, weight in enumerate(LEVEL_WEIGHTS):
        if level:
            a, b = _halve(a), _halve(b)
        whole, structure = similarity(moments(a), moments(b))
        last = level == len(LEVEL_WEIGHTS) - 1
        terms = (whole if last else structure)[inside].mean(axis=(1, 2))
        result *= np.maximum(terms, 0) ** weight
    return float(result.mean())


def _halve(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = (n // 2 for n in picture.shape[:2])
    blocks = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    return blocks.mean(axis=(1, 3))
