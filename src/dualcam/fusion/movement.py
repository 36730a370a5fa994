"""What moved between the two shots: flow that no parallax explains.

Two cameras that look the same way see every still point displaced along one direction, by an amount that depends on
its depth. Across that direction only slow differences are left (turn, zoom, lenses), which a polynomial of the place
takes up. What is displaced across it beyond that has moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.camera.gradient import gradient_magnitude
from dualcam.frame import FloatArray
from dualcam.rig import warp
from dualcam.rig.matching import Match

# Displacement across the epipolar direction from which a pixel counts as moved: grid pixels, share of the width.
_LEAST_PX, _LEAST_SHARE = 2.0, 0.004
_AGREE_PX, _LIKE = 0.5, 0.75
_SAMPLES, _FEWEST = 20_000, 400
_DIRECTIONS = 36
# Grid pixels that a moved thing has at least on every side: single runaways of the flow are none.
_OPENED = 7
# A grid with more pixels than a multiple of this is looked at in part.
_MANY = 3_000_000


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved.

    Attributes:
        share: of the well-matched, textured pixels.
        distance_px: how far, median, in grid pixels; 0 where nothing did.
        direction_deg: the epipolar direction, 0 to 180, 0 across the picture.
    """

    share: float
    distance_px: float
    direction_deg: float


def measure(match: Match, mono: FloatArray) -> Movement | None:
    """Find what moved between the two shots.

    Args:
        match: the match.
        mono: (h, w) float32, linear, on the match grid.

    Returns:
        The movement, None where too little of the picture is matched well.
    """
    # Every pixel of a large grid says no more than every other one.
    every = max(1, int((mono.size / _MANY) ** 0.5))
    thin = slice(None, None, every), slice(None, None, every)
    mono, to_color, inside = mono[thin], match.to_color[thin], match.inside[thin]
    disagreement, likeness = match.disagreement[thin], match.likeness[thin]
    height, width = mono.shape
    home = warp.centers(height, width) * np.float32(every) + np.float32((1 - every) / 2)
    flow = match.grid.mapping.to_mono(to_color) - home
    slope = cv2.GaussianBlur(gradient_magnitude(encode(mono)), (0, 0), 2.0)
    known = inside & (disagreement < _AGREE_PX) & (likeness > _LIKE)
    known &= slope > max(0.01, float(np.median(slope)))
    rows, columns = np.nonzero(known)
    if rows.size < _FEWEST:
        return None
    step = max(1, rows.size // _SAMPLES)
    rows, columns = rows[::step], columns[::step]
    terms = _terms(columns / width - 0.5, rows / height - 0.5)
    samples = flow[rows, columns].astype(np.float64)
    angle, across, fitted = _quietest(terms, samples)
    limit = max(_LEAST_PX, _LEAST_SHARE * match.grid.width)
    if np.median(np.abs(across)) > limit / 2:
        return None  # no common direction: not two cameras side by side, or the match is no match
    normal = np.array([-np.sin(angle), np.cos(angle)], np.float32)
    everywhere = flow @ normal - _surface(height, width, fitted)
    moved = (np.abs(everywhere) > limit) & inside & (disagreement < 1) & (likeness > _LIKE)
    opened = np.ones((max(3, _OPENED // every),) * 2, np.uint8)
    solid = cv2.morphologyEx(moved.astype(np.uint8), cv2.MORPH_OPEN, opened)
    there = (solid > 0) & known
    share = float(there.sum() / known.sum())
    distance = float(np.median(np.abs(everywhere[there]))) if there.any() else 0.0
    return Movement(share, distance, float(np.degrees(angle)))


def _terms(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """Polynomial of second degree at places (...) -> (..., 6)."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _surface(height: int, width: int, fitted: NDArray[np.float64]) -> FloatArray:
    """The polynomial everywhere, (height, width)."""
    x = np.arange(width, dtype=np.float32) / width - np.float32(0.5)
    y = (np.arange(height, dtype=np.float32) / height - np.float32(0.5))[:, None]
    a, b, c, d, e, f = fitted.astype(np.float32)
    return (a + b * x + d * x * x) + (c * y + f * y * y) + e * x * y


def _quietest(
    terms: NDArray[np.floating], flow: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The direction across which the flow is explained best: its angle, what is left across it, the polynomial."""
    best: tuple[float, float, NDArray[np.float64], NDArray[np.float64]] | None = None
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        normal = np.array([-np.sin(angle), np.cos(angle)])
        fitted, left = _fit(terms, flow @ normal)
        score = float(np.mean(np.minimum(np.abs(left), 4 * _LEAST_PX)))
        if best is None or score < best[0]:
            best = score, float(angle), left, fitted
    assert best is not None
    return best[1], best[2], best[3]


def _fit(
    terms: NDArray[np.floating], values: NDArray[np.float64], rounds: int = 6
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least absolute deviations by reweighting: the coefficients, and what they leave over."""
    weight = np.ones(len(values))
    fitted: NDArray[np.float64] = np.zeros(terms.shape[1])
    for _ in range(rounds):
        rows = terms * weight[:, None]
        normal = rows.T @ terms + 1e-6 * len(values) * np.eye(terms.shape[1])
        fitted = np.asarray(np.linalg.solve(normal, rows.T @ values), np.float64)
        weight = 1 / np.maximum(np.abs(values - terms @ fitted), 0.1)
        weight /= weight.mean()
    return fitted, values - terms @ fitted
