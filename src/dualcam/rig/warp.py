"""Mappings between pixel grids and the one interpolation that follows them.

The convention lives here and nowhere else: pixel centers lie at integer + 0.5, so the first pixel's center is
(0.5, 0.5) and a picture of width W spans 0 to W. A *map* is (H, W, 2) float32: for every pixel of a target grid,
the (x, y) position in the source picture, in source pixels. A *flow* is (H, W, 2) in pixels of its own grid and
points backward: base(x, y) is seen at other(x + u, y + v).
"""

from __future__ import annotations

from math import ceil, gcd

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

LINEAR = cv2.INTER_LINEAR
CUBIC = cv2.INTER_CUBIC

# Both grids' pixels fall into step again after this many at most, if a part is to be enlarged as if it were a picture.
_LONGEST_STEP = 16


def centers(height: int, width: int) -> FloatArray:
    """Pixel centers of a grid: (height, width, 2) float32, x then y."""
    x = np.arange(width, dtype=np.float32) + np.float32(0.5)
    y = np.arange(height, dtype=np.float32) + np.float32(0.5)
    return np.stack(np.meshgrid(x, y), axis=-1)


def transform(matrix: NDArray[np.floating], points: NDArray[np.floating]) -> FloatArray:
    """Apply a (3, 3) homography to points (..., 2) -> (..., 2) float32."""
    if points.size == 0:  # OpenCV gives None for no points
        return np.zeros(points.shape, np.float32)
    flat = np.ascontiguousarray(points, dtype=np.float32).reshape(-1, 1, 2)
    if not flat.size:
        # OpenCV gives None: a placement by structure may have no match at all.
        return flat.reshape(points.shape)
    return cv2.perspectiveTransform(flat, matrix).reshape(points.shape).astype(np.float32, copy=False)


def scaling(x: float, y: float | None = None) -> NDArray[np.float64]:
    """A (3, 3) matrix that multiplies coordinates by x (and y)."""
    return np.diag([x, x if y is None else y, 1.0])


def sample(
    picture: FloatArray, positions: FloatArray, *, interpolation: int = LINEAR, outside: float | None = None
) -> FloatArray:
    """Look a picture up at the positions of a map.

    Args:
        picture: (h, w) or (h, w, C) float32, any color state.
        positions: (H, W, 2) map into it.
        interpolation: ``LINEAR`` or ``CUBIC``.
        outside: value for positions outside the picture; None repeats the border.

    Returns:
        (H, W) or (H, W, C) float32.
    """
    # OpenCV puts the first pixel's center at 0, this project at 0.5.
    x, y = positions[..., 0] - np.float32(0.5), positions[..., 1] - np.float32(0.5)
    out = cv2.remap(picture, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)
    if outside is not None:
        out[~inside(positions, picture.shape[0], picture.shape[1])] = outside
    return _like(picture, out)


def length(vectors: FloatArray) -> FloatArray:
    """Length of every vector of a field: (H, W, 2) -> (H, W)."""
    # Not OpenCV's magnitude, whose last bit depends on where in memory an array lies.
    return np.sqrt(vectors[..., 0] ** 2 + vectors[..., 1] ** 2)


def inside(positions: FloatArray, height: int, width: int, margin: float = 0.0) -> NDArray[np.bool_]:
    """Which positions of a map (H, W, 2) fall inside a picture of this size, less a margin: (H, W) bool."""
    x, y = positions[..., 0], positions[..., 1]
    return (x >= margin) & (x <= width - margin) & (y >= margin) & (y <= height - margin)


def resize(picture: FloatArray, height: int, width: int) -> FloatArray:
    """Resize (h, w[, C]) float32 to (height, width[, C]): area average downward, cubic upward."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    out = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return _like(picture, out)


def enlarged_part(
    picture: FloatArray, rows: slice, columns: slice, height: int, width: int, interpolation: int = CUBIC
) -> FloatArray:
    """Some rows and columns of what (h, w[, C]) enlarged to (height, width[, C]) would be."""
    h, w = picture.shape[:2]
    if (h, w) == (height, width):
        return picture[rows, columns]
    down, across = gcd(h, height), gcd(w, width)
    if max(height // down, width // across) > _LONGEST_STEP:
        shape = rows.stop - rows.start, columns.stop - columns.start
        x = np.broadcast_to(_looked_up(columns, w / width), shape)
        y = np.broadcast_to(_looked_up(rows, h / height)[:, None], shape)
        return _like(picture, cv2.remap(picture, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE))
    # The same interpolation, but rows and columns one after the other: a fraction of the time.
    top, source_rows, tall = _in_step(rows, h // down, height // down, down)
    left, source_columns, wide = _in_step(columns, w // across, width // across, across)
    large = cv2.resize(picture[source_rows, source_columns], (wide, tall), interpolation=interpolation)
    large = large[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    return _like(picture, large)


def _like(picture: FloatArray, out: FloatArray) -> FloatArray:
    # OpenCV drops a last axis of one.
    return out[..., None] if picture.ndim == 3 and out.ndim == 2 else out


def _looked_up(span: slice, step: float) -> FloatArray:
    """Where OpenCV, whose first pixel's center is at 0, is to look these rows or columns up."""
    places = np.arange(span.start, span.stop, dtype=np.float32) + np.float32(0.5)
    return places * np.float32(step) - np.float32(0.5)


def _in_step(span: slice, source: int, target: int, steps: int) -> tuple[int, slice, int]:
    """What to enlarge for some rows or columns, with the two pixels around them that cubic interpolation looks at.

    Args:
        span: of the enlarged picture.
        source: pixels that become ``target`` pixels.
        target: see there; both grids begin anew after them.
        steps: how often that is, over the whole picture.

    Returns:
        Where the span begins in the enlarged part, the part in source pixels, its length when enlarged.
    """
    more = ceil(2 / source)
    first = max(0, span.start // target - more)
    last = min(steps, ceil(span.stop / target) + more)
    return span.start - first * target, slice(first * source, last * source), (last - first) * target


def resample(
    picture: FloatArray, positions: FloatArray, *, interpolation: int = LINEAR, outside: float | None = None
) -> FloatArray:
    """Like ``sample``, but averages the picture first where neighboring positions skip source pixels."""
    step = sampling_step(positions)
    if step > 1.25:
        height, width = picture.shape[:2]
        picture = resize(picture, max(1, round(height / step)), max(1, round(width / step)))
        positions = positions * np.array([picture.shape[1] / width, picture.shape[0] / height], np.float32)
    return sample(picture, positions, interpolation=interpolation, outside=outside)


def sampling_step(positions: FloatArray) -> float:
    """Source pixels between neighboring target pixels of a map, median over both directions."""
    rows = positions[:: max(1, positions.shape[0] // 64)]
    columns = positions[:, :: max(1, positions.shape[1] // 64)]
    across = np.median(np.linalg.norm(np.diff(rows, axis=1), axis=-1)) if rows.shape[1] > 1 else 1.0
    down = np.median(np.linalg.norm(np.diff(columns, axis=0), axis=-1)) if columns.shape[0] > 1 else 1.0
    return float(np.sqrt(across * down))
