"""Transfer curves: the exact sRGB curve (IEC 61966-2-1) and its inverse, on numpy arrays.

``encode`` takes linear to display, ``decode`` takes display to linear. Both keep float32 and accept values
outside [0, 1]: negative values are mirrored, so that noise around black keeps its mean.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.frame import FloatArray

# Values that a core's own cache holds, and how many of these a thread takes at a time.
_CHUNK, _CHUNKS = 1 << 15, 64

_Curve = Callable[[FloatArray, FloatArray], None]


def encode(linear: NDArray[np.floating]) -> FloatArray:
    """Apply the sRGB curve: linear, any shape, nominally [0, 1] -> display, same shape, float32."""
    return _applied(linear, _encode)


def decode(display: NDArray[np.floating]) -> FloatArray:
    """Undo the sRGB curve: display, any shape, nominally [0, 1] -> linear, same shape, float32."""
    return _applied(display, _decode)


def _encode(x: FloatArray, out: FloatArray) -> None:
    a = _magnitude(x)
    np.power(a, np.float32(1 / 2.4), out=out)
    out *= np.float32(1.055)
    out -= np.float32(0.055)
    low = a <= np.float32(0.0031308)
    if low.any():
        np.putmask(out, low, np.multiply(a, np.float32(12.92)))
    if a is not x:
        np.copysign(out, x, out=out)


def _decode(x: FloatArray, out: FloatArray) -> None:
    a = _magnitude(x)
    np.add(a, np.float32(0.055), out=out)
    out /= np.float32(1.055)
    np.power(out, np.float32(2.4), out=out)
    low = a <= np.float32(0.04045)
    if low.any():
        np.putmask(out, low, np.divide(a, np.float32(12.92)))
    if a is not x:
        np.copysign(out, x, out=out)


def _magnitude(x: FloatArray) -> FloatArray:
    """The absolute values; the array itself where none is negative, as in nearly all pictures."""
    # The negated comparison holds for NaN, too.
    return np.abs(x) if not x.min() >= 0 else x


def _applied(values: NDArray[np.floating], curve: _Curve) -> FloatArray:
    x = np.ascontiguousarray(values, np.float32).reshape(-1)
    out = np.empty_like(x)

    def part(start: int) -> None:
        stop = min(start + _CHUNK * _CHUNKS, x.size)
        for first in range(start, stop, _CHUNK):
            window = slice(first, min(first + _CHUNK, stop))
            curve(x[window], out[window])

    starts = range(0, x.size, _CHUNK * _CHUNKS)
    # A single part is not worth a thread.
    for _ in parallel.each(part, starts) if len(starts) > 1 else map(part, starts):
        pass
    return out.reshape(np.shape(values))
