"""Two cameras as a calibration describes them: from rays to pixels and back.

Pixels have their centers at integer + 0.5 here too, so that the principal point of a rig is half a pixel more than
OpenCV's; ``PIXEL_CENTER`` here is the difference, and ``from_opencv`` and ``to_opencv`` take matrices across. A camera
looks along z, x points to the right and y down. ``Rig`` takes points from the mono camera to the color camera.

Lens models: "pinhole" is Brown's (1971) in OpenCV's form, rational and thin-prism terms included; "fisheye" is that of
Kannala and Brandt (2006), in which the picture of a ray lies at f * (a + k1 a^3 + k2 a^5 + k3 a^7 + k4 a^9), with a the
angle to the axis. The polynomials of both fold over beyond the rays that they were fitted to. There they are
continued by a straight line, so that what lies outside of a picture stays outside of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import Fact, Size

Array = NDArray[np.float64]
Model = Literal["pinhole", "fisheye"]

# Numbers of coefficients that belong together.
COUNTS: Mapping[str, tuple[int, ...]] = {"pinhole": (0, 4, 5, 8, 12), "fisheye": (0, 4)}
NAMES: Mapping[str, tuple[str, ...]] = {
    "pinhole": ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4"),
    "fisheye": ("k1", "k2", "k3", "k4"),
}
PIXEL_CENTER = 0.5
_HALF = np.array([[0, 0, PIXEL_CENTER], [0, 0, PIXEL_CENTER], [0, 0, 0]])
# Rays of a pinhole camera at this many focal lengths from the axis (87 degrees) stand for all beyond.
_FARTHEST = 20.0
_STEPS = 400
_RIGHT, _DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])
# Slopes along a radius beyond which a polynomial folds, or runs into a pole.
_FOLDS, _POLE = 0.02, 10.0
# The smallest slope with which it is continued there.
_SLOPE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A camera and its lens.

    Attributes:
        model: "pinhole" or "fisheye".
        size: height and width of its pictures.
        matrix: (3, 3) float64, focal lengths and principal point in pixels, centers at integer + 0.5.
        distortion: coefficients in OpenCV's order (``NAMES``).
    """

    model: Model
    size: Size
    matrix: Array
    distortion: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """Two cameras that are fixed to each other.

    Attributes:
        mono: the mono camera.
        color: the color camera.
        rotation: (3, 3) float64, and
        translation: (3,) float64, meters: a point X before the mono camera lies at rotation . X + translation
            before the color camera.
        facts: what is known about the calibration, by name.
    """

    mono: Camera
    color: Camera
    rotation: Array
    translation: Array
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def baseline(self) -> float:
        """Distance of the two cameras in meters."""
        return float(np.linalg.norm(self.translation))


def from_opencv(matrix: NDArray[np.floating]) -> Array:
    """A (3, 3) camera matrix with pixel centers at integers -> at integer + 0.5."""
    return np.asarray(matrix, np.float64) + _HALF


def to_opencv(matrix: NDArray[np.floating]) -> Array:
    """A (3, 3) camera matrix with pixel centers at integer + 0.5 -> at integers."""
    return np.asarray(matrix, np.float64) - _HALF


def scaled(camera: Camera, size: Size) -> Camera:
    """The same camera with pictures scaled to another (height, width)."""
    factors = np.array([[size[1] / camera.size[1]], [size[0] / camera.size[0]], [1.0]])
    return replace(camera, size=size, matrix=camera.matrix * factors)


def project(camera: Camera, rays: NDArray[np.floating]) -> Array:
    """Where a camera sees rays: (..., 3) of any length -> (..., 2) pixels.

    Finite for every ray but the zero vector's; rays from behind a pinhole camera are taken as far outside.
    """
    x, y, z = np.moveaxis(np.asarray(rays, np.float64), -1, 0)
    across = np.hypot(x, y)
    angle = np.arctan2(across, z)
    radius = np.minimum(np.tan(np.minimum(angle, 1.55)), _FARTHEST) if camera.model == "pinhole" else angle
    # On the axis the direction does not matter, but the ray straight behind needs one.
    on = across > 0
    unit = (
        np.stack([np.where(on, x, 1.0), np.where(on, y, 0.0)], axis=-1) / np.where(on, across, 1)[..., None]
    )
    return _bend(camera, unit * radius[..., None]) @ camera.matrix[:2, :2].T + camera.matrix[:2, 2]


def unproject(camera: Camera, pixels: NDArray[np.floating]) -> Array:
    """The rays that a camera's pixels see: (..., 2) pixels -> (..., 3) unit vectors; the inverse of ``project``."""
    focal = np.linalg.inv(camera.matrix[:2, :2])
    bent = (np.asarray(pixels, np.float64) - camera.matrix[:2, 2]) @ focal.T
    flat = _unbend(camera, bent)
    radius = np.linalg.norm(flat, axis=-1, keepdims=True)
    if camera.model == "pinhole":
        rays = np.concatenate([flat, np.ones_like(radius)], axis=-1)
        return rays / np.sqrt(1 + radius**2)
    # sin(radius) / radius, by way of numpy's sinc(x) = sin(pi x) / (pi x).
    return np.concatenate([flat * np.sinc(radius / np.pi), np.cos(radius)], axis=-1)


def reach(camera: Camera) -> float:
    """Radius, in focal lengths, of the rays beyond which the lens model folds over."""
    return _profile(camera).fold


def focal(camera: Camera) -> float:
    """Focal length in pixels, the mean of both axes."""
    return float(np.sqrt(camera.matrix[0, 0] * camera.matrix[1, 1]))


def _polynomial(camera: Camera, flat: Array) -> Array:
    """The lens model itself: (n, 2) undistorted -> distorted, in focal lengths, where it does not fold."""
    if camera.model == "fisheye":
        squared = (flat**2).sum(axis=-1, keepdims=True)
        grow = np.ones_like(squared)
        for power, k in enumerate(camera.distortion, start=1):
            grow = grow + k * squared**power
        return flat * grow
    if not any(camera.distortion) or not len(flat):
        return flat
    # Not OpenCV's projectPoints, which computes all derivatives as well and takes ten times as long.
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = np.resize(np.append(camera.distortion, np.zeros(12)), 12)
    x, y = flat.T
    r = x * x + y * y
    grow = (1 + r * (k1 + r * (k2 + r * k3))) / (1 + r * (k4 + r * (k5 + r * k6)))
    xy = 2 * x * y
    bent_x = x * grow + p1 * xy + p2 * (r + 2 * x * x) + r * (s1 + r * s2)
    bent_y = y * grow + p1 * (r + 2 * y * y) + p2 * xy + r * (s3 + r * s4)
    return np.stack([bent_x, bent_y], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """The lens model along a radius: undistorted radii, distorted ones, where it folds, and the slope from there on."""

    radii: Array
    bent: Array
    fold: float
    slope: float


@lru_cache(maxsize=64)
def _profile(camera: Camera) -> _Profile:
    # Closer together near the axis, where pictures are.
    steps = np.linspace(0, 1, _STEPS)
    radii = np.pi * steps if camera.model == "fisheye" else _FARTHEST * steps**3
    # Tangential and prism terms have no place on a radius.
    radial = [
        v if name[0] == "k" else 0.0 for name, v in zip(NAMES[camera.model], camera.distortion, strict=False)
    ]
    straight = replace(camera, distortion=tuple(radial))
    bent = _polynomial(straight, np.stack([radii, np.zeros_like(radii)], axis=-1))[:, 0]
    slopes = np.diff(bent) / np.diff(radii)
    folds = np.flatnonzero(~((slopes > _FOLDS) & (slopes < _POLE)))
    last = int(folds[0]) if len(folds) else _STEPS - 1
    # Not the slope at the fold itself: there it is anything.
    slope = max(_SLOPE, float(np.mean(slopes[int(0.7 * last) : int(0.9 * last) + 1])))
    bent[last + 1 :] = bent[last] + slope * (radii[last + 1 :] - radii[last])
    return _Profile(radii, bent, float(radii[last]), slope)


def _bend(camera: Camera, flat: Array, profile: _Profile | None = None) -> Array:
    """Distort (..., 2), in focal lengths, continued by a line beyond the fold."""
    shape, flat = flat.shape, flat.reshape(-1, 2)
    known = profile or _profile(camera)
    radius = np.linalg.norm(flat, axis=-1, keepdims=True)
    within = flat * (np.minimum(radius, known.fold) / np.maximum(radius, 1e-12))
    return (_polynomial(camera, within) + known.slope * (flat - within)).reshape(shape)


def _unbend(camera: Camera, bent: Array) -> Array:
    """Undo ``_bend``: the radius from the profile, then Newton's steps for what is not radial."""
    shape, bent = bent.shape, bent.reshape(-1, 2)
    known = _profile(camera)
    length = np.linalg.norm(bent, axis=-1)
    flat = bent * (np.interp(length, known.bent, known.radii) / np.maximum(length, 1e-12))[:, None]
    step = 1e-6
    for _ in range(6):
        here = _bend(camera, flat, known)
        missing = bent - here
        if np.abs(missing).max(initial=0.0) < 1e-12:
            break
        right = (_bend(camera, flat + step * _RIGHT, known) - here) / step
        down = (_bend(camera, flat + step * _DOWN, known) - here) / step
        determinant = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
        determinant = np.where(np.abs(determinant) > 1e-9, determinant, 1e-9)
        x = (missing[:, 0] * down[:, 1] - missing[:, 1] * down[:, 0]) / determinant
        y = (right[:, 0] * missing[:, 1] - right[:, 1] * missing[:, 0]) / determinant
        # A tenth of a focal length at most, so that no step jumps over the fold.
        flat = flat + np.clip(np.stack([x, y], axis=-1), -0.1, 0.1)
    return flat.reshape(shape)
