"""Freed memory kept for the next step: without this a third to two thirds of a step on a CPU goes to page faults."""

from __future__ import annotations

from dualcam import memory

# From malloc.h of the GNU C library.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_KEPT = 2**30


def keep_freed() -> bool:
    """Ask the GNU C library to keep freed blocks under 1 GiB; does nothing, and returns False, elsewhere.

    Every step allocates the same tensors of some megabytes anew. The library's default gives such blocks back to the
    system, which has to fill fresh pages with zeros a step later (measured: refEC 0.47 s a step before, 0.14 s after,
    on one loaded core).
    """
    return memory.set_options({_MMAP_THRESHOLD: _KEPT, _TRIM_THRESHOLD: _KEPT, _TOP_PAD: _KEPT // 4})
