"""Work spread over processes so that neither the numbers nor what is left behind depend on how many there are.

Every worker computes with one thread: thread counts change the order of sums in some libraries, and workers that
share the cores by themselves use them better. Workers end with their parent, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

import cv2

from dualcam.errors import DualcamError

_T = TypeVar("_T")
_THREAD_COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class WorkError(RuntimeError):
    """A step failed in a way that is nobody's input: a fault of a method, or a worker that died."""


def each(
    step: Callable[[_T], None],
    tasks: Sequence[_T],
    *,
    jobs: int,
    name: Callable[[_T], str],
    busy_with: Callable[[int], str] = lambda _: "",
) -> Iterator[_T]:
    """Do a step for every task and give back the tasks in the order in which they are done.

    Args:
        step: a function of a module (workers import it anew).
        tasks: what it is called with; picklable.
        jobs: worker processes; 0 works in this process, one task after the other (for debuggers and tests).
        name: what to call a task in an error.
        busy_with: what a process was doing, by its id, for the error when it died.

    Raises:
        DualcamError: as raised by a step.
        WorkError: a step raised anything else, or a worker died; names the task. The others are given up.
    """
    if jobs == 0 or not tasks:
        yield from _here(step, tasks, name)
        return
    others = set(multiprocessing.active_children())
    with (
        _one_thread_a_process(),
        ProcessPoolExecutor(
            min(jobs, len(tasks)), mp_context=multiprocessing.get_context("spawn"), initializer=_start
        ) as pool,
    ):
        waiting: dict[Future[None], _T] = {pool.submit(step, task): task for task in tasks}
        # The pool learns which processes to watch when something is submitted, before it starts the last of them:
        # without this, the death of that one could go unnoticed until another one is done.
        pool.submit(_nothing)
        workers = [child for child in multiprocessing.active_children() if child not in others]
        try:
            for done in as_completed(waiting):
                with _named(name, waiting[done]):
                    done.result()
                yield waiting.pop(done)
        except BrokenProcessPool:
            raise WorkError(_obituary(workers, busy_with)) from None
        finally:
            # Reached early on an error, on Ctrl-C, or when the caller has had enough: nobody waits for the rest.
            if waiting:
                for worker in workers:
                    worker.terminate()
                pool.shutdown(cancel_futures=True)


@contextmanager
def naming(*words: str) -> Iterator[None]:
    """Let a fault inside say what was being done, besides the task that ``each`` names."""
    try:
        yield
    except Exception as error:
        error.__notes__ = [*words, *getattr(error, "__notes__", [])]
        raise


def _here(step: Callable[[_T], None], tasks: Sequence[_T], name: Callable[[_T], str]) -> Iterator[_T]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for task in tasks:
            with _named(name, task):
                step(task)
            yield task
    finally:
        cv2.setNumThreads(threads)


@contextmanager
def _named(name: Callable[[_T], str], task: _T) -> Iterator[None]:
    """Say in which task a fault happened; errors for users name their file themselves."""
    try:
        yield
    except (DualcamError, BrokenProcessPool, MemoryError):
        raise
    except Exception as error:
        where = ", ".join([name(task), *getattr(error, "__notes__", [])])
        raise WorkError(f"{where}: {type(error).__name__}: {error}") from error


def _obituary(workers: Sequence[BaseProcess], busy_with: Callable[[int], str]) -> str:
    """Tell which worker died by itself; the others were ended because of it."""
    for worker in workers:
        worker.join(timeout=5)
    own = [w for w in workers if w.exitcode not in (None, 0, -signal.SIGTERM)] or list(workers)
    doing = [text for worker in own if worker.pid is not None and (text := busy_with(worker.pid))]
    what = " or ".join(doing) if doing else "an unknown step"
    return f"a worker process died at {what}; if memory ran out, use fewer jobs"


def _nothing() -> None:
    pass


def _start() -> None:
    """Prepare a worker: one thread, deaf to Ctrl-C (the parent ends it), gone when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def _one_thread_a_process() -> Iterator[None]:
    """Libraries read their thread counts when they are loaded, so workers have to be born with them."""
    before = {variable: os.environ.get(variable) for variable in _THREAD_COUNTS}
    os.environ.update(dict.fromkeys(_THREAD_COUNTS, "1"))
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
