"""Sparse matches of two pictures, as any tutorial would find them: SIFT, ratio test, RANSAC."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Small pictures are doubled: SIFT starts at structures of a few pixels.
_SMALL = 640
_RATIO = 0.8
_RANSAC_PX = 3.0
_ENOUGH = 12
MOST = 4000


def match(
    mono: NDArray[np.uint8], color: NDArray[np.uint8], most: int = MOST
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Match two display pictures (h, w): positions in both, (n, 2) each, pixel centers at integer + 0.5.

    Args:
        mono: (h, w) uint8.
        color: (h, w) uint8.
        most: features a picture, the strongest ones.
    """
    nothing = np.empty((0, 2), np.float32)
    first, second = _detect(mono, most), _detect(color, most)
    if min(len(first[0]), len(second[0])) < 2:
        return nothing, nothing
    matcher: Any = cv2.BFMatcher(cv2.NORM_L2)
    pairs = matcher.knnMatch(first[1], second[1], k=2)
    kept = [best for best, other in pairs if best.distance < _RATIO * other.distance]
    if not kept:
        return nothing, nothing
    return first[0][[m.queryIdx for m in kept]], second[0][[m.trainIdx for m in kept]]


def homography(mono: NDArray[np.uint8], color: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The homography (3, 3) from mono to color pixels that most matches agree with; identity without evidence."""
    here, there = match(mono, color)
    if len(here) < _ENOUGH:
        return np.eye(3)
    matrix, agree = cv2.findHomography(here, there, cv2.RANSAC, _RANSAC_PX, maxIters=5000, confidence=0.999)
    if matrix is None or int(agree.sum()) < _ENOUGH or not _plausible(matrix, mono.shape):
        return np.eye(3)
    return matrix


def _detect(picture: NDArray[np.uint8], most: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    factor = 2.0 if max(picture.shape) < _SMALL else 1.0
    size = round(picture.shape[1] * factor), round(picture.shape[0] * factor)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    detector: Any = cv2.SIFT_create(most, contrastThreshold=0.02, enable_precise_upscale=True)
    points, descriptors = detector.detectAndCompute(large, None)
    if descriptors is None:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    positions = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    return (positions + np.float32(0.5)) / np.float32(factor), descriptors


def _plausible(matrix: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """No corner moves by more than half the picture: cameras side by side look at the same thing."""
    height, width = shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = cv2.perspectiveTransform(corners[:, None], matrix)[:, 0] - corners
    return bool(np.abs(moved).max() < 0.5 * max(shape))
