"""What two lenses and a rolling shutter do to positions: a few numbers, fitted robustly to matches.

A mono position is straightened by its lens, carried by a homography, bent by the color camera's lens, and moved with
its row. Lenses follow the division model (Fitzgibbon 2001) with two coefficients, which also describes fisheyes: a
point at the radius r of the picture belongs at r / (1 + k1 r^2 + k2 r^4), with r = 1 in the corners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
_ROUNDS = 25


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
        return np.asarray(away / np.maximum(1 + self.bends[0] * r2 + self.bends[1] * r2**2, 0.05))

    def bent(self, straight: Points) -> Points:
        """Undo ``straightened``; beyond 1.6 times the corners' radius the curve goes on as a line."""
        if self.bends == (0.0, 0.0):
            return np.asarray(straight * self._radius + self._middle)
        table = self._table()
        r = np.sqrt((straight**2).sum(-1, keepdims=True))
        inner = np.interp(r, table, _TABLE)
        grow = np.where(r > 1e-9, inner / np.maximum(r, 1e-9), 1.0)
        return np.asarray(straight * grow * self._radius + self._middle)

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
        curve = _TABLE / np.maximum(denominator, 0.05)
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


def fit_lenses(start: Model, mono: Points, color: Points, bends: tuple[int, int], axis: Points) -> Model:
    """Fit homography and lens coefficients: damped Gauss-Newton on residuals with Cauchy weights.

    Args:
        start: where to begin; its rows and surface are dropped.
        mono: (n, 2) pixels.
        color: (n, 2) pixels, where the same points are seen.
        bends: how many coefficients of the mono and of the color lens are free, 0 to 2 each.
        axis: (2,) unit vector along which parallax may lie, in color pixels; along and across it residuals are
            weighed by their own spread.
    """
    free = [*range(8), *(8 + i for i in range(bends[0])), *(10 + i for i in range(bends[1]))]
    start = replace(start, rows=None, surface=None)
    values = np.concatenate([start.plane.ravel()[:8], start.mono.bends, start.color.bends])

    def model(v: Points) -> Model:
        lenses = (Lens(start.mono.size, (v[8], v[9])), Lens(start.color.size, (v[10], v[11])))
        return Model(*lenses, np.append(v[:8], 1.0).reshape(3, 3))

    # Perspective and bends start small and stay small unless the matches ask for more.
    stiff = np.array([0, 0, 0, 0, 0, 0, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3])[free] * len(mono)
    damping, best = 1e-3, model(values)
    residual = _turned(color - best.to_color(mono), axis)
    for _ in range(_ROUNDS):
        weight = _weights(residual)
        slopes = np.empty((len(mono), 2, len(free)))
        for column, i in enumerate(free):
            step = values.copy()
            step[i] += 1e-5
            slopes[:, :, column] = _turned(model(step).to_color(mono) - best.to_color(mono), axis) / 1e-5
        flat = (slopes * weight[..., None]).reshape(-1, len(free))
        normal = flat.T @ slopes.reshape(-1, len(free)) + np.diag(stiff)
        target = flat.T @ residual.ravel() - stiff * values[free]
        moved = values.copy()
        moved[free] += np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), target)
        tried = model(moved)
        if not (tried.mono.is_sane and tried.color.is_sane):
            damping *= 10
            if damping > 1e6:
                break
            continue
        after = _turned(color - tried.to_color(mono), axis)
        if _loss(after, residual) <= _loss(residual, residual):
            small = float(np.abs(tried.to_color(mono) - best.to_color(mono)).max()) < 1e-3
            values, best, residual, damping = moved, tried, after, max(damping / 10, 1e-9)
            if small:
                break
        else:
            damping *= 10
            if damping > 1e6:
                break
    return best


def fit_linear(columns: Points, residual: Points, axis: Points, stiff: float) -> Points:
    """Fit a linear model to residuals with Cauchy weights.

    Args:
        columns: (n, k).
        residual: (n, 2) color pixels.
        axis: as in ``fit_lenses``.
        stiff: weight of the wish that every coefficient is 0, as a share of that of the matches.

    Returns:
        (k, 2) coefficients.
    """
    turned, found = _turned(residual, axis), np.zeros((columns.shape[1], 2))
    for _ in range(10):
        weight = _weights(turned - columns @ found)
        for i in (0, 1):
            normal = columns.T @ (weight[:, i : i + 1] * columns)
            normal += stiff * weight[:, i].sum() * np.eye(len(normal)) / len(normal)
            found[:, i] = np.linalg.solve(normal, columns.T @ (weight[:, i] * turned[:, i]))
    return np.asarray(found @ _rotation(axis))


def spread_of(values: Points) -> float:
    """Robust standard deviation about zero, in color pixels, never under a third of a pixel."""
    return max(float(np.median(np.abs(values))) / 0.6745, 1 / 3)


def _weights(turned: Points) -> Points:
    spread = np.array([spread_of(turned[:, i]) for i in (0, 1)])
    return np.asarray(1 / (spread**2 * (1 + (turned / (2 * spread)) ** 2)))


def _loss(turned: Points, before: Points) -> float:
    """Cauchy's loss with the spreads of the residuals before."""
    spread = np.array([spread_of(before[:, i]) for i in (0, 1)])
    return float(np.log1p((turned / (2 * spread)) ** 2).sum())


def _rotation(axis: Points) -> Points:
    return np.array([axis, [-axis[1], axis[0]]])


def _turned(vectors: Points, axis: Points) -> Points:
    """Components along and across the axis."""
    return np.asarray(vectors @ _rotation(axis).T)


def _carried(plane: Points, points: Points) -> Points:
    x = points @ plane[:, :2].T + plane[:, 2]
    return np.asarray(x[:, :2] / np.maximum(x[:, 2:], 0.05))


def _normaliser(size: Size) -> Points:
    """Pixels to coordinates that are 1 in the corners."""
    radius = np.hypot(*size) / 2
    return np.array([[1, 0, -size[1] / 2], [0, 1, -size[0] / 2], [0, 0, radius]]) / radius
