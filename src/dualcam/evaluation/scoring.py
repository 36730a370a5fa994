"""The second loop of the benchmark: outputs are read back from their files and scored against the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualcam.camera.curves import decode
from dualcam.evaluation import pictures
from dualcam.evaluation.captures import read_inputs, read_truth
from dualcam.evaluation.case import CaseId, Inputs, Output
from dualcam.evaluation.layout import RunFolder, read_json, write_json
from dualcam.evaluation.metrics import all as metrics
from dualcam.evaluation.metrics.confidence import Reliability
from dualcam.evaluation.plan import Result, Task
from dualcam.evaluation.workers import naming


def score(run: RunFolder, task: Task) -> None:
    """Score every wanted output of a task that has no scores yet.

    Raises:
        InputError: an output or a file of the capture cannot be read.
    """
    folder = run.capture(task.scene.name, task.level, task.scale)
    missing = [result for result in task.results if not is_scored(run, task, result)]
    if not missing:
        return
    truth = read_truth(folder)
    reference = metrics.prepare(truth)
    # Scoring looks at the mono picture alone, which all tracks share.
    inputs = read_inputs(folder, min(result.track for result in missing))
    try:
        for result in missing:
            run.mark(f"scores of {task.name}, {result.track} track, {result.method}")
            with naming(f"{result.track} track", f"scores of {result.method}"):
                _score_one(run, task.case(result), result.method, inputs, reference)
    finally:
        run.unmark()


def is_scored(run: RunFolder, task: Task, result: Result) -> bool:
    """Tell whether the scores of an output are there."""
    return read_scores(run, task.case(result), result.method) is not None


def read_scores(run: RunFolder, case: CaseId, method: str) -> dict[str, float | None] | None:
    """Read the scores of an output by name, None for a score that is not a number; None without scores."""
    values = (read_json(run.score(case, method)) or {}).get("scores")
    return values if isinstance(values, dict) else None


def read_reliability(run: RunFolder, case: CaseId, method: str) -> Reliability | None:
    """Read the calibration curve of an output's confidence; None where there is none."""
    values = (read_json(run.score(case, method)) or {}).get("reliability")
    if not isinstance(values, dict):
        return None
    # An empty bin has no mean: null in JSON.
    claimed, share, weight = (np.array(values[key], np.float64) for key in ("confidence", "share", "weight"))
    return Reliability(claimed, share, weight, float(values["error"]))


def read_output(run: RunFolder, case: CaseId, method: str) -> Output:
    """Read an output as it is scored: (H, W, 3) linear from the 8-bit picture, with its confidence.

    Raises:
        InputError: it is missing or damaged.
    """
    display = pictures.rgb8(run.picture(case, method))
    confidence = run.confidence(case, method)
    return Output(
        pixels=decode(display.astype(np.float32) / np.float32(255)),
        confidence=pictures.gray01(confidence) if confidence.is_file() else None,
    )


def _score_one(
    run: RunFolder, case: CaseId, method: str, inputs: Inputs, reference: metrics.Reference
) -> None:
    found = metrics.assess(read_output(run, case, method), reference.truth, inputs, reference)
    values: dict[str, Any] = {"scores": {name: _plain(value) for name, value in found.scores.items()}}
    if (curve := found.reliability) is not None:
        values["reliability"] = {
            "confidence": [_plain(value) for value in curve.confidence],
            "share": [_plain(value) for value in curve.share],
            "weight": [_plain(value) for value in curve.weight],
            "error": curve.error,
        }
    write_json(run.score(case, method), values)


def _plain(value: float) -> float | None:
    """A number as JSON holds it: null for what is not a number."""
    return float(value) if np.isfinite(value) else None
