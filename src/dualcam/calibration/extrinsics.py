"""How two calibrated cameras stand to each other, from pictures of the board that both took at the same time.

OpenCV's stereo calibration takes two cameras of one lens model; here every camera has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.calibration.bundle import adjust, moved, to_pose
from dualcam.calibration.detect import Corners
from dualcam.calibration.intrinsics import pose_of
from dualcam.errors import InputError
from dualcam.rig.cameras import Camera, Rig, project

Array = NDArray[np.float64]
LEAST_PAIRS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Stereo:
    """Two cameras and how well they explain the pairs.

    Attributes:
        rig: the rig, without facts.
        rms_px: (n,) reprojection error of every pair, both cameras, in pixels of each.
        deviation: standard deviations of the rotation (radians) and translation (meters), (6,).
    """

    rig: Rig
    rms_px: Array
    deviation: Array


def fit(mono: Camera, color: Camera, board: Array, pairs: Sequence[tuple[Corners, Corners]]) -> Stereo:
    """Find rotation and translation of a rig, both cameras known.

    Args:
        mono: the mono camera.
        color: the color camera.
        board: (n, 3) corners of the board in meters.
        pairs: what both found of it at the same time; they need not have found the same corners.

    Raises:
        InputError: too few pairs.
    """
    if len(pairs) < LEAST_PAIRS:
        raise InputError(
            f"{len(pairs)} usable pairs of pictures are too few to tell how the cameras stand to each other.",
            f"Take at least {LEAST_PAIRS}, better 15, in which both cameras see the board.",
        )
    poses = [pose_of(mono, board, pair[0]) for pair in pairs]
    others = [pose_of(color, board, pair[1]) for pair in pairs]

    def residual(shared: Array, pose: Array, i: int) -> Array:
        first, second = pairs[i]
        here = project(mono, moved(pose, board[first.numbers])) - first.pixels
        there = project(color, moved(shared, moved(pose, board[second.numbers]))) - second.pixels
        return np.concatenate([here, there])

    def disagreement(shared: Array) -> float:
        errors = [_rms(residual(shared, pose, i)) for i, pose in enumerate(poses)]
        return float(np.median(errors))

    start = min((_between(a, b) for a, b in zip(poses, others, strict=True)), key=disagreement)
    found = adjust(residual, start, poses)
    errors = [_rms(residual(found.shared, pose, i)) for i, pose in enumerate(found.poses)]
    rotation = np.asarray(cv2.Rodrigues(found.shared[:3])[0], np.float64)
    return Stereo(Rig(mono, color, rotation, found.shared[3:]), np.array(errors), found.deviation)


def _between(first: Array, second: Array) -> Array:
    """The pose that takes points from before one camera to before another: second after the inverse of first."""
    a, b = (np.asarray(cv2.Rodrigues(pose[:3])[0], np.float64) for pose in (first, second))
    turn = b @ a.T
    return to_pose(turn, second[3:] - turn @ first[3:])


def _rms(residuals: Array) -> float:
    return float(np.sqrt((residuals**2).sum(axis=1).mean()))
