"""Baseline: joint bilateral upsampling (Kopf et al. 2007), of aligned color."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def joint_bilateral(inputs: Inputs) -> Output:
    """Align by DIS flow, enlarge the chroma by the joint bilateral filter: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    aligned = alignment.dis(given.small, given.color)
    return Output(upsampling.joint_bilateral(aligned, given.mono, *upsampling.NOISY))
