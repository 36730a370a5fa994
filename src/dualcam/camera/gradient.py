"""Gradient magnitude of a picture, the same to the last bit wherever its memory lies."""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.frame import FloatArray


def gradient_magnitude(picture: FloatArray) -> FloatArray:
    """Sobel gradient magnitude: (H, W) float32, any color state -> (H, W), 8 times the slope per pixel."""
    across, down = cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    # Not cv2.magnitude: its result depends on the alignment of the memory, by one unit in the last place.
    return np.sqrt(across * across + down * down)
