"""How close a display picture is to the truth: peak signal-to-noise ratio and structural similarity."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.frame import FloatArray

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

WHITE = 255.0
# Identical pictures have no finite ratio; a cap keeps means over scenes finite.
PSNR_CAP = 100.0

# Wang, Bovik, Sheikh, Simoncelli 2004: a Gaussian of 1.5 pixels on 11 x 11, K1 = 0.01, K2 = 0.03.
SIGMA = 1.5
RADIUS = 5
C1 = (0.01 * WHITE) ** 2
C2 = (0.03 * WHITE) ** 2


def shown(pixels: FloatArray) -> Picture:
    """Bring a linear picture, any shape, nominally in [0, 1], to what an 8-bit sRGB screen shows: uint8."""
    return np.rint(np.clip(encode(pixels), 0, 1) * np.float32(WHITE)).astype(np.uint8)


def squared_error(picture: Picture, truth: Picture) -> NDArray[np.int32]:
    """Sum over the channels of the squared difference of two (H, W, 3) uint8 pictures: (H, W) int32."""
    difference = picture.astype(np.int32) - truth
    return np.einsum("hwc,hwc->hw", difference, difference)


def psnr(squared: NDArray[np.int32], mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB over RGB, from ``squared_error``.

    Args:
        squared: (H, W), sum over three channels.
        mask: (H, W), the pixels that count; all without it.

    Returns:
        10 log10(255² / mean squared error), at most ``PSNR_CAP``; NaN where no pixel counts.
    """
    picked = squared if mask is None else squared[mask]
    if picked.size == 0:
        return float("nan")
    mean = float(picked.mean(dtype=np.float64)) / 3
    return PSNR_CAP if mean == 0 else min(PSNR_CAP, float(10 * np.log10(WHITE**2 / mean)))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What the similarity windows see of one picture; all (3, H, W) float64, in 8-bit steps.

    Attributes:
        planes: the picture, channel by channel.
        mean: mean over the window around each pixel.
        variance: variance over the same window.
    """

    planes: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def moments(picture: NDArray[np.generic]) -> Moments:
    """Windowed mean and variance of a display picture (H, W, 3) with white at 255; mirrored at the borders."""
    planes = np.ascontiguousarray(np.moveaxis(np.asarray(picture, np.float64), -1, 0))
    mean, variance = np.empty_like(planes), np.empty_like(planes)
    for i, plane in enumerate(planes):
        mean[i] = _window(plane)
        variance[i] = _window(plane * plane) - mean[i] ** 2
    return Moments(planes, mean, variance)


def similarity(a: Moments, b: Moments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Structural similarity of two pictures, pixel by pixel.

    Source: Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to structural
    similarity, IEEE TIP 2004. Without the sample correction, as published.

    Returns:
        The similarity and, for multi-scale use, its contrast-structure part alone; (3, H, W) in [-1, 1].
    """
    whole, structure = np.empty_like(a.mean), np.empty_like(a.mean)
    for i, (x, y) in enumerate(zip(a.planes, b.planes, strict=True)):
        product = a.mean[i] * b.mean[i]
        covariance = _window(x * y) - product
        structure[i] = (2 * covariance + C2) / (a.variance[i] + b.variance[i] + C2)
        luminance = (2 * product + C1) / (a.mean[i] ** 2 + b.mean[i] ** 2 + C1)
        whole[i] = luminance * structure[i]
    return whole, structure


def ssim_map(picture: Moments, truth: Moments) -> NDArray[np.float64]:
    """Mean over the channels of the structural similarity: (H, W) in [-1, 1]."""
    return similarity(picture, truth)[0].mean(axis=0)


def ssim(similar: NDArray[np.float64], mask: Mask | None = None) -> float:
    """Mean of ``ssim_map`` over the pixels whose window lies inside the picture, and inside ``mask``.

    Args:
        similar: (H, W).
        mask: (H, W), the pixels that count; all without it.

    Returns:
        A value in [-1, 1]; NaN where no pixel counts.
    """
    inside = np.s_[RADIUS:-RADIUS, RADIUS:-RADIUS]
    picked = similar[inside] if mask is None else similar[inside][mask[inside]]
    return float(picked.mean()) if picked.size else float("nan")


def _window(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    size = (2 * RADIUS + 1, 2 * RADIUS + 1)
    return cv2.GaussianBlur(plane, size, SIGMA, borderType=cv2.BORDER_REFLECT)
