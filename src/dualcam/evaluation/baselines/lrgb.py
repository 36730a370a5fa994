"""Baseline: the LRGB recipe of astrophotography, of aligned color."""

from __future__ import annotations

from dualcam.evaluation.baselines import alignment, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Output


def lrgb(inputs: Inputs) -> Output:
    """Align by DIS flow, take L from mono and a, b from color: (H, W, 3) linear in [0, 1]."""
    given = prepare(inputs)
    return Output(upsampling.lab(alignment.dis(given.small, given.color), given.mono))
