"""Which Bayer pattern a demosaiced picture was shot through, read from its noise.

Interpolated values are means of measured ones and therefore calmer: a channel is liveliest where it was measured.
Phones smooth that away, and so does any scaling; then there is no pattern to be found, and none is needed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.sensor import PATTERNS
from dualcam.frame import FloatArray

# A channel's liveliest site of four stands out from their mean by this factor (1.41 to 2.1 in simulated files of four
# demosaicers, 1.06 at most in simulated phone pictures); green's two sites stand out by less.
_CLEAR, _CLEAR_GREEN = 1.25, 1.03
# A part of the picture says enough.
_MOST_PX = 1024
_LEAST_PX = 32


def find_pattern(color: FloatArray) -> str | None:
    """The color filter array of a demosaiced picture.

    Args:
        color: (h, w, 3) float32, RGB, display, noisy, never scaled or turned since it was demosaiced.

    Returns:
        "RGGB", "BGGR", "GRBG" or "GBRG", beginning at the picture's first pixel; None where none shows.
    """
    if min(color.shape[:2]) < _LEAST_PX:
        return None
    part = telling_part(color)
    red, green, blue = (_liveliness(np.ascontiguousarray(part[..., channel])) for channel in range(3))
    where, other = (tuple(int(i) for i in np.unravel_index(sites.argmax(), (2, 2))) for sites in (red, blue))
    if where != (1 - other[0], 1 - other[1]) or min(red.max(), blue.max()) < _CLEAR:
        return None
    # Green was measured beside red and blue, not with them.
    beside = (green[where[0], other[1]] + green[other[0], where[1]]) / 2
    if beside <= _CLEAR_GREEN:
        return None
    return next(name for name in PATTERNS if name.index("R") == 2 * where[0] + where[1])


def telling_part(color: FloatArray) -> FloatArray:
    """The middle of a picture (h, w, 3), which is all that ``find_pattern`` looks at; it begins at an even pixel."""
    top, left = (2 * (max(0, n - _MOST_PX) // 4) for n in color.shape[:2])
    return color[top : top + _MOST_PX, left : left + _MOST_PX]


def _liveliness(channel: FloatArray) -> NDArray[np.float64]:
    """Median of the second differences at each of the four sites (2, 2), over their mean; ones where all is flat."""
    rough = np.abs(cv2.Laplacian(channel, cv2.CV_32F))[2:-2, 2:-2]
    sites = np.array([[np.median(rough[row::2, column::2]) for column in (0, 1)] for row in (0, 1)])
    mean = sites.mean()
    return np.asarray(sites / mean) if mean > 0 else np.ones((2, 2))
