"""Flat files: samples one after the other and nothing else, as industrial cameras and their tools dump them.

Packings: "p" is that of GenICam's Pixel Format Naming Convention (samples follow each other bit by bit, the lowest
bit first); "packed" is the older one of GigE Vision (two samples in three bytes: high, both lows, high); "mipi" that
of MIPI CSI-2, as Linux (V4L2) and the Raspberry Pi store it (high bytes first, then the remaining bits).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import InputError, UsageError
from dualcam.files.samples import Header, Samples, check_size

Bytes = NDArray[np.uint8]
SYNTAX = "WIDTHxHEIGHTxBITS[:PATTERN][:be|p|packed|mipi][:skip=BYTES][:row=BYTES]"
EXAMPLES = "such as 1280x1024x8, 1280x1024x12:RGGB or 4056x3040x12:BGGR:mipi:row=6112"
_PACKED = {"p": range(9, 16), "packed": (10, 12), "mipi": (10, 12, 14)}
# Sizes that cameras often have, to recognise a file of another size by.
_USUAL = (
    (640, 480), (720, 540), (800, 600), (1024, 768), (1280, 720), (1280, 800), (1280, 960), (1280, 1024), (1440, 1080),
    (1456, 1088), (1600, 1200), (1624, 1240), (1920, 1080), (1920, 1200), (1936, 1096), (1936, 1216), (2048, 1088),
    (2048, 1536), (2048, 2048), (2448, 2048), (2464, 2056), (2592, 1944), (3072, 2048), (3096, 2080), (3840, 2160),
    (4056, 3040), (4096, 2160), (4096, 3000), (4144, 2822), (4656, 3520), (5472, 3648), (6248, 4176), (8288, 5644),
    (9576, 6388),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file without header stores its samples.

    Attributes:
        width: columns.
        height: rows.
        bits: bits of a sample, 1 to 16; the lowest ones where a sample takes more room.
        pattern: color filter of the first two rows, such as "RGGB"; "" for mono.
        packing: "" for whole bytes, or "p", "packed", "mipi".
        big_endian: samples of two bytes have their high byte first.
        skip: bytes before the first sample.
        row: bytes from one row to the next; 0 where rows follow each other.
    """

    width: int
    height: int
    bits: int
    pattern: str = ""
    packing: str = ""
    big_endian: bool = False
    skip: int = 0
    row: int = 0

    @property
    def row_bytes(self) -> int:
        """Bytes that the samples of one row take, padding not counted; rows of GenICam's "p" may share one."""
        return -(-self._row_bits // 8)

    @property
    def _row_bits(self) -> int:
        if self.packing == "packed":
            return 12 * self.width
        if self.packing == "mipi":
            group = {10: 4, 12: 2, 14: 4}[self.bits]
            return -(-self.width // group) * group * self.bits
        return self.width * (self.bits if self.packing else 8 if self.bits <= 8 else 16)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one picture."""
        if self.row:
            return self.row * self.height
        return -(-self._row_bits * self.height // 8)


def parse_layout(text: str) -> Layout:
    """Read the short form of a layout, such as "1280x1024x12:RGGB:be:skip=16".

    Raises:
        UsageError: it is not of that form, or asks for what does not exist.
    """
    size, *rest = text.strip().split(":")
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})[xX](\d{1,2})", size)
    if match is None:
        raise _wrong(text, f"{size!r} is not WIDTHxHEIGHTxBITS")
    width, height, bits = (int(number) for number in match.groups())
    if not 1 <= bits <= 16:
        raise _wrong(text, f"samples have 1 to 16 bits, not {bits}")
    pattern, packing, big_endian, numbers = "", "", False, {"skip": 0, "row": 0}
    for word in rest:
        name, _, number = word.lower().partition("=")
        if word.upper() in PATTERNS:
            pattern = word.upper()
        elif name in ("le", "be") and not number:
            big_endian = name == "be"
        elif name in _PACKED and not number:
            packing = name
        elif name in numbers and re.fullmatch(r"\d{1,12}", number):
            numbers[name] = int(number)
        else:
            raise _wrong(text, f"{word!r} is unknown")
    if packing and bits not in _PACKED[packing]:
        raise _wrong(text, f"{packing!r} does not pack {bits} bits")
    layout = Layout(width, height, bits, pattern, packing, big_endian, **numbers)
    if layout.row and layout.row < layout.row_bytes:
        raise _wrong(text, f"a row takes {layout.row_bytes} bytes and not {layout.row}")
    return layout


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(f"{text!r} is no layout of a flat file: {why}.", f"Write {SYNTAX}, {EXAMPLES}.")


def header(path: Path, size: int, layout: Layout, frame: int | None) -> Header:
    """Facts of a flat file.

    Args:
        path: the file, for messages.
        size: its bytes.
        layout: how it is stored.
        frame: which of the pictures that follow each other in the file; None if it holds one.

    Raises:
        InputError: a size that is refused, or that does not fit.
    """
    check_size(layout.width, layout.height, path)
    count, rest = divmod(size - layout.skip, layout.frame_bytes)
    if rest or count < 1 or (frame is None and count != 1):
        raise InputError(
            f"{path} has {size} bytes, but {layout.width} x {layout.height} pixels of {layout.bits} bits"
            f"{_how(layout)} take {layout.skip + layout.frame_bytes}.",
            _would_fit(size, layout, count if not rest else 0),
        )
    if frame is not None and frame >= count:
        raise InputError(f"{path} has no frame {frame}.", f"It holds {count}, counted from 0.")
    return Header(
        format="flat",
        width=layout.width,
        height=layout.height,
        channels=1,
        bits=layout.bits,
        sample="uint8" if layout.bits <= 8 else "uint16",
        white=float(2**layout.bits - 1),
        linear=True,
        pattern=layout.pattern,
        notes=(f"frame {frame} of {count}",) if frame is not None and count > 1 else (),
    )


def _how(layout: Layout) -> str:
    words = [f"packed as {layout.packing!r}"] if layout.packing else []
    words += [f"after {layout.skip} bytes"] if layout.skip else []
    words += [f"in rows of {layout.row} bytes"] if layout.row else []
    return f" ({', '.join(words)})" if words else ""


def _would_fit(size: int, layout: Layout, count: int) -> str:
    """What a file of this size could be, as a remedy."""
    width, height = layout.width, layout.height
    fits: list[str] = []
    if count > 1:
        fits.append(f"{count} such frames (choose one by its number)")
    for bits, packing in ((8, ""), (16, ""), (10, "p"), (12, "p"), (14, "p"), (12, "packed"), (10, "mipi")):
        other = Layout(width, height, bits, "", packing)
        if layout.skip + other.frame_bytes == size:
            fits.append(f"{width}x{height}x{'9 to 16' if bits == 16 else bits}{packing and ':' + packing}")
    for columns, rows in _USUAL:
        for bytes_each, bits_each in ((1, "8"), (2, "9 to 16")):
            if columns * rows * bytes_each == size - layout.skip and (columns, rows) != (width, height):
                fits.append(f"{columns}x{rows}x{bits_each}")
    over = size - layout.skip - layout.frame_bytes
    if not fits and 0 < over <= 65536:
        fits.append(f"this layout after a header of {over} bytes (skip={layout.skip + over})")
    if fits:
        return f"The size would fit {', or '.join(fits[:5])}."
    return "Check width, height, bits and packing, and whether the file is whole."


def samples(data: bytes, layout: Layout, frame: int | None) -> Samples:
    """Unpack one picture of a flat file.

    Returns:
        (H, W, 1) uint8 or uint16 DN, as stored.
    """
    start = layout.skip + (frame or 0) * layout.frame_bytes
    stored = np.frombuffer(data, np.uint8, layout.frame_bytes, start)
    if layout.row:
        stored = stored.reshape(layout.height, layout.row)[:, : layout.row_bytes]
    elif layout.packing == "mipi" or not layout.packing:
        stored = stored.reshape(layout.height, layout.row_bytes)
    else:  # rows need not begin with a byte
        stored = stored.reshape(1, -1)
    if not layout.packing:
        kind = "u1" if layout.bits <= 8 else ">u2" if layout.big_endian else "<u2"
        flat = np.ascontiguousarray(stored).view(kind).astype("u1" if layout.bits <= 8 else "u2")
    elif layout.packing == "mipi":
        flat = _mipi(stored, layout.bits)[:, : layout.width]
    else:
        count = layout.width * layout.height // len(stored)
        unpack = _gige if layout.packing == "packed" else _pfnc
        flat = np.stack([unpack(row, layout.bits, count) for row in stored])
    return flat.reshape(layout.height, layout.width, 1)


def _mipi(rows: Bytes, bits: int) -> NDArray[np.uint16]:
    """(H, bytes) -> (H, samples): the high bytes of a group, then what is left of each, low bits first."""
    group = {10: 4, 12: 2, 14: 4}[bits]
    packs = rows.reshape(len(rows), -1, group * bits // 8)
    low = bits - 8
    rest = np.zeros(packs.shape[:2], np.uint32)
    for place in range(packs.shape[2] - group):
        rest |= packs[..., group + place].astype(np.uint32) << (8 * place)
    lows = (rest[..., None] >> (low * np.arange(group, dtype=np.uint32))) & np.uint32(2**low - 1)
    out = (packs[..., :group].astype(np.uint16) << low) | lows.astype(np.uint16)
    return np.asarray(out.reshape(len(rows), -1), np.uint16)


def _pfnc(row: Bytes, bits: int, count: int) -> NDArray[np.uint16]:
    """Samples in a stream of bits, the lowest first: each spans at most three bytes."""
    at = np.arange(count, dtype=np.int64) * bits
    padded = np.concatenate([row, np.zeros(3, np.uint8)]).astype(np.uint32)
    word = padded[at >> 3] | (padded[(at >> 3) + 1] << 8) | (padded[(at >> 3) + 2] << 16)
    samples = (word >> (at & 7).astype(np.uint32)) & np.uint32(2**bits - 1)
    return np.asarray(samples, np.uint16)


def _gige(row: Bytes, bits: int, count: int) -> NDArray[np.uint16]:
    """Two samples in three bytes: high of the first, low of both (4 bits for each), high of the second."""
    pairs = np.concatenate([row, np.zeros(-len(row) % 3, np.uint8)]).reshape(-1, 3).astype(np.uint16)
    low, mask = bits - 8, np.uint16(2 ** (bits - 8) - 1)
    first, second = (
        (pairs[:, 0] << low) | (pairs[:, 1] & mask),
        (pairs[:, 2] << low) | ((pairs[:, 1] >> 4) & mask),
    )
    out: NDArray[np.uint16] = np.stack([first, second], 1).astype(np.uint16)
    return out.reshape(-1)[:count]


def stated_white(array: Samples, layout: Layout, path: Path) -> tuple[float, tuple[str, ...]]:
    """White of an unpacked flat file, once its values are known.

    Returns:
        DN of white and a note if samples are stored at the upper end of their 16 bits.

    Raises:
        InputError: values that so many bits cannot have: the layout is wrong.
    """
    white, top = 2**layout.bits - 1, int(array.max())
    if top <= white:
        return float(white), ()
    step = 2 ** (16 - layout.bits) if array.dtype == np.uint16 else 0
    if step and not np.any(array & np.uint16(step - 1)):
        return float(white * step), (
            f"values are multiples of {step}: {layout.bits} bits at the upper end of 16",
        )
    other = "" if array.dtype == np.uint8 or layout.big_endian else ":be"
    swapped = array.dtype == np.uint16 and int(array.byteswap().max()) <= white
    remedy = (
        f"Perhaps the high byte comes first: add {other}."
        if swapped and other
        else f"They take at least {top.bit_length()}."
    )
    if swapped and not other:
        remedy = "Perhaps the low byte comes first: leave out :be."
    raise InputError(f"{path} holds values up to {top}, which do not fit into {layout.bits} bits.", remedy)
