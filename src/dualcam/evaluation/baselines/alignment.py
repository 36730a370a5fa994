"""refColor baselines: the clean, bright color picture brought into the mono view, at the color camera's resolution.

All of them see two pictures of one size: mono (h, w) float32 and color (h, w, 3) float32, both linear, clean and
as bright as each other, of the same field of view but for what the method estimates. All give (h, w, 3) linear.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.evaluation.baselines import colorization, features, semiglobal
from dualcam.evaluation.baselines.luminance import luma
from dualcam.frame import FloatArray
from dualcam.rig import warp

# DIS needs a few patches of 8 pixels; below this there is nothing to match.
_SMALLEST = 16
# Display difference of mono and a matched color's luma up to which the match is a hint.
ALIKE = 0.04


def unaligned(mono: FloatArray, color: FloatArray) -> FloatArray:
    """Leave the color where it is: the contract of this file."""
    return color


def homography(mono: FloatArray, color: FloatArray) -> FloatArray:
    """Warp by one homography from SIFT matches and RANSAC (Lowe 2004, Fischler and Bolles 1981).

    Without enough agreeing matches the color stays where it is.
    """
    matrix = features.homography(shown(mono), shown(luma(color)))
    return _look_up(color, warp.transform(matrix, warp.centers(*mono.shape)))


def dis(mono: FloatArray, color: FloatArray, finest: int = 0) -> FloatArray:
    """Warp by dense inverse search optical flow (Kroeger et al. 2016, OpenCV) of mono and the color's luma.

    Args:
        mono: (h, w) linear.
        color: (h, w, 3) linear.
        finest: pyramid level at which the search ends; 0 is the picture itself, OpenCV's preset would be 1.
    """
    moved = warp.centers(*mono.shape) + _flow(shown(mono), shown(luma(color)), finest)
    return _look_up(color, moved)


def sgbm(mono: FloatArray, color: FloatArray) -> FloatArray:
    """Warp by semi-global matching (Hirschmueller 2008, OpenCV), for rectified pairs: shifts along rows only."""
    disparity = semiglobal.disparity(shown(mono), shown(luma(color)))
    moved = warp.centers(*mono.shape)
    moved[..., 0] -= disparity
    return _look_up(color, moved)


def levin(mono: FloatArray, color: FloatArray) -> FloatArray:
    """Colorize mono from hints (Levin et al. 2004): the DIS matches that are as bright as mono."""
    matched = dis(mono, color)
    return colorization.colorize(mono, matched, as_bright(mono, matched))


def as_bright(mono: FloatArray, matched: FloatArray, limit: float = ALIKE) -> NDArray[np.bool_]:
    """Where color (h, w, 3) looks to a mono camera like mono (h, w), over a few pixels; wrong matches seldom do.

    Args:
        mono: linear.
        matched: linear, in the mono view.
        limit: the largest difference, display.
    """
    apart = encode(luma(matched)) - encode(mono)
    return np.abs(cv2.GaussianBlur(apart, (0, 0), 1.5)) < np.float32(limit)


def shown(linear: FloatArray) -> NDArray[np.uint8]:
    """A linear plane as 8-bit display values, for OpenCV's matchers."""
    return np.rint(encode(np.clip(linear, 0, 1)) * 255).astype(np.uint8)


def _flow(mono: NDArray[np.uint8], color: NDArray[np.uint8], finest: int) -> FloatArray:
    """DIS flow (h, w, 2) in pixels: mono(x) is seen at color(x + flow); 0 for tiny pictures."""
    if min(mono.shape) < _SMALLEST:
        return np.zeros((*mono.shape, 2), np.float32)
    engine: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    engine.setFinestScale(finest)
    return engine.calc(mono, color, None)


def _look_up(color: FloatArray, positions: FloatArray) -> FloatArray:
    return np.maximum(warp.sample(color, positions, interpolation=warp.CUBIC), 0)
