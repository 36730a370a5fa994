"""Baseline: OpenCV's stereo matcher, which assumes a rectified pair."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def sgbm(inputs: Inputs) -> Output:
    """Align by semi-global matching, add the chroma to mono: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.mono_luma(alignment.sgbm(given.small, given.color), given.mono))
