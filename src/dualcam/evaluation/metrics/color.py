"""How wrong a color looks: CIEDE2000 by scikit-image, pixel by pixel."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import UnavailableError
from dualcam.frame import FloatArray

# The library's formula makes many temporary arrays; strips keep them in the processor's cache.
_STRIP = 32


def lab(picture: NDArray[np.uint8]) -> FloatArray:
    """CIELAB (D65, 2° observer) of a display picture (H, W, 3) uint8: (H, W, 3) float32.

    Raises:
        UnavailableError: scikit-image is not installed.
    """
    convert = _skimage().rgb2lab
    out = np.empty(picture.shape, np.float32)
    for top in range(0, len(picture), _STRIP):
        strip = picture[top : top + _STRIP].astype(np.float32) / np.float32(255)
        out[top : top + _STRIP] = convert(strip)
    return out


def de00(a: FloatArray, b: FloatArray) -> FloatArray:
    """CIEDE2000 color difference of two CIELAB pictures (H, W, 3) float32: (H, W) float32, 0 when equal.

    Source: CIE 142-2001, with the formulas of Sharma, Wu, Dalal, Color Research and Application 30 (2005).
    Parametric factors 1.

    Raises:
        UnavailableError: scikit-image is not installed.
    """
    difference = _skimage().deltaE_ciede2000
    out = np.empty(a.shape[:2], np.float32)
    for top in range(0, len(a), _STRIP):
        strip = np.s_[top : top + _STRIP]
        out[strip] = difference(a[strip], b[strip])
    return out


def _skimage() -> ModuleType:
    try:
        import skimage.color
    except ImportError:
        raise UnavailableError(
            "color differences need scikit-image, which is not installed.",
            'Run: pip install "dualcam[eval]"',
        ) from None
    module: ModuleType = skimage.color
    return module
