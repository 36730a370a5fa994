"""What a run says about itself: lines to read, ``log.jsonl``, ``curves.svg`` and ``scores.json``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dualcam.files.whole import replacing, write_whole
from dualcam.training.config import Config

LOG, CURVES, SCORES = "log.jsonl", "curves.svg", "scores.json"
# The first line comes soon, so that the forecast can be read.
_FIRST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the log.

    Attributes:
        step: steps done.
        rate: learning rate of the next step.
        train: means since the last row, over the batches, by name.
        validation: means over the held-back crops, of the averaged networks.
    """

    step: int
    rate: float
    train: Mapping[str, float]
    validation: Mapping[str, float]


class Journal:
    """Keeps the log of a run and tells the user how it goes.

    Args:
        folder: of the run.
        config: its settings.
        step: steps done; what an earlier process logged after them is removed.
        tell: gets every line for the user.
    """

    def __init__(self, folder: Path, config: Config, step: int, tell: Callable[[str], None]) -> None:
        self._folder, self._config, self._tell = folder, config, tell
        self._begun, self._began = step, time.monotonic()
        self._quiet_until: float | None = self._began + _FIRST_SECONDS
        rows = [row for row in read(folder / LOG) if row.step <= step]
        write_whole(folder / LOG, "".join(json.dumps(asdict(row)) + "\n" for row in rows).encode())

    def note_step(self, step: int) -> None:
        """Take note of a step; the first ones are announced with a forecast."""
        if self._quiet_until is not None and time.monotonic() > self._quiet_until:
            self._quiet_until = None
            self._tell(f"{self._place(step)}  {self._pace(step)}")

    def add(self, row: Row) -> None:
        """Log a row, tell it and plot the curves anew."""
        with (self._folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(row)) + "\n")
        self._tell(
            f"{self._place(row.step)}  trained on: {_numbers(row.train)}  held back: {_numbers(row.validation)}  "
            f"{self._pace(row.step)}"
        )
        if find_spec("matplotlib") is not None:
            plot(read(self._folder / LOG), self._folder / CURVES)

    def finish(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Write the scores of the finished run: by level of light, numbers by name."""
        write_whole(self._folder / SCORES, (json.dumps(scores, indent=2) + "\n").encode())

    def _place(self, step: int) -> str:
        return f"step {step:,}/{self._config.optimizer.steps:,}"

    def _pace(self, step: int) -> str:
        if step == self._begun:
            return ""
        each = (time.monotonic() - self._began) / (step - self._begun)
        left = each * (self._config.optimizer.steps - step)
        return f"{each:.3g} s a step, {duration(left)} left" if left else f"{each:.3g} s a step"


def read(path: Path) -> list[Row]:
    """Read a log; a last line that was cut off in writing is left out, a missing file is empty."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows.append(Row(values["step"], values["rate"], values["train"], values["validation"]))
    return rows


def plot(rows: list[Row], path: Path) -> None:
    """Plot every number of a log over the steps into an SVG file: training thin, held-back bold."""
    # Neither pyplot nor its global state is needed for a file.
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for row in rows for name in row.validation))
    figure = Figure(figsize=(7, 2.2 * max(1, len(names))), layout="constrained")
    for place, name in enumerate(names):
        axes = figure.add_subplot(len(names), 1, place + 1)
        for values, label, width in (("train", "training", 0.8), ("validation", "held back", 1.8)):
            points = [(row.step, getattr(row, values).get(name)) for row in rows]
            known = [(step, value) for step, value in points if value is not None]
            axes.plot(
                [step for step, _ in known], [value for _, value in known], lw=width, marker=".", label=label
            )
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        if place == 0:
            axes.legend()
        if name == "loss":
            axes.set_yscale("log")
    if names:
        axes.set_xlabel("step")
    with replacing(path) as hidden:
        figure.savefig(hidden, metadata={"Date": None})


def duration(seconds: float) -> str:
    """Write a time for people: "3 h 20 min", "5 min", "40 s"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _numbers(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
