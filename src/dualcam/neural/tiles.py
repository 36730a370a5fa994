"""Networks over pictures of any size: tiles of one shape, each with as much around it as the network looks at.

The networks see their surroundings only, so that tiles give what the whole picture gives; zeros around a tile stand
only where the picture ends, as they do without tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import ceil
from threading import Lock
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from dualcam import memory, parallel
from dualcam.frame import FloatArray, Watch

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A plane that is computed where it is wanted: one (h, w) minus another, float32.

    Attributes:
        whole: what is subtracted from.
        part: what is subtracted.
    """

    whole: FloatArray
    part: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        return self.whole.shape

    def __getitem__(self, window: tuple[slice, slice]) -> Difference:
        """Some rows and columns of it."""
        return Difference(self.whole[window], self.part[window])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> FloatArray:
        """Itself as an array, (h, w) float32."""
        return np.asarray(np.subtract(self.whole, self.part, dtype=np.float32), dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A plane that is computed where it is wanted: a function of one (h, w), pixel by pixel.

    Attributes:
        of: what it is computed from.
        by: the function, (h, w) -> (h, w) float32.
    """

    of: FloatArray
    by: Callable[[FloatArray], FloatArray]

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        return self.of.shape

    def __getitem__(self, window: tuple[slice, slice]) -> Computed:
        """Some rows and columns of it."""
        return Computed(self.of[window], self.by)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> FloatArray:
        """Itself as an array, (h, w) float32."""
        return np.asarray(self.by(self.of), dtype)


Plane = FloatArray | Difference | Computed
Planes = Sequence[Plane] | FloatArray
"""What a network is fed: (h, w) float32 (or float16, to save memory) each, in order, put together tile by tile."""

# Two tiles side by side keep the machine busy while one of them is prepared or used; more would cost memory.
_AT_ONCE = 2

# More parts than this in one direction are never tried.
_MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class Layout:
    """How a network wants its input.

    Attributes:
        multiple: height and width are multiples of this.
        halo: pixels around an output pixel that it looks at.
        limit: pixels of a tile at most, halo included.
        together: pixels of all tiles that are computed side by side at most.
    """

    multiple: int
    halo: int
    limit: int
    together: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A tile in one direction: computed from ``start`` on, used from ``first`` up to ``last`` (excluded)."""

    start: int
    first: int
    last: int


class Rests(Protocol):
    """Anything that computes tiles.

    Attributes:
        layout: how it wants its input.
    """

    layout: Layout

    def rest(self) -> None:
        """Keep no memory for the next run."""
        ...


class Runs(Rests, Protocol):
    """Anything that turns planes (C, h, w) into one or more (c, h, w)."""

    def run(self, planes: FloatArray, at_once: int = 1) -> tuple[FloatArray, ...]:
        """Compute; ``at_once`` says how many runs share the machine."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What a network made of a part of a picture.

    Attributes:
        rows: of the picture.
        columns: of the picture.
        beside: what was fed beside the planes, here.
        found: every output here, (c, h, w).
    """

    rows: slice
    columns: slice
    beside: tuple[FloatArray, ...]
    found: tuple[FloatArray, ...]


Feed = Callable[[slice, slice], tuple[Planes, tuple[FloatArray, ...]]]
"""Gives the planes of some rows and columns, and whatever (..., h, w) is wanted again beside the result."""
Use = Callable[[Piece], None]
"""Takes a piece."""


def whole(network: Runs, planes: Planes, watch: Watch | None = None) -> tuple[FloatArray, ...]:
    """Run a network over a picture: planes (H, W) -> one (H, W, c) for every output."""
    height, width = planes[0].shape
    out: list[FloatArray] = []
    made = Lock()

    def feed(rows: slice, columns: slice) -> tuple[Planes, tuple[FloatArray, ...]]:
        return [plane[rows, columns] for plane in planes], ()

    def use(piece: Piece) -> None:
        with made:
            out[:] = out or [np.empty((height, width, len(part)), np.float32) for part in piece.found]
        for picture, part in zip(out, piece.found, strict=True):
            picture[piece.rows, piece.columns] = channels_last(part)

    pieces(network, height, width, feed, use, watch)
    return tuple(out)


def pieces(network: Runs, height: int, width: int, feed: Feed, use: Use, watch: Watch | None = None) -> None:
    """Run a network tile by tile, without ever holding the planes of the whole picture.

    Where memory does not suffice for its tiles, they are halved, for this picture and those that follow.

    Args:
        network: what is run.
        height: of the picture.
        width: of the picture.
        feed: gives the planes (h, w) of these rows and columns of the picture, and whatever (..., h, w) is wanted
            again beside the result; called in any thread.
        use: takes the pieces, which together cover the picture, once unless memory ran out; called in any thread.
        watch: told after every piece.

    Raises:
        MemoryError: too little for the smallest tiles.
    """
    patiently(network, height, width, lambda: _all_pieces(network, height, width, feed, use, watch))


def patiently(network: Rests, height: int, width: int, work: Callable[[], Result]) -> Result:
    """Let a network work over a picture; where memory does not suffice, again with tiles of half the size.

    Raises:
        MemoryError: too little for the smallest tiles.
    """
    memory.give_back()
    try:
        while True:
            try:
                return work()
            except MemoryError:
                half = smaller(height, width, network.layout)
                if half is None:
                    raise
                network.layout = half
    finally:
        network.rest()


def smaller(height: int, width: int, layout: Layout) -> Layout | None:
    """A layout with tiles of half the size, or None if there are no smaller ones for this picture."""
    before = tile_shape(height, width, layout)
    half = replace(layout, limit=before[0] * before[1] // 2)
    return None if tile_shape(height, width, half) == before else half


def load(height: int, width: int, layout: Layout) -> tuple[int, int]:
    """How many tiles a picture takes, and how many pixels all of them have."""
    tall, wide = tile_shape(height, width, layout)
    count = len(spans(padded(height, layout), tall, layout)) * len(spans(padded(width, layout), wide, layout))
    return count, count * tall * wide


def _all_pieces(network: Runs, height: int, width: int, feed: Feed, use: Use, watch: Watch | None) -> None:
    layout = network.layout
    tall, wide = tile_shape(height, width, layout)
    down, across = spans(padded(height, layout), tall, layout), spans(padded(width, layout), wide, layout)
    tiles = [*product(down, across)]
    at_once = min(_AT_ONCE, parallel.threads(), len(tiles), max(1, layout.together // (tall * wide)))

    def compute(tile: tuple[Span, Span]) -> None:
        down, across = tile
        rows, columns = (
            slice(down.first, min(down.last, height)),
            slice(across.first, min(across.last, width)),
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return  # nothing but padding
        planes, beside = feed(
            slice(down.start, min(down.start + tall, height)),
            slice(across.start, min(across.start + wide, width)),
        )
        found = network.run(stacked(planes, tall, wide), at_once)
        here = slice(rows.start - down.start, rows.stop - down.start)
        there = slice(columns.start - across.start, columns.stop - across.start)
        use(
            Piece(
                rows,
                columns,
                tuple(part[..., here, there] for part in beside),
                tuple(part[:, here, there] for part in found),
            )
        )

    for done, _ in enumerate(parallel.each(compute, tiles, at_once), start=1):
        if watch:
            watch(done, len(tiles))


def stacked(planes: Planes, height: int, width: int, out: FloatArray | None = None) -> FloatArray:
    """Planes (h, w) as (C, height, width), the last row and column repeated where they are too small.

    An array (C, height, width) is given back as it is, unless another is to be written to.
    """
    h, w = planes[0].shape
    if out is None:
        if isinstance(planes, np.ndarray) and (h, w) == (height, width):
            return planes
        out = np.empty((len(planes), height, width), np.float32)
    for layer, plane in zip(out, planes, strict=True):
        if isinstance(plane, Difference):
            np.subtract(plane.whole, plane.part, out=layer[:h, :w], dtype=np.float32)
        elif isinstance(plane, Computed):
            layer[:h, :w] = plane.by(plane.of)
        else:
            layer[:h, :w] = plane
    out[:, :h, w:] = out[:, :h, w - 1 : w]
    out[:, h:] = out[:, h - 1 : h]
    return out


def channels_last(planes: FloatArray) -> FloatArray:
    """(c, h, w) -> (h, w, c), many times faster than by transposing."""
    return planes[0][..., None] if len(planes) == 1 else cv2.merge([*planes])


def tile_shape(height: int, width: int, layout: Layout) -> tuple[int, int]:
    """The one shape of all tiles of a picture: what computes the fewest pixels within the limit.

    Where even the smallest tile is over the limit, the smallest tile.
    """
    tall, wide = (
        {_side(padded(n, layout), parts, layout): parts for parts in _parts(n, layout)}
        for n in (height, width)
    )
    shapes = [(t, w, t * w * tall[t] * wide[w]) for t in tall for w in wide]
    fitting = [shape for shape in shapes if shape[0] * shape[1] <= layout.limit]
    best = (
        min(fitting, key=lambda s: (s[2], s[0] * s[1])) if fitting else min(shapes, key=lambda s: s[0] * s[1])
    )
    return best[0], best[1]


def spans(length: int, side: int, layout: Layout) -> list[Span]:
    """Tiles of this side along a padded length: every pixel used once, its whole surroundings computed with it."""
    halo = _halo(layout)
    out: list[Span] = []
    used = 0
    while used < length:
        # The last tile ends where the picture ends, so that all have one shape.
        start = min(max(0, used - halo), length - side)
        last = length if start + side >= length else start + side - halo
        out.append(Span(start, used, last))
        used = last
    return out


def _parts(length: int, layout: Layout) -> list[int]:
    """Numbers of parts that leave every tile something beside its halo."""
    most = (padded(length, layout) - 2 * _halo(layout)) // layout.multiple
    return [1, *range(2, min(most, _MOST_PARTS) + 1)]


def _side(padded: int, parts: int, layout: Layout) -> int:
    # The outer tiles have a halo on one side only.
    side = ceil((padded + 2 * _halo(layout) * (parts - 1)) / parts)
    return min(padded, _up(side, layout.multiple))


def padded(length: int, layout: Layout) -> int:
    """Height or width of a picture as the network gets it."""
    return _up(length, layout.multiple)


def _halo(layout: Layout) -> int:
    return _up(layout.halo, layout.multiple)


def _up(length: int, multiple: int) -> int:
    return ceil(length / multiple) * multiple
