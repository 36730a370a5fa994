"""Baseline: what stitching tools do, one homography from features."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def homography(inputs: Inputs) -> Output:
    """Align by SIFT and RANSAC, add the chroma to mono: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.mono_luma(alignment.homography(given.small, given.color), given.mono))
