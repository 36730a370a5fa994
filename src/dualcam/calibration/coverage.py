"""Which parts of a picture the board has been in, and what to do about the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.calibration.detect import Corners
from dualcam.calibration.intrinsics import trustworthy
from dualcam.frame import Role, Size

if TYPE_CHECKING:
    from dualcam.calibration.calibrate import CameraReport

_ROWS, _COLUMNS = 6, 8
_NINTHS = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)
_ENOUGH = 0.6
_FEW_PICTURES = 10
# Focal lengths known worse than this, relatively; boards all tilted by less than this.
_VAGUE = 0.004
_TILT_DEG = 12.0


def coverage(size: Size, views: Sequence[Corners]) -> tuple[float, NDArray[np.bool_]]:
    """How much of the picture holds corners.

    Args:
        size: height and width of the picture.
        views: corners found.

    Returns:
        The share of its 6 x 8 cells with a corner in at least one picture, and (3, 3) which ninths have any.
    """
    pixels = np.concatenate([view.pixels for view in views]) if views else np.empty((0, 2))
    inside = np.clip(pixels / [size[1], size[0]], 0, 1 - 1e-9)
    cells = np.zeros((_ROWS, _COLUMNS), bool)
    cells[(inside[:, 1] * _ROWS).astype(int), (inside[:, 0] * _COLUMNS).astype(int)] = True
    ninths = np.zeros((3, 3), bool)
    ninths[(inside[:, 1] * 3).astype(int), (inside[:, 0] * 3).astype(int)] = True
    return float(cells.mean()), ninths


def advice(role: Role, report: CameraReport) -> tuple[str, ...]:
    """What more pictures of one camera should show; empty where nothing is missing."""
    fit, used = report.fit, [shot.corners for shot in report.shots if shot.used]
    share, ninths = coverage(fit.camera.size, used)
    told = []
    missing = [_NINTHS[row][column] for row, column in np.argwhere(~ninths)]
    if missing:
        told.append(f"{role}: no corner was ever in the picture's {', '.join(missing)}; hold the board there")
    elif share < _ENOUGH:
        told.append(f"{role}: corners lie in {share:.0%} of the picture; bring the board nearer to its edges")
    if len(used) < _FEW_PICTURES:
        told.append(f"{role}: {len(used)} pictures were used; take 10 to 20")
    tilts = [_tilt(pose) for pose in fit.poses]
    if max(tilts) < _TILT_DEG:
        told.append(
            f"{role}: the board was never tilted by more than {max(tilts):.0f} degrees; tilt it by 20 to 40"
        )
    vague = float(max(fit.deviation[:2]) / min(fit.camera.matrix[0, 0], fit.camera.matrix[1, 1]))
    if vague > _VAGUE:
        told.append(
            f"{role}: the focal length is known to {vague:.1%} only; take more pictures of the tilted board"
        )
    if not trustworthy(fit.camera):
        told.append(
            f"{role}: the lens model folds inside the picture; bring the board to the corners, or try another"
        )
    return tuple(told)


def _tilt(pose: NDArray[np.float64]) -> float:
    """Angle in degrees between the board's normal and the camera's axis."""
    normal = np.asarray(cv2.Rodrigues(pose[:3])[0])[2, 2]
    return float(np.degrees(np.arccos(np.clip(abs(normal), 0, 1))))
