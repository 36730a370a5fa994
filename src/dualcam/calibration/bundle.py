"""Bundle adjustment: what all pictures share, and the pose of the board in each, fitted together and robustly.

Levenberg and Marquardt's steps with the poses eliminated (Schur complement; Triggs et al. 2000), Huber's weights, and
derivatives by differences: a few dozen pictures of a board take a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Residual = Callable[[Array, Array, int], Array]
"""Shared parameters (p,), pose (6,) and number of a view -> (m, 2) residuals in pixels."""

_STEP = 1e-6
# Residuals beyond this many pixels count less.
_HUBER_PX = 0.7
_ROUNDS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Adjusted:
    """A fit: the ``shared`` parameters (p,), the ``poses`` (n, 6), and the ``deviation`` (p,) of the shared ones."""

    shared: Array
    poses: Array
    deviation: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Normal:
    """Normal equations, the poses' blocks apart, and the cost."""

    shared: Array
    mixed: Array
    poses: Array
    gradient: Array
    pose_gradients: Array
    cost: float
    count: int


def adjust(residual: Residual, shared: Array, poses: Sequence[Array], scale: Array | None = None) -> Adjusted:
    """Fit shared parameters and poses.

    Args:
        residual: what is to become small.
        shared: (p,) where to begin; may be empty.
        poses: where to begin, (6,) each: rotation vector and translation.
        scale: (p,) size of a meaningful change of every shared parameter, for the differences.
    """
    shared, turned = np.asarray(shared, np.float64), np.array(poses, np.float64)
    scale = np.ones_like(shared) if scale is None else scale
    damping, here = 1e-3, _normal(residual, shared, turned, scale)
    for _ in range(_ROUNDS):
        step, steps = _solve(here, damping)
        there = shared + step, turned + steps
        cost = _cost(residual, *there)
        if not cost < here.cost:
            damping *= 8
            if damping > 1e8:
                break
            continue
        gained = (here.cost - cost) / max(here.cost, 1e-12)
        shared, turned = there
        here = _normal(residual, shared, turned, scale)
        damping = max(damping / 8, 1e-9)
        if gained < 1e-6:
            break
    return Adjusted(shared, turned, _deviation(here))


def to_pose(rotation: Array, translation: Array) -> Array:
    """A (3, 3) rotation and (3,) translation -> (6,)."""
    return np.concatenate([cv2.Rodrigues(rotation)[0].ravel(), np.ravel(translation)])


def moved(pose: Array, points: Array) -> Array:
    """Points (n, 3), turned and shifted by a pose (6,)."""
    return points @ np.asarray(cv2.Rodrigues(pose[:3])[0], np.float64).T + pose[3:]


def _weights(residuals: Array) -> Array:
    length = np.linalg.norm(residuals, axis=1)
    return np.minimum(1, _HUBER_PX / np.maximum(length, 1e-12))


def _cost(residual: Residual, shared: Array, poses: Array) -> float:
    total = 0.0
    for i, pose in enumerate(poses):
        length = np.linalg.norm(residual(shared, pose, i), axis=1)
        linear = _HUBER_PX * (2 * length - _HUBER_PX)
        total += float(np.where(length <= _HUBER_PX, length**2, linear).sum())
    return total if np.isfinite(total) else np.inf


def _normal(residual: Residual, shared: Array, poses: Array, scale: Array) -> _Normal:
    p, n = len(shared), len(poses)
    found = _Normal(
        np.zeros((p, p)), np.zeros((n, p, 6)), np.zeros((n, 6, 6)), np.zeros(p), np.zeros((n, 6)), 0.0, 0
    )
    count = 0
    for i, pose in enumerate(poses):
        here = residual(shared, pose, i)
        weights = np.repeat(np.sqrt(_weights(here)), 2)
        columns = []
        for j in range(p):
            step = np.zeros(p)
            step[j] = _STEP * scale[j]
            columns.append((residual(shared + step, pose, i) - here).ravel() / step[j])
        for j in range(6):
            step = np.zeros(6)
            step[j] = _STEP
            columns.append((residual(shared, pose + step, i) - here).ravel() / _STEP)
        slopes = np.stack(columns, axis=1) * weights[:, None]
        errors = here.ravel() * weights
        first, second = slopes[:, :p], slopes[:, p:]
        found.shared[:] += first.T @ first
        found.mixed[i] = first.T @ second
        found.poses[i] = second.T @ second
        found.gradient[:] += first.T @ errors
        found.pose_gradients[i] = second.T @ errors
        count += errors.size
    return _Normal(
        found.shared,
        found.mixed,
        found.poses,
        found.gradient,
        found.pose_gradients,
        _cost(residual, shared, poses),
        count,
    )


def _damped(block: Array, damping: float) -> Array:
    diagonal = np.diagonal(block, axis1=-2, axis2=-1)
    return block + damping * np.eye(block.shape[-1]) * np.maximum(diagonal, 1e-9)[..., None]


def _solve(normal: _Normal, damping: float) -> tuple[Array, Array]:
    inverse = np.linalg.inv(_damped(normal.poses, damping))
    carried = normal.mixed @ inverse
    reduced = _damped(normal.shared, damping) - np.einsum("nij,nkj->ik", carried, normal.mixed)
    right = -normal.gradient + np.einsum("nij,nj->i", carried, normal.pose_gradients)
    step = np.linalg.lstsq(reduced, right, rcond=None)[0] if len(right) else right
    rest = -normal.pose_gradients - np.einsum("npi,p->ni", normal.mixed, step)
    return step, np.einsum("nij,nj->ni", inverse, rest)


def _deviation(normal: _Normal) -> Array:
    """Standard deviations of the shared parameters, from the curvature and the residuals left."""
    if not len(normal.gradient):
        return np.empty(0)
    carried = normal.mixed @ np.linalg.inv(_damped(normal.poses, 1e-9))
    reduced = normal.shared - np.einsum("nij,nkj->ik", carried, normal.mixed)
    free = max(1, normal.count - len(normal.gradient) - 6 * len(normal.poses))
    variance = np.diagonal(np.linalg.pinv(reduced)) * normal.cost / free
    return np.sqrt(np.maximum(variance, 0))
