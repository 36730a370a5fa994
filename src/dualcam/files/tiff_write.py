"""Writing TIFF: strips that are packed by several threads, EXIF directories behind them.

tifffile writes the main directory and the strips as they come; the differences of its predictor and the packing are
made here, in the threads that make the samples.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from dualcam.files import deflate
from dualcam.files.strips import Picture

# A classic TIFF counts its bytes in 32 bits. Packed noise may grow a little, and directories follow.
_LARGEST = 2**32 - 2**26


def write(
    stream: BinaryIO,
    picture: Picture,
    directories: dict[int, dict[int, Any]],
    **facts: Any,
) -> None:
    """Write a zlib-packed TIFF, a BigTIFF if it might grow over 4 GB.

    Args:
        stream: an empty file, open for reading and writing.
        picture: (H, W) or (H, W, 3) uint8, uint16 or float32.
        directories: tags of the EXIF and GPS directories, by the tag that points to them; a BigTIFF goes without.
        **facts: for ``tifffile.imwrite``: "description", "software", "iccprofile", "extratags".
    """
    # tifffile cannot write sub-directories. Private tags one below the real codes keep places for the pointers (the
    # order of the tags stays right); the directories are appended below and the places filled in.
    is_big = len(picture.values) * picture.row_bytes > _LARGEST
    places = [] if is_big else [(code - 1, 4, 1, 0, True) for code in directories]
    facts["extratags"] = [*facts.get("extratags", ()), *places]
    tifffile.imwrite(
        stream,
        picture.each(_packed),
        shape=picture.shape,
        dtype=picture.dtype,
        bigtiff=is_big,
        byteorder="<",
        photometric="minisblack" if picture.is_gray else "rgb",
        rowsperstrip=picture.strip,
        compression="zlib",
        predictor=_has_predictor(picture.dtype),
        metadata=None,
        **facts,
    )
    if not is_big:
        _append(stream, directories)


def _has_predictor(dtype: np.dtype[Any]) -> bool:
    """Differences pack far better; for floats they would need a codec that not every reader has."""
    return dtype.kind == "u"


def _packed(rows: NDArray[Any]) -> bytes:
    stored = rows.astype(rows.dtype.newbyteorder("<"))
    if _has_predictor(rows.dtype):
        # Modulo the largest number, as the format wants it.
        np.subtract(rows[:, 1:], rows[:, :-1], out=stored[:, 1:])
    return deflate.packed(stored.data)


def _append(stream: BinaryIO, directories: dict[int, dict[int, Any]]) -> None:
    """Append EXIF directories to a little-endian classic TIFF and point the placeholder tags at them."""
    stream.seek(4)
    (start,) = struct.unpack("<I", stream.read(4))
    stream.seek(start)
    (count,) = struct.unpack("<H", stream.read(2))
    entries = stream.read(12 * count)
    for number in range(count):
        (code,) = struct.unpack_from("<H", entries, 12 * number)
        if code + 1 not in directories:
            continue
        end = stream.seek(0, 2)
        stream.write(bytes(end % 2))  # directories begin on a word boundary
        end += end % 2
        directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\x08\0\0\0", group=code + 1)
        for tag, value in directories[code + 1].items():
            directory[tag] = value
        stream.write(directory.tobytes(end))
        stream.seek(start + 2 + 12 * number)
        stream.write(struct.pack("<HHII", code + 1, 4, 1, end))
