"""What a step has used goes back to the system before the next one begins."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

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


def give_back() -> None:
    """Let the C library return the memory that it holds for later; does nothing where it has no such call (not glibc).

    The arrays of one hop are rarely of use to the next, and the library keeps hundreds of megabytes of them.
    """
    trim = None if is_kept() else _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except OSError:
        return None
