"""Bending: whether the matches show more than a homography, and the simplest map that says it.

A scene with depth scatters its matches along one direction, from camera to camera. Distortion and rolling shutters move
them across it too, and smoothly: a richer map is taken only where it predicts the position *across* that direction, of
matches in parts of the picture that it was not fitted to, clearly better than the simpler one. So parallax is never
fitted away, and a straight rig stays straight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import Bend, Size
from dualcam.rig import lens, lens_fit, mapping, warp
from dualcam.rig.features import Matches
from dualcam.rig.lens import Model, Points

LEAST = 40
# The picture is cut into so many parts either way, with many matches and with few; a part is held out as a whole.
_CELLS, _FEW_CELLS, _MANY = 6, 4, 100
_FOLDS = 4
_LEAST_CELLS = 8
_MOST_MATCHES = 1500
# A richer map has to leave less than this share of the simpler one's error, by so many color pixels, and so many
# standard errors; another homography, which flow makes up for, has to be clearly better.
_SHARE, _PIXELS, _SURE = 0.85, 0.1, 3.0
_FLAT_SHARE, _FLAT_PIXELS = 0.6, 0.75
_NODES = (49, 65)
_STIFF = 1e-3
# Local enlargement within the picture may differ from that in its middle by this factor.
_MOST_STRETCH = 8.0

Step = Callable[[Model, Points, Points, Points], Model]
"""Makes a map richer: from the simpler one, matches in mono and in color, and the axis of the parallax."""


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    """Matches and how they are judged.

    Attributes:
        mono: (n, 2) pixels.
        color: (n, 2) pixels.
        cell: (n,) which part of the mono picture.
        fold: (n,) with which other parts it is held out.
        axis: (2,) direction of the parallax in the color picture.
    """

    mono: Points
    color: Points
    cell: NDArray[np.intp]
    fold: NDArray[np.intp]
    axis: Points

    def error(self, residual: Points) -> Points:
        """What is judged: (n, 2) residuals -> (n,) color pixels across the axis."""
        return np.asarray(np.abs(residual @ np.array([-self.axis[1], self.axis[0]])))


def find_model(
    matches: Matches, matrix: NDArray[np.float64], mono: Size, color: Size, least: int = LEAST
) -> Model | None:
    """The simplest model that explains the matches as well as any.

    Args:
        matches: those that agree roughly with the matrix.
        matrix: (3, 3) from mono to color pixels, the simplest explanation.
        mono: height and width of the mono picture.
        color: the same of the color picture.
        least: matches that a richer map needs.

    Returns:
        The model; None where the matrix explains the matches as well.
    """
    plain = lens.from_matrix(matrix, mono, color)
    evidence = _evidence(matches, plain, least)
    if evidence is None:
        return None
    unbent = evidence.error(evidence.color - plain.to_color(evidence.mono))
    # A quick look: most pairs show nothing. Few matches cannot carry what is looked with.
    many = len(unbent) >= _MANY
    if many and not _better(evidence, unbent, _held_out(evidence, _flexible, plain)):
        return None
    # Lenses, rows and a surface have to beat the best homography, whether or not that is better than the matrix.
    flat = _held_out(evidence, _LENSES[0], plain)
    best, left = plain, min(unbent, flat, key=lambda errors: float(errors.mean()))
    for step in (*_LENSES[1:], _with_rows, _with_surface):
        tried = _held_out(evidence, step, best)
        if _better(evidence, left, tried):
            found = step(best, evidence.mono, evidence.color, evidence.axis)
            if _is_sane(found):
                best, left = found, tried
    if best is not plain:
        return best
    found = _LENSES[0](plain, evidence.mono, evidence.color, evidence.axis)
    clearly = _better(evidence, unbent, flat, _FLAT_SHARE, _FLAT_PIXELS)
    return found if clearly and _is_sane(found) else None


def is_flat(model: Model) -> bool:
    """Whether a model is nothing but a homography."""
    straight = model.mono.bends == (0.0, 0.0) == model.color.bends
    return straight and model.rows is None and model.surface is None


def bend_of(model: Model, matrix: NDArray[np.float64]) -> Bend | None:
    """What a model says beyond a matrix, as fields of corrections; None where it cannot be inverted."""
    here = mapping.nodes(*_NODES, model.mono.size)
    forward = (model.to_color(here) - warp.transform(matrix, here)).astype(np.float32)
    there = mapping.nodes(*_NODES, model.color.size)
    back = _inverted(model, matrix, there)
    backward = (back - warp.transform(np.linalg.inv(matrix), there)).astype(np.float32)
    if not (np.isfinite(forward).all() and np.isfinite(backward).all()):
        return None
    return Bend(forward, backward)


def _inverted(model: Model, matrix: NDArray[np.float64], there: NDArray[np.float32]) -> Points:
    """Mono positions that the model takes to color positions, by Newton's method with the slope found on the way."""
    wanted = there.astype(np.float64)
    guess = warp.transform(np.linalg.inv(matrix), there).astype(np.float64)
    # Beyond the mono picture there is nothing to look up; far beyond it the model means nothing.
    size = np.array([model.mono.size[1], model.mono.size[0]], np.float64)
    guess = np.clip(guess, -0.5 * size, 1.5 * size)
    best, best_miss = guess, np.full(guess.shape[:-1], np.inf)
    for _ in range(20):
        found = model.to_color(guess)
        error = wanted - found
        miss = np.linalg.norm(error, axis=-1)
        better = miss < best_miss
        best, best_miss = np.where(better[..., None], guess, best), np.minimum(miss, best_miss)
        if best_miss.max() < 1e-3:
            break
        slopes = np.stack(
            [model.to_color(guess + step) - found for step in (np.array([1.0, 0]), np.array([0, 1.0]))],
            axis=-1,
        )
        determinant = slopes[..., 0, 0] * slopes[..., 1, 1] - slopes[..., 0, 1] * slopes[..., 1, 0]
        determinant = np.where(np.abs(determinant) < 1e-6, np.inf, determinant)
        x = (slopes[..., 1, 1] * error[..., 0] - slopes[..., 0, 1] * error[..., 1]) / determinant
        y = (slopes[..., 0, 0] * error[..., 1] - slopes[..., 1, 0] * error[..., 0]) / determinant
        step = np.stack([x, y], axis=-1)
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        step *= np.minimum(1, 0.1 * size.max() / np.maximum(length, 1e-9))
        guess = np.clip(guess + step, -0.5 * size, 1.5 * size)
    return best


def _evidence(matches: Matches, plain: Model, least: int) -> _Evidence | None:
    if len(matches) < least:
        return None
    step = -(-len(matches) // _MOST_MATCHES)
    mono, color = (p[::step].astype(np.float64) for p in (matches.mono, matches.color))
    parts = _CELLS if len(matches) >= _MANY else _FEW_CELLS
    height, width = plain.mono.size
    x, y = np.clip((mono / [width / parts, height / parts]).astype(np.intp), 0, parts - 1).T
    cell = x + parts * y
    if np.count_nonzero(np.bincount(cell) >= 2) < _LEAST_CELLS:
        return None
    # Along and across do not matter for what fits anything.
    flexible = _flexible(plain, mono, color, np.array([1.0, 0.0]))
    # Neighboring parts belong to different folds.
    fold = (x + 2 * y) % _FOLDS
    return _Evidence(mono, color, cell, fold, _main_direction(color - flexible.to_color(mono)))


def _main_direction(residual: Points) -> Points:
    """The direction (2,) across which residuals (n, 2) are smallest: the median does not see the wild ones."""
    best = 0.0
    for tries, width in ((90, np.pi / 2), (21, np.pi / 90), (21, np.pi / 900)):
        angles = best + np.linspace(-width, width, tries, endpoint=False)
        across = np.stack([-np.sin(angles), np.cos(angles)])
        best = float(angles[np.median(np.abs(residual @ across), axis=0).argmin()])
    return np.array([np.cos(best), np.sin(best)])


def _flexible(base: Model, mono: Points, color: Points, axis: Points) -> Model:
    """Anything smooth, quickly: a surface and rows on top."""
    columns = lens.surface_columns(mono, base.mono.size)
    surface = lens_fit.fit_linear(columns, color - base.to_color(mono), axis, _STIFF)
    return _add_rows(replace(base, surface=surface), mono, color, axis)


def _with_lenses(base: Model, mono: Points, color: Points, axis: Points, *, bends: tuple[int, int]) -> Model:
    return lens_fit.fit_lenses(base, mono, color, bends, axis)


def _with_rows(base: Model, mono: Points, color: Points, axis: Points) -> Model:
    return _add_rows(_fitted(base, mono, color, axis), mono, color, axis)


def _with_surface(base: Model, mono: Points, color: Points, axis: Points) -> Model:
    """Across the axis only: along it, a surface would follow the scene's depth."""
    base = _fitted(base, mono, color, axis)
    columns = lens.surface_columns(mono, base.mono.size)
    found = lens_fit.fit_linear(columns, color - base.to_color(mono), axis, _STIFF)
    other = np.array([-axis[1], axis[0]])
    return replace(base, surface=np.outer(found @ other, other))


def _add_rows(base: Model, mono: Points, color: Points, axis: Points) -> Model:
    there = base.to_color(mono)
    columns = lens.row_columns(there, base.color.size)
    return replace(base, rows=lens_fit.fit_linear(columns, color - there, axis, _STIFF))


def _fitted(base: Model, mono: Points, color: Points, axis: Points) -> Model:
    """What rows and surfaces lie on: a homography of its own, where nothing is fitted yet."""
    return lens_fit.fit_lenses(base, mono, color, (0, 0), axis) if is_flat(base) else base


_LENSES: tuple[Step, ...] = tuple(
    partial(_with_lenses, bends=bends) for bends in ((0, 0), (0, 1), (1, 1), (2, 2))
)


def _held_out(evidence: _Evidence, step: Step, base: Model) -> Points:
    """Error (n,) of every match by a fit to the other folds."""
    out = np.zeros(len(evidence.fold))
    for k in range(_FOLDS):
        own = evidence.fold == k
        if not own.any() or own.all():
            continue
        found = step(base, evidence.mono[~own], evidence.color[~own], evidence.axis)
        out[own] = evidence.error(evidence.color[own] - found.to_color(evidence.mono[own]))
    return out


def _better(
    evidence: _Evidence, before: Points, after: Points, share: float = _SHARE, pixels: float = _PIXELS
) -> bool:
    """Whether errors have become smaller for good, part by part of the picture."""
    limit = 4 * float(np.median(before)) + 0.3
    before, after = np.minimum(before, limit), np.minimum(after, limit)
    if after.mean() > share * before.mean():
        return False
    many = np.bincount(evidence.cell)
    gain = np.bincount(evidence.cell, before - after)[many >= 2] / many[many >= 2]
    # Parts with many matches say more, but not in proportion: neighbors err together.
    weight = np.sqrt(many[many >= 2])
    mean = float(np.average(gain, weights=weight))
    error = float(np.sqrt(np.average((gain - mean) ** 2, weights=weight) / len(gain)))
    return mean > pixels and mean > _SURE * error


def _is_sane(model: Model) -> bool:
    """Whether the map keeps its orientation and a believable enlargement wherever it meets the color picture."""
    here = mapping.nodes(25, 33, model.mono.size)
    there = model.to_color(here)
    right, down = np.diff(there, axis=1)[:-1], np.diff(there, axis=0)[:, :-1]
    area = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
    size = np.array([model.color.size[1], model.color.size[0]])
    seen = np.asarray(((there > -0.1 * size) & (there < 1.1 * size)).all(-1))[:-1, :-1]
    if not np.isfinite(there).all() or seen.sum() < 16:
        return False
    inside = area[seen]
    middle = float(np.median(inside))
    return bool(
        middle > 0 and inside.min() > middle / _MOST_STRETCH and inside.max() < middle * _MOST_STRETCH
    )
