"""Baseline: mono for brightness, the color picture laid over it for color, nothing aligned."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def chroma(inputs: Inputs) -> Output:
    """Add the brightened, denoised color picture's chroma to mono where it lies: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.mono_luma(alignment.unaligned(given.small, given.color), given.mono))
