"""Mirrored and transposed crops: every crop of a sample is eight, and all are as real as the sample.

A mirrored crop of a Bayer picture begins with red again if it began an odd number of pixels later; transposing RGGB
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One of the eight symmetries of a square: mirrored first, transposed then.

    Attributes:
        mirrored: 1 or 0 for rows (upside down) and columns (left to right).
        transposed: rows become columns.
    """

    mirrored: tuple[int, int] = (0, 0)
    transposed: bool = False

    @staticmethod
    def draw(rng: np.random.Generator) -> Turn:
        """A random one."""
        bits = int(rng.integers(8))
        return Turn((bits & 1, bits >> 1 & 1), bool(bits >> 2))


STRAIGHT = Turn()
"""As it is."""


def crop(fields: Mapping[str, Array], turn: Turn, maps: Mapping[str, int]) -> dict[str, Array]:
    """Turn the squares of a crop, and the positions in them.

    Args:
        fields: pictures (C, n, n) and maps (n, n, 2) of positions (x, y).
        turn: how.
        maps: names of the maps, each with the side of the square that it leads into, pixels.
    """
    return {
        name: _map(value, turn, maps[name]) if name in maps else _planes(value, turn)
        for name, value in fields.items()
    }


def _planes(planes: Array, turn: Turn) -> Array:
    down, across = (slice(None, None, -1 if flip else 1) for flip in turn.mirrored)
    planes = planes[:, down, across]
    return planes.swapaxes(1, 2) if turn.transposed else planes


def _map(positions: Array, turn: Turn, side: int) -> Array:
    down, across = turn.mirrored
    x, y = positions[..., 0], positions[..., 1]
    places = np.stack([side - x if across else x, side - y if down else y])
    return np.moveaxis(_planes(places[::-1] if turn.transposed else places, turn), 0, -1)
