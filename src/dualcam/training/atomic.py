"""Files of a run that are replaced while others read them: whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dualcam.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a hidden name to write to, which takes the place of ``path`` when the block has succeeded.

    The hidden name is another one every time, so that processes that make the same file do not meet.

    Raises:
        OutputError: it cannot be written.
    """
    hidden = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield hidden
        hidden.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}.", "Check the disk and the folder."
        ) from error
    finally:
        hidden.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; it appears whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as hidden:
        hidden.write_bytes(content)
