"""PNG: the pixels, strip by strip.

The stream is unpacked once, by a thread of its own. OpenCV undoes the filters of the rows: every strip is handed to it
as a small PNG that begins with the row above, which the filters of the first row refer to, and is not compressed. It
sees only chunks that carry pixels, and has nothing to interpret (gamma, transparency, orientation) and nothing to print
warnings about. Pillow would read 16-bit RGB as 8 bits.

Kinds whose stored bytes cannot be had back from what OpenCV makes of them (palettes, less than 8 bits, gray with alpha)
and interlaced ones are decoded as a whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.files import deflate
from dualcam.files.png import CHANNELS, SIGNATURE, chunk, chunks
from dualcam.files.samples import Header, Samples
from dualcam.files.source import Source, opened

_STRIP = 1 << 20  # bytes of rows decoded at a time
_STORED = 65535  # most bytes of an uncompressed block of a zlib stream
_PAETH = 4  # the last of the filters
_TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}


def samples(source: Source, header: Header, out: Samples | None = None) -> Samples:
    """Decode the pixels.

    Args:
        source: the file, whose checksums ``png.header`` has verified.
        header: its facts.
        out: where the samples are to lie; None for a new array.

    Returns:
        (H, W, 1 or 3) uint8 or uint16, RGB order, as stored; not ``out`` if the file can only be decoded as a whole.

    Raises:
        ValueError: the compressed data are short or damaged.
    """
    first: dict[bytes, bytes] = {}
    with opened(source) as stream:
        for kind, body in chunks(stream):
            if kind == b"IDAT":
                break
            if kind in (b"IHDR", b"PLTE"):
                first[kind] = body
        packed = (body for kind, body in chunks(stream) if kind == b"IDAT")
        _, _, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", first[b"IHDR"])
        if interlaced or depth < 8 or color not in (0, 2, 6):
            return _whole(first, b"".join(packed), header)
        if out is None:
            out = np.empty((header.height, header.width, header.channels), header.sample)
        _in_strips(packed, CHANNELS[color], out)
    return out


def _in_strips(packed: Iterable[bytes], channels: int, out: Samples) -> None:
    """Fill ``out`` from the pieces of a zlib stream of rows with ``channels`` stored samples a pixel."""
    height, width = out.shape[:2]
    color = {1: 0, 3: 2, 4: 6}[channels]
    row = 1 + width * channels * out.itemsize
    at_once = max(1, _STRIP // row)
    strips = _unpacked(packed, row, height, at_once)
    above = bytes(row)
    for top, strip in parallel.ahead(lambda _: next(strips), range(0, height, at_once)):
        rows = len(strip) // row
        if max(strip[::row]) > _PAETH:
            raise ValueError("its rows are filtered in an unknown way")
        head = struct.pack(">IIBBBBB", width, rows + 1, 8 * out.itemsize, color, 0, 0, 0)
        bare = [SIGNATURE, chunk(b"IHDR", head), chunk(b"IDAT", _stored(above + strip)), chunk(b"IEND", b"")]
        decoded = _decoded(b"".join(bare))
        last = decoded[-1] if channels == 1 else decoded[-1][:, [2, 1, 0, 3][:channels]]
        above = b"\0" + last.astype(last.dtype.newbyteorder(">")).tobytes()
        pixels = decoded[1:]
        if channels == 1:
            out[top : top + rows, :, 0] = pixels
        else:
            out[top : top + rows] = cv2.cvtColor(pixels, _TO_RGB[channels])


def _unpacked(packed: Iterable[bytes], row: int, height: int, at_once: int) -> Iterator[bytes]:
    """Strips of ``at_once`` rows of ``row`` bytes each, filtered as they are stored."""
    unpacker = deflate.unpacker()
    pieces = iter(packed)
    parts: list[bytes] = []
    have, left = 0, height * row
    while left:
        wanted = min(at_once * row, left)
        while have < wanted:
            piece = next(pieces, None)
            if piece is None or unpacker.eof:
                raise ValueError("its compressed data are too short")
            try:
                parts.append(unpacker.decompress(piece))
            except deflate.ERRORS as error:
                raise ValueError("its compressed data are damaged") from error
            have += len(parts[-1])
        ready = b"".join(parts)
        yield ready[:wanted]
        parts, have, left = [ready[wanted:]], have - wanted, left - wanted


def _stored(data: bytes) -> bytes:
    """A zlib stream that holds the data uncompressed."""
    view = memoryview(data)
    blocks: list[bytes | memoryview] = [b"\x78\x01"]
    for start in range(0, len(data), _STORED):
        block = view[start : start + _STORED]
        is_last = start + _STORED >= len(data)
        blocks += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    return b"".join([*blocks, struct.pack(">I", deflate.adler32(data))])


def _decoded(bare: bytes) -> NDArray[Any]:
    decoded = cv2.imdecode(np.frombuffer(bare, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise ValueError("its pixels cannot be decoded")
    return decoded


def _whole(first: dict[bytes, bytes], packed: bytes, header: Header) -> Samples:
    """Decode in one piece, from the chunks IHDR and PLTE and the zlib stream."""
    _check_length(packed, first[b"IHDR"])
    head = [chunk(kind, first[kind]) for kind in (b"IHDR", b"PLTE") if kind in first]
    decoded = _decoded(b"".join([SIGNATURE, *head, chunk(b"IDAT", packed), chunk(b"IEND", b"")]))
    if header.channels == 1:
        # Gray with alpha arrives as BGRA with three equal channels.
        return decoded.reshape(header.height, header.width, -1)[..., :1]
    return decoded[..., 2::-1]


def _check_length(packed: bytes, ihdr: bytes) -> None:
    """Unpack once and count: libpng would print to stderr and OpenCV could return half a picture."""
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", ihdr)
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ]
    expected = 0
    for x0, y0, dx, dy in passes:
        columns, rows = -(-(width - x0) // dx), -(-(height - y0) // dy)
        if columns > 0 and rows > 0:
            expected += rows * (1 + (columns * depth * CHANNELS[color] + 7) // 8)
    unpacker, count, rest = zlib.decompressobj(), 0, packed
    try:
        while count < expected and rest and not unpacker.eof:
            count += len(unpacker.decompress(rest, 4 << 20))
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ValueError("its compressed data are damaged") from error
    if count < expected:
        raise ValueError("its compressed data are too short")
