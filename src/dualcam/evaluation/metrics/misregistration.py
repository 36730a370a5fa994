"""How far color edges lie from the mono camera's edges: color fringes in pixels, without a truth.

Wrong color and shifted color look alike to a difference metric; this one sees the shift only. Edges are compared as
fields of gradients of doubled angle, which have no sign: dark-to-bright may go with red-to-gray or gray-to-red. In
overlapping windows, the place where the chroma field correlates best with the mono field is looked up to a fraction
of a pixel. The score is the median length over the windows.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """The edges of one picture, and tables that give sums over any rectangle.

    Attributes:
        field: (H, W, 2) float32, the doubled angle as a complex number; its length is the square root of the
            gradient, so that few strong edges do not outvote all others.
        gradient: (H+1, W+1) table of the squared gradient.
        total: (H+1, W+1, 2) table of the field.
        length: (H+1, W+1) table of the field's length.
        power: (H+1, W+1) table of its squared length.
    """

    field: FloatArray
    gradient: NDArray[np.float64]
    total: NDArray[np.float64]
    length: NDArray[np.float64]
    power: NDArray[np.float64]


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


def _reading(mono: _Edges, color: _Edges) -> float:
    """Weighted median of the windows' shifts."""
    shifts: list[float] = []
    weights: list[float] = []
    height, width = mono.field.shape[:2]
    for top in range(REACH, height - WINDOW - REACH + 1, _STRIDE):
        for left in range(REACH, width - WINDOW - REACH + 1, _STRIDE):
            strength = _rms_gradient(color, top, left)
            if strength < _LEAST_CHROMA or _rms_gradient(mono, top, left) < _LEAST_MONO:
                continue
            # Edges of one direction tell nothing about a shift along them.
            directed = np.hypot(*_sums(color.total, top, left)) / _sums(color.length, top, left)
            weights.append(strength * (1 - float(directed)))
            shifts.append(_shift(mono, color, top, left))
    if len(shifts) < _LEAST_WINDOWS or sum(weights) <= 0:
        return float("nan")
    return _median(np.array(shifts), np.array(weights))


def _edges(channels: FloatArray) -> _Edges:
    """Find the edges of channels (H, W, C) together, in 8-bit steps per pixel."""
    shape = channels.shape[:2]
    squared, even, odd = (np.zeros(shape, np.float32) for _ in range(3))
    for plane in np.moveaxis(channels, -1, 0):
        smooth = cv2.GaussianBlur(np.ascontiguousarray(plane), (0, 0), _SIGMA)
        dx, dy = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        dx[:, 1:-1] = (smooth[:, 2:] - smooth[:, :-2]) / 2
        dy[1:-1] = (smooth[2:] - smooth[:-2]) / 2
        across, down = dx * dx, dy * dy
        squared += across + down
        even += across - down
        odd += 2 * dx * dy
    scale = np.sqrt(np.maximum(squared, np.float32(1e-6)))
    scale *= np.sqrt(scale)
    even /= scale
    odd /= scale
    field = np.dstack([even, odd])
    power = even * even + odd * odd
    return _Edges(
        field, *(cv2.integral(m, sdepth=cv2.CV_64F) for m in (squared, field, np.sqrt(power), power))
    )


def _shift(mono: _Edges, color: _Edges, top: int, left: int) -> float:
    """Length of the shift at which a window of color edges fits best, at most ``REACH``."""
    span = 2 * REACH + 1
    area = np.s_[top - REACH : top + WINDOW + REACH, left - REACH : left + WINDOW + REACH]
    padded = np.zeros((SMALLEST, SMALLEST, 2), np.float32)
    padded[:WINDOW, :WINDOW] = color.field[top : top + WINDOW, left : left + WINDOW]
    spectra = (
        cv2.dft(np.ascontiguousarray(x), flags=cv2.DFT_COMPLEX_OUTPUT) for x in (mono.field[area], padded)
    )
    product = cv2.mulSpectrums(*spectra, 0, conjB=True)
    fit = cv2.idft(product, flags=cv2.DFT_SCALE)[:span, :span, 0]
    # The window's own power is the same for every shift; the mono view's under it is not.
    corner = mono.power[top - REACH :, left - REACH :]
    beyond = corner[WINDOW : WINDOW + span, WINDOW : WINDOW + span]
    under = beyond - corner[:span, WINDOW : WINDOW + span] - corner[WINDOW : WINDOW + span, :span]
    under = under + corner[:span, :span]
    fit = fit / np.sqrt(np.maximum(under, 1e-12))
    row, column = np.unravel_index(int(np.argmax(fit)), fit.shape)
    x, y = float(column) - REACH, float(row) - REACH
    if 0 < row < span - 1 and 0 < column < span - 1:
        x, y = x + _vertex(fit[row, column - 1 : column + 2]), y + _vertex(fit[row - 1 : row + 2, column])
    return min(float(np.hypot(x, y)), float(REACH))


def _sums(table: NDArray[np.float64], top: int, left: int) -> NDArray[np.float64]:
    """Sum over the window at (top, left) by a summed-area table."""
    bottom, right = top + WINDOW, left + WINDOW
    return np.asarray(table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left])


def _rms_gradient(edges: _Edges, top: int, left: int) -> float:
    return float(np.sqrt(max(float(_sums(edges.gradient, top, left)), 0.0))) / WINDOW


def _vertex(values: NDArray[np.float64]) -> float:
    """Where the parabola through three equidistant values has its top, from the middle one: -0.5 to 0.5."""
    bend = values[0] - 2 * values[1] + values[2]
    return 0.0 if bend >= 0 else float(np.clip((values[0] - values[2]) / (2 * bend), -0.5, 0.5))


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])
