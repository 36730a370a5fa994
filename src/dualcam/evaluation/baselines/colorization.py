"""Colorization using optimization (Levin, Lischinski and Weiss 2004): hints spread where mono is alike.

Neighboring pixels of similar brightness should have similar color: the sum of squares of every pixel's difference
to the weighted mean of its neighbors, and of the hints' differences to the result, is made least by conjugate
gradients, from a coarse grid to the fine one so that color travels far in few iterations.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import decode, encode
from dualcam.evaluation.baselines.luminance import luma, with_luminance
from dualcam.frame import FloatArray

# How hard a hint pulls, against the smoothness term.
PULL = 0.03
_ITERATIONS, _MOST = 12, 96
# A side under this is not halved again.
_COARSEST = 16
_SHIFTS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


def colorize(mono: FloatArray, color: FloatArray, hints: NDArray[np.bool_], pull: float = PULL) -> FloatArray:
    """Spread the color of the hinted pixels over the picture.

    Args:
        mono: (h, w) float32, linear, in [0, 1].
        color: (h, w, 3) float32, linear, aligned with mono where ``hints`` says so.
        hints: (h, w), where the color is to be believed.
        pull: weight of a hint.

    Returns:
        (h, w, 3) float32, linear, in [0, 1], as bright as mono; gray without any hint.
    """
    display = encode(np.clip(color, 0, 1))
    difference = display - encode(luma(np.clip(color, 0, 1)))[..., None]
    guide = encode(mono)
    solved = _coarse_to_fine(guide, difference, hints.astype(np.float32), np.float32(pull))
    return with_luminance(decode(guide[..., None] + solved), mono)


def _coarse_to_fine(
    guide: FloatArray, values: FloatArray, weight: FloatArray, pull: np.float32, iterations: int = _ITERATIONS
) -> FloatArray:
    height, width = guide.shape
    if min(height, width) < _COARSEST:
        start = np.zeros_like(values)
    else:
        size = (width + 1) // 2, (height + 1) // 2

        def half(picture: FloatArray) -> FloatArray:
            return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

        share = half(weight)
        known = half(values * weight[..., None]) / np.maximum(share, np.float32(1e-3))[..., None]
        # Far ways are gone on coarse grids, where iterations cost little.
        solved = _coarse_to_fine(
            half(guide), known.astype(np.float32), share, pull, min(2 * iterations, _MOST)
        )
        start = cv2.resize(solved, (width, height), interpolation=cv2.INTER_LINEAR)
    return _solve(_neighborhood(guide), values, pull * weight, start, iterations)


@dataclass(frozen=True, slots=True, eq=False)
class _Neighborhood:
    """Weights (h, w) of the eight neighbors of every pixel, by shift; they sum to 1, and are 0 beyond the border."""

    weights: tuple[FloatArray, ...]

    def residual(self, picture: FloatArray) -> FloatArray:
        """Every pixel less the weighted mean of its neighbors: (h, w, C) -> (h, w, C)."""
        out = picture.copy()
        for (dy, dx), weight in zip(_SHIFTS, self.weights, strict=True):
            here, there = _windows(dy, dx, weight.shape)
            out[here] -= weight[here][..., None] * picture[there]
        return out

    def transposed(self, picture: FloatArray) -> FloatArray:
        """The transpose of ``residual``."""
        out = picture.copy()
        for (dy, dx), weight in zip(_SHIFTS, self.weights, strict=True):
            here, there = _windows(dy, dx, weight.shape)
            out[there] -= weight[here][..., None] * picture[here]
        return out


def _windows(dy: int, dx: int, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the pixels that have a neighbor at (dy, dx), and of those neighbors."""

    def pair(step: int, length: int) -> tuple[slice, slice]:
        first, last = max(0, -step), length - max(0, step)
        return slice(first, max(first, last)), slice(first + step, max(first, last) + step)

    (rows, other_rows), (columns, other_columns) = pair(dy, shape[0]), pair(dx, shape[1])
    return (rows, columns), (other_rows, other_columns)


def _neighborhood(guide: FloatArray) -> _Neighborhood:
    mean = cv2.blur(guide, (3, 3), borderType=cv2.BORDER_REFLECT_101)
    variance = cv2.blur(guide * guide, (3, 3), borderType=cv2.BORDER_REFLECT_101) - mean * mean
    # The authors' choice: 0.6 of the window's variance; the floor is a display step of 8 bits, squared, over 8.
    spread = np.maximum(np.float32(0.6) * variance, np.float32(2e-6))
    weights = []
    for dy, dx in _SHIFTS:
        here, there = _windows(dy, dx, guide.shape)
        weight = np.zeros_like(guide)
        # Bounded, so that a pixel unlike all of its neighbors still listens to them.
        weight[here] = np.exp(-np.minimum((guide[here] - guide[there]) ** 2 / (2 * spread[here]), 20))
        weights.append(weight)
    total = np.maximum(sum(weights), np.float32(1e-12))
    return _Neighborhood(tuple((weight / total).astype(np.float32) for weight in weights))


def _solve(
    near: _Neighborhood,
    values: FloatArray,
    pull: FloatArray,
    start: FloatArray,
    iterations: int,
) -> FloatArray:
    """Conjugate gradients on (A'A + diag(pull)) x = pull * values, all channels at once."""
    pull = pull[..., None]

    def apply(picture: FloatArray) -> FloatArray:
        return near.transposed(near.residual(picture)) + pull * picture

    def inner(a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
        return (a * b).sum(axis=(0, 1), dtype=np.float64)

    x = start
    rest = pull * values - apply(x)
    direction, energy = rest, inner(rest, rest)
    for _ in range(iterations):
        image = apply(direction)
        step = (energy / np.maximum(inner(direction, image), 1e-30)).astype(np.float32)
        x = x + step * direction
        rest = rest - step * image
        left = inner(rest, rest)
        direction = rest + (left / np.maximum(energy, 1e-30)).astype(np.float32) * direction
        energy = left
    return x
