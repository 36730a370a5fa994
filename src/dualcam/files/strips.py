"""A picture on its way into a file: its samples are made strip by strip, by several threads.

The samples of the whole picture, filtered or compressed, never lie in memory beside the floats that they are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.errors import OutputError
from dualcam.frame import FloatArray

_T = TypeVar("_T")
# Samples of a strip; and of a block of it: what is made of them on the way stays in the cache of a core, and in memory
# that the C library does not give back and fetch again for every block.
_STRIP, _BLOCK = 1 << 18, 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Samples to be stored, made when they are needed.

    Attributes:
        values: (H, W) or (H, W, 3), the samples themselves, or floats that become samples.
        dtype: of the samples.
        scale: the sample of white that floats in [0, 1] are multiplied by and rounded to, or None for values that are
            stored as they are.
        curve: what is done with floats before that, or None.
        name: of the file, for the message about values that are NaN or infinite.
    """

    values: NDArray[Any]
    dtype: np.dtype[Any]
    scale: int | None = None
    curve: Callable[[FloatArray], FloatArray] | None = None
    name: Path | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        return self.values.shape

    @property
    def is_gray(self) -> bool:
        """Whether there is a single channel."""
        return self.values.ndim == 2

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of samples."""
        return int(np.prod(self.shape[1:])) * self.dtype.itemsize

    @property
    def strip(self) -> int:
        """How many rows are best made at a time."""
        return max(1, min(len(self.values), _STRIP * self.dtype.itemsize // self.row_bytes))

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Samples of some rows, C order.

        Raises:
            OutputError: values that are NaN or infinite.
        """
        part = np.ascontiguousarray(self.values[start:stop])
        if self.scale is None and self.name is None:
            return part.astype(self.dtype, copy=False)
        samples = np.empty(part.shape, self.dtype)
        given, made = part.reshape(-1), samples.reshape(-1)
        for first in range(0, given.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            values = np.asarray(given[block], np.float32)
            if self.name is not None and not np.isfinite(values).all():
                raise self._not_finite()
            if self.scale is not None:
                values = np.clip(values, 0, 1)
                if self.curve is not None:
                    values = self.curve(values)
                values *= np.float32(self.scale)
                np.round(values, out=values)
            made[block] = values
        return samples

    def each(self, work: Callable[[NDArray[Any]], _T]) -> Iterator[_T]:
        """Do something with every strip of ``strip`` rows, several at a time; results come from top to bottom."""
        height, rows = len(self.values), self.strip
        return parallel.each(
            lambda top: work(self.rows(top, min(top + rows, height))), range(0, height, rows)
        )

    def whole(self) -> NDArray[Any]:
        """All samples, for formats whose encoders take nothing less."""
        if self.scale is None:
            if self.name is not None:
                for _ in self.each(lambda part: None):  # checked
                    pass
            return np.asarray(self.values, self.dtype)
        samples, top = np.empty(self.shape, self.dtype), 0
        for part in self.each(lambda part: part):
            samples[top : top + len(part)] = part
            top += len(part)
        return samples

    def _not_finite(self) -> OutputError:
        bad = sum(int(np.count_nonzero(~np.isfinite(np.asarray(row, np.float32)))) for row in self.values)
        return OutputError(
            f"the picture for {self.name} holds {bad} values that are NaN or infinite; nothing was written.",
            "This is a fault of dualcam or of the array handed to it: please report it.",
        )


def ready(samples: NDArray[Any]) -> Picture:
    """Samples (H, W) or (H, W, 3) that exist already."""
    return Picture(samples, samples.dtype)
