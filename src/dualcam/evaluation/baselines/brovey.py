"""Baseline: Brovey pan-sharpening, of aligned color."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def brovey(inputs: Inputs) -> Output:
    """Align by DIS flow, multiply by the ratio of mono to luma: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.brovey(alignment.dis(given.small, given.color), given.mono))
