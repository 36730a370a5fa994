"""Independent work on several threads: numpy, OpenCV and ONNX Runtime compute without holding Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")
Other = TypeVar("Other")
Array = NDArray[Any]

# Rows of a band.
_BAND = 96


def threads() -> int:
    """How many threads may work: as many as OpenCV uses."""
    return max(1, cv2.getNumThreads())


@contextmanager
def sharing() -> Iterator[None]:
    """Keep matrix products to the thread that asks for them.

    numpy's own threads, one set for every product, fight with those of ``each`` and with OpenCV's; without them the
    block DCT takes half the time on two cores.
    """
    with threadpool_limits(1, "blas"):
        yield


@contextmanager
def beside(work: Callable[[], Result]) -> Iterator[Callable[[], Result]]:
    """Do something beside what is done within: gives what waits for its result, and raises what it raised.

    What has been begun is waited for in any case. With one thread it is done when its result is asked for.
    """
    if threads() == 1:
        yield cache(work)
        return
    # What a caller has set for its context, such as ``memory.kept``, holds for the other thread as well.
    inside = copy_context()
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(inside.run, work)
        del work
        yield under_way.result


def both(one: Callable[[], Result], other: Callable[[], Other]) -> tuple[Result, Other]:
    """Do two different things side by side; what the first raises is raised first."""
    with beside(other) as later:
        return one(), later()


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Do the same with one item after the other, each while the caller is busy with the one before.

    Args:
        work: called in another thread, where there are threads; what it raises is raised here.
        items: what it is called with.

    Yields:
        Every item and its result.
    """
    if threads() == 1:
        for item in items:
            yield item, work(item)
        return
    with ThreadPoolExecutor(1) as pool:
        before: tuple[Item, Future[Result]] | None = None
        for item in items:
            under_way = item, pool.submit(work, item)
            if before is not None:
                yield before[0], before[1].result()
            before = under_way
        if before is not None:
            yield before[0], before[1].result()


def banded(
    work: Callable[[slice], tuple[Array, ...]], height: int, margin: int = 0, rows: int = _BAND
) -> tuple[Array, ...]:
    """Compute pictures in bands of rows, several at a time: intermediate results stay small, and in the cores' caches.

    Args:
        work: some rows of every picture, (rows, ...), given which rows; called in any thread.
        height: of the pictures.
        margin: rows above and below a band that it depends on; they are computed with it and cut off.
        rows: of a band.

    Returns:
        The pictures, what the work would give for all rows at once.
    """
    out: list[Array] = []
    made = Lock()

    def band(top: int) -> None:
        bottom = min(height, top + rows)
        first = max(0, top - margin)
        parts = work(slice(first, min(height, bottom + margin)))
        with made:
            out[:] = out or [np.empty((height, *part.shape[1:]), part.dtype) for part in parts]
        for picture, part in zip(out, parts, strict=True):
            picture[top:bottom] = part[top - first : bottom - first]

    for _ in each(band, range(0, height, rows)):
        pass
    return tuple(out)


def each(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Do the same with every item, several at a time; results come in the order of the items.

    Never more than one item a thread is taken, or one result kept, ahead of the caller: memory does not grow with
    the number of items.

    Args:
        work: called in any thread; what it raises is raised here.
        items: what it is called with.
        workers: threads; None for ``threads()``.
    """
    workers = workers or threads()
    if workers == 1:
        yield from map(work, items)
        return
    waiting = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        under_way: list[Future[Result]] = [pool.submit(work, item) for item in islice(waiting, workers)]
        try:
            while under_way:
                result = under_way.pop(0).result()
                under_way += [pool.submit(work, item) for item in islice(waiting, 1)]
                yield result
        finally:
            for future in under_way:
                future.cancel()
