"""Threads: results in order, errors as they are, and no more ahead of the caller than there are threads."""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from dualcam import parallel
from dualcam.camera import channels, curves


@pytest.mark.parametrize("workers", [1, 2, 5, None])
def test_results_come_in_order(workers):
    def slow_at_first(item):
        time.sleep(0.01 if item % 3 == 0 else 0)
        return item * item

    assert list(parallel.each(slow_at_first, range(20), workers)) == [n * n for n in range(20)]
    assert list(parallel.each(slow_at_first, [], workers)) == []


def test_items_are_worked_on_side_by_side():
    both = threading.Barrier(2, timeout=20)
    # Either would wait for the other in vain if they came one after the other.
    assert len(list(parallel.each(lambda item: both.wait(), range(2), 2))) == 2


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_is_raised_where_the_result_is_asked_for(workers):
    def fails(item):
        if item == 2:
            raise MemoryError("no more")
        return item

    results = parallel.each(fails, range(9), workers)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(MemoryError, match="no more"):
        next(results)


def test_no_more_is_taken_than_is_asked_for():
    taken = []
    results = parallel.each(lambda item: item, (taken.append(n) or n for n in range(100)), 3)
    next(results)
    assert len(taken) <= 4
    results.close()
    assert len(taken) <= 4


def test_curves_of_large_pictures_are_those_of_their_parts():
    size = curves._CHUNK * curves._CHUNKS
    values = np.random.default_rng(0).uniform(-0.1, 1.2, 2 * size + 11).astype(np.float32)
    for curve in (curves.encode, curves.decode):
        parts = [curve(values[start : start + 1000]) for start in range(0, len(values), 1000)]
        np.testing.assert_array_equal(curve(values), np.concatenate(parts))


def test_channels():
    color = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    np.testing.assert_array_equal(channels.highest(color), color.max(-1))
    np.testing.assert_array_equal(channels.lowest(color), color.min(-1))
    np.testing.assert_allclose(channels.total(color), color.sum(-1), atol=1e-6)


def test_both_give_their_results_in_order():
    assert parallel.both(lambda: 1, lambda: "two") == (1, "two")


@pytest.mark.parametrize("wrong", [0, 1])
def test_an_error_of_either_is_raised(wrong):
    def fail():
        raise ValueError(f"number {wrong}")

    work = [lambda: 1, lambda: 2]
    work[wrong] = fail
    with pytest.raises(ValueError, match=f"number {wrong}"):
        parallel.both(*work)


def test_matrix_products_keep_to_one_thread_for_a_while():
    def most():
        return max((lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"), default=1)

    with threadpool_limits(2, "blas"):
        before = most()
        with parallel.sharing():
            assert most() == 1
        assert most() == before


@pytest.mark.parametrize("threads", [1, 2])
def test_bands_give_what_all_rows_at_once_give(threads):
    rng = np.random.default_rng(0)
    picture, other = rng.random((301, 40, 3), np.float32), rng.random((301, 40), np.float32)
    seen = []

    def work(rows):
        seen.append(rows.stop - rows.start)
        return cv2.GaussianBlur(picture[rows], (0, 0), 2.0), (other[rows] > 0.5)

    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        blurred, above = parallel.banded(work, 301, margin=8)
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(blurred, cv2.GaussianBlur(picture, (0, 0), 2.0))
    np.testing.assert_array_equal(above, other > 0.5)
    assert len(seen) > 2 and max(seen) < 301 / 2
    # Too narrow a margin shows.
    assert (
        np.abs(parallel.banded(work, 301, margin=1)[0] - cv2.GaussianBlur(picture, (0, 0), 2.0)).max() > 1e-3
    )


def test_what_a_band_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        parallel.banded(lambda rows: (np.zeros(1 // 0),), 300)


@pytest.mark.parametrize("count", [1, 2])
def test_beside_gives_results_and_errors(count, monkeypatch):
    monkeypatch.setattr(parallel, "threads", lambda: count)
    with parallel.beside(lambda: 3) as later:
        assert later() == 3 and later() == 3

    def fail():
        raise ValueError("beside")

    with parallel.beside(fail) as later, pytest.raises(ValueError, match="beside"):
        later()
    done = []
    with parallel.beside(lambda: done.append(1)), pytest.raises(KeyError):
        raise KeyError
    assert done == ([1] if count == 2 else [])  # nobody asked for it


@pytest.mark.parametrize("count", [1, 2])
def test_ahead_is_one_item_ahead_and_in_order(count, monkeypatch):
    monkeypatch.setattr(parallel, "threads", lambda: count)
    begun = []
    for item, result in parallel.ahead(lambda i: begun.append(i) or i * i, range(6)):
        assert result == item * item
        assert begun[: item + 1] == [*range(item + 1)] and len(begun) <= item + count
    assert begun == [*range(6)]
    assert [*parallel.ahead(len, [])] == []
