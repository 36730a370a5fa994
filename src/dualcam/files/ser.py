"""SER: uncompressed video of astronomical cameras, read frame by frame.

After "SER format description version 3" (Wilkens, Hahn, 2014). Two of its fields are not to be trusted. Byte order:
by the description 1 says little-endian, but the first programs wrote 0 for that and most others followed them, so the
samples themselves are asked, and 0 counts as little-endian where they do not tell. Depth: some programs store 12
bits at the lower end of 16, some at the upper end.
"""

from __future__ import annotations

import datetime
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError
from dualcam.files import metadata
from dualcam.files.metadata import CameraFacts
from dualcam.files.samples import Header, Samples, check_size

MAGIC = b"LUCAM-RECORDER"
_HEADER = struct.Struct("<14s7i40s40s40s2q")
_BAYER = {8: "RGGB", 9: "GRBG", 10: "GBRG", 11: "BGGR"}
_MONO, _RGB, _BGR = 0, 100, 101
_TICKS_A_SECOND = 10_000_000
_PROBED_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    color: int
    little: int
    width: int
    height: int
    bits: int
    count: int
    instrument: str
    telescope: str
    utc: int

    @property
    def planes(self) -> int:
        return 3 if self.color in (_RGB, _BGR) else 1

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * self.planes * (1 if self.bits <= 8 else 2)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One frame of a SER file, not decoded.

    Attributes:
        data: its bytes.
        head: the file's header.
        number: which frame it is, from 0.
        big_endian: samples of two bytes have their high byte first.
        shift: bits that are always 0 at the lower end of a sample.
        utc: when it was taken, ticks of 0.1 microseconds since the year 1, or 0.
        notes: remarks for the user.
    """

    data: bytes
    head: _Head
    number: int
    big_endian: bool
    shift: int
    utc: int
    notes: tuple[str, ...]


def load(path: Path, frame: int | None) -> Clip:
    """Read one frame of a SER file; the rest of the file, which may be large, stays where it is.

    Args:
        path: the file.
        frame: its number from 0; None for the first.

    Raises:
        InputError: a kind of SER that cannot be used, a size that is refused, no such frame, or a cut-off file.
        ValueError, struct.error: a damaged header.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = _head(stream.read(_HEADER.size), path)
        there = min(head.count, (size - _HEADER.size) // head.frame_bytes)
        number = frame or 0
        if number >= head.count:
            raise InputError(f"{path} has no frame {number}.", f"It holds {head.count}, counted from 0.")
        if number >= there:
            raise InputError(
                f"{path} is cut off: {there} of its {head.count} frames are there.", "Copy it again."
            )
        stream.seek(_HEADER.size + number * head.frame_bytes)
        data = stream.read(head.frame_bytes)
        stream.seek(_HEADER.size + head.count * head.frame_bytes + 8 * number)
        stamp = stream.read(8)
        probes = _probes(stream, head, there) if head.bits > 8 else []
    utc = int.from_bytes(stamp, "little", signed=True) if len(stamp) == 8 else head.utc
    big, notes = _byte_order(probes, head)
    wide = [probe.byteswap() if big else probe for probe in probes]
    over = head.bits < 16 and any(int(probe.max()) >= 2**head.bits for probe in wide)
    notes += [f"frame {number} of {head.count}"] if head.count > 1 else []
    return Clip(data, head, number, big, 16 - head.bits if over else 0, utc, tuple(notes))


def _probes(stream: BinaryIO, head: _Head, there: int) -> list[NDArray[np.uint16]]:
    """Parts of the first, middle and last frame, which decide about byte order and depth for all: no flicker."""
    rows = min(head.height, _PROBED_ROWS)
    above = (head.height - rows) // 2 * head.width * head.planes * 2
    found = []
    for number in sorted({0, there // 2, there - 1}):
        stream.seek(_HEADER.size + number * head.frame_bytes + above)
        part = np.frombuffer(stream.read(rows * head.width * head.planes * 2), "<u2")
        found.append(part.reshape(rows, head.width, head.planes))
    return found


def frames(path: Path) -> int:
    """How many frames a SER file has, whether or not all of them are there.

    Raises:
        InputError: as in ``load``.
        ValueError, struct.error: a damaged header.
    """
    with path.open("rb") as stream:
        return _head(stream.read(_HEADER.size), path).count


def _head(data: bytes, path: Path) -> _Head:
    magic, _, color, little, width, height, bits, count, _, instrument, telescope, _, utc = _HEADER.unpack(
        data
    )
    if magic != MAGIC:
        raise ValueError("its header is damaged")
    if color not in (_MONO, *_BAYER, _RGB, _BGR):
        raise InputError(
            f"{path} is a SER file of a sensor with other filters than red, green and blue ({color}).",
            "Convert it to RGB first.",
        )
    check_size(width, height, path)
    if not 1 <= bits <= 16 or count < 1:
        raise ValueError(f"it states {bits} bits and {count} frames")
    head = _Head(color, little, width, height, bits, count, _text(instrument), _text(telescope), utc)
    return head


def _text(field: bytes) -> str:
    text = field.split(b"\0")[0].decode("latin-1")
    return "".join(c for c in text if c.isprintable()).strip()


def _byte_order(probes: list[NDArray[np.uint16]], head: _Head) -> tuple[bool, list[str]]:
    """Whether samples are big-endian: by the order in which neighbors resemble each other, else by habit."""
    by_habit = head.little == 1
    told = [(_roughness(probe), _roughness(probe.byteswap())) for probe in probes]
    little, big = max(told, key=lambda pair: max(pair) / max(min(pair), 1e-6), default=(0.0, 0.0))
    if max(little, big) < 1.5 * min(little, big) or max(little, big) == 0:
        return by_habit and bool(probes), []
    found = big < little
    note = f"samples are {'big' if found else 'little'}-endian, whatever the header says"
    return found, [note] if found != by_habit else []


def _roughness(plane: NDArray[np.uint16]) -> float:
    """Mean step between neighbors of one color, over the spread: small for a picture, near 1 for shuffled bytes."""
    values = plane.astype(np.float32)
    step = float(np.abs(values[:, 2:] - values[:, :-2]).mean())
    return step / max(float(values.std()), 1e-6)


def header(clip: Clip) -> Header:
    """Facts of a frame."""
    head = clip.head
    return Header(
        format="SER",
        width=head.width,
        height=head.height,
        channels=head.planes,
        bits=head.bits,
        sample="uint8" if head.bits <= 8 else "uint16",
        white=float((2**head.bits - 1) << clip.shift),
        # 16 is what many programs state for whatever the camera gave.
        white_is_stated=head.bits != 16,
        exif=_exif(clip),
        linear=True,
        notes=clip.notes,
        pattern=_BAYER.get(head.color, ""),
    )


def _exif(clip: Clip) -> bytes | None:
    date = ""
    if clip.utc > 0:
        try:
            when = datetime.datetime(1, 1, 1) + datetime.timedelta(seconds=clip.utc / _TICKS_A_SECOND)
            date = when.strftime("%Y:%m:%d %H:%M:%S") if when.year > 1900 else ""
        except OverflowError:
            date = ""
    facts = CameraFacts(model=clip.head.instrument, date=date)
    return metadata.from_facts(facts, utc=bool(date))


def samples(clip: Clip) -> Samples:
    """Decode a frame: (H, W, 1 or 3) uint8 or uint16, RGB order, top row first."""
    head = clip.head
    kind = "u1" if head.bits <= 8 else ">u2" if clip.big_endian else "<u2"
    stored = np.frombuffer(clip.data, kind).reshape(head.height, head.width, head.planes)
    array = stored.astype("u1" if head.bits <= 8 else "u2")
    return array[..., ::-1] if head.color == _BGR else array
