"""The results of a benchmark run as values and as JSON.

``{"schema": 1, "config": {...}, "rows": [...], "timing": [...]}``. Rows hold the scores, sorted and rounded, and are
the same to the last digit whenever the configuration is; times and memory are kept apart from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dualcam.errors import InputError
from dualcam.evaluation.case import CaseId

SCHEMA = 1
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one output.

    Attributes:
        case: which capture.
        method: which method.
        scores: by name; None where a score is not a number.
        refused: why the method gave no picture (the mono picture in gray is scored), or None.
    """

    case: CaseId
    method: str
    scores: Mapping[str, float | None]
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """What one output cost.

    Attributes:
        case: which capture.
        method: which method.
        seconds: processor time of the method, on one thread.
        peak_mib: peak resident memory of the worker while it ran, MiB, or None.
        megapixels: pixels of the output / 10^6.
    """

    case: CaseId
    method: str
    seconds: float
    peak_mib: float | None
    megapixels: float


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """All results of a run that were asked for.

    Attributes:
        config: what they depend on (``fingerprint.config``, for these scenes), and ``methods``: title and
            ``uses_truth`` of each by name, in the order of the tables.
        rows: sorted by track, level, scale, scene and method.
        timing: in the same order; without pictures made elsewhere.
    """

    config: Mapping[str, Any]
    rows: tuple[Row, ...]
    timing: tuple[Timing, ...]

    @property
    def methods(self) -> dict[str, str]:
        """Titles of the methods by name, in the order of the tables."""
        return {name: facts["title"] for name, facts in self.config["methods"].items()}

    @property
    def ceilings(self) -> frozenset[str]:
        """Methods that are shown the truth: what could be reached, not rivals."""
        return frozenset(name for name, facts in self.config["methods"].items() if facts["uses_truth"])


def to_json(results: Results) -> str:
    """Write results as JSON text: one row a line, so that two files can be compared line by line."""
    rows = [
        {**asdict(row.case), "method": row.method, "scores": dict(row.scores), "refused": row.refused}
        for row in results.rows
    ]
    timing = [
        {
            **asdict(item.case),
            "method": item.method,
            "seconds": round(item.seconds, 3),
            "peak_mib": None if item.peak_mib is None else round(item.peak_mib, 1),
            "megapixels": round(item.megapixels, DECIMALS),
        }
        for item in results.timing
    ]
    lines = [
        f'"schema": {SCHEMA}',
        f'"config": {json.dumps(results.config, indent=1)}',
        f'"rows": {_lines(rows)}',
        f'"timing": {_lines(timing)}',
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(items: Sequence[Mapping[str, Any]]) -> str:
    body = ",\n".join(" " + json.dumps(item, allow_nan=False) for item in items)
    return f"[\n{body}\n]" if items else "[]"


def read(path: Path) -> Results:
    """Read results from a JSON file.

    Raises:
        InputError: it is missing, or holds something else.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["schema"] != SCHEMA:
            raise ValueError(f"schema {values['schema']}")
        rows = tuple(
            Row(_case(item), item["method"], item["scores"], item["refused"]) for item in values["rows"]
        )
        timing = tuple(
            Timing(_case(t), t["method"], t["seconds"], t["peak_mib"], t["megapixels"])
            for t in values["timing"]
        )
        return Results(values["config"], rows, timing)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give a results file.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no benchmark results of this version ({error}).",
            "Make them with 'dualcam evaluate'.",
        ) from error


def _case(item: Mapping[str, Any]) -> CaseId:
    return CaseId(item["scene"], item["level"], item["scale"], item["track"])
