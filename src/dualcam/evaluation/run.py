"""A benchmark run from data to results: captures, then outputs, then scores; resumable at any point.

The run folder holds everything. What is there is not done again; what depends on something else than the run's
configuration is refused, so that a table never mixes two of them. Where only the networks differ, the outputs of the
methods that use them are made anew and all others stay.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from dualcam.errors import OutputError, UsageError
from dualcam.evaluation import captures, dataset, fingerprint, methods, plan, produce, scoring, workers
from dualcam.evaluation.collect import collect
from dualcam.evaluation.layout import RunFolder, read_json, write_json
from dualcam.evaluation.plan import Choice, Result, Task
from dualcam.evaluation.results import Results


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    Attributes:
        data: folder of pairs or of prepared captures.
        run: the run folder; made if needed.
        choice: which scenes, levels, scales, tracks and methods.
        jobs: worker processes; 0 works in this process.
        restart: delete what an earlier run left in the run folder first.
        rescore: delete the scores of an earlier run first and keep its outputs.
    """

    data: Path
    run: Path
    choice: Choice
    jobs: int = 1
    restart: bool = False
    rescore: bool = False


class Watcher(Protocol):
    """Is told how a run goes on."""

    def begin(self, step: str, tasks: int, work: int) -> None:
        """A step begins; so many tasks, of so many pixels in all, are still to do."""

    def done(self, name: str, work: int) -> None:
        """A task of the step is done."""


def run(request: Request, watcher: Watcher) -> Results:
    """Run a benchmark, or what is left of it, and collect its results.

    Raises:
        UsageError: a choice that makes no sense, or a run folder of another configuration.
        InputError: data that cannot be used.
        OutputError: a folder that is not a run folder, is in use, or cannot be written.
        UnavailableError: something that a method needs is not installed.
        WorkError: a fault of a method, or a worker that died; the run can go on from there.
    """
    plan.check(request.choice)
    scenes = plan.pick_scenes(dataset.find(request.data), request.choice.scenes)
    tasks = plan.plan(scenes, request.choice)
    config = fingerprint.config(scenes)
    folder = RunFolder(request.run)
    with _alone(folder):
        _open(folder, config, request)
        try:
            _carry_out(folder, tasks, request.jobs, watcher)
        finally:
            folder.sweep()
        _refuse_change(folder, config, fingerprint.config(scenes))
        return collect(folder, tasks, config)


def _carry_out(folder: RunFolder, tasks: Sequence[Task], jobs: int, watcher: Watcher) -> None:
    """The two loops; the captures come first, so that unusable data shows before minutes of work."""
    left = [task for task in tasks if not captures.is_made(folder, task)]
    _step("captures", captures.make, folder, left, jobs, watcher)
    _step("outputs", produce.produce, folder, _without(folder, tasks, produce.is_produced), jobs, watcher)
    _step("scores", scoring.score, folder, _without(folder, tasks, scoring.is_scored), jobs, watcher)


def _step(
    name: str,
    step: Callable[[RunFolder, Task], None],
    folder: RunFolder,
    tasks: Sequence[Task],
    jobs: int,
    watcher: Watcher,
) -> None:
    watcher.begin(name, len(tasks), sum(task.work for task in tasks))
    bound = partial(step, folder)
    for task in workers.each(bound, tasks, jobs=jobs, name=lambda t: t.name, busy_with=folder.busy_with):
        watcher.done(task.name, task.work)


def _without(
    folder: RunFolder, tasks: Sequence[Task], is_done: Callable[[RunFolder, Task, Result], bool]
) -> list[Task]:
    """What is left to do, the largest tasks first."""
    left = [
        task.only(result for result in task.results if not is_done(folder, task, result)) for task in tasks
    ]
    return sorted((task for task in left if task.results), key=lambda task: -task.work)


def _open(folder: RunFolder, config: Mapping[str, Any], request: Request) -> None:
    """Make a run folder or enter one of the same configuration."""
    root = folder.root
    known = _known_config(folder)
    if request.restart and known is not None:
        folder.clear()
        known = None
    if known is None:
        write_json(folder.config, config)
        return
    folder.sweep()
    changed = fingerprint.differences(known, config)
    networks = [name for name in changed if name.startswith(f"{fingerprint.NEURAL} ")]
    changed = tuple(name for name in changed if name not in networks)
    if set(changed) == {fingerprint.SCORING} and not request.rescore:
        raise UsageError(
            f"{root} holds scores of other metrics than these.",
            "Use --rescore to score its outputs anew, or another --out.",
        )
    if set(changed) - {fingerprint.SCORING}:
        shown = ", ".join(changed[:6]) + (f" and {len(changed) - 6} more" if len(changed) > 6 else "")
        raise UsageError(
            f"{root} holds results that this run must not be mixed with; what differs: {shown}.",
            "Use another --out, or --restart to delete them and begin anew.",
        )
    if networks:
        for method, entry in methods.METHODS.items():
            if entry.has_weights:
                folder.clear_method(method)
    if request.rescore:
        folder.clear_scores()
    write_json(folder.config, {**config, "scenes": {**known["scenes"], **config["scenes"]}})


def _refuse_change(folder: RunFolder, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Workers load the code when they start: what changed since then may be in some results and not in others."""
    changed = fingerprint.differences(before, after)
    if changed:
        write_json(folder.config, {**before, "changed during the run": list(changed)})
        raise UsageError(
            f"{', '.join(changed)} changed while the benchmark ran.", "Begin anew with --restart."
        )


def _known_config(folder: RunFolder) -> dict[str, Any] | None:
    """The configuration of an existing run; None for a new or empty folder."""
    root = folder.root
    try:
        taken = root.exists() and any(not path.name.startswith(".") for path in root.iterdir())
    except OSError as error:
        raise OutputError(f"{root} is not a folder that can be used.", "Use another --out.") from error
    if not taken:
        return None
    known = read_json(folder.config)
    if known is None or not {"schema", "code", "scenes", fingerprint.SCORING} <= set(known):
        raise OutputError(f"{root} is not empty and not the folder of a benchmark run.", "Use another --out.")
    return known


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    """Keep a second run out of the folder. The lock ends with the process, however that ends."""
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder.root} cannot be made: {error.strerror}.", "Use another --out."
        ) from error
    try:
        import fcntl
    except ImportError:  # not on this system: two runs at once would do work twice, and no harm
        yield
        return
    handle = os.open(folder.root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"another run is at work in {folder.root}.", "Wait for it, or use another --out."
            ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)
