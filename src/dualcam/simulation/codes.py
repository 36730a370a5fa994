"""Between file codes and light, by tables that come out the same on every machine.

A power function may differ in its last bit between processors and libraries. The tables are made in float64 and
rounded to far fewer bits, so that such a difference shows in none of them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Codes8 = NDArray[np.uint8]
Codes16 = NDArray[np.uint16]


def srgb_decode(display: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo the sRGB curve (IEC 61966-2-1) in float64: display in [0, 1] -> linear in [0, 1], same shape."""
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)


def srgb_encode(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply the sRGB curve (IEC 61966-2-1) in float64: linear in [0, 1] -> display in [0, 1], same shape."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@cache
def _light_of_codes() -> NDArray[np.float64]:
    return srgb_decode(np.arange(256) / 255)


@cache
def _codes_of_light(steps: int, top: int) -> Codes16:
    return np.rint(srgb_encode(np.arange(steps + 1) / steps) * top).astype(np.uint16)


def light(codes: Codes8) -> NDArray[np.float64]:
    """Linearise 8-bit sRGB codes of any shape: display -> float64 linear in [0, 1]."""
    return _light_of_codes()[codes]


def display8(linear16: Codes16) -> Codes8:
    """Linear values in 0 .. 65535 of any shape -> 8-bit sRGB codes."""
    return _codes_of_light(65535, 255).astype(np.uint8)[linear16]


def display16(linear_steps: NDArray[np.integer], steps: int) -> Codes16:
    """Linear values in 0 .. steps of any shape -> 16-bit sRGB codes."""
    return _codes_of_light(steps, 65535)[linear_steps]
