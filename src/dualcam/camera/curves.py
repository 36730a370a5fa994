"""Transfer curves: the exact sRGB curve (IEC 61966-2-1) and its inverse, on numpy arrays.

``encode`` takes linear to display, ``decode`` takes display to linear. Both keep float32 and accept values
outside [0, 1]: negative values are mirrored, so that noise around black keeps its mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray


def encode(linear: NDArray[np.floating]) -> FloatArray:
    """Apply the sRGB curve: linear, any shape, nominally [0, 1] -> display, same shape, float32."""
    x = np.asarray(linear, dtype=np.float32)
    a = np.abs(x)
    y = np.where(
        a <= 0.0031308,
        a * np.float32(12.92),
        np.float32(1.055) * a ** np.float32(1 / 2.4) - np.float32(0.055),
    )
    return np.copysign(y, x).astype(np.float32, copy=False)


def decode(display: NDArray[np.floating]) -> FloatArray:
    """Undo the sRGB curve: display, any shape, nominally [0, 1] -> linear, same shape, float32."""
    x = np.asarray(display, dtype=np.float32)
    a = np.abs(x)
    y = np.where(
        a <= 0.04045, a / np.float32(12.92), ((a + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    )
    return np.copysign(y, x).astype(np.float32, copy=False)
