"""Baseline: what a user of the color camera alone has, the picture brightened and enlarged, noise and all."""

from __future__ import annotations

from dualcam.evaluation.baselines import exposure, upsampling
from dualcam.evaluation.baselines.prepare import fit_size
from dualcam.evaluation.case import Inputs, Output


def brightened(inputs: Inputs) -> Output:
    """Match the color picture's gain to mono and enlarge it bicubically: (H, W, 3) linear in [0, 1]."""
    mono = inputs.mono.pixels[..., 0]
    return Output(upsampling.bicubic(fit_size(exposure.gain(inputs), mono), mono))
