"""Writing the tag directories of a TIFF file, byte for byte under our control.

DNG needs what general TIFF writers do not offer: one sample a pixel with the photometric LinearRaw, a
sub-directory for EXIF, fractions of chosen precision, and bytes that stay the same with every release of
another library. Layout after the TIFF 6.0 specification, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL, DOUBLE = 1, 2, 3, 4, 5, 10, 12
_UNDEFINED = 7
_STRUCT = {
    BYTE: "B",
    ASCII: "s",
    SHORT: "H",
    LONG: "I",
    _UNDEFINED: "s",
    RATIONAL: "II",
    SRATIONAL: "ii",
    DOUBLE: "d",
}

STRIP_OFFSETS, STRIP_BYTE_COUNTS, EXIF_POINTER = 273, 279, 34665
_LARGEST = 2**31 - 1
_HEADER = 8


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of a directory.

    Attributes:
        code: number of the tag.
        kind: ``BYTE``, ``ASCII``, ``SHORT``, ``LONG``, ``RATIONAL``, ``SRATIONAL`` or ``DOUBLE``.
        values: the numbers, or the text for ``ASCII`` (stored as UTF-8 with a closing zero).
    """

    code: int
    kind: int
    values: Sequence[float] | str


def fraction(value: float) -> tuple[int, int]:
    """The closest fraction whose two numbers fit into signed 32 bits: (numerator, denominator).

    Short fractions come out short: 0.01 is (1, 100).

    Args:
        value: finite, of a magnitude under 2**31.
    """
    close = Fraction(value).limit_denominator(int(_LARGEST / max(1.0, abs(value))))
    return close.numerator, close.denominator


def _content(tag: Tag) -> tuple[int, bytes]:
    """Count and bytes of a tag's values."""
    if isinstance(tag.values, str):
        text = tag.values.encode() + b"\0"
        return len(text), text
    form = "<" + _STRUCT[tag.kind]
    if tag.kind in (RATIONAL, SRATIONAL):
        return len(tag.values), b"".join(struct.pack(form, *fraction(v)) for v in tag.values)
    number = float if tag.kind == DOUBLE else int
    return len(tag.values), b"".join(struct.pack(form, number(v)) for v in tag.values)


def _directory(tags: Sequence[Tag], offset: int) -> bytes:
    """A directory that will stand at ``offset`` of the file, followed by the values that do not fit into it."""
    ordered = sorted(tags, key=lambda tag: tag.code)
    entries = struct.pack("<H", len(ordered))
    rest_at = offset + 2 + 12 * len(ordered) + 4
    rest = b""
    for tag in ordered:
        count, content = _content(tag)
        entries += struct.pack("<HHI", tag.code, tag.kind, count)
        if len(content) <= 4:
            entries += content.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", rest_at + len(rest))
            rest += content + bytes(len(content) % 2)  # values begin on even addresses
    return entries + struct.pack("<I", 0) + rest


def single_strip(tags: Sequence[Tag], exif: Sequence[Tag], pixels: bytes) -> bytes:
    """A whole TIFF file: ``single_strip_head`` and the pixels.

    Args:
        tags: the main directory without the strip's offset and size and without the EXIF pointer.
        exif: tags of the EXIF directory; empty for none.
        pixels: the samples, little-endian.
    """
    return single_strip_head(tags, exif, len(pixels)) + pixels


def single_strip_head(tags: Sequence[Tag], exif: Sequence[Tag], size: int) -> bytes:
    """A TIFF file up to the pixels, which follow in one uncompressed strip: a directory, its EXIF sub-directory.

    Args:
        tags: as in ``single_strip``.
        exif: as in ``single_strip``.
        size: bytes of the pixels.
    """

    def main(strip_at: int, exif_at: int) -> bytes:
        places = [Tag(STRIP_OFFSETS, LONG, [strip_at]), Tag(STRIP_BYTE_COUNTS, LONG, [size])]
        if exif:
            places.append(Tag(EXIF_POINTER, LONG, [exif_at]))
        return _directory([*tags, *places], _HEADER)

    exif_at = _HEADER + len(main(0, 0))
    inner = _directory(exif, exif_at) if exif else b""
    strip_at = exif_at + len(inner)
    return struct.pack("<2sHI", b"II", 42, _HEADER) + main(strip_at, exif_at) + inner
