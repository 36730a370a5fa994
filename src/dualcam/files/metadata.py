"""EXIF: read what matters, clean it for the output, write it. Provenance text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, TiffImagePlugin
from PIL.ExifTags import IFD, Base

from dualcam._version import __version__
from dualcam.files.ifd import fraction
from dualcam.files.source import Source, opened

# Tags of the first directory that describe the picture and not how its bytes are stored.
_KEPT = {
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.XResolution,
    Base.YResolution,
    Base.ResolutionUnit,
    Base.Software,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Copyright,
    Base.XPTitle,
    Base.XPComment,
    Base.XPAuthor,
    Base.XPKeywords,
    Base.XPSubject,
}
# A maker note points to absolute places in its old file and would point to nonsense in the new one.
_DROPPED_EXIF = {Base.MakerNote}
_INTEROP = 0xA005
SOFTWARE = f"dualcam {__version__}"


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What the camera wrote about the exposure; None or "" where it did not.

    Attributes:
        make: maker of the camera.
        model: model of the camera.
        exposure_s: exposure time in seconds.
        iso: ISO speed.
        f_number: focal length divided by aperture diameter.
        focal_mm: focal length in millimeters.
        date: date and time of the capture, as written ("2024:05:01 22:10:03").
    """

    make: str = ""
    model: str = ""
    exposure_s: float | None = None
    iso: float | None = None
    f_number: float | None = None
    focal_mm: float | None = None
    date: str = ""


def _parse(block: bytes | None) -> Image.Exif | None:
    if not block:
        return None
    return _guarded(lambda exif: exif.load(block))


def _guarded(fill: Callable[[Image.Exif], None]) -> Image.Exif | None:
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fill(exif)
            _ = [exif.get(tag) for tag in list(exif)]
    except Exception:
        # EXIF comes from anywhere, and Pillow raises everything from struct.error to SyntaxError on it. A
        # broken block must not cost the user the picture.
        return None
    return exif


def orientation(block: bytes | None) -> int:
    """EXIF orientation of a block, 1 to 8; 1 where it is missing or nonsense."""
    exif = _parse(block)
    value = exif.get(Base.Orientation, 1) if exif is not None else 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def names_adobe_rgb(block: bytes | None) -> bool:
    """Whether a camera marked the file as Adobe RGB by the interoperability index "R03" of DCF."""
    exif = _parse(block)
    return exif is not None and _text(_directory(exif, IFD.Interop).get(1)) == "R03"


def _directory(exif: Image.Exif, kind: IFD) -> dict[int, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(exif.get_ifd(kind))
    except Exception:  # as in _guarded
        return {}


def _clean(exif: Image.Exif) -> Image.Exif:
    """Copy what describes the picture; thumbnails, maker notes and storage tags stay behind."""
    kept = Image.Exif()
    for tag, value in exif.items():
        # tifffile describes the array shape there, which will not be that of the output.
        if tag in _KEPT and not (tag == Base.ImageDescription and str(value).startswith('{"shape"')):
            kept[tag] = value
    inner = {t: v for t, v in _directory(exif, IFD.Exif).items() if t not in _DROPPED_EXIF}
    if _INTEROP in inner:
        inner[_INTEROP] = _directory(exif, IFD.Interop)
    place = _directory(exif, IFD.GPSInfo)
    if inner:
        kept[IFD.Exif] = inner
    if place:
        kept[IFD.GPSInfo] = place
    if len(kept):
        kept[Base.Orientation] = 1
    return kept


def _serialise(exif: Image.Exif) -> bytes | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else None
    except Exception:  # a value of a type that its tag cannot hold
        return None


def sanitise(block: bytes | None) -> bytes | None:
    """Clean an EXIF block: Orientation 1, no thumbnail, no maker note, no storage tags.

    Args:
        block: TIFF-structured bytes, with or without the ``Exif`` prefix, or None.

    Returns:
        TIFF-structured bytes without prefix, or None where nothing readable is left.
    """
    exif = _parse(block)
    return _serialise(_clean(exif)) if exif is not None else None


def from_tiff(source: Source) -> bytes | None:
    """The cleaned EXIF block of a TIFF file (whose own first directory is one), or None."""
    with opened(source) as stream:
        exif = _guarded(lambda exif: exif.load_from_fp(stream))
        return _serialise(_clean(exif)) if exif is not None else None


def camera_facts(block: bytes | None) -> CameraFacts:
    """Camera, exposure and date from an EXIF block; empty facts where there is none."""
    exif = _parse(block)
    if exif is None:
        return CameraFacts()
    inner = _directory(exif, IFD.Exif)
    return CameraFacts(
        make=_text(exif.get(Base.Make)),
        model=_text(exif.get(Base.Model)),
        exposure_s=_number(inner.get(Base.ExposureTime)),
        iso=_number(inner.get(Base.ISOSpeedRatings)),
        f_number=_number(inner.get(Base.FNumber)),
        focal_mm=_number(inner.get(Base.FocalLength)),
        date=_text(inner.get(Base.DateTimeOriginal) or exif.get(Base.DateTime)),
    )


def from_facts(facts: CameraFacts, *, utc: bool = False) -> bytes | None:
    """An EXIF block with the facts of a file that has none, or None without any fact.

    Args:
        facts: what is known.
        utc: the date is in universal time, which is said in the block.
    """
    inner: dict[int, Any] = {
        Base.ExposureTime: _rational(facts.exposure_s),
        Base.FNumber: _rational(facts.f_number),
        Base.ISOSpeedRatings: None if facts.iso is None else min(round(facts.iso), 65535),
        Base.FocalLength: _rational(facts.focal_mm),
        Base.DateTimeOriginal: facts.date or None,
        Base.OffsetTimeOriginal: "+00:00" if facts.date and utc else None,
    }
    inner = {tag: value for tag, value in inner.items() if value is not None}
    tags: dict[int, Any] = {Base.Make: facts.make, Base.Model: facts.model, Base.DateTime: facts.date}
    tags = {tag: value for tag, value in tags.items() if value}
    if inner:
        tags[IFD.Exif] = inner
    return block_of(tags | {Base.Orientation: 1}) if tags else None


def _rational(value: float | None) -> TiffImagePlugin.IFDRational | None:
    """EXIF wants fractions, and Pillow would store a float as such."""
    return None if value is None else TiffImagePlugin.IFDRational(*fraction(value))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    # Control characters could move the cursor of a terminal.
    return re.sub(r"[\x00-\x1f\x7f]+", " ", value).strip() if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < 1e9 else None


def for_output(
    block: bytes | None, width: int, height: int, provenance: str, *, comment: bool
) -> dict[int, Any]:
    """EXIF of an output file as a mapping that ``block_of`` turns into bytes.

    Args:
        block: cleaned EXIF of the input, or None.
        width: columns of the output in pixels.
        height: rows of the output in pixels.
        provenance: how the picture was made, or "".
        comment: store the provenance in the EXIF UserComment (for formats with no place of their own).
    """
    exif = _parse(block)
    out: dict[int, Any] = dict(_clean(exif).items()) if exif is not None else {}
    inner: dict[int, Any] = dict(out.get(IFD.Exif, {}))
    inner[Base.ExifImageWidth] = width
    inner[Base.ExifImageHeight] = height
    inner[Base.ColorSpace] = 1  # sRGB
    inner.pop(_INTEROP, None)  # its main use is to say "Adobe RGB"
    if comment and provenance:
        inner[Base.UserComment] = b"ASCII\0\0\0" + provenance.encode("ascii", "backslashreplace")
    out[Base.Orientation] = 1
    out[Base.Software] = SOFTWARE
    out[IFD.Exif] = inner
    return out


def block_of(tags: dict[int, Any]) -> bytes | None:
    """Serialise tags to a TIFF-structured EXIF block without prefix; None where that is impossible."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return _serialise(exif)
