"""Baseline: the best hand-written pipeline: gain, non-local means, DIS, guided filter."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def guided(inputs: Inputs) -> Output:
    """Align by DIS flow, enlarge by the guided filter (He et al. 2013): (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.guided(alignment.dis(given.small, given.color), given.mono))
