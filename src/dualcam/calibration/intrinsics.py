"""One camera from its pictures of the board: focal length, principal point, distortion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.calibration.bundle import adjust, moved
from dualcam.calibration.detect import Corners
from dualcam.errors import InputError
from dualcam.frame import Size
from dualcam.rig.cameras import Camera, focal, project, reach, unproject

Array = NDArray[np.float64]
Lens = Literal["pinhole", "rational", "fisheye"]
# How many coefficients each has, beside two focal lengths and the principal point.
LENSES: dict[Lens, int] = {"pinhole": 5, "rational": 8, "fisheye": 4}
# From here on corners tell a pose. Fewer on one line would not.
LEAST_CORNERS = 8
LEAST_PICTURES = 5
# From the simplest on: the first that is this near to the best on pictures held back is taken.
_BY_SIMPLICITY: tuple[Lens, ...] = ("pinhole", "fisheye", "rational")
_NEAR = 1.1
_FOLDS = 3
# What goes wrong where a lens model cannot explain the pictures.
_IMPOSSIBLE = (InputError, cv2.error, np.linalg.LinAlgError)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A calibrated camera.

    Attributes:
        camera: the camera.
        lens: which lens model was fitted.
        poses: (n, 6), of the board in every picture.
        rms_px: (n,) reprojection error of every picture.
        deviation: standard deviations of fx, fy, cx, cy, in pixels, then of the coefficients.
    """

    camera: Camera
    lens: Lens
    poses: Array
    rms_px: Array
    deviation: Array


def fit(lens: Lens, size: Size, board: Array, views: Sequence[Corners], start: Camera | None = None) -> Fit:
    """Calibrate a camera.

    Args:
        lens: the lens model.
        size: height and width of the pictures.
        board: (n, 3) corners of the board in meters.
        views: what was found of it.
        start: a camera to begin with; None looks for one.

    Raises:
        InputError: too few pictures, or no camera explains them.
    """
    if len(views) < LEAST_PICTURES:
        raise InputError(
            f"{len(views)} usable pictures of the board are too few to calibrate a camera.",
            f"Take at least {LEAST_PICTURES}, better 20: tilted, near and far, in every corner of the picture.",
        )
    if start is None:
        make = _fisheye_start if lens == "fisheye" else _pinhole_start
        start = make(lens, size, board, views)
    begun = start
    poses = [pose_of(begun, board, view, refined=False) for view in views]
    count = LENSES[lens]

    @lru_cache(maxsize=64)
    def camera_of(shared: bytes) -> Camera:
        # The same camera for all views, so that what belongs to its lens is worked out once.
        return _camera(begun, np.frombuffer(shared), count)

    def residual(shared: Array, pose: Array, i: int) -> Array:
        camera = camera_of(shared.tobytes())
        return project(camera, moved(pose, board[views[i].numbers])) - views[i].pixels

    begin = np.concatenate([_four(begun), np.resize(np.append(begun.distortion, np.zeros(count)), count)])
    scale = np.concatenate([np.full(4, focal(begun)), np.ones(count)])
    found = adjust(residual, begin, poses, scale)
    camera = _camera(begun, found.shared, count)
    errors = [_rms(residual(found.shared, pose, i)) for i, pose in enumerate(found.poses)]
    return Fit(camera, lens, found.poses, np.array(errors), found.deviation)


def held_out(lens: Lens, size: Size, board: Array, views: Sequence[Corners]) -> float:
    """Reprojection error (RMS, pixels) on pictures that took no part in the fit; infinite where none is possible."""
    errors, folds = [], min(_FOLDS, len(views) - LEAST_PICTURES + 1)
    if folds < 2:
        return float("inf")
    try:
        start = fit(lens, size, board, views).camera
    except _IMPOSSIBLE:
        return float("inf")
    for fold in range(folds):
        kept = [view for i, view in enumerate(views) if i % folds != fold]
        if len(kept) < LEAST_PICTURES:
            return float("inf")
        try:
            # Begun with what all pictures say, which saves time; the fit does not remember where it began.
            camera = fit(lens, size, board, kept, start).camera
        except _IMPOSSIBLE:
            return float("inf")
        for view in views[fold::folds]:
            pose = pose_of(camera, board, view)
            errors.append(_rms(project(camera, moved(pose, board[view.numbers])) - view.pixels))
    # The median: one bad picture must not choose the lens.
    return float(np.median(errors))


def choose(size: Size, board: Array, views: Sequence[Corners]) -> tuple[Lens, dict[Lens, float]]:
    """The simplest lens model that describes pictures that it has not seen, and the errors of all."""
    errors: dict[Lens, float] = {lens: held_out(lens, size, board, views) for lens in LENSES}
    limit = _NEAR * min(errors.values())
    return next((lens for lens in _BY_SIMPLICITY if errors[lens] <= limit), "pinhole"), errors


def pose_of(camera: Camera, board: Array, view: Corners, refined: bool = True) -> Array:
    """The pose (6,) of the board in one picture of a known camera.

    Args:
        camera: the camera.
        board: (n, 3) corners of the board in meters.
        view: what was found of it.
        refined: fit it to the pixels; else a quick estimate.

    Raises:
        InputError: the camera would see the board from the side.
    """
    rays, points = unproject(camera, view.pixels), board[view.numbers]
    # Beyond 75 degrees a ray has no place on a plane in front.
    seen = rays[:, 2] > 0.26
    if seen.sum() < 4:
        seen = rays[:, 2] > 0.02
    if seen.sum() < 4:
        raise InputError("a board was seen from the side or behind.", "Leave this picture out.")
    flat = rays[seen, :2] / rays[seen, 2:]
    found, turn, shift = cv2.solvePnP(points[seen], flat, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE)
    if not found:
        raise InputError("no pose of the board explains its corners.", "Leave this picture out.")
    start = np.concatenate([np.ravel(turn), np.ravel(shift)])
    if not refined:
        return start

    def residual(shared: Array, pose: Array, i: int) -> Array:
        return project(camera, moved(pose, points)) - view.pixels

    return adjust(residual, np.empty(0), [start]).poses[0]


def trustworthy(camera: Camera) -> bool:
    """Whether the lens model does not fold inside the picture."""
    height, width = camera.size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    rays = unproject(camera, corners)
    angle = np.arccos(np.clip(rays[:, 2], -1, 1)).max()
    radius = np.tan(min(angle, 1.5)) if camera.model == "pinhole" else angle
    return bool(radius < reach(camera))


def _pinhole_start(lens: Lens, size: Size, board: Array, views: Sequence[Corners]) -> Camera:
    flags = cv2.CALIB_RATIONAL_MODEL if lens == "rational" else 0
    points = [board[view.numbers].astype(np.float32) for view in views]
    pixels = [view.pixels.astype(np.float32) for view in views]
    try:
        _, matrix, distortion, *_ = cv2.calibrateCamera(points, pixels, size[::-1], None, None, flags=flags)
    except cv2.error as error:
        raise InputError(
            "the pictures of the board do not tell the camera's focal length.",
            "Tilt the board more, each way.",
        ) from error
    return Camera("pinhole", size, np.asarray(matrix), tuple(np.ravel(distortion)[: LENSES[lens]]))


def _fisheye_start(lens: Lens, size: Size, board: Array, views: Sequence[Corners]) -> Camera:
    """Of several focal lengths without distortion, the one that explains the pictures best.

    OpenCV's own fisheye calibration gives up on boards at the edge of the picture, where this lens needs them most.
    """
    tried = []
    for degrees in (50, 80, 110, 140, 170, 200):
        f = max(size) / np.radians(degrees)
        matrix = np.array([[f, 0, size[1] / 2], [0, f, size[0] / 2], [0, 0, 1]])
        camera = Camera("fisheye", size, matrix, (0.0,) * 4)
        try:
            errors = [
                _rms(project(camera, moved(pose_of(camera, board, v, False), board[v.numbers])) - v.pixels)
                for v in views[:: max(1, len(views) // 12)]
            ]
        except _IMPOSSIBLE:
            continue
        tried.append((float(np.median(errors)), camera))
    if not tried:
        raise InputError("no fisheye lens explains the pictures of the board.", "Try --mono-lens pinhole.")
    return min(tried, key=lambda t: t[0])[1]


def _camera(like: Camera, shared: Array, count: int) -> Camera:
    fx, fy, cx, cy = shared[:4]
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    return Camera(like.model, like.size, matrix, tuple(shared[4 : 4 + count]))


def _four(camera: Camera) -> Array:
    return np.array([camera.matrix[i] for i in ((0, 0), (1, 1), (0, 2), (1, 2))])


def _rms(residuals: Array) -> float:
    """Root of the mean squared distance of (n, 2)."""
    return float(np.sqrt((residuals**2).sum(axis=1).mean()))
