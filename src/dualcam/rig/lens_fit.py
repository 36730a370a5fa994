"""Fitting lenses, rows and surfaces to matches, robustly: a wrong match or a far one has little say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dualcam.rig.lens import Lens, Model, Points

_ROUNDS = 25


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
    here = best.to_color(mono)
    residual, fresh = _turned(color - here, axis), True
    for _ in range(_ROUNDS):
        if fresh:
            spread = _spreads(residual)
            weight, loss = _weights(residual, spread), _loss(residual, spread)
            slopes = _turned(best.slopes(mono, bends), axis).swapaxes(1, 2)
            flat = (slopes * weight[..., None]).reshape(-1, len(free))
            normal = flat.T @ slopes.reshape(-1, len(free)) + np.diag(stiff)
            target = flat.T @ residual.ravel() - stiff * values[free]
            fresh = False
        moved = values.copy()
        moved[free] += np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), target)
        tried = model(moved)
        if not (tried.mono.is_sane and tried.color.is_sane):
            damping *= 10
            if damping > 1e6:
                break
            continue
        there = tried.to_color(mono)
        after = _turned(color - there, axis)
        if _loss(after, spread) <= loss:
            small = float(np.abs(there - here).max()) < 1e-3
            values, best, here, residual, damping = moved, tried, there, after, max(damping / 10, 1e-9)
            fresh = True
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
        left = turned - columns @ found
        weight = _weights(left, _spreads(left))
        for i in (0, 1):
            normal = columns.T @ (weight[:, i : i + 1] * columns)
            normal += stiff * weight[:, i].sum() * np.eye(len(normal)) / len(normal)
            found[:, i] = np.linalg.solve(normal, columns.T @ (weight[:, i] * turned[:, i]))
    return np.asarray(found @ _rotation(axis))


def spread_of(values: Points) -> float:
    """Robust standard deviation about zero, in color pixels, never under a third of a pixel."""
    return max(float(np.median(np.abs(values))) / 0.6745, 1 / 3)


def _spreads(turned: Points) -> Points:
    """Those of both components of (n, 2)."""
    return np.array([spread_of(turned[:, i]) for i in (0, 1)])


def _weights(turned: Points, spread: Points) -> Points:
    return np.asarray(1 / (spread**2 * (1 + (turned / (2 * spread)) ** 2)))


def _loss(turned: Points, spread: Points) -> float:
    """Cauchy's loss."""
    return float(np.log1p((turned / (2 * spread)) ** 2).sum())


def _rotation(axis: Points) -> Points:
    return np.array([axis, [-axis[1], axis[0]]])


def _turned(vectors: Points, axis: Points) -> Points:
    """Components along and across the axis."""
    return np.asarray(vectors @ _rotation(axis).T)
