"""The samples of a sensor as the converter made them: DN, nothing subtracted, scaled or curved.

One door for every kind of file that can hold them. ``read`` makes pictures; what measures sensors comes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import InputError, UsageError
from dualcam.files import decode, libraw, metadata
from dualcam.files.metadata import CameraFacts
from dualcam.files.mosaics import pattern_of
from dualcam.files.read import profile_of
from dualcam.files.reading import Reading
from dualcam.files.samples import Header, Samples, upright

_RAW_WANTED = "Give raw files, or gray PGM, TIFF or PNG files that hold the sensor's own numbers."


@dataclass(frozen=True, slots=True, eq=False)
class SensorSamples:
    """Samples of one sensor.

    Attributes:
        samples: (H, W) DN; of a raw file the active area, as stored.
        pattern: color filter of the first two rows, such as "RGGB"; None for a monochrome sensor.
        white: DN of saturation that the file states, or None.
        camera: what the camera wrote about itself and the exposure.
    """

    samples: Samples
    pattern: str | None
    white: float | None
    camera: CameraFacts


def read_dn(path: str | Path, pattern: str | None = None) -> SensorSamples:
    """Read the samples of a sensor in DN.

    Args:
        path: a camera raw file (DNG, ...), or a gray PNG, TIFF, PGM or PFM.
        pattern: color filter of the mosaic in a file that does not name its own; None for a monochrome sensor.

    Raises:
        InputError: a file that cannot be read, or whose samples are no sensor's: colors that were mixed already, a
            transfer curve, lossy compression.
        UsageError: an unknown pattern, or another one than the raw file states.
    """
    path = Path(path)
    if pattern is not None and pattern not in PATTERNS:
        raise UsageError(f"there is no Bayer pattern {pattern!r}.", f"Use {', '.join(PATTERNS)}.")
    loaded = decode.load(path)
    if loaded.kind == "raw":
        return _from_raw(path, loaded.data, pattern)
    header = decode.read_header(path, loaded)
    _check_linear(path, header)
    if pattern or header.pattern:
        pattern = pattern_of(path, header, Reading(pattern=pattern or "auto"), "color")
    samples = upright(decode.open_samples(path, loaded, header), header.orientation)[..., 0]
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        raise InputError(f"{path} holds values that are NaN or infinite.", _RAW_WANTED)
    return SensorSamples(
        np.ascontiguousarray(samples),
        pattern,
        header.white if header.white_is_stated else None,
        metadata.camera_facts(header.exif),
    )


def _from_raw(path: Path, data: bytes, pattern: str | None) -> SensorSamples:
    picture = libraw.unpack(path, data, may_be_even=True)
    if picture.samples.ndim == 3:
        raise InputError(f"{path} is a linear DNG that was demosaiced before.", _RAW_WANTED)
    if pattern is not None and pattern != picture.pattern:
        raise UsageError(
            f"{path} states {picture.pattern or 'a monochrome sensor'}, not the pattern {pattern}.",
            "Leave out --pattern: a raw file names its own.",
        )
    camera = metadata.camera_facts(metadata.from_tiff(data))
    return SensorSamples(picture.samples, picture.pattern, picture.white, camera)


def _check_linear(path: Path, header: Header) -> None:
    if header.format in ("JPEG", "WebP"):
        raise InputError(
            f"{path} is a {header.format} picture, whose samples are not the sensor's.", _RAW_WANTED
        )
    if header.channels != 1:
        raise InputError(
            f"{path} holds red, green and blue for every pixel: it was demosaiced before.", _RAW_WANTED
        )
    profile = profile_of(header, [])
    if profile is None:
        return
    middle = np.array([0.25, 0.5, 0.75])
    if not profile.exact or any(np.abs(curve(middle) - middle).max() > 0.01 for curve in profile.curves):
        raise InputError(
            f"{path} carries the profile {profile.description or 'of a display'!r}: its samples have a transfer curve "
            "and are not linear.",
            _RAW_WANTED,
        )
