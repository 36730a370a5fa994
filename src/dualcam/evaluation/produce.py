"""The first loop of the benchmark: methods are handed the files of a capture, their outputs become files."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dualcam.errors import InputError, PlacementError
from dualcam.evaluation import memory, methods, pictures
from dualcam.evaluation.captures import read_inputs, read_truth
from dualcam.evaluation.case import CaseId, Inputs, Output, Truth
from dualcam.evaluation.layout import RunFolder, is_whole_png, read_json, write_json
from dualcam.evaluation.plan import Result, Task
from dualcam.evaluation.workers import naming
from dualcam.files import encode
from dualcam.files.whole import write_whole
from dualcam.files.write import write, write_gray


@dataclass(frozen=True, slots=True)
class Note:
    """What is known about the making of one output.

    Attributes:
        seconds: processor time of the method alone, on the one thread that a worker has: unlike wall time it
            does not depend on what else the machine does. None for a picture made elsewhere.
        peak_mib: peak resident memory of the process while the method ran, MiB; None where unknown.
        refused: why the method gave no picture, in which case its output is the mono picture in gray; or None.
        confidence: whether a confidence belongs to the output.
        source: checksum of a picture made elsewhere; None for methods of the table.
    """

    seconds: float | None
    peak_mib: float | None
    refused: str | None
    confidence: bool
    source: str | None = None


def produce(run: RunFolder, task: Task) -> None:
    """Run every wanted method that has no output yet, on the files of the capture.

    A method that refuses (``PlacementError``, ``InputError``) is not skipped: its output is the mono picture in
    gray, which is what its user is left with, and the note says so.

    Raises:
        DualcamError: a capture cannot be read, or an output cannot be written.
        ValueError: a method returned a picture of another size or with NaN.
    """
    folder = run.capture(task.scene.name, task.level, task.scale)
    missing = [result for result in task.results if not is_produced(run, task, result)]
    if not missing:
        return
    truth = read_truth(folder)
    try:
        for track in dict.fromkeys(result.track for result in missing):
            inputs = read_inputs(folder, track)
            for result in missing:
                if result.track == track:
                    run.mark(f"{task.name}, {track} track, {result.method}")
                    with naming(f"{track} track", result.method):
                        _produce_one(run, task.case(result), result, inputs, truth)
    finally:
        run.unmark()


def is_produced(run: RunFolder, task: Task, result: Result) -> bool:
    """Tell whether the output is complete and, for a picture made elsewhere, still the same."""
    case = task.case(result)
    note = read_note(run, case, result.method)
    if note is None or not is_whole_png(run.picture(case, result.method)):
        return False
    if note.confidence and not is_whole_png(run.confidence(case, result.method)):
        return False
    return result.elsewhere is None or note.source == _checksum(result.elsewhere)


def read_note(run: RunFolder, case: CaseId, method: str) -> Note | None:
    """Read the note of an output; None without one."""
    values = read_json(run.note(case, method))
    try:
        return None if values is None else Note(**values)
    except TypeError:
        return None


def _produce_one(run: RunFolder, case: CaseId, result: Result, inputs: Inputs, truth: Truth) -> None:
    # From the moment the picture changes, neither note nor score may speak of the one before.
    for stale in (run.score(case, result.method), run.note(case, result.method)):
        stale.unlink(missing_ok=True)
    if result.elsewhere is not None:
        note = _fetch(run, case, result.method, result.elsewhere, truth)
    else:
        note = _run_method(run, case, result.method, inputs, truth)
    write_json(run.note(case, result.method), asdict(note))


def _run_method(run: RunFolder, case: CaseId, name: str, inputs: Inputs, truth: Truth) -> Note:
    entry, refused = methods.METHODS[name], None
    measured = memory.reset_peak()
    started = time.process_time()
    try:
        output = entry.run(inputs, truth)
    except (PlacementError, InputError) as error:
        output, refused = (
            Output(np.repeat(inputs.mono.pixels, 3, axis=2)),
            _without_folder(error.cause, inputs),
        )
    seconds = time.process_time() - started
    peak = memory.peak_mib() if measured else None
    _check_output(output, inputs)
    _store(run, case, name, output)
    return Note(seconds, peak, refused, output.confidence is not None)


def _check_output(output: Output, inputs: Inputs) -> None:
    """A broken picture is a fault of the method, not a bad result."""
    height, width = inputs.mono.pixels.shape[:2]
    if output.pixels.shape != (height, width, 3):
        raise ValueError(f"the output is {output.pixels.shape} instead of {(height, width, 3)}")
    if not np.isfinite(output.pixels).all():
        raise ValueError("the output holds NaN or infinity")
    confidence = output.confidence
    if confidence is not None and (confidence.shape != (height, width) or not np.isfinite(confidence).all()):
        raise ValueError(f"the confidence is {confidence.shape}, or holds NaN or infinity")


def _store(run: RunFolder, case: CaseId, method: str, output: Output) -> None:
    picture, confidence = run.picture(case, method), run.confidence(case, method)
    picture.parent.mkdir(parents=True, exist_ok=True)
    write(picture, output.pixels, bits=8, overwrite=True, provenance=f"dualcam benchmark, {method}")
    if output.confidence is not None:
        write_gray(confidence, output.confidence, bits=16, overwrite=True, provenance=f"confidence, {method}")
    else:
        confidence.unlink(missing_ok=True)


def _fetch(run: RunFolder, case: CaseId, method: str, path: Path, truth: Truth) -> Note:
    """Take over a picture made elsewhere, with its confidence if one lies beside it."""
    display = pictures.rgb8(path)
    if display.shape != truth.picture.shape:
        rows, columns = truth.picture.shape[:2]
        raise InputError(
            f"{path} is {display.shape[1]} x {display.shape[0]}, but the mono picture is {columns} x {rows}.",
            "Give pictures in the mono camera's view and size.",
        )
    write_whole(
        run.picture(case, method), encode.png_bytes(display, encode.Extras(None, f"from {path.name}", True))
    )
    sure = _confidence_beside(path)
    if sure.is_file():
        values = pictures.gray01(sure)
        if values.shape != display.shape[:2]:
            raise InputError(f"{sure} and {path.name} differ in size.", "Give one value for every pixel.")
        write_gray(run.confidence(case, method), values, bits=16, overwrite=True)
    else:
        run.confidence(case, method).unlink(missing_ok=True)
    return Note(None, None, None, sure.is_file(), _checksum(path))


def _checksum(path: Path) -> str:
    """Checksum of a picture made elsewhere and of its confidence."""
    whole = hashlib.sha256()
    for part in (path, _confidence_beside(path)):
        whole.update(part.read_bytes() if part.is_file() else b"")
    return whole.hexdigest()


def _confidence_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-confidence.png")


def _without_folder(text: str, inputs: Inputs) -> str:
    """Results name files, not where the run lay."""
    for frame in (inputs.mono, inputs.color):
        if frame.origin.path is not None:
            text = text.replace(str(frame.origin.path.parent) + os.sep, "")
    return text
