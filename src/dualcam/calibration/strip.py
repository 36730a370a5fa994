"""Both views of a pair, rectified, side by side under lines: a right calibration has each line meet the same things."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray
from dualcam.rig import warp
from dualcam.rig.cameras import Array, Camera, Rig, focal, project, unproject

_LONGEST = 1000
_LINES = 16
_LINE = np.array([0.1, 0.9, 0.3], np.float32)
# A flat picture cannot show more of a fisheye's view than this, in focal lengths from the middle.
_WIDEST = 1.2


def strip(rig: Rig, mono: FloatArray, color: FloatArray) -> FloatArray:
    """Show a pair as a parallel rig would have taken it.

    Args:
        rig: the rig.
        mono: (H, W) or (H, W, 1) float32, display, of the size of the rig's mono camera.
        color: (h, w, 3) float32, display, of the size of its color camera.

    Returns:
        (H', W', 3) float32, display: mono left and color right with lines across; for cameras above each other,
        mono above color with lines down.
    """
    views = [_view(rig, camera, turn, picture) for camera, turn, picture in _turned(rig, mono, color)]
    upright = _upright(rig)
    if upright:
        views = [np.ascontiguousarray(view.transpose(1, 0, 2)) for view in views]
    for view in views:
        for line in np.linspace(0, view.shape[0] - 1, _LINES + 2)[1:-1].astype(int):
            view[line] = 0.4 * view[line] + 0.6 * _LINE
    both = np.concatenate(views, axis=1)
    return np.ascontiguousarray(both.transpose(1, 0, 2)) if upright else both


def _upright(rig: Rig) -> bool:
    """Whether the cameras stand above each other rather than side by side."""
    return bool(abs(rig.translation[1]) > abs(rig.translation[0]))


def _axes(rig: Rig) -> Array:
    """(3, 3) rotation from the mono camera to a view whose rows (or columns) follow the baseline."""
    center = -rig.rotation.T @ rig.translation
    length = np.linalg.norm(center)
    along = center / length if length > 1e-9 else np.array([1.0, 0, 0])
    z = np.array([0, 0, 1.0]) + rig.rotation.T @ [0, 0, 1.0]
    if _upright(rig):
        y = along * np.sign(along[1])
        x = np.cross(y, z)
        x /= np.linalg.norm(x)
        return np.stack([x, y, np.cross(x, y)])
    x = along * (np.sign(along[0]) or 1)
    y = np.cross(z, x)
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)])


def _turned(
    rig: Rig, mono: FloatArray, color: FloatArray
) -> tuple[tuple[Camera, Array, FloatArray], tuple[Camera, Array, FloatArray]]:
    gray = np.repeat(mono.reshape(*mono.shape[:2], 1), 3, axis=2)
    axes = _axes(rig)
    return (rig.mono, axes, gray), (rig.color, axes @ rig.rotation.T, color)


def _view(rig: Rig, camera: Camera, turn: Array, picture: FloatArray) -> FloatArray:
    """A picture as a flat camera turned by ``turn`` would have taken it; the same camera for both."""
    edge = _reach(rig)
    factor = min(1.0, _LONGEST / (2 * focal(rig.mono) * edge.max()))
    f = focal(rig.mono) * factor
    width, height = (max(16, round(float(2 * f * e))) for e in edge)
    flat = (warp.centers(height, width).astype(np.float64) - [width / 2, height / 2]) / f
    rays = np.concatenate([flat, np.ones((height, width, 1))], axis=-1) @ turn
    places: NDArray[np.float32] = project(camera, rays).astype(np.float32)
    return np.clip(warp.resample(picture, places, interpolation=cv2.INTER_LINEAR, outside=0.0), 0, 1)


def _reach(rig: Rig) -> Array:
    """How far the mono picture reaches to the right and down from its middle, in focal lengths."""
    height, width = rig.mono.size
    rays = unproject(
        rig.mono, np.array([[0, height / 2], [width, height / 2], [width / 2, 0], [width / 2, height]])
    )
    flat = np.abs(rays[:, :2] / np.maximum(rays[:, 2:], 0.3))
    return np.clip([flat[:2, 0].max(), flat[2:, 1].max()], 0.01, _WIDEST)
