"""Baseline: colorization from matched hints (Levin et al. 2004)."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def levin(inputs: Inputs) -> Output:
    """Spread the color of believable DIS matches, enlarge by the guided filter: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.guided(alignment.levin(given.small, given.color), given.mono))
