"""refColor baselines: the clean, bright color picture brought into the mono view, at the color camera's resolution."""

from __future__ import annotations

from dualcam.frame import FloatArray


def unaligned(mono: FloatArray, color: FloatArray) -> FloatArray:
    """Leave the color where it is: mono (h, w) and color (h, w, 3) linear -> (h, w, 3) linear."""
    return color
