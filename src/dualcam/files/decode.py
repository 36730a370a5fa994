"""One door to all decoders: file -> header, header -> stored samples, every failure an InputError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dualcam.errors import DualcamError, InputError
from dualcam.files import kinds, lossy, netpbm, png, rawtags, tiff
from dualcam.files.samples import Header, Samples, check_size

_T = TypeVar("_T")
_DECODERS: dict[str, tuple[Callable[[bytes, Path], Header], Callable[[bytes, Header], Samples]]] = {
    "PNG": (png.header, png.samples),
    "JPEG": (lossy.header, lossy.samples),
    "WebP": (lossy.header, lossy.samples),
    "TIFF": (tiff.header, tiff.samples),
    "Netpbm": (netpbm.header, netpbm.samples),
}


def load(path: Path) -> tuple[str, bytes]:
    """Load a file and name its kind by its content.

    Returns:
        "PNG", "JPEG", "WebP", "TIFF", "Netpbm" or "raw", and all bytes of the file.

    Raises:
        InputError: the file is missing, of an unreadable kind, or corrupt.
    """
    kind, data = kinds.load(path)
    if kind == "TIFF" and _guard(path, lambda: rawtags.is_raw(data)):
        kind = "raw"
    return kind, data


def read_header(path: Path, kind: str, data: bytes) -> Header:
    """Read the header of a loaded file that is not raw; no pixels are decoded.

    Raises:
        InputError: corrupt, too small or too large, or a camera raw file, which has no header of this sort.
    """
    if kind == "raw":
        raise kinds.raw_error(path)
    header = _guard(path, lambda: _DECODERS[kind][0](data, path))
    check_size(header.width, header.height, path)
    return header


def open_header(path: Path) -> tuple[bytes, Header]:
    """Load a file that is not raw and read its header: ``load`` and ``read_header``.

    Raises:
        InputError: as in these two.
    """
    kind, data = load(path)
    return data, read_header(path, kind, data)


def open_samples(path: Path, data: bytes, header: Header) -> Samples:
    """Decode the pixels of a file.

    Args:
        path: the file, for messages.
        data: its bytes.
        header: its facts, from ``open_header``.

    Returns:
        (H, W, header.channels) samples of type ``header.sample``, as stored (orientation not applied).

    Raises:
        InputError: truncated, corrupt, or packed in a way that cannot be read here.
    """
    kind = "Netpbm" if header.format in ("PGM", "PPM", "PFM") else header.format

    def decode() -> Samples:
        array = _DECODERS[kind][1](data, header)
        wanted = (header.height, header.width, header.channels)
        if array.shape != wanted or array.dtype.name != header.sample:
            raise ValueError(
                f"its pixels are {array.shape} {array.dtype} instead of {wanted} {header.sample}"
            )
        return array

    return _guard(path, decode)


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
