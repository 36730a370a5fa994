"""Where the bytes of a file come from: memory, or the disk, piece by piece."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Source = bytes | Path
"""The bytes of a file, or where it lies: what is decoded part by part need not be in memory as a whole."""


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The source as a stream that can be read from any place.

    Raises:
        OSError: the file cannot be opened.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    with source.open("rb") as stream:
        yield stream
