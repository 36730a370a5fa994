"""What two pictures of the same even light say about a sensor, patch by patch.

The difference of two equal exposures holds the temporal noise alone: fixed patterns, vignetting and dust cancel (EMVA
Standard 1288, release 3.1, section 6; Janesick, Photon Transfer, SPIE Press 2007, chapter 5). What the two have in
common, after the slow part has been taken away, is the fixed pattern: their covariance has no share of the temporal
noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

Samples = NDArray[Any]
Mask = NDArray[np.bool_]

PATCH = 8
"""Side of a patch in pixels of one color plane."""
_AREA = PATCH * PATCH
_BAND = 64 * PATCH
# Patches with a hot pixel are left out, unless nearly all have one.
_ENOUGH_CLEAN = 0.25
# A pixel this many robust deviations off its surroundings in the mean of the darks is hot (or dead).
_HOT = 8.0


def _slow_part() -> NDArray[np.float64]:
    """(64, 6) orthonormal second-order polynomials over a patch: light falls off slowly across it."""
    y, x = np.mgrid[:PATCH, :PATCH].reshape(2, -1) / (PATCH - 1) - 0.5
    return np.linalg.qr(np.stack([np.ones(_AREA), x, y, x * x, x * y, y * y], axis=1))[0]


_SLOW: FloatArray = _slow_part().astype(np.float32)
_FREEDOM = _AREA - _SLOW.shape[1]
# The median of a variance with this many degrees of freedom lies under its mean (Wilson and Hilferty 1931).
MEDIAN_OVER_MEAN = (1 - 2 / (9 * _FREEDOM)) ** 3
_ROW_SHARE = PATCH * (PATCH - 3) / _FREEDOM  # of row noise that is left in a patch without its slow part


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """One number a patch, (n,) float64 each.

    Attributes:
        mean: mean of both pictures, DN over black.
        temporal: variance of the temporal noise, DN^2.
        spatial: variance of the fixed pattern, DN^2; scatters about its value and may be negative.
    """

    mean: NDArray[np.float64]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]


def planes(samples: Samples, pattern: str | None) -> list[Samples]:
    """The color planes of (H, W) samples: four, row by row, of a Bayer mosaic; one of a monochrome sensor."""
    if pattern is None:
        return [samples]
    return [samples[site // 2 :: 2, site % 2 :: 2] for site in range(4)]


def compare(first: Samples, second: Samples, black: float, hot: Mask | None = None, *, lit: bool) -> Patches:
    """Compare two exposures of one color plane.

    Args:
        first: (H, W) DN.
        second: (H, W) DN of the same light.
        black: DN without light.
        hot: (H, W) pixels to keep away from.
        lit: whether they show light. They are then brought to their common brightness first, so that the fixed pattern
            cancels although a lamp drifts; the scaling keeps the mean variance of shot noise.

    Returns:
        Statistics of all patches of 8 x 8 pixels without hot ones.
    """
    scale_first = scale_second = np.float32(1)
    if lit:
        level = [max(float(p.mean(dtype=np.float64)) - black, 1e-6) for p in (first, second)]
        common = np.sqrt(level[0] * level[1])
        scale_first, scale_second = (np.float32(common / one) for one in level)
    found: list[NDArray[np.float64]] = []
    clean: list[Mask] = []
    for top in range(0, first.shape[0] // PATCH * PATCH, _BAND):
        rows = slice(top, min(top + _BAND, first.shape[0]))
        one, two = _cut(first[rows], black), _cut(second[rows], black)
        mean = (one.mean(axis=1, dtype=np.float64) + two.mean(axis=1, dtype=np.float64)) / 2
        one, two = (_fast(p * scale) for p, scale in ((one, scale_first), (two, scale_second)))
        temporal = ((one - two) ** 2).sum(axis=1, dtype=np.float64) / (2 * _FREEDOM)
        spatial = (one * two).sum(axis=1, dtype=np.float64) / _FREEDOM
        found.append(np.stack([mean, temporal, spatial]))
        clean.append(
            np.ones(len(mean), bool) if hot is None else np.logical_not(_blocks(hot[rows]).any(axis=1))
        )
    numbers, keep = np.concatenate(found, axis=1), np.concatenate(clean)
    if keep.mean() >= _ENOUGH_CLEAN:
        numbers = numbers[:, keep]
    return Patches(*numbers)


def hot_pixels(dark: FloatArray) -> Mask:
    """Pixels (H, W) that stick out of the mean of the darks."""
    rest = dark - cv2.medianBlur(dark, 5)
    spread = 1.4826 * float(np.median(np.abs(rest)))
    # In a mean of few pictures of little noise most pixels may be equal.
    out: Mask = np.abs(rest) > _HOT * max(spread, 0.25)
    return out


def row_variance(first: Samples, second: Samples, pixel_variance: float) -> float:
    """Temporal variance that whole rows share, DN^2, of two darks (H, W); 0 where it cannot be told from noise.

    Args:
        first: DN.
        second: DN.
        pixel_variance: temporal variance of single pixels, which row means keep a part of.
    """
    rows = first.mean(axis=1, dtype=np.float64) - second.mean(axis=1, dtype=np.float64)
    steps = np.diff(rows)
    if steps.size < 2:
        return 0.0
    # Neighboring rows are compared, and the median taken, so that neither drift nor single bad rows count.
    per_row = (1.4826 * float(np.median(np.abs(steps)))) ** 2 / 4
    chance = pixel_variance / first.shape[1]
    surplus = per_row - chance
    return surplus if surplus > 5 * chance * np.sqrt(2.7 / steps.size) else 0.0


def without_rows(patch_variance: float, rows: float) -> float:
    """Variance of single pixels, from that inside patches and that of whole rows."""
    return max(patch_variance - _ROW_SHARE * rows, 0.0)


def _blocks(plane: Samples) -> Samples:
    height, width = (side // PATCH for side in plane.shape)
    cut = plane[: height * PATCH, : width * PATCH].reshape(height, PATCH, width, PATCH)
    return cut.transpose(0, 2, 1, 3).reshape(-1, _AREA)


def _cut(plane: Samples, black: float) -> FloatArray:
    out: FloatArray = _blocks(plane).astype(np.float32) - np.float32(black)
    return out


def _fast(patches: FloatArray) -> FloatArray:
    """Patches (n, 64) without their slow part."""
    return (patches - (patches @ _SLOW) @ _SLOW.T).astype(np.float32, copy=False)
