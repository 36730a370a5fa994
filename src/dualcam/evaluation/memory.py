"""Peak memory of one step of this process, where the system tells it (Linux)."""

from __future__ import annotations

import re
from pathlib import Path

_PROC = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5), clear_refs: the peak becomes what is resident now


def reset_peak() -> bool:
    """Start measuring anew; False where the system does not allow it."""
    try:
        (_PROC / "clear_refs").write_text(_RESET_PEAK, "ascii")
    except OSError:
        return False
    return True


def peak_mib() -> float | None:
    """Peak resident memory of the whole process since ``reset_peak``, in MiB; None where unknown."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", (_PROC / "status").read_text("ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None
