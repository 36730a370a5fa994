"""Corners of the board in one picture, and how sharp they are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.calibration.board import Board
from dualcam.camera.curves import encode
from dualcam.frame import Frame
from dualcam.rig.cameras import PIXEL_CENTER
from dualcam.rig.features import sample_mean

# Half the side of the window in which the edge about a corner is measured, in pixels.
_WINDOW = 6


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """What was found of a board.

    Attributes:
        numbers: (n,) which of the board's corners.
        pixels: (n, 2) float64, where, in pixels with centers at integer + 0.5.
        blur_px: standard deviation of the blur across the edges at the corners, median, in pixels.
    """

    numbers: NDArray[np.intp]
    pixels: NDArray[np.float64]
    blur_px: float

    def __len__(self) -> int:
        return len(self.numbers)


def gray(frame: Frame) -> NDArray[np.uint8]:
    """A picture of a board as OpenCV wants it: (H, W) uint8, display, dark ones brightened."""
    plane = frame.pixels[..., 0] if frame.role == "mono" else sample_mean(frame.pixels)
    high = max(float(np.percentile(plane, 99.5)), 1e-6)
    return np.rint(encode(np.clip(plane / high, 0, 1).astype(np.float32)) * 255).astype(np.uint8)


def find(board: Board, picture: NDArray[np.uint8]) -> Corners:
    """Find the corners of a board.

    Args:
        board: which.
        picture: (H, W) uint8, display.
    """
    detector = cv2.aruco.CharucoDetector(board.charuco())
    corners, numbers = detector.detectBoard(picture)[:2]
    if numbers is None or len(numbers) == 0:
        return Corners(np.empty(0, np.intp), np.empty((0, 2)), 0.0)
    points = _refined(board, picture, np.asarray(corners, np.float32).reshape(-1, 2))
    return Corners(np.ravel(numbers).astype(np.intp), points + PIXEL_CENTER, _blur(picture, points))


def _refined(board: Board, picture: NDArray[np.uint8], corners: NDArray[np.float32]) -> NDArray[np.float64]:
    """Corners found once more, in the largest window that holds no marker; centers of pixels at integers.

    OpenCV 4's own corners are half a pixel to the right and below those of OpenCV 5.
    """
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=-1) + np.diag(np.full(len(corners), np.inf))
    free = (board.square_mm - board.marker_mm) / 2 / board.square_mm
    windows = np.clip(free * apart.min(axis=1), 2, 20).astype(int) if len(corners) > 1 else [3]
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    found = [
        cv2.cornerSubPix(picture, corner.reshape(1, 1, 2).copy(), (int(w), int(w)), (-1, -1), stop).ravel()
        for corner, w in zip(corners, windows, strict=True)
    ]
    return np.array(found, np.float64)


def _blur(picture: NDArray[np.uint8], points: NDArray[np.float64]) -> float:
    """Blur of a step edge: its height over its steepest slope is sqrt(2 pi) standard deviations of a Gaussian."""
    found = []
    for x, y in np.rint(points).astype(int):
        rows = slice(max(0, y - _WINDOW), y + _WINDOW + 1)
        columns = slice(max(0, x - _WINDOW), x + _WINDOW + 1)
        patch = picture[rows, columns].astype(np.float64)
        if min(patch.shape) < 5:
            continue
        low, high = np.percentile(patch, [5, 95])
        slope = np.percentile(np.hypot(*np.gradient(patch)), 98)
        if high - low > 8:
            found.append((high - low) / max(slope, 1e-6) / np.sqrt(2 * np.pi))
    return float(np.median(found)) if found else 0.0
