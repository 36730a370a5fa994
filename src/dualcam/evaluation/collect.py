"""From the run folder to results: scores and notes of finished tasks, sorted and rounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dualcam.errors import InputError
from dualcam.evaluation import methods, produce, scoring
from dualcam.evaluation.layout import RunFolder
from dualcam.evaluation.plan import TRACKS, Task, level_order
from dualcam.evaluation.results import DECIMALS, Results, Row, Timing


def collect(run: RunFolder, tasks: Sequence[Task], config: Mapping[str, Any]) -> Results:
    """Gather scores and notes of finished tasks from the run folder.

    Raises:
        InputError: one of them is missing, because the run is not finished.
    """
    rows, timing = [], []
    for task in tasks:
        for result in task.results:
            case = task.case(result)
            note = produce.read_note(run, case, result.method)
            scores = scoring.read_scores(run, case, result.method)
            if note is None or scores is None:
                raise InputError(
                    f"{run.score(case, result.method)} is missing.", "Run the benchmark to its end."
                )
            rounded = {k: None if v is None else round(v, DECIMALS) for k, v in scores.items()}
            rows.append(Row(case, result.method, rounded, note.refused))
            if note.seconds is not None:
                timing.append(
                    Timing(case, result.method, note.seconds, note.peak_mib, task.scene.pixels / 1e6)
                )
    names = list(dict.fromkeys(row.method for row in rows))
    order = [*(n for n in methods.METHODS if n in names), *(n for n in names if n not in methods.METHODS)]
    known = {
        **config,
        "scenes": {n: s for n, s in config["scenes"].items() if any(row.case.scene == n for row in rows)},
        "methods": {name: _facts(name) for name in order},
    }

    def place(item: Row | Timing) -> tuple[Any, ...]:
        case = item.case
        return (
            TRACKS.index(case.track),
            level_order(case.level),
            case.scale,
            case.scene,
            order.index(item.method),
        )

    return Results(known, tuple(sorted(rows, key=place)), tuple(sorted(timing, key=place)))


def _facts(method: str) -> dict[str, Any]:
    entry = methods.METHODS.get(method)
    if entry is None:
        return {"title": method, "uses_truth": False, "source": "made elsewhere"}
    return {"title": entry.title, "uses_truth": entry.needs_disparity, "source": entry.source}
