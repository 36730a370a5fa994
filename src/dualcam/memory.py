"""What a step has used goes back to the system before the next one begins."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


def give_back() -> None:
    """Let the C library return the memory that it holds for later; does nothing where it has no such call (not glibc).

    The arrays of one hop are rarely of use to the next, and the library keeps hundreds of megabytes of them.
    """
    trim = _trim()
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
