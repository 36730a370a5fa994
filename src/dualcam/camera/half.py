"""Half precision for what is kept of large pictures: half of the memory.

On the match grid of 50 megapixels what is known about every pixel would take 1.5 GiB. Values are display colors, their
differences and shares: half precision rounds them by a sixteenth of an 8-bit step at most. numpy computes with such
arrays as with others; OpenCV does not take them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from dualcam.frame import FloatArray

# A picture with more pixels than this is large.
_MANY = 6_000_000


def is_large(pixels: int) -> bool:
    """Whether planes of a picture of so many pixels are kept in half precision."""
    return pixels > _MANY


def keeping(pixels: int) -> Callable[[FloatArray], FloatArray]:
    """How planes of a picture of so many pixels are kept: as they are, or float16 (whatever their type says)."""
    if not is_large(pixels):
        return lambda plane: plane
    return lambda plane: cast(FloatArray, plane.astype(np.float16))


def unfilled(pixels: int, shape: tuple[int, ...]) -> FloatArray:
    """An array for what is kept of a picture of so many pixels, not yet filled."""
    return np.empty(shape, np.float16 if is_large(pixels) else np.float32)
