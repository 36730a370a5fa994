"""Color-checker patches in a real pair: is the color of a patch in the result the one that was photographed?

Where the patches lie is marked by eye, in the color picture and in the mono picture. There is no comparison with a
checker's printed values: dualcam carries the color camera's colors over and does not correct them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError
from dualcam.evaluation.metrics import color
from dualcam.frame import FloatArray, Fusion
from dualcam.rig.mapping import place_color

# Linear sRGB to CIE XYZ (IEC 61966-2-1), white D65.
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_MIDDLE = 0.184187
"""Luminance of L* = 50."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where one patch lies: column and row of its middle pixel, from 0.

    Attributes:
        color: in the color picture.
        mono: in the mono picture.
    """

    color: tuple[int, int]
    mono: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Checkers:
    """The marked patches of real pairs.

    Attributes:
        side: a patch is the square of this many pixels around its middle; odd.
        pairs: patches by name, by pair ("device/scene").
    """

    side: int
    pairs: Mapping[str, Mapping[str, Marks]]


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch, compared with the color picture by ``chromaticity_difference``.

    Attributes:
        name: of the patch.
        result: the result at the patch's place in the mono picture.
        placed: the color picture there when it is placed and not matched: what the method starts from.
    """

    name: str
    result: float
    placed: float


def read(path: Path) -> Checkers:
    """Read marked patches from JSON: ``{"side": 7, "pairs": {pair: {patch: {"color": [x, y], "mono": [x, y]}}}}``.

    Raises:
        InputError: it is missing or holds something else.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        pairs = {
            pair: {
                name: Marks((at["color"][0], at["color"][1]), (at["mono"][0], at["mono"][1]))
                for name, at in patches.items()
            }
            for pair, patches in values["pairs"].items()
        }
        return Checkers(int(values["side"]), pairs)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(
            f"{path} holds no marked patches ({error}).", "Mark them as in the source."
        ) from error


def compare(fusion: Fusion, marks: Mapping[str, Marks], side: int) -> tuple[Patch, ...]:
    """Compare marked patches of a fused pair, each the mean of linear samples over a square of ``side`` pixels.

    Raises:
        InputError: a patch does not lie inside its picture.
    """
    placed = np.nan_to_num(place_color(fusion.pair))
    found = []
    for name, at in marks.items():
        shot = _mean(fusion.pair.color.pixels, at.color, side, name)
        result, start = (_mean(p, at.mono, side, name) for p in (fusion.pixels, placed))
        found.append(Patch(name, chromaticity_difference(shot, result), chromaticity_difference(shot, start)))
    return tuple(found)


def chromaticity_difference(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """CIEDE2000 of two linear sRGB colors (3,) that were both brought to the luminance of L* = 50.

    Color and result differ in brightness on purpose. At one luminance only hue and chroma are compared, and a dark
    patch counts as much as a bright one. Black has no chromaticity: it counts as gray.
    """
    return float(color.de00(_lab(a), _lab(b))[0, 0])


def _lab(rgb: NDArray[np.floating]) -> FloatArray:
    """CIELAB at L* = 50, as a picture of one pixel."""
    # Not through display values: a saturated color at this luminance may lie outside of what a display shows.
    white = _TO_XYZ.sum(axis=1)
    xyz = _TO_XYZ @ np.asarray(rgb, np.float64)
    if xyz[1] < 1e-6:
        xyz = white
    x, y, z = _lab_curve(xyz / xyz[1] * _MIDDLE / white)
    return np.array([[[116 * y - 16, 500 * (x - y), 200 * (y - z)]]], np.float32)


def _lab_curve(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cube root of CIELAB with its straight part near black (CIE 15)."""
    edge = 6 / 29
    return np.where(share > edge**3, np.cbrt(share), share / (3 * edge**2) + 4 / 29)


def _mean(picture: FloatArray, middle: tuple[int, int], side: int, name: str) -> NDArray[np.float64]:
    column, row = middle
    reach = side // 2
    height, width = picture.shape[:2]
    if not (reach <= column < width - reach and reach <= row < height - reach):
        raise InputError(f"the patch {name!r} lies beyond its picture.", "Mark it again.")
    square = picture[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return np.asarray(square.mean(axis=(0, 1), dtype=np.float64))
