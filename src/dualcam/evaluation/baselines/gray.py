"""Baseline: the mono picture alone, denoised, as gray."""

from __future__ import annotations

import numpy as np

from dualcam.evaluation.baselines.prepare import clean_mono
from dualcam.evaluation.case import Inputs, Output


def gray(inputs: Inputs) -> Output:
    """Show the denoised mono picture as R = G = B: (H, W, 3) linear in [0, 1]."""
    return Output(np.repeat(clean_mono(inputs)[..., None], 3, axis=2))
