"""Camera raw file -> Frame: levels, orientation, development into linear sRGB."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dualcam.camera import develop
from dualcam.errors import UsageError
from dualcam.files import channels, known_noise, metadata, mosaics
from dualcam.files.libraw import RawPicture, unpack
from dualcam.files.reading import Reading
from dualcam.files.samples import turned_pattern, upright
from dualcam.frame import FloatArray, Frame, KnownNoise, Mosaic, Origin, Role


def read_raw(path: Path, data: bytes, role: Role, reading: Reading) -> tuple[Frame, float]:
    """Read a raw file of one camera.

    Args:
        path: the file.
        data: its bytes.
        role: "mono" takes a monochrome sensor, "color" a Bayer mosaic; a linear DNG that was demosaiced before
            goes by its colors.
        reading: what the user said. Curve "auto" or "linear", which is the same here; white and black replace the
            file's, as the sensor counts; the pattern replaces the file's, "none" says that the filter was removed; the
            balance replaces that of the shot. A known sensor goes before what the
            file states about its noise.

    Returns:
        Frame with float32 (H, W, 1) or (H, W, 3) pixels, linear: camera white balance, sRGB primaries, black 0,
        saturation of green 1, values under 0 and over 1 kept; upright. A Bayer file sets ``mosaic``. And the DN of
        saturation.

    Raises:
        InputError: as in ``libraw.unpack``, or the wrong role, or another sensor than that of the file.
        UsageError: another curve, or a white that is not over black.
    """
    if reading.curve == "srgb":
        raise UsageError(
            f"{path} is a raw file, whose samples are linear: the sRGB curve cannot be undone in it.",
            f"Leave out --{role}-curve, or say linear.",
        )
    picture = unpack(path, data)
    stated = float(picture.black.mean()), picture.white
    picture = _as_told(picture, reading)
    if role == "mono" and picture.pattern is not None:
        raise mosaics.mono_mosaic(path, picture.pattern)
    notes = list(picture.notes)
    level = _white(path, picture, reading.white, role, notes)
    samples = np.ascontiguousarray(upright(_scaled(picture, level), picture.orientation))
    mosaic: Mosaic | None = None
    if picture.pattern is not None:
        turned = turned_pattern(picture.pattern, picture.samples.shape[:2], picture.orientation)
        mosaic = Mosaic(samples, turned, picture.white_balance, picture.matrix)
        pixels = develop.develop(mosaic)
    elif samples.ndim == 3:
        camera = develop.limit_highlights(samples * picture.white_balance, picture.white_balance)
        pixels = develop.to_srgb(camera, picture.matrix)
    else:
        pixels = samples[..., None]
    exif = metadata.from_tiff(data)
    origin = Origin(path, picture.format, int(level).bit_length(), "linear", "", exif, tuple(notes))
    if mosaic is None:
        pixels = channels.as_role(pixels, role, str(path))
    return Frame(
        pixels, role, origin, mosaic, _noise(path, picture, stated, level, reading.sensor, exif)
    ), level


def _noise(
    path: Path,
    picture: RawPicture,
    stated: tuple[float, float],
    white: float,
    given: known_noise.Known | None,
    exif: bytes | None,
) -> KnownNoise | None:
    """Noise of the frame's samples; ``stated`` are the file's own black and white, which its own noise is about."""
    black = float(picture.black.mean())
    if given is None:
        models = picture.noise if len(picture.noise) == (3 if picture.pattern else 1) else ()
        return known_noise.as_stated(models, (stated[1] - stated[0]) / (white - black), path)
    if picture.samples.ndim == 3:
        raise UsageError(
            f"{path} was demosaiced before, so that {given.source} does not hold for it.",
            "Leave out the sensor file.",
        )
    return known_noise.of_sensor(given, path, picture.pattern, metadata.camera_facts(exif), black, white)


def _as_told(picture: RawPicture, reading: Reading) -> RawPicture:
    """What the user said in place of what the file says."""
    if reading.pattern != "auto" and picture.samples.ndim == 2:
        picture = replace(picture, pattern=None if reading.pattern == "none" else reading.pattern)
    if reading.black is not None:
        picture = replace(picture, black=np.full_like(picture.black, reading.black))
    if reading.balance != "auto":
        picture = replace(picture, white_balance=np.array(mosaics.given_gains(reading.balance), np.float32))
    return picture


def _white(path: Path, picture: RawPicture, white: float | None, role: Role, notes: list[str]) -> float:
    level = picture.white if white is None else white
    if level <= float(picture.black.max()):
        raise UsageError(
            f"white is {level:g}, but {path} has its black at {float(picture.black.max()):g}.",
            f"Give --{role}-white and --{role}-black as the sensor counts.",
        )
    if white is not None and float(picture.samples.max()) > white:
        notes.append(f"values over the white of {white:g} clipped")
    return level


def _scaled(picture: RawPicture, white: float) -> FloatArray:
    """DN -> linear float32 of the same shape: black 0, white 1, noise under black negative, white clipped."""
    if picture.samples.ndim == 3:
        black: FloatArray = picture.black
    else:
        height, width = picture.samples.shape
        black = np.tile(picture.black, (height // 2 + 1, width // 2 + 1))[:height, :width]
    return np.minimum((picture.samples - black) / (np.float32(white) - black), np.float32(1))
