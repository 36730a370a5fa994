"""Ready samples -> bytes of a file. No curves here: integers are stored as they come."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from PIL.ExifTags import IFD, Base

from dualcam.errors import OutputError
from dualcam.files import fits as fits_file
from dualcam.files import metadata
from dualcam.files.icc import srgb_profile
from dualcam.files.lineardng import encode_linear_dng
from dualcam.files.png import encoded

Samples = NDArray[Any]
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


def _profile(samples: Samples, extras: Extras) -> bytes | None:
    return srgb_profile(gray=samples.ndim == 2, linear=extras.linear) if extras.tagged else None


def _exif(samples: Samples, extras: Extras, comment: bool) -> bytes | None:
    height, width = samples.shape[:2]
    tags = metadata.for_output(extras.exif, width, height, extras.provenance, comment=comment)
    # Without the input's tags rather than without any, if one of them cannot be stored.
    return metadata.block_of(tags) or metadata.block_of(
        metadata.for_output(None, width, height, extras.provenance, comment=comment)
    )


def png(samples: Samples, extras: Extras) -> bytes:
    """(H, W) or (H, W, 3) uint8 or uint16, RGB order -> PNG with profile, description and EXIF."""
    extra: list[tuple[bytes, bytes]] = []
    profile = _profile(samples, extras)
    if profile:
        name = b"sRGB linear" if extras.linear else b"sRGB"
        extra.append((b"iCCP", name + b"\0\0" + zlib.compress(profile, 9)))
    extra.append((b"iTXt", b"Software\0\0\0\0\0" + metadata.SOFTWARE.encode()))
    if extras.provenance:
        extra.append((b"iTXt", b"Description\0\0\0\0\0" + extras.provenance.replace("\0", " ").encode()))
    exif = _exif(samples, extras, comment=False)
    if exif:
        extra.append((b"eXIf", exif))
    return encoded(samples, extra)


def jpeg(samples: Samples, extras: Extras) -> bytes:
    """(H, W) or (H, W, 3) uint8 -> JPEG, quality 95, full-resolution chroma."""
    _limit(samples, 65_535, "JPEG")
    exif = _exif(samples, extras, comment=True)
    if exif is not None and len(exif) > _JPEG_SEGMENT:
        exif = _exif(samples, Extras(None, extras.provenance[:1000]), comment=True)
    return _pillow(samples, extras, "JPEG", exif, quality=95, subsampling=0)


def webp(samples: Samples, extras: Extras) -> bytes:
    """(H, W) or (H, W, 3) uint8 -> lossy WebP, quality 95. WebP has no gray, so gray is stored as RGB."""
    _limit(samples, 16_383, "WebP")
    if samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    return _pillow(samples, extras, "WEBP", _exif(samples, extras, comment=True), quality=95)


def _pillow(samples: Samples, extras: Extras, name: str, exif: bytes | None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if exif:
        options["exif"] = b"Exif\0\0" + exif
    profile = _profile(samples, extras)
    if profile:
        options["icc_profile"] = profile
    Image.fromarray(np.ascontiguousarray(samples)).save(buffer, name, **options)
    return buffer.getvalue()


def _limit(samples: Samples, most: int, name: str) -> None:
    if max(samples.shape[:2]) > most:
        raise OutputError(
            f"the picture is too large for {name}, which ends at {most} pixels a side.", "Use TIFF or PNG."
        )


def netpbm(samples: Samples, extras: Extras) -> bytes:
    """(H, W) -> PGM, (H, W, 3) -> PPM; uint8 or uint16, big-endian. The provenance becomes a comment."""
    height, width = samples.shape[:2]
    text = " ".join(f"{metadata.SOFTWARE} {extras.provenance}".split()).encode("ascii", "replace").decode()
    magic = "P5" if samples.ndim == 2 else "P6"
    head = f"{magic}\n# {text}\n{width} {height}\n{np.iinfo(samples.dtype).max}\n"
    return head.encode() + samples.astype(samples.dtype.newbyteorder(">")).tobytes()


def tiff(samples: Samples, extras: Extras) -> bytes:
    """(H, W) or (H, W, 3) uint8, uint16 or float32 -> zlib-packed TIFF with profile, description and EXIF."""
    height, width = samples.shape[:2]
    tags = metadata.for_output(extras.exif, width, height, "", comment=False)
    if not extras.tagged or extras.linear:
        tags[_TAG_EXIF].pop(Base.ColorSpace, None)
    extra: list[tuple[int, int, int, Any, bool]] = [(int(Base.Orientation), 3, 1, 1, True)]
    for code in (Base.Make, Base.Model, Base.DateTime, Base.Artist, Base.Copyright, Base.HostComputer):
        if isinstance(tags.get(code), str) and tags[code]:
            value = tags[code].encode("utf-8", "replace")
            extra.append((int(code), 2, len(value) + 1, value + b"\0", True))
    # tifffile cannot write sub-directories. Private tags one below the real codes keep places for the two
    # pointers (the order of the tags stays right); the directories are appended below and the places filled
    # in.
    places = {code: tags[code] for code in (_TAG_EXIF, _TAG_GPS) if tags.get(code)}
    extra += [(code - 1, 4, 1, 0, True) for code in places]
    description = extras.provenance or str(tags.get(Base.ImageDescription, ""))
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples,
        photometric="minisblack" if samples.ndim == 2 else "rgb",
        compression="zlib",
        compressionargs={"level": 4},  # half the time of the default for a few percent of size
        # Differences pack far better; for floats they would need a codec that is not always there.
        predictor=samples.dtype.kind == "u",
        metadata=None,
        description=description.encode("utf-8", "replace").replace(b"\0", b" ") or None,
        software=metadata.SOFTWARE,
        iccprofile=_profile(samples, extras),
        extratags=extra,
    )
    return _with_directories(buffer.getvalue(), places)


def fits(samples: Samples, extras: Extras) -> bytes:
    """(H, W) or (H, W, 3) uint8, uint16 or float32, linear -> FITS with the header of the mono file's, or its EXIF."""
    return fits_file.encode(samples, extras.cards, extras.exif, extras.provenance)


def dng(samples: Samples, extras: Extras) -> bytes:
    """(H, W, 3) uint16, linear sRGB -> DNG that raw converters develop to the same picture."""
    if samples.ndim != 3:
        raise OutputError("a DNG cannot hold a map or gray picture.", "Use PNG or TIFF.")
    return encode_linear_dng(samples, metadata.camera_facts(extras.exif), extras.provenance)


def _with_directories(data: bytes, directories: dict[int, dict[int, Any]]) -> bytes:
    """Append EXIF directories to a little-endian classic TIFF and point the placeholder tags at them."""
    if data[:4] != b"II*\0":
        return data  # BigTIFF, over 4 GB: keeps the main tags only
    grown = bytearray(data)
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (code,) = struct.unpack_from("<H", data, entry)
        if code + 1 not in directories:
            continue
        grown += bytes(len(grown) % 2)  # directories begin on a word boundary
        directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\x08\0\0\0", group=code + 1)
        for tag, value in directories[code + 1].items():
            directory[tag] = value
        packed = directory.tobytes(len(grown))
        struct.pack_into("<HHII", grown, entry, code + 1, 4, 1, len(grown))
        grown += packed
    return bytes(grown)
