"""Where exported networks come from: the run's settings and scores, the pictures and their licenses."""

from __future__ import annotations

import csv
import json
import math
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dualcam.errors import InputError
from dualcam.neural.manifest import DataSet, Run, Value


def datasets(folders: Sequence[Path]) -> tuple[DataSet, ...]:
    """What folders of training pictures hold, by the folders within them and the license in their index.csv.

    Raises:
        InputError: there is no index, or it lacks a column.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for folder in folders:
        try:
            with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    counts[row["file"].partition("/")[0], row["license"]] += 1
        except (OSError, KeyError, ValueError, csv.Error) as error:
            raise InputError(
                f"{folder / 'index.csv'} cannot be used: {error!r}.",
                "--data takes folders with an index.csv that has the columns file and license.",
            ) from error
    return tuple(DataSet(f"{name} ({n} pictures)", rights) for (name, rights), n in sorted(counts.items()))


def run(folder: Path, files: Mapping[str, Path], date: str, step: int, sets: tuple[DataSet, ...]) -> Run:
    """What a manifest says about a training run.

    Args:
        folder: of the run.
        files: the networks it holds, by name.
        date: of the export, YYYY-MM-DD.
        step: optimizer steps behind the weights.
        sets: training sets.

    Raises:
        InputError: its settings or scores cannot be read.
    """
    config = _config(folder / "config.toml")
    return Run(
        name=folder.resolve().name,
        stage="joint" if len(files) > 1 else next(iter(files)),
        date=date,
        seed=int(config.get("seed", 0)),
        step=step,
        config=config,
        data=sets,
        scores=_scores(folder / "scores.json"),
    )


def _config(path: Path) -> dict[str, Value]:
    """Settings by dotted name."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", "Use the folder as `dualcam train` left it."
        ) from error

    def flat(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, Value]]:
        for key, value in table.items():
            if isinstance(value, dict):
                yield from flat(value, f"{before}{key}.")
            else:
                yield f"{before}{key}", value if isinstance(value, str | int | float) else str(value)

    return dict(flat(tables, ""))


def _scores(path: Path) -> dict[str, dict[str, float]]:
    """Scores by level of light, as far as a run has them; numbers without a level are those of all levels."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", "Use the folder as `dualcam train` left it."
        ) from error
    levels = {key: value for key, value in found.items() if isinstance(value, dict)}
    levels = {"all": found, **levels}
    numbers = {level: {k: float(v) for k, v in row.items() if _is_number(v)} for level, row in levels.items()}
    return {level: row for level, row in numbers.items() if row}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
