"""Captures of the benchmark as files: made once in the run folder, then read back like a user's pictures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dualcam.errors import InputError
from dualcam.evaluation import pictures, protocol
from dualcam.evaluation.case import Inputs, Truth
from dualcam.evaluation.dataset import Prepared, Views
from dualcam.evaluation.layout import RunFolder, read_json
from dualcam.evaluation.plan import Task
from dualcam.files.read import read
from dualcam.files.whole import hidden_beside
from dualcam.simulation.record import source
from dualcam.simulation.write import write_capture


def make(run: RunFolder, task: Task) -> None:
    """Put the files of a task's capture into the run folder, unless they are there.

    A pair is captured by the NIGHT protocol; a prepared capture is copied. The folder appears by rename.

    Raises:
        InputError: a picture of the scene cannot be used.
    """
    folder = run.capture(task.scene.name, task.level, task.scale)
    if is_made(run, task):
        return
    hidden = hidden_beside(folder)
    try:
        hidden.mkdir(parents=True)
        if task.prepared is not None:
            _copy(task.prepared, hidden)
        elif task.scene.views is not None:
            _simulate(task.scene.views, task, hidden)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(hidden, folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def is_made(run: RunFolder, task: Task) -> bool:
    """Tell whether a capture is there, with the color files of the wanted tracks.

    The folder appears whole; this notices files that were removed from it afterwards.
    """
    folder = run.capture(task.scene.name, task.level, task.scale)
    if read_json(folder / "capture.json") is None:
        return False
    stems = {path.stem for path in _pictures(folder)}
    wanted = {"mono", "truth", *("color" for r in task.results if r.track == "file")}
    raw = any(result.track == "raw" for result in task.results)
    return wanted <= stems and (not raw or (folder / "color.dng").is_file())


def read_inputs(folder: Path, track: str) -> Inputs:
    """Read what a method may know from the files of a capture, like a user's.

    Args:
        folder: of the capture.
        track: "file" or "raw": which color file.

    Raises:
        InputError: a file is missing or cannot be used.
    """
    color = folder / "color.dng" if track == "raw" else _file(folder, "color")
    return Inputs(mono=read(_file(folder, "mono"), "mono"), color=read(color, "color"))


def read_truth(folder: Path) -> Truth:
    """Read what outputs of a capture are scored against.

    Raises:
        InputError: a file is missing or cannot be used.
    """
    disparity = folder / "disparity.png"
    return Truth(
        picture=pictures.rgb8(_file(folder, "truth")),
        disparity=pictures.disparity(disparity) if disparity.is_file() else None,
    )


def _simulate(views: Views, task: Task, folder: Path) -> None:
    left, right = pictures.rgb8(views.left), pictures.rgb8(views.right)
    disparity = pictures.disparity(views.disparity) if views.disparity else None
    capture = protocol.capture(left, right, scene=task.scene.name, level=task.level, scale=task.scale)
    sources = (source(views.left), source(views.right))
    record = protocol.record(scene=task.scene.name, level=task.level, scale=task.scale, inputs=sources)
    write_capture(folder, capture, record, disparity=disparity)


def _copy(prepared: Prepared, folder: Path) -> None:
    for path in (*prepared.files(), prepared.folder / "capture.json"):
        try:
            shutil.copyfile(path, folder / path.name)
        except FileNotFoundError as error:
            raise InputError(f"{path} has gone.", "Put it back.") from error


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.*") if path.suffix not in (".dng", ".json"))


def _file(folder: Path, stem: str) -> Path:
    for path in _pictures(folder):
        if path.stem == stem:
            return path
    raise InputError(f"{folder} has no {stem} picture.", "Delete this folder and run again.")
