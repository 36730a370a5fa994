"""From mono pixels to color pixels and back: a homography, and what it leaves over.

Cameras behind lenses do not map straight lines to straight lines, and a rolling shutter bends the picture as the hand
moves. What the homography cannot say is smooth, so that a coarse field of corrections (``frame.Bend``) says it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.frame import Bend, FloatArray, Pair, Size
from dualcam.rig import warp


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """Two pixel grids and how the first lies on the second, before any parallax is known.

    Attributes:
        matrix: (3, 3) homography from mono (or grid) pixels to color pixels.
        bend: what it leaves over, or None.
        mono: height and width over which the nodes of ``bend.forward`` are spread; needed with a bend only.
        color: the same for ``bend.backward``.
    """

    matrix: NDArray[np.float64]
    bend: Bend | None = None
    mono: Size = (1, 1)
    color: Size = (1, 1)

    def to_color(self, points: NDArray[np.floating]) -> FloatArray:
        """Mono positions (..., 2) -> color positions (..., 2), both in pixels."""
        there = warp.transform(self.matrix, points)
        if self.bend is not None:
            there += between_nodes(self.bend.forward, points, self.mono)
        return there

    def to_mono(self, points: NDArray[np.floating]) -> FloatArray:
        """Color positions (..., 2) -> mono positions (..., 2), both in pixels."""
        there = warp.transform(np.linalg.inv(self.matrix), points)
        if self.bend is not None:
            there += between_nodes(self.bend.backward, points, self.color)
        return there

    def from_grid(self, height: int, width: int) -> Mapping:
        """The same, from a coarser or finer grid over the mono picture: its pixels take the place of mono's."""
        x, y = self.mono[1] / width, self.mono[0] / height
        bend = self.bend
        if bend is not None:
            scale = np.array([x, y], np.float32)
            bend = Bend(bend.forward, np.asarray(bend.backward / scale, np.float32))
        return Mapping(self.matrix @ warp.scaling(x, y), bend, (height, width), self.color)


def of(pair: Pair) -> Mapping:
    """The mapping of a placed pair, in the pixels of both files."""
    mono, color = (frame.pixels.shape for frame in (pair.mono, pair.color))
    return Mapping(pair.placement.matrix, pair.placement.bend, mono[:2], color[:2])


def largest_bend(pair: Pair) -> float:
    """How far the bend of a placed pair moves anything within the color picture, in mono pixels; 0 without a bend."""
    placement = pair.placement
    if placement.bend is None:
        return 0.0
    mono, color = (frame.pixels.shape[:2] for frame in (pair.mono, pair.color))
    height, width = placement.bend.forward.shape[:2]
    here = nodes(height, width, mono)
    seen = warp.inside(of(pair).to_color(here), *color)
    return float(warp.length(placement.bend.forward)[seen].max(initial=0)) * placement.scale


def place_color(pair: Pair) -> FloatArray:
    """The color picture as shot, resampled into the mono grid by the placement alone.

    Returns:
        (H, W, 3) float32, linear, NaN where the color camera did not look.
    """
    places = of(pair).to_color(warp.centers(*pair.mono.pixels.shape[:2]))
    return warp.resample(pair.color.pixels, places, outside=np.nan)


def place_mono(pair: Pair) -> FloatArray:
    """The mono picture as shot, resampled into the color grid by the placement alone.

    Returns:
        (h, w) float32, linear, NaN where the mono camera did not look.
    """
    places = of(pair).to_mono(warp.centers(*pair.color.pixels.shape[:2]))
    return warp.resample(pair.mono.pixels[..., 0], places, outside=np.nan)


def nodes(height: int, width: int, size: Size) -> FloatArray:
    """Where the (height, width) nodes of a field lie in a picture of this size: (height, width, 2), edge to edge."""
    x = np.linspace(0, size[1], width, dtype=np.float32)
    y = np.linspace(0, size[0], height, dtype=np.float32)
    return np.stack(np.meshgrid(x, y), axis=-1)


def between_nodes(field: FloatArray, points: NDArray[np.floating], size: Size) -> FloatArray:
    """Interpolate a field linearly.

    Args:
        field: (gh, gw, 2) float32, at least two nodes a side, spread over a picture from edge to edge.
        points: (..., 2) positions in that picture, in pixels; beyond it the edge is repeated.
        size: the picture's height and width.

    Returns:
        (..., 2) float32.
    """
    # Not OpenCV's remap: it knows 32 places between two nodes, and nodes are a hundred pixels apart.
    height, width = field.shape[:2]
    flat = np.ascontiguousarray(points, np.float32).reshape(-1, 2)
    scale = np.array([(width - 1) / size[1], (height - 1) / size[0]], np.float32)
    most = np.array([width - 1, height - 1], np.float32)

    def part(rows: slice) -> tuple[FloatArray]:
        at = np.clip(flat[rows] * scale, 0, most)
        first = np.minimum(at.astype(np.int32), most.astype(np.int32) - 1)
        x, y = (at - first).T[..., None]
        column, row = first.T
        upper = field[row, column] * (1 - x) + field[row, column + 1] * x
        lower = field[row + 1, column] * (1 - x) + field[row + 1, column + 1] * x
        return (upper * (1 - y) + lower * y,)

    (found,) = parallel.banded(part, len(flat), rows=1 << 16)
    return found.reshape(points.shape)
