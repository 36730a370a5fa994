"""What several tests of the command line need."""

from __future__ import annotations

from pathlib import Path

HEIGHT, WIDTH = 48, 64


def left_in(folder: Path) -> set[str]:
    """Names of everything in a folder, at any depth, hidden files included."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}
