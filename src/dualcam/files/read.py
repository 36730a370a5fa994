"""File or array -> Frame: linear, sRGB primaries, upright, checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.develop import develop
from dualcam.camera.sensor_model import SensorModel
from dualcam.errors import InputError, UsageError
from dualcam.files import channels, decode, flat, icc, known_noise, metadata
from dualcam.files import white as whites
from dualcam.files.flat import Layout
from dualcam.files.linearise import Room, linearise
from dualcam.files.mosaics import as_mosaic, pattern_of
from dualcam.files.raw import read_raw
from dualcam.files.reading import Gains, Reading, checked
from dualcam.files.samples import Header, Samples, check_size, upright
from dualcam.frame import Frame, Origin, Role


def read(
    path: str | Path,
    role: Role,
    *,
    curve: str = "auto",
    white: float | str = "auto",
    black: float | str = "auto",
    pattern: str = "auto",
    balance: str | Gains = "auto",
    frame: int | None = None,
    raw: str | Layout | None = None,
    sensor: SensorModel | str | Path | None = None,
) -> Frame:
    """Read a picture file of one camera.

    The decoder is chosen by the content of the file. PNG, JPEG, WebP, TIFF (8, 16, 32 bits, float), PGM, PPM, PFM,
    FITS (with astropy) and SER are read at their full depth; the EXIF or TIFF orientation is applied once. Camera raw
    files (DNG and others, of Bayer and monochrome sensors) are developed with the camera's white balance and keep
    their mosaic, see ``files.raw``.

    A camera JPEG that names Adobe RGB in its EXIF without embedding a profile is read as Adobe RGB.

    Curve: with "auto", an embedded ICC profile's own curve is undone; without a profile, float samples, FITS, SER,
    flat files and mosaics are taken as linear and integers as sRGB. "srgb" and "linear" replace the curve, but not
    the primaries, of a profile.

    White: with "auto", full scale of the container, or the stated maximum (Netpbm, FITS), or 10, 12 or 14 bits
    where the values of a 16-bit file show it; float samples beyond 1.5 are divided by their likely white (see
    ``files.white``). A number is the DN of white; integer samples over it are clipped. Float samples are
    never clipped. For a raw file the number replaces the sensor's DN of saturation, black included.

    JPEG has no checksums: damage in the middle of a JPEG cannot be told from picture content.

    Args:
        path: the file.
        role: "mono" (gray result; RGB files with equal channels are averaged) or "color".
        curve: "auto", "srgb" or "linear".
        white: "auto" or DN of white, over 0.
        black: "auto" (what a raw file says, else 0) or DN of black, which is subtracted.
        pattern: color filter of the mosaic in a gray file, such as "RGGB", counted from its first stored row; "auto"
            for what the file says, "none" for a sensor whose filter was removed.
        balance: white balance of a mosaic: "auto" (as the camera stored it, else estimated), "none", or factors for
            red, green and blue, which apply to any color file.
        frame: which picture of a SER, FITS or flat file that holds several, from 0; None for the first.
        raw: how a flat file without header is stored, such as "1280x1024x12:RGGB", see ``files.flat.parse_layout``.
        sensor: what ``dualcam sensor`` measured of the camera, or the file with it: noise need not be estimated then.
            For raw files, and for linear mono files and mosaics of integers, whose black and white it sets as well.

    Returns:
        Frame with float32 (H, W, 1) or (H, W, 3) pixels, linear, sRGB primaries, nominally [0, 1]. Colors
        outside sRGB have values under 0 or over 1, and so has noise around black where a black level was subtracted.
        ``origin.notes`` says what was guessed or ignored.

    Raises:
        InputError: missing, not a picture, unsupported, damaged, too small or large, NaN, or the wrong role; a sensor
            file that cannot be used or is of another camera or setting.
        UnavailableError: a FITS file, and astropy is not installed.
        UsageError: an option value that does not exist or does not fit the file.
    """
    reading = checked(
        role,
        curve=curve,
        white=white,
        black=black,
        pattern=pattern,
        balance=balance,
        frame=frame,
        raw=raw,
        sensor=sensor,
    )
    return _read(Path(path), role, reading)[0]


def read_frames(
    path: str | Path, role: Role, *, start: int = 0, stop: int | None = None, **options: Any
) -> Iterator[Frame]:
    """Read the frames of a SER file one after the other, for ``Fuser.stream``; also of a FITS cube or flat file.

    White level and white balance are those of the first frame read, so that a video does not flicker.

    Args:
        path: the file.
        role: "mono" or "color".
        start: number of the first frame, from 0.
        stop: number of the first frame that is not read any more; None for all.
        **options: those of ``read`` but ``frame``.

    Yields:
        One frame after the other; only one is in memory.

    Raises:
        InputError, UnavailableError, UsageError: as in ``read``.
    """
    path, reading = Path(path), checked(role, **options)
    count = decode.count_frames(path, reading)
    for number in range(start, count if stop is None else min(stop, count)):
        frame, white = _read(path, role, replace(reading, frame=number if count > 1 else None))
        if number == start:
            gains = frame.mosaic.white_balance if frame.mosaic is not None else None
            balance = (
                reading.balance if gains is None else (float(gains[0]), float(gains[1]), float(gains[2]))
            )
            reading = replace(reading, white=white, balance=balance)
        yield frame


def _read(path: Path, role: Role, reading: Reading) -> tuple[Frame, float]:
    """The frame, and the DN that was taken as white."""
    loaded = decode.load(path, reading)
    if loaded.kind == "raw":
        return read_raw(path, loaded.data, role, reading)
    header = decode.read_header(path, loaded)
    pattern = pattern_of(path, header, reading, role)
    room = Room(header) if Room.fits(header) else None
    array = decode.open_samples(path, loaded, header, room.samples if room is not None else None)
    del loaded  # its bytes are not needed beside the pixels
    array = upright(array, header.orientation)
    notes = list(header.notes)
    if header.has_alpha:
        notes.append("alpha channel ignored")
    profile = profile_of(header, notes)
    linear = reading.curve == "linear" or (reading.curve == "auto" and _is_linear(header, pattern))
    if reading.sensor is not None:
        reading, remarks = _with_levels(array, path, role, reading, linear, pattern)
        notes.extend(remarks)
    level, bits, remarks = _white(path, array, header, role, linear, reading)
    notes.extend(remarks)
    black = _black(path, reading, level)
    pixels, used = linearise(
        array, black, level, reading.curve, linear, profile, notes, room.pixels if room is not None else None
    )
    pixels = np.ascontiguousarray(pixels)
    mosaic = None
    if pattern:
        mosaic = as_mosaic(pixels[..., 0], pattern, reading.balance, notes)
        pixels = develop(mosaic)
    else:
        pixels = channels.as_role(pixels, role, str(path))
        if role == "color" and not isinstance(reading.balance, str):
            pixels *= np.array(reading.balance, np.float32)
    exif = header.exif if header.format == "TIFF" else metadata.sanitise(header.exif)
    if header.exif and exif is None:
        notes.append("EXIF could not be read and is left out")
    name = profile.description if profile else ""
    origin = Origin(path, header.format, bits, used, name, exif, tuple(notes), header.cards)
    noise = None
    if reading.sensor is not None:
        camera = metadata.camera_facts(header.exif)
        noise = known_noise.of_sensor(reading.sensor, path, pattern or None, camera, black, level)
    return Frame(pixels, role, origin, mosaic, noise), level


def _white(
    path: Path, array: Samples, header: Header, role: Role, linear: bool, reading: Reading
) -> tuple[float, int, tuple[str, ...]]:
    """DN of white, significant bits, and notes."""
    if header.sample.startswith("float"):
        _check_finite(array, path)
        level, notes = (reading.white, ()) if reading.white else whites.float_white(array, role, header)
        _check_range(array, level, path)
        return level, header.bits, notes
    if reading.white is not None:
        clipped = f"values over the white of {reading.white:g} clipped"
        bits = max(1, math.ceil(math.log2(reading.white + 1)))
        return reading.white, bits, (clipped,) if array.max() > reading.white else ()
    if reading.layout is not None:
        level, notes = flat.stated_white(array, reading.layout, path)
        return level, header.bits, notes
    return whites.integer_white(array, header, role, linear)


def _black(path: Path, reading: Reading, level: float) -> float:
    black = reading.black or 0.0
    if black >= level:
        raise UsageError(
            f"black is {black:g}, but white in {path} is {level:g}.", "Give both as the file counts."
        )
    return black


def _with_levels(
    array: Samples, path: Path, role: Role, reading: Reading, linear: bool, pattern: str
) -> tuple[Reading, tuple[str, ...]]:
    """Black and white of a plain file by its sensor, where the user said nothing; and remarks."""
    assert reading.sensor is not None
    known_noise.check_dn(array, reading.sensor, path, linear, role == "mono" or bool(pattern))
    black, white, notes = known_noise.levels(array, reading.sensor, reading.black, reading.white)
    return replace(reading, black=black, white=white), notes


def from_array(array: NDArray[Any], role: Role) -> Frame:
    """Take a picture from memory instead of a file.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4; alpha ignored), RGB order. uint8 and uint16 are sRGB
            display values at full scale; floats are linear with white at 1 and are neither scaled nor
            clipped.
        role: "mono" or "color", as in ``read``.

    Returns:
        Frame with float32 (H, W, 1) or (H, W, 3) pixels, linear, sRGB primaries.

    Raises:
        InputError: another shape or type, NaN, infinity or absurd values, too small or too large, or the
            wrong role.
        UsageError: unknown role.
    """
    checked(role)
    array = np.asarray(array)
    name = f"the {role} array"
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise InputError(
            f"{name} has the shape {array.shape}.", "Give (height, width), or (height, width, 1, 3 or 4)."
        )
    check_size(array.shape[1], array.shape[0], name)
    is_float = np.issubdtype(array.dtype, np.floating)
    if not is_float and array.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{name} is of type {array.dtype}.", "Give uint8, uint16 or a float type.")
    notes = ("alpha channel ignored",) if array.shape[2] == 4 else ()
    array = array[..., :3]
    if is_float:
        _check_finite(array, name)
        _check_range(array, 1.0, name)
        # A copy even of float32: a frame does not change when the caller's array does.
        pixels = np.array(array, dtype=np.float32, order="C")
    else:
        pixels, _ = linearise(array, 0.0, float(np.iinfo(array.dtype).max), "srgb", False, None, [])
    bits = 32 if is_float else array.dtype.itemsize * 8
    origin = Origin(bits=bits, curve="linear" if is_float else "srgb", notes=notes)
    return Frame(channels.as_role(pixels, role, name), role, origin)


def _is_linear(header: Header, pattern: str = "") -> bool:
    """Whether samples without a profile are proportional to light: a mosaic comes straight from a sensor."""
    return header.linear or bool(pattern) or header.sample.startswith("float")


def _check_finite(array: Samples, name: str | Path) -> None:
    bad = sum(row.size - int(np.count_nonzero(np.isfinite(row))) for row in array)
    if bad:
        raise InputError(
            f"{name} holds {bad} values that are NaN or infinite.",
            "Replace them (bad pixels, division by zero) before fusing, for example by their neighbors.",
        )


def _check_range(array: Samples, level: float, name: str | Path) -> None:
    """Refuse floats so far from [0, white] that they are damage, not light, and would overflow later."""
    low, high = float(array.min()), float(array.max())
    if low < -1e3 * level or high > 1e6 * level:
        raise InputError(
            f"{name} holds values from {low:g} to {high:g}, where black is 0 and white is {level:g}.",
            "Check what wrote the file, mask such values, or state the white level.",
        )


def profile_of(header: Header, notes: list[str]) -> icc.Profile | None:
    """The profile to read a file with.

    Args:
        header: the file's facts.
        notes: gets a remark if there is a profile that is damaged or does not fit the samples.

    Returns:
        The embedded profile, or Adobe RGB if the EXIF of a camera JPEG names it, or None.
    """
    if header.icc is None:
        by_exif = header.channels == 3 and header.format == "JPEG" and metadata.names_adobe_rgb(header.exif)
        return icc.adobe_rgb() if by_exif else None
    try:
        profile = icc.parse(header.icc)
    except ValueError as error:
        notes.append(f"{error}: sRGB assumed")
        return None
    if profile.space == "GRAY" and header.channels == 3:
        notes.append("gray ICC profile in an RGB file: sRGB assumed")
        return None
    if profile.space == "RGB" and header.channels == 1 and not profile.exact:
        notes.append("RGB ICC profile in a gray file: sRGB assumed")
        return None
    if profile.space not in ("RGB", "GRAY"):
        notes.append(f"ICC profile for {profile.space} data in this file: sRGB assumed")
        return None
    return profile
