"""Networks in three parts over pictures of any size: fine scales down, coarse scales, fine scales up.

The fine scales are most of the work and look a few pixels far: tiles with a narrow halo give what the whole picture
gives. The coarse scales look hundreds of pixels far, but have a sixty-fourth of the picture's pixels: they are computed
for all of it at once. What passes from part to part is kept in 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.half import unfilled
from dualcam.frame import FloatArray, Watch
from dualcam.neural import tiles
from dualcam.neural.tiles import Layout, Planes, Span

DOWN, MIDDLE, UP = PARTS = ("down", "middle", "up")
INPUT, INNER, OUTER = "planes", "inner", "outer"
"""What goes into the first part, from it into the second, and from that into the third."""

Arrays = dict[str, NDArray[Any]]


def skip(scale: int) -> str:
    """Name of what passes from the first part to the third at a fine scale, 0 for the finest."""
    return f"skip{scale}"


class RunsParts(tiles.Rests, Protocol):
    """A network in three parts; its layout is that of the first and the last."""

    def part(self, name: str, fed: Mapping[str, NDArray[np.generic]]) -> Arrays:
        """Compute a part, (C, h, w) each; ``fed`` may hold more than it takes."""
        ...

    def takes_planes(self, name: str) -> bool:
        """Whether a part looks at the picture itself, and not only at what other parts made of it."""
        ...


def whole(
    network: RunsParts, planes: Planes, outputs: Sequence[str], watch: Watch | None = None
) -> tuple[FloatArray, ...]:
    """Run a network over a picture: planes (H, W) -> one (H, W, c) for every output, see ``camera.half``.

    Where memory does not suffice for its tiles, they are halved, for this picture and those that follow.

    Args:
        network: what is run.
        planes: what it is fed.
        outputs: what is wanted of it.
        watch: told after every tile, of which each is walked twice.

    Raises:
        MemoryError: too little for the smallest tiles.
    """
    height, width = planes[0].shape
    return tiles.patiently(network, height, width, lambda: _whole(network, planes, outputs, watch))


def load(height: int, width: int, layout: Layout) -> tuple[int, int]:
    """How many tiles a picture takes, each walked twice, and how many pixels they have, counted once."""
    count, pixels = tiles.load(height, width, layout)
    return 2 * count, pixels


def _whole(
    network: RunsParts, planes: Planes, outputs: Sequence[str], watch: Watch | None
) -> tuple[FloatArray, ...]:
    height, width = planes[0].shape
    layout = network.layout
    size = tiles.padded(height, layout), tiles.padded(width, layout)
    places = _places(height, width, layout)
    kept: Arrays = {}
    out: dict[str, FloatArray] = {}

    # Two for all tiles, one computed and one prepared: fresh memory costs more time than filling it.
    shape = len(planes), places[0].height, places[0].width
    stacks = [np.empty(shape, np.float32) for _ in range(min(2, parallel.threads()))]

    def seen(place: _Place) -> Arrays:
        rows, columns = place.covered(1)
        inside = slice(rows.start, min(rows.stop, height)), slice(columns.start, min(columns.stop, width))
        stack = stacks.pop()
        return {INPUT: tiles.stacked([plane[inside] for plane in planes], *shape[1:], stack)}

    def handed(place: _Place) -> Arrays:
        covered = {name: place.covered(size[0] // picture.shape[1]) for name, picture in kept.items()}
        parts = {name: np.ascontiguousarray(kept[name][:, *where]) for name, where in covered.items()}
        return {**parts, **seen(place)} if network.takes_planes(UP) else parts

    for done, (place, fed) in enumerate(parallel.ahead(seen, places), start=1):
        for name, found in network.part(DOWN, fed).items():
            share = place.height // found.shape[1]
            if name not in kept:
                kept[name] = np.empty((len(found), size[0] // share, size[1] // share), found.dtype)
            kept[name][:, *place.used(share)] = found[:, *place.within(share)]
        stacks.append(fed[INPUT])
        if watch:
            watch(done, 2 * len(places))
    # Every part keeps what it works with for its next run.
    network.rest()
    kept[OUTER] = network.part(MIDDLE, {INNER: kept.pop(INNER)})[OUTER]
    for done, (place, fed) in enumerate(parallel.ahead(handed, places), start=len(places) + 1):
        for name, found in network.part(UP, fed).items():
            if name not in out:
                out[name] = unfilled(height * width, (height, width, len(found)))
            # What lies beyond the picture is cut off on the left.
            here = out[name][place.used(1)]
            inside = np.asarray(found[:, *place.within(1)], np.float32)
            here[:] = tiles.channels_last(inside[:, : here.shape[0], : here.shape[1]])
        if INPUT in fed:
            stacks.append(fed[INPUT])
        if watch:
            watch(done, 2 * len(places))
    return tuple(out[name] for name in outputs)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tile lies; ``share`` is how many pixels of the picture one pixel of an array stands for."""

    rows: Span
    columns: Span
    height: int
    width: int

    def covered(self, share: int) -> tuple[slice, slice]:
        """What it covers."""
        return (
            slice(self.rows.start // share, (self.rows.start + self.height) // share),
            slice(self.columns.start // share, (self.columns.start + self.width) // share),
        )

    def used(self, share: int) -> tuple[slice, slice]:
        """What it is used for."""
        return (
            slice(self.rows.first // share, self.rows.last // share),
            slice(self.columns.first // share, self.columns.last // share),
        )

    def within(self, share: int) -> tuple[slice, slice]:
        """The same, counted from its own corner."""
        (rows, columns), (top, left) = (
            self.used(share),
            (self.rows.start // share, self.columns.start // share),
        )
        return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)


def _places(height: int, width: int, layout: Layout) -> list[_Place]:
    """Tiles of one shape that cover a picture, none of them padding alone."""
    tall, wide = tiles.tile_shape(height, width, layout)
    rows = tiles.spans(tiles.padded(height, layout), tall, layout)
    columns = tiles.spans(tiles.padded(width, layout), wide, layout)
    return [
        _Place(down, across, tall, wide)
        for down, across in product(rows, columns)
        if down.first < height and across.first < width
    ]
