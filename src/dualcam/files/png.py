"""PNG: chunks by hand, with their checksums, and the facts in them. Pixels: ``png_rows``; writing: ``png_write``."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dualcam.errors import InputError
from dualcam.files import deflate
from dualcam.files.metadata import orientation
from dualcam.files.samples import Header, check_size
from dualcam.files.source import Source, opened

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Stored samples of a pixel, by color type."""

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_MAX_PROFILE = 16 << 20
_PIECE = 1 << 16  # bytes of a large chunk that are handed over at a time


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, kind, data and checksum."""
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", deflate.crc32(data, deflate.crc32(kind)))
    )


def chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Walk the chunks of a PNG up to and including IEND.

    Args:
        stream: the file, at its beginning.

    Yields:
        Kind and body; the body of an IDAT chunk may come in several pieces, before its checksum has been seen.

    Raises:
        ValueError: the file ends early or a checksum of a chunk is wrong.
    """
    stream.seek(len(SIGNATURE))
    kind = b""
    while kind != b"IEND":
        head = stream.read(8)
        if len(head) < 8:
            raise ValueError("it ends before its last chunk")
        left, kind = struct.unpack(">I4s", head)
        checksum = deflate.crc32(kind)
        while True:
            wanted = min(left, _PIECE) if kind == b"IDAT" else left
            body = stream.read(wanted)
            if len(body) < wanted:
                raise ValueError("it ends in the middle of a chunk")
            left -= wanted
            checksum = deflate.crc32(body, checksum)
            if not left:
                break
            yield kind, body
        end = stream.read(4)
        if len(end) < 4:
            raise ValueError("it ends in the middle of a chunk")
        if checksum != int.from_bytes(end, "big"):
            raise ValueError(f"checksum of a {kind.decode('latin-1')} chunk is wrong")
        yield kind, body


def header(source: Source, path: Path) -> Header:
    """Facts of a PNG file; all checksums are verified on the way.

    Raises:
        ValueError: truncated or corrupt.
        InputError: an HDR (PQ or HLG) picture, or a size that is refused.
    """
    facts: dict[bytes, bytes] = {}
    with opened(source) as stream:
        for kind, body in chunks(stream):
            if not facts and (kind != b"IHDR" or len(body) != 13):
                raise ValueError("it does not begin with a header")
            if kind != b"IDAT" and kind not in facts:
                facts[kind] = body
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


def _profile(body: bytes) -> bytes | None:
    """The profile inside an iCCP chunk; b"" marks one that is damaged, None means none."""
    if not body:
        return None
    _, _, rest = body.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _MAX_PROFILE)
    except zlib.error:
        return b""
