"""Reading TIFF: tifffile first; files packed in a way that needs more codecs go through Pillow or OpenCV.

tifffile without ``imagecodecs`` reads uncompressed, zlib, LZMA and PackBits files of every sample type. LZW
and JPEG inside TIFF are read by Pillow (8 bits; it notices damaged data) and OpenCV (16 bits and float).
Those two turn, invert and multiply by alpha in ways of their own, so the tags that would make them do so are
overwritten in a copy of the file before they see it.

Two limits: OpenCV does not tell when LZW data of 16 bits are damaged inside (missing bytes are noticed here),
and the libtiff in Pillow prints a line to stderr about damaged LZW data before the error is raised.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import cv2.utils
import numpy as np
import tifffile
from PIL import TiffImagePlugin

from dualcam import parallel
from dualcam.errors import InputError
from dualcam.files import metadata
from dualcam.files.samples import Header, Samples, check_size
from dualcam.files.source import Source, opened

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_TAG_PHOTOMETRIC, _TAG_ORIENTATION, _TAG_EXTRASAMPLES, _TAG_ICC = 262, 274, 338, 34675
_BUFFER = 1 << 22  # bytes of packed strips or tiles that are read at a time
_SAMPLES = ("bool", "uint8", "uint16", "uint32", "float16", "float32", "float64")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' remarks off stderr; what matters in them is checked here."""
    logger = logging.getLogger("tifffile")

    def drop(_: logging.LogRecord) -> bool:
        return False

    level = cv2.utils.logging.getLogLevel()
    logger.addFilter(drop)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
        logger.removeFilter(drop)


def header(source: Source, path: Path) -> Header:
    """Facts of the first page of a TIFF file.

    Raises:
        InputError: a kind of TIFF that cannot be used (CMYK, integers of 32 bits, ...).
        Exception: whatever tifffile raises on a broken file.
    """
    with quiet(), opened(source) as stream, tifffile.TiffFile(stream) as file:
        page: Any = file.pages[0]
        tags = page.tags
        size = stream.seek(0, 2)
        photometric = int(page.photometric if page.photometric is not None else _MINISBLACK)
        check_size(page.imagewidth, page.imagelength, path)
        _check_usable(page, photometric, path)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            if count <= 0 or offset + count > size:
                raise ValueError("it ends before its pixels do")
        pages = sum(1 for _ in file.pages)
        spare = page.samplesperpixel - (3 if photometric in (_RGB, _YCBCR) else 1)
        name = "uint8" if photometric == _PALETTE else np.dtype(page.dtype).name
        bits = 8 if photometric == _PALETTE else int(page.bitspersample)
        return Header(
            format="TIFF",
            width=page.imagewidth,
            height=page.imagelength,
            channels=1 if photometric in (_MINISWHITE, _MINISBLACK) else 3,
            bits=bits,
            sample={"bool": "uint8", "uint32": "float64"}.get(name, name),
            white=1.0 if name.startswith("float") else float(2**bits - 1),
            has_alpha=spare > 0,
            orientation=int(tags[_TAG_ORIENTATION].value) if _TAG_ORIENTATION in tags else 1,
            icc=bytes(tags[_TAG_ICC].value) if _TAG_ICC in tags else None,
            exif=metadata.from_tiff(source),
            linear=name == "uint32",  # counts, not a picture for display
            notes=(f"first of {pages} pages",) if pages > 1 else (),
        )


def _check_usable(page: Any, photometric: int, path: Path) -> None:
    if photometric == _CMYK:
        raise InputError(f"{path} is a CMYK picture, made for printing.", "Convert it to RGB or gray first.")
    if photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR):
        raise InputError(f"{path} is a TIFF with an unusual color model.", "Convert it to RGB or gray first.")
    if page.dtype is None or np.dtype(page.dtype).name not in _SAMPLES:
        kind = "unknown" if page.dtype is None else np.dtype(page.dtype).name
        raise InputError(
            f"{path} holds samples of type {kind}.",
            "Convert it to unsigned 8, 16 or 32 bits or to float.",
        )
    if page.imagedepth != 1:
        raise InputError(f"{path} holds a volume, not a picture.", "Give one slice of it.")


def samples(source: Source, header: Header, out: Samples | None = None) -> Samples:
    """Decode the first page.

    Args:
        source: the file.
        header: its facts.
        out: where the samples are to lie; None for a new array.

    Returns:
        (H, W, 1 or 3) of type ``header.sample``, RGB order, black at 0, as stored; not ``out`` for palettes, types that
        are converted, and files that go through Pillow or OpenCV.

    Raises:
        InputError: packed in a way that nothing installed here can read.
        Exception: whatever the decoders raise on damaged data.
    """
    with quiet(), opened(source) as stream, tifffile.TiffFile(stream) as file:
        page: Any = file.pages[0]
        photometric = int(page.photometric if page.photometric is not None else _MINISBLACK)
        try:
            array = _unpacked(page, min(header.channels, page.samplesperpixel), out)
        except (ValueError, KeyError, RuntimeError) as error:
            if "imagecodecs" not in str(error):
                raise
            array = _by_other_readers(stream, page, header)
            array = array.reshape(header.height, header.width, -1)
        if photometric == _PALETTE and array.shape[-1] == 1:
            # Color maps hold 16 bits, but almost always 8-bit colors spread over them.
            palette = np.asarray(page.colormap)
            array = (palette[:, array[..., 0]] >> 8).astype(np.uint8).transpose(1, 2, 0)
    if array.shape[-1] < header.channels:
        raise ValueError("its channels are missing")
    array = array[..., : header.channels]
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype == np.uint32:
        array = array.astype(np.float64)
    if photometric == _MINISWHITE:
        np.subtract(np.asarray(header.white, dtype=array.dtype), array, out=array)
    return array


def _unpacked(page: Any, channels: int, out: Samples | None) -> Samples:
    """The first channels of a page, (H, W, channels); its strips or tiles are unpacked by several threads."""
    kind = np.dtype(page.dtype)
    shape = (page.imagelength, page.imagewidth, channels)
    if out is None or out.dtype != kind or out.shape != shape:
        out = np.empty(shape, kind)
    workers = parallel.threads()
    if page.is_contiguous:
        if page.samplesperpixel == channels and (channels == 1 or page.planarconfig == 1):
            page.asarray(out=out.view(), squeeze=False)  # which gets another shape
        else:
            whole = np.asarray(page.asarray(squeeze=False))
            for channel in range(channels):  # planes or pixels: (planes, 1, H, W, samples of a pixel)
                out[..., channel] = whole[channel, 0, ..., 0] if len(whole) > 1 else whole[0, 0, ..., channel]
        return out

    def place(part: Any) -> None:
        segment, (plane, _, top, left, _), (_, rows, columns, _) = part
        where = slice(top, top + rows), slice(left, left + columns)
        if plane >= channels:
            return
        to = out[where] if page.planarconfig == 1 else out[(*where, slice(plane, plane + 1))]
        if segment is None:
            to[...] = page.nodata  # left out: the format says that nothing was there
        else:
            to[...] = segment[0, : to.shape[0], : to.shape[1], : to.shape[2]]

    for _ in page.segments(func=place, maxworkers=workers, buffersize=_BUFFER, sort=True):
        pass
    return out


def _by_other_readers(stream: BinaryIO, page: Any, header: Header) -> Samples:
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        raise _no_codec(page)
    stream.seek(0)
    patched = bytearray(stream.read())
    order = page.parent.byteorder
    # Upright, black is 0, alpha apart from the colors: nothing is left for the reader to be clever about.
    for code, value in ((_TAG_ORIENTATION, 1), (_TAG_PHOTOMETRIC, _MINISBLACK), (_TAG_EXTRASAMPLES, 2)):
        tag = page.tags.get(code)
        if tag is None or tag.dtype != 3 or (code == _TAG_PHOTOMETRIC and tag.value != _MINISWHITE):
            continue
        struct.pack_into(f"{order}H", patched, tag.valueoffset, value)
    if header.sample == "uint8":
        with TiffImagePlugin.TiffImageFile(io.BytesIO(patched)) as image:
            if image.mode in ("I;16", "F", "I", "1"):
                raise _no_codec(page)
            image.load()
            return np.array(image)
    decoded = cv2.imdecode(np.frombuffer(patched, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype.name != header.sample or header.bits not in (16, 32, 64):
        raise _no_codec(page)
    return decoded if decoded.ndim == 2 or header.channels == 1 else decoded[..., 2::-1]


def _no_codec(page: Any) -> InputError:
    name = getattr(page.compression, "name", page.compression)
    return InputError(
        f"This TIFF is packed with {name}, which cannot be read here.",
        "Install the codecs (pip install 'dualcam[codecs]') or save it uncompressed or with zlib.",
    )
