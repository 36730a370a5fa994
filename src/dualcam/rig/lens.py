"""What two lenses and a rolling shutter do to positions, in a few numbers.

A mono position is straightened by its lens, carried by a homography, bent by the color camera's lens, and moved with
its row. Lenses follow the division model (Fitzgibbon 2001) with two coefficients, which also describes fisheyes: a
point at the radius r of the picture belongs at r / (1 + k1 r^2 + k2 r^4), with r = 1 in the corners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import Size

Points = NDArray[np.float64]
Columns = Callable[[Points], Points]

# Radii that the inverse of a lens is tabulated for; matches lie below 1.
_TABLE = np.linspace(0, 1.6, 1601)
# Knots of the row-wise shift, top to bottom of the color picture.
_KNOTS = 8
# How far a lens may bend: the picture's corners at this many times the radius of a straight lens, or 1 over it.
_MOST_BEND = 4.0
# Nothing is divided by less.
_LEAST_BELOW = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """One camera's picture and its lens.

    Attributes:
        size: height and width.
        bends: k1 and k2 of the division model.
    """

    size: Size
    bends: tuple[float, float] = (0.0, 0.0)

    def straightened(self, points: Points) -> Points:
        """Pixels (n, 2) -> straight coordinates, 1 in the corners."""
        away = (points - self._middle) / self._radius
        r2 = (away**2).sum(-1, keepdims=True)
        return np.asarray(away / np.maximum(1 + self.bends[0] * r2 + self.bends[1] * r2**2, _LEAST_BELOW))

    def bent(self, straight: Points) -> Points:
        """Undo ``straightened``; beyond 1.6 times the corners' radius the curve goes on as a line."""
        if self.bends == (0.0, 0.0):
            return np.asarray(straight * self._radius + self._middle)
        table = self._table()
        r = np.sqrt((straight**2).sum(-1, keepdims=True))
        inner = np.interp(r, table, _TABLE)
        grow = np.where(r > 1e-9, inner / np.maximum(r, 1e-9), 1.0)
        return np.asarray(straight * grow * self._radius + self._middle)

    def straightening(self, points: Points) -> Points:
        """Slopes of ``straightened`` by k1 and k2: (n, 2) -> (n, 2, 2), coefficients first."""
        away = (points - self._middle) / self._radius
        r2 = (away**2).sum(-1, keepdims=True)
        below = 1 + self.bends[0] * r2 + self.bends[1] * r2**2
        by_first = np.where(below > _LEAST_BELOW, -away * r2 / np.maximum(below, _LEAST_BELOW) ** 2, 0)
        return np.stack([by_first, by_first * r2], axis=1)

    def bending(self, straight: Points) -> tuple[Points, Points]:
        """Slopes of ``bent``: by the straight position (n, 2, 2), x of the picture first, and by k1 and k2 as above."""
        r = np.maximum(np.sqrt((straight**2).sum(-1)), 1e-9)
        inner, rise = r, np.ones_like(r)
        if self.bends != (0.0, 0.0):
            table = self._table()
            inner = np.interp(r, table, _TABLE)
            at = np.clip(np.searchsorted(table, r) - 1, 0, len(table) - 2)
            # Beyond the table its last value is kept, as ``np.interp`` does.
            rise = np.where(r < table[-1], (_TABLE[at + 1] - _TABLE[at]) / (table[at + 1] - table[at]), 0)
        outward = straight / r[:, None]
        grow, turn = inner / r, rise - inner / r
        by_place = grow[:, None, None] * np.eye(2)
        by_place += turn[:, None, None] * outward[:, :, None] * outward[:, None, :]
        below = np.maximum(1 + self.bends[0] * inner**2 + self.bends[1] * inner**4, _LEAST_BELOW)
        by_first = outward * (rise * inner**3 / below**2)[:, None]
        by_bends = np.stack([by_first, by_first * (inner**2)[:, None]], axis=1)
        return by_place * self._radius, by_bends * self._radius

    @property
    def is_sane(self) -> bool:
        """Whether the picture is neither folded over nor bent beyond belief."""
        curve = _TABLE[:1001:20] / (
            1 + self.bends[0] * _TABLE[:1001:20] ** 2 + self.bends[1] * _TABLE[:1001:20] ** 4
        )
        grows = bool((np.diff(curve) > 0.005).all() and np.isfinite(curve).all())
        return grows and 1 / _MOST_BEND < float(curve[-1]) < _MOST_BEND

    def _table(self) -> Points:
        """Straight radii of ``_TABLE``, rising."""
        denominator = 1 + self.bends[0] * _TABLE**2 + self.bends[1] * _TABLE**4
        curve = _TABLE / np.maximum(denominator, _LEAST_BELOW)
        return np.asarray(np.maximum.accumulate(curve) + 1e-9 * np.arange(len(curve)))

    @property
    def _middle(self) -> Points:
        return np.array([self.size[1] / 2, self.size[0] / 2])

    @property
    def _radius(self) -> float:
        return float(np.hypot(*self.size) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A map from mono to color pixels.

    Attributes:
        mono: the mono camera's lens.
        color: the color camera's lens.
        plane: (3, 3) homography between straight coordinates.
        rows: (knots, 2) shift of the color picture's rows in color pixels, linear between the knots, or None.
        surface: (10, 2) coefficients of a cubic surface over the mono picture in color pixels, or None.
    """

    mono: Lens
    color: Lens
    plane: Points
    rows: Points | None = None
    surface: Points | None = None

    def to_color(self, points: NDArray[np.floating]) -> Points:
        """Mono pixels (..., 2) -> color pixels (..., 2)."""
        flat = np.asarray(points, np.float64).reshape(-1, 2)
        there = self.color.bent(_carried(self.plane, self.mono.straightened(flat)))
        moved = there
        if self.rows is not None:
            moved = moved + row_columns(there, self.color.size) @ self.rows
        if self.surface is not None:
            moved = moved + surface_columns(flat, self.mono.size) @ self.surface
        return np.asarray(moved.reshape(points.shape))

    def slopes(self, points: Points, bends: tuple[int, int]) -> Points:
        """Slopes of ``to_color``, less rows and surface, by its numbers.

        Args:
            points: (n, 2) mono pixels.
            bends: how many coefficients of the mono and of the color lens are asked for, 0 to 2 each.

        Returns:
            (n, 8 + those, 2) color pixels, by the first eight numbers of ``plane`` and then by the coefficients.
        """
        straight = self.mono.straightened(points)
        depth = straight @ self.plane[2, :2] + self.plane[2, 2]
        carried = _carried(self.plane, straight)
        by_place, by_bends = self.color.bending(carried)
        out = np.empty((len(points), 8 + sum(bends), 2))
        below = np.maximum(depth, _LEAST_BELOW)[:, None]
        scaled = np.concatenate([straight, np.ones((len(points), 1))], axis=1) / below
        # By rows of the plane: those of x and y, and the depth that both are divided by.
        for row in (0, 1):
            out[:, 3 * row : 3 * row + 3] = scaled[:, :, None] * by_place[:, None, :, row]
        free = (depth > _LEAST_BELOW)[:, None]
        nearer = -(by_place @ carried[..., None])[..., 0] * free
        out[:, 6:8] = scaled[:, :2, None] * nearer[:, None]
        if bends[0]:
            turned = self.plane[:2, :2] - carried[:, :, None] * self.plane[2, :2] * free[..., None]
            through = by_place @ (turned / below[..., None])
            moved = self.mono.straightening(points)[:, : bends[0]]
            out[:, 8 : 8 + bends[0]] = (through[:, None] @ moved[..., None])[..., 0]
        out[:, 8 + bends[0] :] = by_bends[:, : bends[1]]
        return out


def from_matrix(matrix: NDArray[np.float64], mono: Size, color: Size) -> Model:
    """The model that is nothing but a homography in pixels."""
    to, back = (_normaliser(size) for size in (color, mono))
    plane = to @ matrix @ np.linalg.inv(back)
    return Model(Lens(mono), Lens(color), plane / plane[2, 2])


def to_matrix(model: Model) -> NDArray[np.float64]:
    """The homography of a model without bends, in pixels."""
    matrix = np.linalg.inv(_normaliser(model.color.size)) @ model.plane @ _normaliser(model.mono.size)
    return np.asarray(matrix / matrix[2, 2])


def row_columns(there: Points, size: Size) -> Points:
    """(n, knots) weights of a piecewise cubic (Catmull-Rom) curve over the rows of a color picture."""
    at = np.clip(there[:, 1] / size[0], 0, 1) * (_KNOTS - 1)
    first = np.minimum(at.astype(int), _KNOTS - 2)
    t = at - first
    weights = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    out = np.zeros((len(there), _KNOTS))
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        np.add.at(out, (np.arange(len(there)), np.clip(first + offset, 0, _KNOTS - 1)), weight)
    return out


def surface_columns(points: Points, size: Size) -> Points:
    """(n, 10) terms of a cubic surface over a mono picture; outside it the edge goes on."""
    x, y = np.clip(2 * points / np.array([size[1], size[0]]) - 1, -1, 1).T
    terms = [x**i * y**j for i in range(4) for j in range(4 - i)]
    return np.stack(terms, axis=1)


def _carried(plane: Points, points: Points) -> Points:
    x = points @ plane[:, :2].T + plane[:, 2]
    return np.asarray(x[:, :2] / np.maximum(x[:, 2:], _LEAST_BELOW))


def _normaliser(size: Size) -> Points:
    """Pixels to coordinates that are 1 in the corners."""
    radius = np.hypot(*size) / 2
    return np.array([[1, 0, -size[1] / 2], [0, 1, -size[0] / 2], [0, 0, radius]]) / radius
