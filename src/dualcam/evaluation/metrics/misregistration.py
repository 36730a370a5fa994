"""How far color edges lie from the mono camera's edges: color fringes in pixels, without a truth.

Wrong color and shifted color look alike to a difference metric; this one sees the shift only. Edges are compared as
fields of gradients of doubled angle, which have no sign: dark-to-bright may go with red-to-gray or gray-to-red. In
overlapping windows, the place where the chroma field correlates best with the mono field is looked up to a fraction
of a pixel. The score is the median length over the windows.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.errors import UsageError
from dualcam.frame import FloatArray

REACH = 8
"""Pixels up to which a shift is found; what lies farther counts as this."""

WINDOW = 128
SMALLEST = WINDOW + 2 * REACH
_STRIDE = WINDOW // 2
# Deviation of the Gaussian before the gradient, in pixels.
_SIGMA = 1.5
# Root mean square gradients, in 8-bit steps per pixel, under which a window has nothing to compare.
_LEAST_MONO, _LEAST_CHROMA = 1.5, 0.4
_LEAST_WINDOWS = 3
# Keeps the ratio of chroma to luma from exploding in the dark; in 8-bit steps.
_DARK = 16.0

# Rows: luma and two chroma differences of display RGB (ITU-R BT.601).
_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


def misregistration(picture: NDArray[np.uint8], mono: FloatArray | None = None) -> float:
    """Measure how far the color of a picture is shifted against the edges of the mono view.

    A method may add color to brightness or multiply brightness by it. Either way leaves, in the other's measure of
    chroma, a trace of the brightness texture at its own place, which would hide a shift. So chroma is measured both
    ways, as a difference and as a ratio to luma, and the larger reading counts.

    Args:
        picture: (H, W, 3) uint8 display RGB.
        mono: (H, W) display, black 0 and white 1, the view that color should fit; the picture's own luma without it.

    Returns:
        Pixels, from 0 to ``REACH``: half of the color edges, by strength, lie farther off than this. Color that
        fits nowhere gives 5 to 8. NaN where it cannot be measured: under 144 pixels, or hardly any color edges.

    Raises:
        UsageError: the sizes differ.
    """
    if mono is not None and mono.shape != picture.shape[:2]:
        raise UsageError(
            f"the picture is {picture.shape[:2]} and the mono view {mono.shape}.",
            "Compare views of one size.",
        )
    ycc = picture.astype(np.float32) @ _YCC.T
    luma, chroma = ycc[..., :1], ycc[..., 1:]
    base = luma if mono is None else mono[..., None].astype(np.float32) * np.float32(255)
    edges = _edges(base)
    ratio = chroma * (np.float32(128) / (luma + np.float32(_DARK)))
    return float(np.fmax(_reading(edges, _edges(chroma)), _reading(edges, _edges(ratio))))


def _reading(mono: FloatArray, color: FloatArray) -> float:
    """Weighted median of the windows' shifts; fields (H, W, 3) of ``_edges``."""
    shifts: list[float] = []
    weights: list[float] = []
    height, width = mono.shape[:2]
    for top in range(REACH, height - WINDOW - REACH + 1, _STRIDE):
        for left in range(REACH, width - WINDOW - REACH + 1, _STRIDE):
            inner = np.s_[top : top + WINDOW, left : left + WINDOW]
            strength = _rms(color[inner][..., 2])
            if strength < _LEAST_CHROMA or _rms(mono[inner][..., 2]) < _LEAST_MONO:
                continue
            outer = np.s_[top - REACH : top + WINDOW + REACH, left - REACH : left + WINDOW + REACH]
            shifts.append(_shift(mono[outer][..., :2], color[inner][..., :2]))
            # Edges of one direction tell nothing about a shift along them.
            weights.append(strength * (1 - _coherence(color[inner][..., :2])))
    return _median(np.array(shifts), np.array(weights)) if len(shifts) >= _LEAST_WINDOWS else float("nan")


def _edges(channels: FloatArray) -> FloatArray:
    """Edge field (H, W, 3) of channels (H, W, C): two components of doubled angle, and the gradient squared.

    The components have the length of the square root of the gradient, so that few strong edges do not outvote
    all others.
    """
    smooth = cv2.GaussianBlur(np.ascontiguousarray(channels), (0, 0), _SIGMA)
    smooth = smooth.reshape(channels.shape)
    dx, dy = np.zeros_like(smooth), np.zeros_like(smooth)
    dx[:, 1:-1] = (smooth[:, 2:] - smooth[:, :-2]) / 2
    dy[1:-1] = (smooth[2:] - smooth[:-2]) / 2
    squared = (dx * dx + dy * dy).sum(axis=2)
    even, odd = (dx * dx - dy * dy).sum(axis=2), (2 * dx * dy).sum(axis=2)
    scale = np.maximum(squared, np.float32(1e-6)) ** np.float32(-0.75)
    return np.stack([even * scale, odd * scale, squared], axis=-1)


def _shift(mono: FloatArray, color: FloatArray) -> float:
    """Length of the shift at which a window of color edges fits best, at most ``REACH``."""
    fit = cv2.matchTemplate(np.ascontiguousarray(mono), np.ascontiguousarray(color), cv2.TM_CCORR_NORMED)
    row, column = np.unravel_index(int(np.argmax(fit)), fit.shape)
    x, y = float(column) - REACH, float(row) - REACH
    if 0 < row < fit.shape[0] - 1 and 0 < column < fit.shape[1] - 1:
        around = fit[row - 1 : row + 2, column - 1 : column + 2].astype(np.float64)
        x, y = x + _vertex(around[1]), y + _vertex(around[:, 1])
    return min(float(np.hypot(x, y)), float(REACH))


def _vertex(values: NDArray[np.float64]) -> float:
    """Where the parabola through three equidistant values has its top, from the middle one: -0.5 to 0.5."""
    bend = values[0] - 2 * values[1] + values[2]
    return 0.0 if bend >= 0 else float(np.clip((values[0] - values[2]) / (2 * bend), -0.5, 0.5))


def _coherence(field: FloatArray) -> float:
    """How far all edges of a doubled-angle field (H, W, 2) run in one direction: 0 to 1."""
    total = float(np.hypot(*field.mean(axis=(0, 1), dtype=np.float64)))
    lengths = np.sqrt(np.square(field).sum(axis=2))
    return total / max(float(lengths.mean(dtype=np.float64)), 1e-12)


def _rms(squared: FloatArray) -> float:
    return float(np.sqrt(squared.mean(dtype=np.float64)))


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])
