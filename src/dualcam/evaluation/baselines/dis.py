"""Baseline: OpenCV's dense optical flow."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def dis(inputs: Inputs) -> Output:
    """Align by DIS flow, add the chroma to mono: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.mono_luma(alignment.dis(given.small, given.color), given.mono))
