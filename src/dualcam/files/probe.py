"""Facts about a picture file for ``dualcam info``, without decoding it where possible."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dualcam.camera.curves import decode as srgb_to_linear
from dualcam.errors import InputError
from dualcam.files import channels, decode, libraw, lossy, metadata
from dualcam.files.flat import parse_layout
from dualcam.files.metadata import CameraFacts
from dualcam.files.read import profile_of
from dualcam.files.reading import Reading
from dualcam.files.samples import Header, Samples, turned_pattern
from dualcam.frame import NoiseModel

RoleGuess = Literal["mono", "color", "unknown"]
_QUICK_PIXELS = 4_000_000


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """What a raw file says about its sensor.

    Attributes:
        pattern: color filter, such as "RGGB": of the first two stored rows of a camera raw file, of the first two rows
            of the upright picture in FITS and SER; "" for a monochrome sensor and for samples that were demosaiced
            before.
        black: DN of black, one number for each place or channel, or a single one where all agree; empty if unknown.
        white_balance: factors for camera red, green and blue; empty for a monochrome sensor or if unknown.
        noise: what the file states about the noise of its samples with black 0 and white 1: one model, or three for
            red, green and blue; empty without.
    """

    pattern: str
    black: tuple[float, ...]
    white_balance: tuple[float, ...]
    noise: tuple[NoiseModel, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a picture file says about itself.

    Attributes:
        path: the file.
        format: "PNG", "JPEG", "WebP", "TIFF", "PGM", "PPM", "PFM", "DNG", ..., by content.
        width: columns, upright, in pixels.
        height: rows, upright, in pixels.
        channels: 1 or 3, alpha not counted; 3 for the mosaic of a color sensor.
        bits: bits of a stored sample; of a raw file those of its white.
        sample: "uint8", "uint16", "float32", ...
        orientation: stored EXIF orientation, 1 to 8.
        profile: name of the ICC profile; "" without one, "damaged" for one that cannot be used.
        curve: curve that ``read`` undoes by default: "icc", "srgb" or "linear".
        white: DN of full scale, or of saturation in a raw file; ``read`` may find a lower one from the values.
        has_alpha: the file carries transparency, which is ignored.
        camera: what the camera wrote into the EXIF block.
        role_guess: "mono" or "color" by the channels, "unknown" if the pixels cannot be decoded.
        notes: remarks, such as "first of 3 pages".
        sensor: what only a raw file tells, or None.
    """

    path: Path
    format: str
    width: int
    height: int
    channels: int
    bits: int
    sample: str
    orientation: int
    profile: str
    curve: str
    white: float
    has_alpha: bool
    camera: CameraFacts
    role_guess: RoleGuess
    notes: tuple[str, ...]
    sensor: SensorFacts | None = None


def probe(path: str | Path, *, raw: str | None = None) -> FileFacts:
    """Look at a picture file.

    Only raw files and RGB files are decoded, the latter to guess the role: JPEGs at reduced size.

    Args:
        path: the file.
        raw: how a flat file without header is stored, as in ``read``.

    Raises:
        UsageError: that is no layout.
        InputError: the file cannot be used, with the same causes as in ``read``; damage to the pixels alone
            is not an error here and shows as role "unknown".
    """
    path = Path(path)
    loaded = decode.load(path, Reading(layout=parse_layout(raw) if raw is not None else None))
    if loaded.kind == "raw":
        return _raw_facts(path, loaded.data)
    header = decode.read_header(path, loaded)
    width, height = header.width, header.height
    if header.orientation > 4:
        width, height = height, width
    profile, curve = _profile(header)
    return FileFacts(
        path=path,
        format=header.format,
        width=width,
        height=height,
        channels=3 if header.pattern else header.channels,
        bits=header.bits,
        sample=header.sample,
        orientation=header.orientation,
        profile=profile,
        curve=curve,
        white=header.saturation or header.white,
        has_alpha=header.has_alpha,
        camera=metadata.camera_facts(header.exif),
        role_guess=_guess(path, loaded, header),
        notes=header.notes,
        sensor=SensorFacts(_upright_pattern(header), (), ()) if header.pattern else None,
    )


def _upright_pattern(header: Header) -> str:
    if header.pattern_is_upright:
        return header.pattern
    return turned_pattern(header.pattern, (header.height, header.width), header.orientation)


def _raw_facts(path: Path, data: bytes) -> FileFacts:
    picture = libraw.unpack(path, data)
    height, width = picture.samples.shape[:2]
    if picture.orientation > 4:
        width, height = height, width
    colored = picture.pattern is not None or picture.samples.ndim == 3
    black = tuple(float(b) for b in picture.black.ravel())
    return FileFacts(
        path=path,
        format=picture.format,
        width=width,
        height=height,
        channels=3 if colored else 1,
        bits=int(picture.white).bit_length(),
        sample=picture.samples.dtype.name,
        orientation=picture.orientation,
        profile="",
        curve="linear",
        white=picture.white,
        has_alpha=False,
        camera=metadata.camera_facts(metadata.from_tiff(data)),
        role_guess="color" if colored else "mono",
        notes=picture.notes,
        sensor=SensorFacts(
            pattern=picture.pattern or "",
            black=black[:1] if len(set(black)) == 1 else black,
            white_balance=tuple(float(g) for g in picture.white_balance) if colored else (),
            noise=picture.noise,
        ),
    )


def _profile(header: Header) -> tuple[str, str]:
    fallback = "linear" if header.linear or header.sample.startswith("float") else "srgb"
    profile = profile_of(header, [])
    if profile is not None:
        return profile.description or "unnamed", "icc"
    return "" if header.icc is None else "damaged", fallback


def _guess(path: Path, loaded: decode.Loaded, header: Header) -> RoleGuess:
    if header.channels == 1:
        return "color" if header.pattern else "mono"
    try:
        samples = _small(path, loaded, header)
    except (InputError, OSError):
        return "unknown"
    top = float(samples.max()) if header.sample.startswith("float") else header.white
    if not np.isfinite(top) or top <= 0:
        return "unknown"
    unit = np.clip(np.nan_to_num(samples.astype(np.float64)) / top, 0, 1)
    linear = srgb_to_linear(unit)
    return "color" if channels.has_color(linear) or not channels.is_gray(linear) else "mono"


def _small(path: Path, loaded: decode.Loaded, header: Header) -> Samples:
    """Samples for a quick look: a JPEG at reduced size, anything else cut to its middle."""
    if header.format == "JPEG":
        shrink = next((s for s in (1, 2, 4) if header.width * header.height <= _QUICK_PIXELS * s * s), 8)
        return lossy.samples(loaded.data, header, shrink)
    samples = decode.open_samples(path, loaded, header)
    side = int(_QUICK_PIXELS**0.5)
    top, left = max(0, (header.height - side) // 2), max(0, (header.width - side) // 2)
    return samples[top : top + side, left : left + side]
