"""Files that are replaced while others read them, or whose writer may be stopped: whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dualcam.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a hidden name to write to, which takes the place of ``path`` when the block has succeeded.

    Folders are made.

    Raises:
        OutputError: it cannot be written.
    """
    hidden = hidden_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield hidden
        hidden.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}.", "Check the disk and the folder."
        ) from error
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; it appears whole or not at all, in place of an older one. Folders are made.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as hidden:
        hidden.write_bytes(content)


def hidden_beside(path: Path) -> Path:
    """A name in the same folder that no other process uses, and that ``is_leftover`` knows as unfinished."""
    return path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}.part{path.suffix}")


def is_leftover(name: str) -> bool:
    """Whether a file or folder of this name is one that never got finished."""
    return name.startswith(".") and (".part" in name or ".old" in name)
