"""PNG: chunks by hand (checksums, profile, EXIF); pixels are unpacked by OpenCV, and packed in strips.

Pillow reads 16-bit RGB as 8 bits, so OpenCV decodes. It is given only the chunks that carry pixels: it then
has nothing to interpret (gamma, transparency, orientation) and nothing to print warnings about.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.errors import InputError
from dualcam.files.metadata import orientation
from dualcam.files.samples import Header, Samples, check_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # stored samples a pixel, by color type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_MAX_PROFILE = 16 << 20
_STRIP = 128  # rows packed at a time


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Walk the chunks of a PNG up to and including IEND.

    Raises:
        ValueError: the file ends early or a checksum of a chunk is wrong.
    """
    view = memoryview(data)
    at = len(SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise ValueError("it ends before its last chunk")
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + length
        if end + 4 > len(data):
            raise ValueError("it ends in the middle of a chunk")
        if zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise ValueError(f"checksum of a {kind.decode('latin-1')} chunk is wrong")
        yield kind, view[at + 8 : end]
        if kind == b"IEND":
            return
        at = end + 4


def header(data: bytes, path: Path) -> Header:
    """Facts of a PNG file; all checksums are verified on the way.

    Raises:
        ValueError: truncated or corrupt.
        InputError: an HDR (PQ or HLG) picture, or a size that is refused.
    """
    facts: dict[bytes, bytes] = {}
    for kind, body in chunks(data):
        if not facts and (kind != b"IHDR" or len(body) != 13):
            raise ValueError("it does not begin with a header")
        if kind != b"IDAT" and kind not in facts:
            facts[kind] = bytes(body)
    width, height, depth, color, *_ = struct.unpack(">IIBBBBB", facts[b"IHDR"])
    if depth not in _DEPTHS.get(color, ()) or not width or not height:
        raise ValueError("its header makes no sense")
    check_size(width, height, path)
    if facts.get(b"cICP", b"\0\0")[1] in (16, 18):
        raise InputError(f"{path} is an HDR picture (PQ or HLG).", "Export it as sRGB or as a float TIFF.")
    notes = ["first frame of an animation"] if b"acTL" in facts else []
    gamma = int.from_bytes(facts.get(b"gAMA", b""), "big")
    linear = 90_000 <= gamma <= 110_000 and b"sRGB" not in facts and b"iCCP" not in facts
    if linear:
        notes.append("gAMA chunk: samples are linear")
    return Header(
        format="PNG",
        width=width,
        height=height,
        channels=1 if color in (0, 4) else 3,
        bits=8 if color == 3 else depth,
        sample="uint16" if depth == 16 else "uint8",
        # OpenCV spreads 1, 2 and 4 bits over 0 to 255.
        white=65535.0 if depth == 16 else 255.0,
        has_alpha=color in (4, 6) or b"tRNS" in facts,
        orientation=orientation(facts.get(b"eXIf")),
        icc=_profile(facts.get(b"iCCP", b"")),
        exif=facts.get(b"eXIf"),
        linear=linear,
        notes=tuple(notes),
    )


def samples(data: bytes, header: Header) -> Samples:
    """Decode the pixels.

    Returns:
        (H, W, 1 or 3) uint8 or uint16, RGB order, as stored.

    Raises:
        ValueError: the compressed data are short or damaged.
    """
    kept = [(kind, body) for kind, body in chunks(data) if kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND")]
    packed = b"".join(body for kind, body in kept if kind == b"IDAT")
    _check_length(packed, bytes(kept[0][1]))
    first = [chunk(kind, bytes(body)) for kind, body in kept if kind in (b"IHDR", b"PLTE")]
    bare = SIGNATURE + b"".join(first) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    decoded = cv2.imdecode(np.frombuffer(bare, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise ValueError("its pixels cannot be decoded")
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
            expected += rows * (1 + (columns * depth * _CHANNELS[color] + 7) // 8)
    unpacker, count, rest = zlib.decompressobj(), 0, packed
    try:
        while count < expected and rest and not unpacker.eof:
            count += len(unpacker.decompress(rest, 4 << 20))
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ValueError("its compressed data are damaged") from error
    if count < expected:
        raise ValueError("its compressed data are too short")


def _profile(body: bytes) -> bytes | None:
    """The profile inside an iCCP chunk; b"" marks one that is damaged, None means none."""
    if not body:
        return None
    _, _, rest = body.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _MAX_PROFILE)
    except zlib.error:
        return b""


def encoded(pixels: NDArray[Any], extra: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Pixels as a PNG, packed in strips by several threads.

    Args:
        pixels: (H, W) or (H, W, 3) uint8 or uint16, RGB order.
        extra: (kind, data) of the chunks between header and pixels, in order; iCCP has to come first.
    """
    height, width = pixels.shape[:2]
    color = 0 if pixels.ndim == 2 else 2
    head = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, color, 0, 0, 0)
    parts = [SIGNATURE, chunk(b"IHDR", head), *(chunk(kind, body) for kind, body in extra)]
    parts += [chunk(b"IDAT", packed) for packed in _packed(pixels)]
    return b"".join([*parts, chunk(b"IEND", b"")])


def _packed(pixels: NDArray[Any]) -> Iterator[bytes]:
    """A zlib stream of the filtered rows, piece by piece."""
    height = len(pixels)
    beside = pixels[:1, :1].nbytes

    def strip(top: int) -> tuple[bytes, NDArray[np.uint8]]:
        rows = pixels[top : top + _STRIP]
        data = rows.astype(rows.dtype.newbyteorder(">"), order="C").view(np.uint8).reshape(len(rows), -1)
        filtered = np.empty((len(data), data.shape[1] + 1), np.uint8)
        # Every sample minus that of the pixel to its left.
        filtered[:, 0] = 1
        filtered[:, 1 : 1 + beside] = data[:, :beside]
        np.subtract(data[:, beside:], data[:, :-beside], out=filtered[:, 1 + beside :])
        # Noise has no repetitions worth looking for: only runs, and short codes for small differences.
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
        ends = zlib.Z_FINISH if top + _STRIP >= height else zlib.Z_SYNC_FLUSH
        return packer.compress(filtered.data) + packer.flush(ends), filtered

    yield b"\x78\x01"
    checksum = 1
    for packed, filtered in parallel.each(strip, range(0, height, _STRIP)):
        checksum = zlib.adler32(filtered.data, checksum)
        yield packed
    yield struct.pack(">I", checksum)
