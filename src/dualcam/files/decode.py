"""One door to all decoders: file -> header, header -> stored samples, every failure an InputError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from dualcam.errors import DualcamError, InputError, UsageError
from dualcam.files import fits, flat, kinds, lossy, netpbm, png, png_rows, rawtags, ser, tiff
from dualcam.files.reading import Reading
from dualcam.files.samples import Header, Samples, check_size
from dualcam.files.source import Source

_T = TypeVar("_T")


class _Pixels(Protocol):
    def __call__(self, source: Source, header: Header, out: Samples | None = None) -> Samples: ...


# Decoders that fill an array, of files on the disk or in memory; and those that take bytes and make their own.
_IN_PARTS: dict[str, tuple[Callable[[Source, Path], Header], _Pixels]] = {
    "PNG": (png.header, png_rows.samples),
    "TIFF": (tiff.header, tiff.samples),
}
_AS_A_WHOLE: dict[str, tuple[Callable[[bytes, Path], Header], Callable[[bytes, Header], Samples]]] = {
    "JPEG": (lossy.header, lossy.samples),
    "WebP": (lossy.header, lossy.samples),
}
_AS_IT_IS = Reading()


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A file that is not decoded.

    Attributes:
        kind: "PNG", "JPEG", "WebP", "TIFF", "Netpbm", "FITS", "SER", "flat" or "raw".
        data: its bytes; empty for kinds that are read from the disk part by part (PNG, TIFF, SER).
        reading: what the user said about it.
        clip: one frame of a SER file.
    """

    kind: str
    data: bytes
    reading: Reading = _AS_IT_IS
    clip: ser.Clip | None = None


def load(path: Path, reading: Reading = _AS_IT_IS) -> Loaded:
    """Load a file and name its kind by its content, or as flat if the user says how it is stored.

    Raises:
        InputError: the file is missing, of an unreadable kind, corrupt, or has no such frame.
        UsageError: a frame was chosen in a kind of file that holds one picture.
    """
    kind, data = kinds.load(path, flat=reading.layout is not None)
    if kind == "TIFF" and _guard(path, lambda: rawtags.is_raw(path)):
        kind, data = "raw", _guard(path, path.read_bytes)
    if kind == "SER":
        return Loaded(kind, b"", reading, _guard(path, lambda: ser.load(path, reading.frame)))
    if reading.frame is not None and kind not in ("FITS", "flat"):
        raise UsageError(f"a frame was chosen, but {path} holds a single picture.", "Leave the choice out.")
    return Loaded(kind, b"" if kind in kinds.STREAMED else data, reading)


def read_header(path: Path, loaded: Loaded) -> Header:
    """Read the header of a loaded file that is not raw; no pixels are decoded.

    Raises:
        InputError: corrupt, too small or too large, or a camera raw file, which has no header of this sort.
        UnavailableError: it needs a library that is not installed.
    """
    if loaded.kind == "raw":
        raise kinds.raw_error(path)

    def parse() -> Header:
        if loaded.clip is not None:
            return ser.header(loaded.clip)
        if loaded.kind == "FITS":
            return fits.header(loaded.data, path, loaded.reading.frame)
        if loaded.reading.layout is not None:
            return flat.header(path, len(loaded.data), loaded.reading.layout, loaded.reading.frame)
        if loaded.kind in _IN_PARTS:
            return _IN_PARTS[loaded.kind][0](path, path)
        if loaded.kind == "Netpbm":
            return netpbm.header(loaded.data, path)
        return _AS_A_WHOLE[loaded.kind][0](loaded.data, path)

    header = _guard(path, parse)
    check_size(header.width, header.height, path)
    return header


def open_header(path: Path) -> tuple[Loaded, Header]:
    """Load a file that is not raw and read its header: ``load`` and ``read_header``.

    Raises:
        InputError: as in these two.
    """
    loaded = load(path)
    return loaded, read_header(path, loaded)


def open_samples(path: Path, loaded: Loaded, header: Header, out: Samples | None = None) -> Samples:
    """Decode the pixels of a file.

    Args:
        path: the file.
        loaded: its bytes.
        header: its facts, from ``read_header``.
        out: memory to use for the samples, of the shape and type below, C order; None for new memory.

    Returns:
        (H, W, header.channels) samples of type ``header.sample``, as stored (orientation not applied). They lie in
        ``out`` where the file can be decoded part by part.

    Raises:
        InputError: truncated, corrupt, or packed in a way that cannot be read here.
    """

    def decode() -> Samples:
        if loaded.clip is not None:
            array = ser.samples(loaded.clip)
        elif loaded.kind == "FITS":
            array = fits.samples(loaded.data, header, path, loaded.reading.frame)
        elif loaded.reading.layout is not None:
            array = flat.samples(loaded.data, loaded.reading.layout, loaded.reading.frame)
        elif loaded.kind in _IN_PARTS:
            array = _IN_PARTS[loaded.kind][1](path, header, out)
        elif loaded.kind == "Netpbm":
            array = netpbm.samples(loaded.data, header, out)
        else:
            array = _AS_A_WHOLE[loaded.kind][1](loaded.data, header)
        wanted = (header.height, header.width, header.channels)
        if array.shape != wanted or array.dtype.name != header.sample:
            raise ValueError(
                f"its pixels are {array.shape} {array.dtype} instead of {wanted} {header.sample}"
            )
        return array

    return _guard(path, decode)


def count_frames(path: Path, reading: Reading = _AS_IT_IS) -> int:
    """How many pictures a SER, FITS or flat file holds that ``Reading.frame`` can choose from; 1 for other kinds.

    Raises:
        InputError: as in ``load``.
    """
    kind, data = kinds.load(path, flat=reading.layout is not None)
    if kind == "SER":
        return _guard(path, lambda: ser.frames(path))
    if kind == "FITS":
        return _guard(path, lambda: fits.planes(data, path))
    if reading.layout is not None:
        return max(1, (len(data) - reading.layout.skip) // reading.layout.frame_bytes)
    return 1


def _guard(path: Path, step: Callable[[], _T]) -> _T:
    try:
        return step()
    except DualcamError:
        raise
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory.", "Crop or shrink it.") from error
    except Exception as error:
        # Decoders meet bytes from anywhere and raise whatever comes: struct.error, IndexError, SyntaxError,
        # ...
        detail = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path} is truncated or corrupt ({detail}).",
            "Copy it again from the camera, or export it again.",
        ) from error
