"""Shrink the coefficients of a sliding block DCT: the work behind ``denoise``.

Its time goes to memory and to calls as much as to arithmetic. So the picture is held by phases, (rows, place in a
block, blocks): the blocks beside each other lie side by side, every operation runs over thousands of them, and those at
several shifts are one matrix product. The arrays that this takes are made once.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

SIZE = 8
_BASIS = np.array(
    [
        [
            np.sqrt((1 if k == 0 else 2) / SIZE) * np.cos(np.pi * (2 * n + 1) * k / (2 * SIZE))
            for n in range(SIZE)
        ]
        for k in range(SIZE)
    ],
    np.float32,
)
# Blocks along a row that are worked on together. Fewer cost more calls than the core's cache gains; more cost memory.
_CHUNK = 512
# Arrays begin where a cache line does.
_LINE = 64


class Scratch(threading.local):
    """Arrays that are used again and again, by each thread its own: fresh memory costs as much as the work in it."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}

    def floats(self, name: str, *shape: int) -> FloatArray:
        """Float32 of any content; what was taken before under the same name is lost."""
        return self.bytes(name, 4 * math.prod(shape)).view(np.float32).reshape(shape)

    def bytes(self, name: str, *shape: int) -> NDArray[np.uint8]:
        """The same in bytes."""
        size = math.prod(shape)
        if name not in self._held or self._held[name].size < size:
            fresh = np.empty(size + _LINE, np.uint8)
            self._held[name] = fresh[-fresh.ctypes.data % _LINE :]
        return self._held[name][:size].reshape(shape)


@dataclass(frozen=True)
class _Grid:
    """Where blocks lie, and the matrices of a line of samples that holds the blocks at several shifts.

    Attributes:
        shifts: of the block grids, the same along rows and columns.
        fine: the spacing on which the sum of the blocks' weights can change.
        reach: samples from the first shift's block to the end of the last one's.
        forward: (8 * shifts, reach), all shifts' coefficients; its transpose adds up the blocks.
        together: shifts along the columns that are worked on at a time.
        pair: (8 * together, samples), their coefficients.
        boxes: (reach / fine, shifts), where each block weighs.
    """

    shifts: tuple[int, ...]
    fine: int
    reach: int
    forward: FloatArray
    together: int
    pair: FloatArray
    boxes: FloatArray


@cache
def _grid(step: int) -> _Grid:
    shifts = tuple(range(0, SIZE, step))
    fine, together = math.gcd(step, SIZE), 1 if len(shifts) % 2 else 2
    forward = _bases(shifts)
    boxes = np.zeros((forward.shape[1] // fine, len(shifts)), np.float32)
    for place, shift in enumerate(shifts):
        boxes[shift // fine : (shift + SIZE) // fine, place] = 1
    return _Grid(shifts, fine, forward.shape[1], forward, together, _bases(shifts[:together]), boxes)


def _bases(shifts: tuple[int, ...]) -> FloatArray:
    bases = np.zeros((len(shifts), SIZE, shifts[-1] + SIZE), np.float32)
    for basis, shift in zip(bases, shifts, strict=True):
        basis[:, shift : shift + SIZE] = _BASIS
    return bases.reshape(-1, bases.shape[2])


def shrunk(
    planes: list[FloatArray], top: int, bottom: int, threshold: np.float32 | None, step: int, scratch: Scratch
) -> FloatArray:
    """Shrink the coefficients of all blocks that touch some rows.

    Args:
        planes: (H, W) float32, the picture, and its guide for the empirical Wiener filter.
        top: the first row.
        bottom: the row after the last one.
        threshold: what coefficients must exceed to be kept; None with a guide.
        step: shift between block grids, 1 to 8.
        scratch: lent; the result may lie in it.

    Returns:
        (bottom - top, W) float32, to the bit what any other range of rows gives.
    """
    grid = _grid(step)
    height, width = planes[0].shape
    # Block 0 begins at row 0 and column 0; those that reach into the picture begin up to a block before.
    first = (top // SIZE - 1) * SIZE
    down, across = (bottom - 1) // SIZE - top // SIZE + 2, -(-width // SIZE) + 1
    rows, tail, fine = (down + 1) * SIZE, grid.reach - SIZE, grid.fine
    border = max(0, -first), max(0, first + rows - height), SIZE, across * SIZE - width
    phases = []
    for index, plane in enumerate(planes):
        part = cv2.copyMakeBorder(plane[max(0, first) : first + rows], *border, cv2.BORDER_REFLECT)
        blocks = part.reshape(rows, across + 1, SIZE).transpose(0, 2, 1)
        phases.append(scratch.floats(f"phases {index}", rows, grid.reach, across))
        phases[-1][:, :SIZE] = blocks[:, :, :-1]
        phases[-1][:, SIZE:] = blocks[:, :tail, 1:]
    sums = scratch.floats("sums", down * SIZE, SIZE, across + 1)
    weights = scratch.floats("weights", down * SIZE // fine, SIZE // fine, across + 1)
    sums.fill(0)
    weights.fill(0)
    chunk = -(-across // -(-across // _CHUNK))
    for left in range(0, across, chunk):
        parts = [phase[:, :, left : left + chunk] for phase in phases]
        for total, spread in zip((sums, weights), _along(parts, threshold, grid, scratch), strict=True):
            size, count = total.shape[1], spread.shape[2]
            total[:, :, left : left + count] += spread[:, :size]
            total[:, : spread.shape[1] - size, left + 1 : left + 1 + count] += spread[:, size:]
    # The last blocks hold only what reaches beyond the picture.
    inside = sums.reshape(-1, fine, SIZE // fine, fine, across + 1)[..., 1:across]
    inside /= weights[:, None, :, None, 1:across]
    picture: FloatArray = sums[top - first : bottom - first, :, 1:across].transpose(0, 2, 1)
    return picture.reshape(bottom - top, -1)[:, :width]


def _along(
    phases: list[FloatArray], threshold: np.float32 | None, grid: _Grid, scratch: Scratch
) -> tuple[FloatArray, FloatArray]:
    """Shrink blocks, row of blocks by row of blocks.

    Args:
        phases: (rows, reach, blocks) of the picture, and of its guide where there is one.
        threshold: as in ``shrunk``.
        grid: of the blocks.
        scratch: lent; the result lies in it.

    Returns:
        The weighted sum of all blocks (rows - 8, reach, blocks), and the weights' (both axes by ``fine`` smaller).
    """
    rows, reach, blocks = phases[0].shape
    down, tail, count, fine = rows // SIZE - 1, reach - SIZE, len(grid.shifts), grid.fine
    length = count * SIZE * blocks
    # As many lines as blocks at all shifts reach over: the last ones are the next row of blocks' first.
    lines = [scratch.floats(f"lines {i}", reach, count * SIZE, blocks) for i in range(len(phases))]
    added = scratch.floats("added", reach, count * SIZE, blocks)
    out = scratch.floats("out", down * SIZE, reach, blocks)
    trusts = scratch.floats("trusts", down, count, count, blocks)
    shrink = _Shrink(len(phases), threshold, (grid.together, count, blocks), scratch)
    partial = scratch.floats("partial", grid.pair.shape[1], length)
    windows = [
        (place, slice(grid.shifts[place], grid.shifts[place] + grid.pair.shape[1]))
        for place in range(0, count, grid.together)
    ]
    flat_lines = [[line[window].reshape(-1, length) for line in lines] for _, window in windows]
    flat_added = [added[window].reshape(-1, length) for _, window in windows]
    for line, phase in zip(lines, phases, strict=True):
        np.matmul(grid.forward, phase[:tail], out=line[SIZE:])
    added.fill(0)
    for row in range(down):
        at = row * SIZE
        for line, phase in zip(lines, phases, strict=True):
            line[:tail] = line[SIZE:]
            np.matmul(grid.forward, phase[at + tail : at + reach], out=line[tail:])
        for (place, _), samples, total in zip(windows, flat_lines, flat_added, strict=True):
            for sample, coefficients in zip(samples, shrink.coefficients, strict=True):
                np.matmul(grid.pair, sample, out=coefficients)
            shrink(trusts[row, place : place + grid.together])
            np.matmul(grid.pair.T, shrink.coefficients[0], out=partial)
            total += partial
        np.matmul(grid.forward.T, added[:SIZE], out=out[at : at + SIZE])
        added[:tail] = added[SIZE:]
        added[tail:] = 0
    weights = scratch.floats("weights of lines", down * SIZE // fine + tail // fine, count, blocks)
    weights.fill(0)
    for place, shift in enumerate(grid.shifts):
        covered = weights[shift // fine : shift // fine + down * SIZE // fine]
        covered.reshape(down, -1, count, blocks)[:] += trusts[:, place, None]
    spread = scratch.floats("spread weights", down * SIZE // fine, reach // fine, blocks)
    return out, np.matmul(grid.boxes, weights[: len(spread)], out=spread)


class _Shrink:
    """Shrinks ``coefficients``: (shifts down * 8, shifts across * 8 * blocks) of the picture, and of its guide."""

    def __init__(
        self, planes: int, threshold: np.float32 | None, shape: tuple[int, int, int], scratch: Scratch
    ) -> None:
        down, across, blocks = shape
        size = down * SIZE, across * SIZE * blocks
        self.coefficients = [scratch.floats(f"coefficients {i}", *size) for i in range(planes)]
        self._threshold = threshold
        self._work = scratch.floats("work", *size)
        self._half = scratch.floats("half", down, across, SIZE, blocks)
        self._factors = self._half.reshape(down, 1, size[1])
        self._apart = self.coefficients[0].reshape(down, SIZE, size[1])
        if threshold is None:
            self._keep: NDArray[Any] = self.coefficients[1]
            self._sums: NDArray[Any] = self._half
        else:
            self._keep = scratch.bytes("kept", *size)
            self._low = scratch.bytes("low", *size).view(np.bool_)
            self._sums = scratch.bytes("half kept", down, across, SIZE, blocks)
        self._constant = self._keep.reshape(down, SIZE, across, SIZE, blocks)[:, 0, :, 0]
        self._flat_sums = self._sums.reshape(down, size[1])

    def __call__(self, trust: FloatArray) -> None:
        """Shrink, and weigh every block by how few coefficients it needs: it is probably smooth and knows better.

        Args:
            trust: (shifts down, shifts across, blocks), set to the weights.
        """
        if self._threshold is None:
            # In place: the guide becomes its energy, and that what is kept.
            np.square(self._keep, out=self._keep)
            np.add(self._keep, np.float32(1), out=self._work)
            np.divide(self._keep, self._work, out=self._keep)
            self._constant[:] = 1
            self.coefficients[0] *= self._keep
            np.square(self._keep, out=self._work)
            np.add.reduce(self._work.reshape(self._apart.shape), axis=1, out=self._flat_sums)
            kept = np.add.reduce(self._sums, axis=2)
        else:
            high = self._keep.view(np.bool_)
            np.greater(self.coefficients[0], self._threshold, out=high)
            np.less(self.coefficients[0], -self._threshold, out=self._low)
            np.logical_or(high, self._low, out=high)
            self._constant[:] = 1
            # Two steps are faster than a product with truth values.
            self._work[:] = high
            self.coefficients[0] *= self._work
            np.add.reduce(self._keep.reshape(self._apart.shape), axis=1, dtype=np.uint8, out=self._flat_sums)
            kept = np.add.reduce(self._sums, axis=2, dtype=np.uint8)
        np.divide(np.float32(1), kept, out=trust, dtype=np.float32)
        self._half[:] = trust[:, :, None]
        self._apart *= self._factors
