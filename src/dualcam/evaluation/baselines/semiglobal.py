"""Disparity of a rectified pair by semi-global matching, without holes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.evaluation.baselines import features
from dualcam.frame import FloatArray

_BLOCK = 5
# Without matches that show the range, shifts up to this share of the width, either way.
_USUAL = 0.12
_FEWEST = 20
# A range needs fewer features than a homography.
_FEATURES = 1500


def disparity(mono: NDArray[np.uint8], color: NDArray[np.uint8]) -> FloatArray:
    """Find disparity of two display pictures (h, w), rectified: x_color = x_mono - disparity.

    Returns:
        (h, w) float32, pixels; holes are filled with the farther of their row's neighbors.
    """
    height, width = mono.shape
    if min(height, width) <= 2 * _BLOCK:
        return np.zeros(mono.shape, np.float32)
    lowest, count = _search_range(mono, color)
    # OpenCV leaves out columns whose candidates lie beyond the picture: a margin lets it have them.
    margin = max(abs(lowest), abs(lowest + count))
    padded = [cv2.copyMakeBorder(p, 0, 0, margin, margin, cv2.BORDER_REPLICATE) for p in (mono, color)]
    engine: Any = cv2.StereoSGBM_create(
        minDisparity=lowest,
        numDisparities=count,
        blockSize=_BLOCK,
        P1=8 * _BLOCK**2,
        P2=32 * _BLOCK**2,
        disp12MaxDiff=1,
        preFilterCap=63,
        uniquenessRatio=5,
        speckleWindowSize=60,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM,
    )
    found = engine.compute(*padded)[:, margin : margin + width].astype(np.float32) / 16
    x = np.arange(width, dtype=np.float32) - found
    known = (found >= lowest) & (x > -1) & (x < width)
    return cv2.medianBlur(_fill(found, known), 5)


def _search_range(mono: NDArray[np.uint8], color: NDArray[np.uint8]) -> tuple[int, int]:
    """Least disparity and number of disparities, a multiple of 16, from feature matches on the same row."""
    width = mono.shape[1]
    here, there = features.match(mono, color, _FEATURES)
    shift = here - there
    level = shift[np.abs(shift[:, 1]) < 2.0, 0]
    if level.size < _FEWEST:
        low, high = -_USUAL * width, _USUAL * width
    else:
        low, high = (float(v) for v in np.percentile(level, [2, 98]))
        room = 4 + 0.25 * (high - low)
        low, high = max(low - room, -0.5 * width), min(high + room, 0.5 * width)
    lowest = int(np.floor(low))
    return lowest, max(16, -(-int(np.ceil(high) - lowest) // 16) * 16)


def _fill(found: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Give unknown pixels the smaller of the next known disparities left and right: what is hidden is behind."""
    if not known.any():
        return np.zeros_like(found)
    height, width = found.shape
    columns = np.arange(width)
    left = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, columns, width)[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(height)[:, None]
    beyond = np.float32(np.inf)
    from_left = np.where(left >= 0, found[rows, np.maximum(left, 0)], beyond)
    from_right = np.where(right < width, found[rows, np.minimum(right, width - 1)], beyond)
    filled = np.where(known, found, np.minimum(from_left, from_right))
    # A row without any match gets the usual disparity.
    return np.where(np.isfinite(filled), filled, np.median(found[known])).astype(np.float32)
