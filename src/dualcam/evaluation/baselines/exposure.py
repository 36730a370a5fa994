"""refEC baselines: the dark color picture made as bright as mono, on the color camera's own pixels, no denoising."""

from __future__ import annotations

import numpy as np

from dualcam.evaluation.case import Inputs
from dualcam.frame import FloatArray

# The usual response of a panchromatic sensor under daylight to linear sRGB: mono is not Rec. 709 luminance.
PANCHROMATIC = np.array([0.30, 0.50, 0.20], np.float32)


def as_shot(inputs: Inputs) -> FloatArray:
    """The color picture as it is: (h, w, 3) linear."""
    return np.maximum(inputs.color.pixels, 0)


def gain(inputs: Inputs) -> FloatArray:
    """One factor that matches the means: (h, w, 3) linear, black stays black, unclipped above."""
    color = as_shot(inputs)
    luma = color @ PANCHROMATIC
    return color * np.float32(inputs.mono.pixels.mean() / max(float(luma.mean()), 1e-6))
