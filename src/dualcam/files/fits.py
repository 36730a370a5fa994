"""FITS: pictures of astronomical cameras and programs, read and written by astropy (extra ``astro``).

Rows: the FITS standard recommends that the first stored row is the lowest. Many capture programs store the highest
one first, and say so with ROWORDER = 'TOP-DOWN', a keyword that Siril and CCDCiel began and N.I.N.A., SharpCap, INDI
and others write. Color filter: where ROWORDER says BOTTOM-UP, BAYERPAT counts from the highest row of the picture;
where it says TOP-DOWN, that is the first stored row too; where it is missing, BAYERPAT counts from the first stored
row. XBAYROFF and YBAYROFF shift it. All this is how Siril reads such files by default.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import InputError, UnavailableError
from dualcam.files import metadata
from dualcam.files.metadata import SOFTWARE, CameraFacts
from dualcam.files.samples import Header, Samples, check_size

START = b"SIMPLE  ="
_PATTERN_KEYS = ("BAYERPAT", "COLORTYP", "CFATYPE", "CFA-PAT")
_OFFSET_KEYS = (("XBAYROFF", "BAYOFFX", "BAYROFFX"), ("YBAYROFF", "BAYOFFY", "BAYROFFY"))
_SATURATION_KEYS = ("SATURATE", "SATLEVEL")
# What describes the stored array or how it was taken apart, and will not hold for an output.
_DROPPED = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|EXTNAME|EXTVER|PCOUNT|GCOUNT|TFIELDS|T(TYPE|FORM|DIM)\d+|THEAP|BZERO|BSCALE"
    r"|BLANK|BUNIT|DATAM(IN|AX)|SATURATE|SATLEVEL|CHECKSUM|DATASUM|C(BLACK|WHITE)|MIPS-.*|PEDESTAL"
    r"|BAYERPAT|COLORTYP|CFA.*|[XY]BAYROFF|BAYR?OFF[XY]|ROWORDER|PROGRAM|CTYPE3|END|"
)


@contextmanager
def _astropy(path: Path | None) -> Iterator[Any]:
    """The module ``astropy.io.fits``, with its remarks about unusual headers kept quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from astropy.io import fits  # takes half a second, which only FITS files should cost
        except ImportError as error:
            raise UnavailableError(
                f"{path or 'the output'} is a FITS file, and astropy is not installed.",
                'Install it with: pip install "dualcam[astro]"',
            ) from error
        yield fits


def header(data: bytes, path: Path, plane: int | None = None) -> Header:
    """Facts of the first picture in a FITS file.

    Args:
        data: the file.
        path: its name, for messages.
        plane: which plane of a cube that is not RGB; None if it is none.

    Raises:
        UnavailableError: astropy is missing.
        InputError: no picture in it, a cube, a size that is refused, or pixels without a value (BLANK).
        Exception: whatever astropy raises on a broken file.
    """
    with _astropy(path) as fits, fits.open(io.BytesIO(data), do_not_scale_image_data=True) as file:
        pictures = [hdu for hdu in file if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2]
        if not pictures:
            raise InputError(f"{path} is a FITS file without a picture.", "Give one that holds an image.")
        hdu = pictures[0]
        cards = hdu.header
        shape = tuple(side for side in hdu.shape if side != 1) if len(hdu.shape) > 2 else hdu.shape
        colors = _color_axis(shape, path, plane)
        height, width = (side for axis, side in enumerate(shape) if axis != colors)
        check_size(width, height, path)
        bits, sample, white = _levels(cards)
        bottom_up, notes = _row_order(cards)
        notes += [f"first of {len(pictures)} pictures in the file"] if len(pictures) > 1 else []
        is_rgb = colors is not None and shape[colors] == 3 and plane is None
        notes += [f"plane {plane} of {shape[0]}"] if plane is not None and colors is not None else []
        pattern = "" if is_rgb else _pattern(cards, path)
        if "ROWORDER" not in cards:
            also = f", {pattern} from the first stored row" if pattern else ""
            notes.append(f"no ROWORDER in the header: rows counted from the bottom up{also}")
        pedestal = _number(cards.get("PEDESTAL"))
        if pedestal:
            # Programs do not agree about its sign, nor whether it was meant for the numbers as they are stored now.
            notes.append(f"PEDESTAL {pedestal:g} is not subtracted: --mono-black and --color-black do that")
        return Header(
            format="FITS",
            width=width,
            height=height,
            channels=3 if is_rgb else 1,
            bits=bits,
            sample=sample,
            white=white,
            # That is not known of floats and wide integers.
            white_is_stated=white > 1,
            orientation=4 if bottom_up else 1,
            exif=_exif(cards),
            linear=True,
            notes=tuple(notes),
            pattern=pattern,
            pattern_is_upright=bottom_up and "ROWORDER" in cards,
            saturation=_first(cards, *_SATURATION_KEYS),
            largest=_number(cards.get("DATAMAX")),
            cards="".join(str(card) for card in _kept(cards)),
        )


def planes(data: bytes, path: Path) -> int:
    """How many pictures a cube holds that is not RGB; 1 for a plain picture.

    Raises:
        UnavailableError: astropy is missing.
    """
    with _astropy(path) as fits, fits.open(io.BytesIO(data), do_not_scale_image_data=True) as file:
        shape: tuple[int, ...] = next(
            (hdu.shape for hdu in file if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2), ()
        )
    return shape[0] if len(shape) == 3 and 3 not in (shape[0], shape[2]) else 1


def _color_axis(shape: tuple[int, ...], path: Path, plane: int | None) -> int | None:
    """Which axis holds planes: none for a plain picture."""
    if len(shape) == 2:
        if plane:
            raise InputError(f"{path} has no frame {plane}.", "It holds a single picture.")
        return None
    if len(shape) == 3 and shape[0] != 3 and shape[2] == 3 and plane is None:
        return 2
    if len(shape) != 3:
        raise InputError(f"{path} holds data of {len(shape)} dimensions.", "Give a picture, gray or RGB.")
    if plane is not None and plane >= shape[0]:
        raise InputError(f"{path} has no frame {plane}.", f"It holds {shape[0]}, counted from 0.")
    if plane is None and shape[0] != 3:
        raise InputError(
            f"{path} holds {shape[0]} planes, which are no RGB picture.",
            "Choose one with --mono-frame or --color-frame, counted from 0.",
        )
    return 0


def _levels(cards: Any) -> tuple[int, str, float]:
    """Bits, type of the decoded samples, and their white: 1 where the type does not tell."""
    stored, scale, zero = int(cards["BITPIX"]), float(cards.get("BSCALE", 1)), float(cards.get("BZERO", 0))
    if (stored, scale, zero) == (8, 1, 0):
        return 8, "uint8", 255.0
    if (stored, scale, zero) == (16, 1, 32768):
        return 16, "uint16", 65535.0
    if (stored, scale, zero) == (16, 1, 0):
        return 15, "float64", 32767.0  # signed: negative numbers are noise under black
    if stored == 32 and scale == 1:
        return 32, "float64", 2.0**32 - 1 if zero == 2**31 else 2.0**31 - 1
    return abs(stored), "float32" if (stored, scale, zero) == (-32, 1, 0) else "float64", 1.0


def _row_order(cards: Any) -> tuple[bool, list[str]]:
    order = str(cards.get("ROWORDER", "")).strip().upper()
    if order and order not in ("TOP-DOWN", "BOTTOM-UP"):
        return True, [f"ROWORDER is {order!r}: rows counted from the bottom up"]
    return order != "TOP-DOWN", []


def _pattern(cards: Any, path: Path) -> str:
    """Color filter, shifted by the offsets; "" for mono."""
    words = [re.sub(r"[^A-Z]", "", str(cards.get(key, "")).upper()) for key in _PATTERN_KEYS]
    named = next((word for word in words if len(word) >= 4 and set(word) <= set("RGBCYMW")), "")
    if not named:
        return ""
    if named not in PATTERNS:
        raise InputError(
            f"{path} has the color filter {named}, which is no Bayer pattern.",
            "Convert it to RGB with the program that took it.",
        )
    letters = np.array(list(named)).reshape(2, 2)
    right, down = (
        next((round(n) for n in (_number(cards.get(key)) for key in keys) if n is not None), 0)
        for keys in _OFFSET_KEYS
    )
    return "".join(np.roll(letters, (-down, -right), (0, 1)).ravel())


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _first(cards: Any, *keys: str) -> float | None:
    """The first of these keywords that holds a positive number."""
    found = (_number(cards.get(key)) for key in keys)
    return next((n for n in found if n is not None and 0 < n < 1e9), None)


def _exif(cards: Any) -> bytes | None:
    date = re.match(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)", str(cards.get("DATE-OBS", "")))
    facts = CameraFacts(
        model=str(cards.get("INSTRUME", "")).strip(),
        exposure_s=_first(cards, "EXPTIME", "EXPOSURE"),
        iso=_first(cards, "ISOSPEED", "ISO"),
        f_number=_first(cards, "FOCRATIO"),
        focal_mm=_first(cards, "FOCALLEN"),
        date="{}:{}:{} {}".format(*date.groups()) if date else "",
    )
    return metadata.from_facts(facts, utc=date is not None)


def _kept(cards: Any) -> Iterator[Any]:
    for card in cards.cards:
        if not _DROPPED.fullmatch(card.keyword):
            yield card
    # The order stays, because coordinates (WCS) count stored rows.
    if cards.get("ROWORDER"):
        yield cards.cards["ROWORDER"]


def samples(data: bytes, header: Header, path: Path, plane: int | None = None) -> Samples:
    """Decode the first picture.

    Returns:
        (H, W, 1 or 3) of type ``header.sample``, scaled by BSCALE and BZERO, in the order of the stored rows.

    Raises:
        InputError: pixels without a value.
        Exception: whatever astropy raises on damaged data.
    """
    with _astropy(path) as fits, fits.open(io.BytesIO(data), do_not_scale_image_data=True) as file:
        hdu = next(hdu for hdu in file if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2)
        cards, stored = hdu.header, np.asarray(hdu.data)
        array = stored.reshape(
            [side for side in stored.shape if side != 1] if stored.ndim > 2 else stored.shape
        )
    blank = _number(cards.get("BLANK"))
    if blank is not None and stored.dtype.kind in "iu":
        missing = int(np.count_nonzero(stored == blank))
        if missing:
            raise InputError(
                f"{path} holds {missing} pixels without a value (BLANK).",
                "Replace them, for example by their neighbors, before fusing.",
            )
    if array.ndim == 3 and plane is not None:
        array = array[plane]
    elif array.ndim == 3 and array.shape[0] == 3:
        array = np.moveaxis(array, 0, -1)
    array = array.reshape(header.height, header.width, header.channels)
    scale, zero = float(cards.get("BSCALE", 1)), float(cards.get("BZERO", 0))
    if header.sample == "uint16":
        # Signed numbers from -32768: the highest bit the other way round.
        return array.astype(np.int16).view(np.uint16) ^ np.uint16(0x8000)
    if header.sample in ("uint8", "float32"):
        return array.astype(header.sample)
    return array.astype(np.float64) * scale + zero


def encode(samples: NDArray[Any], cards: str, exif: bytes | None, provenance: str) -> bytes:
    """Linear samples -> a FITS file.

    Args:
        samples: (H, W) or (H, W, 3), uint8, uint16 or float32, linear, top row first.
        cards: header of the FITS file that lends its facts, see ``frame.Origin``; "" for none.
        exif: EXIF block that lends them where there are no cards.
        provenance: how the picture was made.

    Returns:
        A primary picture; RGB as a cube of three planes. Rows are stored from the bottom up, or in the order that the
        cards name. ROWORDER says which.

    Raises:
        UnavailableError: astropy is missing.
    """
    with _astropy(None) as fits:
        known = fits.Header.fromstring(cards) if cards else _cards_of(fits, exif)
        top_down = str(known.get("ROWORDER", "")).strip() == "TOP-DOWN"
        array = samples if top_down else samples[::-1]
        hdu = fits.PrimaryHDU(np.ascontiguousarray(np.moveaxis(array, -1, 0) if array.ndim == 3 else array))
        known.remove("ROWORDER", ignore_missing=True)
        hdu.header.extend(known, unique=True, update=False, strip=True)
        hdu.header["ROWORDER"] = ("TOP-DOWN" if top_down else "BOTTOM-UP", "order of the rows of the array")
        hdu.header["PROGRAM"] = (SOFTWARE, "software that made this file")
        if provenance:
            hdu.header.add_history(provenance.encode("ascii", "replace").decode())
        buffer = io.BytesIO()
        hdu.writeto(buffer, output_verify="silentfix")
        return buffer.getvalue()


def _cards_of(fits: Any, exif: bytes | None) -> Any:
    facts, out = metadata.camera_facts(exif), fits.Header()
    date = re.match(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", facts.date)
    for key, value, comment in (
        ("INSTRUME", f"{facts.make} {facts.model}".strip(), "camera"),
        ("EXPTIME", facts.exposure_s, "[s] exposure"),
        ("ISOSPEED", facts.iso, ""),
        ("FOCALLEN", facts.focal_mm, "[mm] focal length"),
        ("FOCRATIO", facts.f_number, ""),
        ("DATE-OBS", "{}-{}-{}T{}".format(*date.groups()) if date else None, "as the camera stored it"),
    ):
        if value:
            out[key] = (
                value.encode("ascii", "replace").decode() if isinstance(value, str) else value,
                comment,
            )
    return out
