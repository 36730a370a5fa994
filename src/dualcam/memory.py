"""What a step has used goes back to the system before the next one begins."""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8

# Bytes of a program that need not be made smaller.
_SMALL = 768 << 20

_kept: ContextVar[bool] = ContextVar("kept", default=False)


@contextmanager
def kept() -> Iterator[None]:
    """Give nothing back for a while: the next frame of a video is going to need it."""
    token = _kept.set(True)
    try:
        yield
    finally:
        _kept.reset(token)


def is_kept() -> bool:
    """Whether what has been used is to be kept for the next frame."""
    return _kept.get()


def reuse() -> bool:
    """Let the C library use freed memory again before it asks the system for more; for programs, at their start.

    Usually large arrays come from the system, which fills them with zeros first: an eighth of the processor time of a
    fusion. ``give_back`` still returns them. Does nothing, and returns False, where the library is not glibc.
    """
    return set_options({_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _ARENA_MAX: 1})


def set_options(options: Mapping[int, int]) -> bool:
    """Set options of glibc's ``mallopt``; whether all of them were taken, False elsewhere."""
    library = _library()
    if library is None or not hasattr(library, "mallopt"):
        return False
    return all([library.mallopt(name, value) == 1 for name, value in options.items()])


def give_back() -> None:
    """Let the C library return the memory that it holds for later; does nothing where it has no such call (not glibc).

    The arrays of one hop are rarely of use to the next, and the library keeps hundreds of megabytes of them. A program
    that is small keeps its memory: to have it again, the system would have to fill it with zeros, page by page.
    """
    trim = None if is_kept() or resident() < _SMALL else _trim()
    if trim is not None:
        trim(0)


def resident() -> float:
    """Bytes of memory that the process has now; infinite where the system does not say (not Linux)."""
    try:
        with open("/proc/self/statm", "rb") as told:
            return int(told.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return math.inf


@cache
def _trim() -> Any:
    return getattr(_library(), "malloc_trim", None)


@cache
def _library() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None)
    except OSError:
        return None
