"""What the tags of a TIFF-structured raw file (DNG, NEF, ARW, ...) say beyond what LibRaw passes on."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import tifffile

from dualcam.files.source import Source, opened
from dualcam.files.tiff import quiet
from dualcam.frame import FloatArray, NoiseModel

_RAW_PHOTOMETRICS = (32803, 34892)  # color filter array, linear raw
_SUBFILE, _PHOTOMETRIC, _SUBIFDS, _DNG_VERSION = 254, 262, 330, 50706
_JPEG = 7  # as a value of Compression; lossless in a DNG
_ACTIVE_AREA = 50829
_NOISE_PROFILE = 51041
_BLACK_REPEAT, _BLACK, _BLACK_DELTA_H, _BLACK_DELTA_V = 50713, 50714, 50715, 50716


def is_raw(source: Source) -> bool:
    """Whether a TIFF file holds camera raw data, whatever it is called.

    Raises:
        Exception: whatever tifffile raises on a broken file.
    """
    with quiet(), opened(source) as stream, tifffile.TiffFile(stream) as file:
        page: Any = file.pages[0]
        preview = int(page.tags.valueof(_SUBFILE, 0)) & 1
        return (
            page.tags.valueof(_PHOTOMETRIC) in _RAW_PHOTOMETRICS
            or _DNG_VERSION in page.tags
            # A small preview comes first and the picture hides in a sub-directory.
            or bool(preview and _SUBIFDS in page.tags)
        )


def is_dng(data: bytes) -> bool:
    """Whether a TIFF file calls itself a DNG; False for anything that cannot be parsed."""
    try:
        with quiet(), tifffile.TiffFile(io.BytesIO(data)) as file:
            first: Any = file.pages[0]
            return _DNG_VERSION in first.tags
    except Exception:  # whatever comes: the bytes may be anything
        return False


def check_complete(data: bytes) -> None:
    """Check that the raw picture of a TIFF-structured file is all there.

    LibRaw gives out whatever was in memory where a piece of a lossless JPEG does not begin like one.

    Raises:
        ValueError: it goes on beyond the end of the file, or a JPEG piece of it is none.
        Exception: whatever tifffile raises on a broken file.
    """
    with quiet(), tifffile.TiffFile(io.BytesIO(data)) as file:
        page = _raw_page(file)
        if page is None:
            return
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            if count <= 0 or offset + count > len(data):
                raise ValueError("it ends before its pixels do")
            if page.compression == _JPEG and data[offset : offset + 3] != b"\xff\xd8\xff":
                raise ValueError("a piece of it is no JPEG")


def exact_black(data: bytes, top: int, left: int) -> FloatArray | None:
    """Black level of a DNG with its fractions, which LibRaw cuts off: (2, 2) by place, or None.

    A fraction of a DN matters where the whole signal is a few DN. Besides, where the active area begins at an odd
    row or column LibRaw leaves that out, and with it loses which black belongs to which place.

    Args:
        data: the file.
        top: row of the sensor that the result shall begin at.
        left: column of the sensor that the result shall begin at.

    Returns:
        None if the tags are missing or of a kind that LibRaw averages (a level for each row or column, larger
        patterns, several samples a pixel).
    """
    try:
        with quiet(), tifffile.TiffFile(io.BytesIO(data)) as file:
            page = _raw_page(file)
            if page is None or _BLACK not in page.tags or page.samplesperpixel != 1:
                return None
            if _BLACK_DELTA_H in page.tags or _BLACK_DELTA_V in page.tags:
                return None
            rows, columns = (int(side) for side in page.tags.valueof(_BLACK_REPEAT, (1, 1)))
            origin = page.tags.valueof(_ACTIVE_AREA, (0, 0))  # where the pattern of the levels begins
            tag = page.tags[_BLACK]
            values = np.atleast_1d(np.asarray(tag.value, np.float64))
    except Exception:  # damaged tags: LibRaw's integers have to do
        return None
    if int(tag.dtype) in (5, 10):  # fractions come as numerator and denominator
        values = values[0::2] / np.maximum(values[1::2], 1)
    if 2 % rows or 2 % columns or values.size != rows * columns or not np.isfinite(values).all():
        return None
    tiled = np.tile(values.reshape(rows, columns), (2 // rows, 2 // columns))
    black: FloatArray = np.roll(tiled, (int(origin[0]) - top, int(origin[1]) - left), (0, 1)).astype(
        np.float32
    )
    return black


def noise_profile(data: bytes, planes: int) -> tuple[NoiseModel, ...]:
    """NoiseProfile of a DNG (specification 1.4.0.0): variance of a sample with black 0 and white 1, by its signal.

    Args:
        data: the file.
        planes: color planes of the picture: 1, or 3 for a Bayer mosaic.

    Returns:
        One model a plane; empty if the file states none, or none that makes sense.
    """
    try:
        with quiet(), tifffile.TiffFile(io.BytesIO(data)) as file:
            # The specification has it beside the picture, some cameras in the first directory.
            first: Any = file.pages[0]
            places = (_raw_page(file), first)
            found = [p.tags[_NOISE_PROFILE] for p in places if p is not None and _NOISE_PROFILE in p.tags]
            values = np.atleast_1d(np.asarray(found[0].value, np.float64)) if found else np.empty(0)
    except Exception:  # damaged tags: the noise is estimated then
        return ()
    if values.size not in (2, 2 * planes) or not np.isfinite(values).all():
        return ()
    if values.min() < 0 or not values.reshape(-1, 2).any(axis=1).all():
        return ()
    models = tuple(NoiseModel(float(shot), float(read)) for shot, read in values.reshape(-1, 2))
    return models if len(models) == planes else models * planes


def _raw_page(file: tifffile.TiffFile) -> Any:
    """The largest directory with raw samples, or None."""
    pages: list[Any] = []
    for page in file.pages:
        pages.append(page)
        pages.extend(getattr(page, "pages", None) or ())
    found = [p for p in pages if p.tags.valueof(_PHOTOMETRIC) in _RAW_PHOTOMETRICS]
    return max(found, key=lambda p: p.imagewidth * p.imagelength, default=None)
