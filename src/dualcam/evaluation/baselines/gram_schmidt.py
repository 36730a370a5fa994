"""Baseline: Gram-Schmidt pan-sharpening, of aligned color."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def gram_schmidt(inputs: Inputs) -> Output:
    """Align by DIS flow, inject mono's detail (Laben and Brower 2000): (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.gram_schmidt(alignment.dis(given.small, given.color), given.mono))
