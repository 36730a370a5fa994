"""Camera raw file -> Frame: levels, orientation, development into linear sRGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dualcam.camera import develop
from dualcam.errors import InputError, UsageError
from dualcam.files import channels, known_noise, metadata
from dualcam.files.libraw import RawPicture, unpack
from dualcam.files.samples import upright
from dualcam.frame import FloatArray, Frame, KnownNoise, Mosaic, Origin, Role


def read_raw(
    path: Path,
    data: bytes,
    role: Role,
    curve: str,
    white: float | None,
    given: known_noise.Known | None = None,
) -> Frame:
    """Read a raw file of one camera.

    Args:
        path: the file.
        data: its bytes.
        role: "mono" takes a monochrome sensor, "color" a Bayer mosaic; a linear DNG that was demosaiced before
            goes by its colors.
        curve: "auto" or "linear", which is the same here.
        white: DN of saturation instead of the file's, or None.
        given: the sensor, if it is known; else the file's own statement about its noise is kept.

    Returns:
        Frame with float32 (H, W, 1) or (H, W, 3) pixels, linear: camera white balance, sRGB primaries, black 0,
        saturation of green 1, values under 0 and over 1 kept; upright. A Bayer file sets ``mosaic``.

    Raises:
        InputError: as in ``libraw.unpack``, or the wrong role, or another sensor than that of the file.
        UsageError: another curve, or a white that is not over black.
    """
    if curve == "srgb":
        raise UsageError(
            f"{path} is a raw file, whose samples are linear: the sRGB curve cannot be undone in it.",
            f"Leave out --{role}-curve, or say linear.",
        )
    picture = unpack(path, data)
    if role == "mono" and picture.pattern is not None:
        raise InputError(
            f"{path} comes from a color sensor ({picture.pattern}), but was given as mono.",
            "Swap the two files if they are the wrong way round. If the color filter was removed from the sensor, "
            "store its samples as a monochrome DNG or a gray TIFF.",
        )
    notes = list(picture.notes)
    level = _white(path, picture, white, role, notes)
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
        pixels, role, origin, mosaic, _noise(path, picture, level, given, metadata.camera_facts(exif))
    )


def _noise(
    path: Path,
    picture: RawPicture,
    white: float,
    given: known_noise.Known | None,
    camera: metadata.CameraFacts,
) -> KnownNoise | None:
    black = float(picture.black.mean())
    if given is None:
        return known_noise.as_stated(picture.noise, (picture.white - black) / (white - black), path)
    if picture.samples.ndim == 3:
        raise UsageError(
            f"{path} was demosaiced before, so that {given.source} does not hold for it.",
            "Leave out the sensor file.",
        )
    return known_noise.of_sensor(given, path, picture.pattern, camera, black, white)


def _white(path: Path, picture: RawPicture, white: float | None, role: Role, notes: list[str]) -> float:
    if white is None:
        return picture.white
    if white <= float(picture.black.max()):
        raise UsageError(
            f"white is {white:g}, but {path} has its black at {float(picture.black.max()):g}.",
            f"Give --{role}-white as the sensor counts, black included.",
        )
    if float(picture.samples.max()) > white:
        notes.append(f"values over the white of {white:g} clipped")
    return white


def _scaled(picture: RawPicture, white: float) -> FloatArray:
    """DN -> linear float32 of the same shape: black 0, white 1, noise under black negative, white clipped."""
    if picture.samples.ndim == 3:
        black: FloatArray = picture.black
    else:
        height, width = picture.samples.shape
        black = np.tile(picture.black, (height // 2 + 1, width // 2 + 1))[:height, :width]
    return np.minimum((picture.samples - black) / (np.float32(white) - black), np.float32(1))


def turned_pattern(pattern: str, shape: tuple[int, ...], orientation: int) -> str:
    """Color filter of the first two rows after a mosaic was turned upright.

    Args:
        pattern: of the stored mosaic, such as "RGGB".
        shape: (H, W) of the stored mosaic: with an even side, mirroring starts at the other color.
        orientation: EXIF orientation that was applied, 1 to 8.
    """
    letters = np.array(list(pattern)).reshape(2, 2)
    small = np.tile(letters, (2, 2))[: 2 + shape[0] % 2, : 2 + shape[1] % 2]
    return "".join(upright(small, orientation)[:2, :2].ravel())
