"""Writing PNG: filtered and packed strip by strip, by several threads."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dualcam.files import deflate
from dualcam.files.png import SIGNATURE, chunk
from dualcam.files.strips import Picture


def write(stream: BinaryIO, picture: Picture, extra: Iterable[tuple[bytes, bytes]]) -> None:
    """Write a PNG.

    Args:
        stream: is written from the beginning to the end, and never sought in.
        picture: (H, W) or (H, W, 3) uint8 or uint16, RGB order.
        extra: (kind, data) of the chunks between header and pixels, in order; iCCP has to come first.
    """
    height, width = picture.shape[:2]
    color = 0 if picture.is_gray else 2
    head = struct.pack(">IIBBBBB", width, height, 8 * picture.dtype.itemsize, color, 0, 0, 0)
    stream.write(SIGNATURE + chunk(b"IHDR", head))
    for kind, body in extra:
        stream.write(chunk(kind, body))
    # A zlib stream in pieces: its beginning, the strips, an empty last block, the checksum.
    stream.write(chunk(b"IDAT", b"\x78\x01"))
    checksum = 1
    for packed, filtered in picture.each(_packed):
        checksum = deflate.adler32(filtered.data, checksum)
        stream.write(chunk(b"IDAT", packed))
    stream.write(chunk(b"IDAT", b"\x03\x00" + struct.pack(">I", checksum)) + chunk(b"IEND", b""))


def _packed(rows: NDArray[Any]) -> tuple[bytes, NDArray[np.uint8]]:
    """Deflated rows, ending on a byte, and the filtered rows that they hold."""
    beside = rows[:1, :1].nbytes
    data = rows.astype(rows.dtype.newbyteorder(">"), order="C").view(np.uint8).reshape(len(rows), -1)
    filtered = np.empty((len(data), data.shape[1] + 1), np.uint8)
    # Every sample minus that of the pixel to its left.
    filtered[:, 0] = 1
    filtered[:, 1 : 1 + beside] = data[:, :beside]
    np.subtract(data[:, beside:], data[:, :-beside], out=filtered[:, 1 + beside :])
    return deflate.packed_part(filtered.data), filtered
