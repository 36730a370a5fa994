"""Rows of results, capture by capture, each in a file of its own: done once, and again only when something changed.

For the protocols beside NIGHT, whose captures are so small that no pictures are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError, UsageError
from dualcam.evaluation import fingerprint, pictures, protocol, workers
from dualcam.evaluation.dataset import Scene, Views
from dualcam.evaluation.layout import read_json, write_json
from dualcam.evaluation.results import DECIMALS
from dualcam.frame import FloatArray

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """One capture of a protocol.

    Attributes:
        scene: a pair of views.
        level: name of the light.
        scale: mono pixels per color pixel.
        pixels: pixels of the mono picture, what progress is measured in.
        part: which rows of the capture, such as those of one method, where these are made apart; "" for all.
        weights: the folder of weights that these rows depend on, or None.
    """

    scene: Scene
    level: str
    scale: int
    pixels: int
    part: str = ""
    weights: Path | None = None

    @property
    def name(self) -> str:
        """The capture in words."""
        name = f"{self.scene.name}, {self.level}, scale {self.scale}"
        return f"{name}, {self.part}" if self.part else name

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], FloatArray | None]:
        """Read left and right (H, W, 3) uint8 display, and the true disparity (H, W) or None.

        Raises:
            InputError: a file has gone or is damaged.
        """
        views = _views(self.scene)
        disparity = pictures.disparity(views.disparity) if views.disparity else None
        return pictures.rgb8(views.left), pictures.rgb8(views.right), disparity


def night_jobs(scenes: Sequence[Scene], levels: Sequence[str], scales: Sequence[int]) -> list[Job]:
    """Every scene at every light level and scale of the NIGHT protocol.

    Raises:
        UsageError: a level or scale that the protocol does not have.
    """
    for level in levels:
        for scale in scales:
            protocol.settings(level, scale)
    return [
        Job(scene, level, scale, scene.pixels) for level in levels for scale in scales for scene in scenes
    ]


def carry_out(
    step: Callable[[Job], Rows],
    jobs: Sequence[Job],
    *,
    folder: Path,
    code: Sequence[Path],
    depends_on: Mapping[str, Any],
    processes: int,
    watcher: Watcher,
    title: str,
) -> Rows:
    """Do a step for every job that has no valid file in the folder yet, and collect all rows in the jobs' order.

    A file is valid for the same code, packages, scene files, weights and ``depends_on``; any other is made anew.

    Args:
        step: function of a module; its rows are plain values, numbers are rounded.
        jobs: what it is called with.
        folder: where the files lie; made if needed.
        code: the protocol's own sources, on which nothing else of the benchmark depends.
        depends_on: what else the rows depend on, plain values.
        processes: worker processes, 0 for none.
        watcher: is told how it goes on.
        title: what to call the step.

    Raises:
        InputError: scenes that are no pairs of views.
        UsageError: code or scenes that changed meanwhile.
        OutputError: the folder cannot be written.
        WorkError: a fault of a method, or a worker that died.
    """
    for job in jobs:
        _views(job.scene)
    state = _states(jobs, code, depends_on)
    left = [job for job in jobs if _known(folder, job, state[job.name]) is None]
    left.sort(key=lambda job: -job.pixels)
    watcher.begin(title, len(left), sum(job.pixels for job in left))
    do = partial(_do, step, folder, state)
    for job in workers.each(do, left, jobs=processes, name=lambda job: job.name):
        watcher.done(job.name, job.pixels)
    if left and _states(jobs, code, depends_on) != state:
        # Workers load the code when they start: a change may be in some rows and not in others.
        for job in left:
            _path(folder, job).unlink(missing_ok=True)
        raise UsageError("dualcam or the scenes changed while this ran.", "Run it again; nothing was kept.")
    rows: Rows = []
    for job in jobs:
        rows += _known(folder, job, state[job.name]) or []
    return rows


def numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    """Scores as they are stored: rounded, None for what is not a number."""
    return {key: round(float(v), DECIMALS) if np.isfinite(v) else None for key, v in values.items()}


def to_json(result: Mapping[str, Any]) -> str:
    """Write a protocol's result as JSON text: one row a line, so that two files can be compared line by line."""
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in result.items() if key != "rows"]
    rows = ",\n".join(" " + json.dumps(row, allow_nan=False) for row in result["rows"])
    return "{\n" + ",\n".join([*parts, f'"rows": [\n{rows}\n]']) + "\n}\n"


def _do(step: Callable[[Job], Rows], folder: Path, state: Mapping[str, str], job: Job) -> None:
    write_json(_path(folder, job), {"state": state[job.name], "rows": step(job)})


def _known(folder: Path, job: Job, state: str) -> Rows | None:
    known = read_json(_path(folder, job)) or {}
    rows = known.get("rows")
    return rows if known.get("state") == state and isinstance(rows, list) else None


def _path(folder: Path, job: Job) -> Path:
    part = f"-{job.part}" if job.part else ""
    return folder / job.scene.name / f"{job.level}x{job.scale}{part}.json"


def _views(scene: Scene) -> Views:
    if scene.views is None:
        raise InputError(
            f"{scene.name} is a prepared capture.", "This protocol needs the clean views: left.* and right.*."
        )
    return scene.views


def _states(jobs: Sequence[Job], code: Sequence[Path], depends_on: Mapping[str, Any]) -> dict[str, str]:
    """A checksum for every job, by name, of all that its rows depend on."""
    config = fingerprint.config(dict.fromkeys(job.scene for job in jobs))
    own = {**depends_on, "own code": [hashlib.sha256(path.read_bytes()).hexdigest() for path in code]}
    networks = {job.weights: fingerprint.networks(job.weights) for job in jobs if job.weights is not None}
    states = {}
    for job in jobs:
        known = {**config, "scenes": config["scenes"][job.scene.name], "protocol": own}
        known[fingerprint.NEURAL] = networks[job.weights] if job.weights is not None else None
        states[job.name] = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    return states
