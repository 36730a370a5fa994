"""Samples -> a file. No curves here: what ``strips.Picture`` hands over is stored as it comes."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import IFD, Base

from dualcam.errors import OutputError
from dualcam.files import fits as fits_file
from dualcam.files import metadata, png_write, tiff_write
from dualcam.files.icc import srgb_profile
from dualcam.files.lineardng import linear_dng_head
from dualcam.files.strips import Picture, ready

_JPEG_SEGMENT = 65_533 - 6
_TAG_EXIF, _TAG_GPS = int(IFD.Exif), int(IFD.GPSInfo)


@dataclass(frozen=True, slots=True)
class Extras:
    """What goes into a file beside the pixels.

    Attributes:
        exif: cleaned EXIF block of the input, or None.
        provenance: how the picture was made, or "".
        tagged: whether to embed a profile (the samples are pictures, not maps).
        linear: whether that profile says that the samples are linear, instead of encoded by the sRGB curve.
        cards: header of the FITS file that lends its facts to a FITS output, or "".
    """

    exif: bytes | None = None
    provenance: str = ""
    tagged: bool = True
    linear: bool = False
    cards: str = ""


def _profile(picture: Picture, extras: Extras) -> bytes | None:
    return srgb_profile(gray=picture.is_gray, linear=extras.linear) if extras.tagged else None


def _exif(picture: Picture, extras: Extras, comment: bool) -> bytes | None:
    height, width = picture.shape[:2]
    tags = metadata.for_output(extras.exif, width, height, extras.provenance, comment=comment)
    # Without the input's tags rather than without any, if one of them cannot be stored.
    return metadata.block_of(tags) or metadata.block_of(
        metadata.for_output(None, width, height, extras.provenance, comment=comment)
    )


def png_bytes(samples: NDArray[Any], extras: Extras) -> bytes:
    """(H, W) or (H, W, 3) uint8 or uint16 in memory -> the bytes that ``png`` writes."""
    stream = io.BytesIO()
    png(stream, ready(samples), extras)
    return stream.getvalue()


def png(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W) or (H, W, 3) uint8 or uint16, RGB order -> PNG with profile, description and EXIF."""
    extra: list[tuple[bytes, bytes]] = []
    profile = _profile(picture, extras)
    if profile:
        name = b"sRGB linear" if extras.linear else b"sRGB"
        extra.append((b"iCCP", name + b"\0\0" + zlib.compress(profile, 9)))
    extra.append((b"iTXt", b"Software\0\0\0\0\0" + metadata.SOFTWARE.encode()))
    if extras.provenance:
        extra.append((b"iTXt", b"Description\0\0\0\0\0" + extras.provenance.replace("\0", " ").encode()))
    exif = _exif(picture, extras, comment=False)
    if exif:
        extra.append((b"eXIf", exif))
    png_write.write(stream, picture, extra)


def jpeg(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W) or (H, W, 3) uint8 -> JPEG, quality 95, full-resolution chroma."""
    _limit(picture, 65_535, "JPEG")
    exif = _exif(picture, extras, comment=True)
    if exif is not None and len(exif) > _JPEG_SEGMENT:
        exif = _exif(picture, Extras(None, extras.provenance[:1000]), comment=True)
    _pillow(stream, picture, extras, "JPEG", exif, quality=95, subsampling=0)


def webp(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W) or (H, W, 3) uint8 -> lossy WebP, quality 95. WebP has no gray, so gray is stored as RGB."""
    _limit(picture, 16_383, "WebP")
    if picture.is_gray:
        picture = ready(np.repeat(picture.whole()[..., None], 3, axis=2))
    _pillow(stream, picture, extras, "WEBP", _exif(picture, extras, comment=True), quality=95)


def _pillow(
    stream: BinaryIO, picture: Picture, extras: Extras, name: str, exif: bytes | None, **options: Any
) -> None:
    if exif:
        options["exif"] = b"Exif\0\0" + exif
    profile = _profile(picture, extras)
    if profile:
        options["icc_profile"] = profile
    # Given the file itself, Pillow would not say what the disk says.
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture.whole())).save(buffer, name, **options)
    stream.write(buffer.getbuffer())


def _limit(picture: Picture, most: int, name: str) -> None:
    if max(picture.shape[:2]) > most:
        raise OutputError(
            f"the picture is too large for {name}, which ends at {most} pixels a side.", "Use TIFF or PNG."
        )


def netpbm(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W) -> PGM, (H, W, 3) -> PPM; uint8 or uint16, big-endian. The provenance becomes a comment."""
    height, width = picture.shape[:2]
    text = " ".join(f"{metadata.SOFTWARE} {extras.provenance}".split()).encode("ascii", "replace").decode()
    magic = "P5" if picture.is_gray else "P6"
    stream.write(f"{magic}\n# {text}\n{width} {height}\n{np.iinfo(picture.dtype).max}\n".encode())
    stored = picture.dtype.newbyteorder(">")
    for strip in picture.each(lambda rows: rows.astype(stored)):
        stream.write(strip.data)


def tiff(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W) or (H, W, 3) uint8, uint16 or float32 -> zlib-packed TIFF with profile, description and EXIF."""
    height, width = picture.shape[:2]
    tags = metadata.for_output(extras.exif, width, height, "", comment=False)
    if not extras.tagged or extras.linear:
        tags[_TAG_EXIF].pop(Base.ColorSpace, None)
    extra: list[tuple[int, int, int, Any, bool]] = [(int(Base.Orientation), 3, 1, 1, True)]
    for code in (Base.Make, Base.Model, Base.DateTime, Base.Artist, Base.Copyright, Base.HostComputer):
        if isinstance(tags.get(code), str) and tags[code]:
            value = tags[code].encode("utf-8", "replace")
            extra.append((int(code), 2, len(value) + 1, value + b"\0", True))
    description = extras.provenance or str(tags.get(Base.ImageDescription, ""))
    tiff_write.write(
        stream,
        picture,
        {code: tags[code] for code in (_TAG_EXIF, _TAG_GPS) if tags.get(code)},
        description=description.encode("utf-8", "replace").replace(b"\0", b" ") or None,
        software=metadata.SOFTWARE,
        iccprofile=_profile(picture, extras),
        extratags=extra,
    )


def fits(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W) or (H, W, 3) uint8, uint16 or float32, linear -> FITS with the header of the mono file's, or its EXIF."""
    stream.write(fits_file.encode(picture.whole(), extras.cards, extras.exif, extras.provenance))


def dng(stream: BinaryIO, picture: Picture, extras: Extras) -> None:
    """(H, W, 3) uint16, linear sRGB -> DNG that raw converters develop to the same picture."""
    if picture.is_gray:
        raise OutputError("a DNG cannot hold a map or gray picture.", "Use PNG or TIFF.")
    height, width = picture.shape[:2]
    stream.write(linear_dng_head(height, width, metadata.camera_facts(extras.exif), extras.provenance))
    for strip in picture.each(lambda rows: rows.astype("<u2")):
        stream.write(strip.data)
