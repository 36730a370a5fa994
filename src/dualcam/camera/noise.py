"""How noisy a picture is: a Poisson-Gaussian model estimated from the picture itself.

Method: the picture is cut into small patches; a second-difference filter removes what is smooth; in every
brightness class the quietest patches show the noise (after Immerkaer 1996 and the percentile idea of Pyatykh
2013), and a line variance = read + shot * mean is fitted to the classes.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray, NoiseModel

_PATCH = 8
_CLASSES = 12
# Variance of a demosaiced sample over that of its 2 x 2 mean, measured on edge-aware demosaiced RGGB noise.
_CORRELATED = 3.2
# The quietest patches for ``excess``, how many patches it wants, and what noise alone gives there.
_QUIETEST, _ENOUGH, _OF_NOISE = 0.02, 100, 0.478
# The second-difference mask of Immerkaer; the sum of its squares is 36.
_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / np.float32(6)


def estimate(plane: FloatArray, *, correlated: bool = False) -> NoiseModel:
    """Estimate the noise of one plane.

    Args:
        plane: (H, W) float32, linear, white 1.
        correlated: True for demosaiced color, whose interpolation hides noise from a second difference. The
            estimate is then made at half size, where neighbors are nearly independent, and scaled back.

    Returns:
        The model of the plane's own pixels; never negative. Pictures too small to tell give zero noise.
    """
    if correlated:
        model = estimate(_halved(plane))
        # Averaging 2 x 2 independent samples divides the variance by 4; neighbors made by interpolation
        # are correlated, so that the gain is smaller.
        return NoiseModel(shot=model.shot * _CORRELATED, read=model.read * _CORRELATED)
    means, variances = _patches(plane)
    if means.size < 4:
        return NoiseModel(0.0, 0.0)
    x, y = _quiet(means, variances)
    return _line(x, y)


def excess(plane: FloatArray, model: NoiseModel) -> float | None:
    """How many times more variance a picture has than a model says, at least, judged by its quietest patches.

    Texture adds to the noise of most patches, but not much to that of the quietest 2 %.

    Args:
        plane: (H, W) float32, linear, its samples independent of each other.
        model: what is said of its noise.

    Returns:
        The ratio; about 1 for the right model; None if the picture is too small to tell.
    """
    means, variances = _patches(plane)
    if means.size < _ENOUGH:
        return None
    expected = np.maximum(model.shot * np.maximum(means, 0) + model.read, 1e-14)
    return float(np.quantile(variances / expected, _QUIETEST)) / _OF_NOISE


def variance(plane: FloatArray, *, correlated: bool = False) -> float:
    """Noise variance of a plane (H, W), linear, that shows a flat field alone; ``correlated`` as in ``estimate``."""
    if correlated:
        return _CORRELATED * variance(_halved(plane))
    return float((_residual(plane).astype(np.float64) ** 2).mean())


def sigma(model: NoiseModel, linear: NDArray[np.floating]) -> FloatArray:
    """Standard deviation of the noise at a linear signal, same shape and unit as the signal."""
    return np.sqrt(np.maximum(model.shot * np.maximum(linear, 0) + model.read, 0)).astype(np.float32)


def _halved(plane: FloatArray) -> FloatArray:
    """Means of 2 x 2 samples; an odd last row or column is left out."""
    height, width = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    half = plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return half.astype(np.float32)


def _residual(plane: FloatArray) -> FloatArray:
    """Second differences, scaled so that white noise keeps its variance."""
    out: FloatArray = cv2.filter2D(plane, cv2.CV_32F, _MASK, borderType=cv2.BORDER_REFLECT)
    return out


def _patches(plane: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = plane.shape[0] // _PATCH, plane.shape[1] // _PATCH
    if rows == 0 or columns == 0:
        return np.empty(0), np.empty(0)
    residual = _residual(plane)

    def cut(picture: FloatArray) -> FloatArray:
        return picture[: rows * _PATCH, : columns * _PATCH].reshape(rows, _PATCH, columns, _PATCH)

    means = cut(plane).mean(axis=(1, 3)).ravel().astype(np.float64)
    variances = (cut(residual) ** 2).mean(axis=(1, 3)).ravel().astype(np.float64)
    # Clipped patches have no noise left to measure.
    usable = (cut(plane).max(axis=(1, 3)).ravel() < 0.98) & (cut(plane).min(axis=(1, 3)).ravel() > 0)
    if usable.sum() < 16:
        usable = cut(plane).max(axis=(1, 3)).ravel() < 0.98
    return means[usable], variances[usable]


def _quiet(
    means: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(means)
    groups = np.array_split(order, min(_CLASSES, max(1, order.size // 8)))
    x, y = [], []
    for group in groups:
        quiet = group[np.argsort(variances[group])[: max(2, group.size // 5)]]
        # The quietest fifth of patches of 64 samples lies this far under the true variance.
        x.append(means[quiet].mean())
        y.append(variances[quiet].mean() / 0.66)
    return np.array(x), np.array(y)


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> NoiseModel:
    weight = 1.0 / np.maximum(y, y.max() * 1e-3 + 1e-12)
    for _ in range(5):
        sw, swx, swy = weight.sum(), (weight * x).sum(), (weight * y).sum()
        swxx, swxy = (weight * x * x).sum(), (weight * x * y).sum()
        det = sw * swxx - swx * swx
        slope = max(0.0, (sw * swxy - swx * swy) / det) if det > 1e-18 else 0.0
        offset = (swy - slope * swx) / sw
        if offset < 0:
            offset, slope = 0.0, max(0.0, swxy / max(swxx, 1e-18))
        residual = y - offset - slope * x
        # Texture can only add variance: what lies above the line counts less and less.
        scale = np.median(np.abs(residual)) + 1e-12
        fit = np.maximum(offset + slope * x, y.max() * 1e-3 + 1e-12)
        weight = np.where(residual > scale, scale / np.maximum(residual, 1e-15), 1.0) / fit
    return NoiseModel(shot=float(slope), read=float(offset))
