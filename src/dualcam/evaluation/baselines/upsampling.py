"""refSR baselines: aligned color enlarged to the mono picture's size with the mono picture's detail."""

from __future__ import annotations

import numpy as np

from dualcam.camera.curves import decode, encode
from dualcam.evaluation.baselines.exposure import PANCHROMATIC
from dualcam.evaluation.baselines.grid import enlarge
from dualcam.frame import FloatArray


def bicubic(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Enlarge in the display domain: color (h, w, 3) linear, mono (H, W) for its size -> (H, W, 3) linear in [0, 1]."""
    return decode(np.clip(enlarge(encode(np.clip(color, 0, 1)), *mono.shape), 0, 1))


def mono_luma(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Mono plus enlarged chroma: color (h, w, 3), mono (H, W) linear -> (H, W, 3) linear in [0, 1]."""
    display = encode(np.clip(color, 0, 1))
    difference = display - encode(np.clip(color, 0, 1) @ PANCHROMATIC)[..., None]
    return decode(np.clip(encode(mono)[..., None] + enlarge(difference, *mono.shape), 0, 1))
