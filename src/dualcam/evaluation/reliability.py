"""Reliability curves for the report: what a confidence claims against what was right, as a small drawing."""

from __future__ import annotations

from html import escape

import numpy as np

from dualcam.evaluation import scoring
from dualcam.evaluation.layout import RunFolder
from dualcam.evaluation.metrics.confidence import TOLERANCE, Reliability, pooled
from dualcam.evaluation.results import Results
from dualcam.evaluation.summary import Group

_SIDE, _MARGIN = 200, 30


def curves(results: Results, group: Group, run: RunFolder) -> str:
    """Draw the pooled calibration curve of every method of a group that has a confidence.

    Args:
        results: of a run, for the titles.
        group: one condition.
        run: the folder with the scores.

    Returns:
        HTML figures with SVG in them; "" where no method has a confidence.
    """
    figures = []
    for method, rows in group.rows.items():
        read = (scoring.read_reliability(run, row.case, method) for row in rows.values())
        if found := [curve for curve in read if curve is not None]:
            figures.append(_figure(results.methods[method], pooled(found), len(found)))
    return f'<div class="curves">{"".join(figures)}</div>' if figures else ""


def _figure(title: str, curve: Reliability, scenes: int) -> str:
    caption = (
        f"<b>{escape(title)}</b> share of pixels within ΔE00 {TOLERANCE:g} (up) against the confidence (right), "
        f"{scenes} {'scene' if scenes == 1 else 'scenes'} together; calibration error {curve.error:.3f}"
    )
    return f"<figure>{drawing(curve)}<figcaption>{caption}</figcaption></figure>"


def drawing(curve: Reliability) -> str:
    """Draw one curve as SVG: a dot a bin, its area the share of the pixels; the diagonal is perfect calibration."""
    whole = _SIDE + 2 * _MARGIN
    some = curve.weight > 0
    across, up = _MARGIN + _SIDE * curve.confidence[some], _MARGIN + _SIDE * (1 - curve.share[some])
    radii = 2 + 16 * np.sqrt(curve.weight[some])
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>' for x, y, r in zip(across, up, radii, strict=True)
    )
    low, high = _MARGIN, _MARGIN + _SIDE
    marks = "".join(
        f'<text x="{low + _SIDE * at:g}" y="{high + 18}" text-anchor="middle">{at:g}</text>'
        f'<text x="{low - 6}" y="{high - _SIDE * at + 4:g}" text-anchor="end">{at:g}</text>'
        for at in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {whole} {whole}" width="{whole}" height="{whole}" role="img" '
        f'aria-label="Calibration curve, error {curve.error:.3f}">'
        f'<rect x="{low}" y="{low}" width="{_SIDE}" height="{_SIDE}"/>'
        f'<line x1="{low}" y1="{high}" x2="{high}" y2="{low}"/>'
        f'<polyline points="{line}"/>{dots}{marks}</svg>'
    )
