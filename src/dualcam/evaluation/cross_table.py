"""Means over scenes as one Markdown table: a line a method, a column a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from dualcam.evaluation.table import bold_best, markdown

_Condition = tuple[str, int]
_Cells = dict[tuple[str, _Condition], list[Mapping[str, Any]]]


def cross_table(
    corner: str, rows: Sequence[Mapping[str, Any]], digits: Mapping[str, int], titles: Mapping[str, str]
) -> str:
    """Lay rows out.

    Args:
        corner: what the cells hold, for the head of the first column.
        rows: with ``scene``, ``level``, ``scale``, ``method``, ``scores``, ``refused`` and, for what is no rival,
            ``uses_truth``; conditions and methods stand in the order in which they come.
        digits: names of the scores shown in a cell, and their decimals.
        titles: what to call a method; its name where there is no title.

    Returns:
        The table. The best of the rivals that were run on all scenes is bold. A method's title says on how many
        captures it refused, and how many scenes it was run on where others were run on more.
    """
    conditions = list(dict.fromkeys((row["level"], row["scale"]) for row in rows))
    cells: _Cells = {}
    for row in rows:
        cells.setdefault((row["method"], (row["level"], row["scale"])), []).append(row)
    methods = list(dict.fromkeys(row["method"] for row in rows))
    rivals = [m for m in methods if not any(row.get("uses_truth") for row in rows if row["method"] == m)]
    most = {c: max(len(found) for (_, at), found in cells.items() if at == c) for c in conditions}
    lines = [[corner, *(f"{level} × {scale}" for level, scale in conditions)]]
    for method in methods:
        line = [_title(method, cells, most, titles)]
        for c in conditions:
            # Means over fewer scenes cannot be compared with the others.
            whole = [m for m in rivals if len(cells.get((m, c), [])) == most[c]]
            parts = []
            for key, places in digits.items():
                means = {m: _mean(cells.get((m, c), []), key) for m in {*whole, method}}
                best = bold_best(key, means[method], [means[m] for m in whole], places, method in whole)
                parts.append(best)
            line.append(" / ".join(parts))
        lines.append(line)
    return markdown(lines)


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [value for row in rows if (value := row["scores"].get(key)) is not None]
    return fmean(values) if values else None


def _title(method: str, cells: _Cells, most: Mapping[_Condition, int], titles: Mapping[str, str]) -> str:
    own = {c: found for (m, c), found in cells.items() if m == method}
    refused = sum(row["refused"] is not None for found in own.values() for row in found)
    fewer = [f"{len(found)} of {most[c]} scenes" for c, found in own.items() if len(found) < most[c]]
    remarks = [*dict.fromkeys(fewer), *([f"captures refused: {refused}"] if refused else [])]
    title = titles.get(method, method)
    return f"{title} ({', '.join(remarks)})" if remarks else title
