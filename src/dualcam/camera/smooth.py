"""Smoothing over a wide range, at a cost that does not grow with the range."""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.frame import FloatArray

# Deviations up to this are blurred directly; wider ones at a size where they are about half of this.
_DIRECT = 8.0


def wide_blur(picture: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of (H, W) or (H, W, C) float32 with a large standard deviation, in pixels.

    Wide blurs work on a reduced picture: on average within half a percent of the picture's range of
    the direct blur.
    """
    factor = sigma / (_DIRECT / 2)
    if sigma <= _DIRECT or min(picture.shape[:2]) < 2 * factor:
        return cv2.GaussianBlur(picture, (0, 0), sigma)
    height, width = picture.shape[:2]
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    # Area averaging and linear enlargement blur by themselves: a box and a tent of one reduced pixel.
    left = np.sqrt((sigma * size[0] / width) ** 2 - 1 / 12 - 1 / 6)
    small = cv2.GaussianBlur(small, (0, 0), float(left))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
