"""Facts about a picture file for ``dualcam info``, without decoding it where possible."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dualcam.camera.curves import decode as srgb_to_linear
from dualcam.errors import InputError
from dualcam.files import channels, decode, lossy, metadata
from dualcam.files.metadata import CameraFacts
from dualcam.files.read import profile_of
from dualcam.files.samples import Header, Samples

RoleGuess = Literal["mono", "color", "unknown"]
_QUICK_PIXELS = 4_000_000


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a picture file says about itself.

    Attributes:
        path: the file.
        format: "PNG", "JPEG", "WebP", "TIFF", "PGM", "PPM" or "PFM", by content.
        width: columns, upright, in pixels.
        height: rows, upright, in pixels.
        channels: 1 or 3, alpha not counted.
        bits: bits of a stored sample.
        sample: "uint8", "uint16", "float32", ...
        orientation: stored EXIF orientation, 1 to 8.
        profile: name of the ICC profile; "" without one, "damaged" for one that cannot be used.
        curve: curve that ``read`` undoes by default: "icc", "srgb" or "linear".
        white: DN of full scale; ``read`` may find a lower one from the values.
        has_alpha: the file carries transparency, which is ignored.
        camera: what the camera wrote into the EXIF block.
        role_guess: "mono" or "color" by the channels, "unknown" if the pixels cannot be decoded.
        notes: remarks, such as "first of 3 pages".
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


def probe(path: str | Path) -> FileFacts:
    """Look at a picture file.

    Only RGB files are decoded, to guess the role: JPEGs at reduced size.

    Args:
        path: the file.

    Raises:
        InputError: the file cannot be used, with the same causes as in ``read``; damage to the pixels alone
            is not an error here and shows as role "unknown".
    """
    path = Path(path)
    data, header = decode.open_header(path)
    width, height = header.width, header.height
    if header.orientation > 4:
        width, height = height, width
    profile, curve = _profile(header)
    return FileFacts(
        path=path,
        format=header.format,
        width=width,
        height=height,
        channels=header.channels,
        bits=header.bits,
        sample=header.sample,
        orientation=header.orientation,
        profile=profile,
        curve=curve,
        white=header.white,
        has_alpha=header.has_alpha,
        camera=metadata.camera_facts(header.exif),
        role_guess=_guess(path, data, header),
        notes=header.notes,
    )


def _profile(header: Header) -> tuple[str, str]:
    fallback = "linear" if header.linear or header.sample.startswith("float") else "srgb"
    profile = profile_of(header, [])
    if profile is not None:
        return profile.description or "unnamed", "icc"
    return "" if header.icc is None else "damaged", fallback


def _guess(path: Path, data: bytes, header: Header) -> RoleGuess:
    if header.channels == 1:
        return "mono"
    try:
        samples = _small(path, data, header)
    except (InputError, OSError):
        return "unknown"
    top = float(samples.max()) if header.sample.startswith("float") else header.white
    if not np.isfinite(top) or top <= 0:
        return "unknown"
    unit = np.clip(np.nan_to_num(samples.astype(np.float64)) / top, 0, 1)
    linear = srgb_to_linear(unit)
    return "color" if channels.has_color(linear) or not channels.is_gray(linear) else "mono"


def _small(path: Path, data: bytes, header: Header) -> Samples:
    """Samples for a quick look: a JPEG at reduced size, anything else cut to its middle."""
    if header.format == "JPEG":
        shrink = next((s for s in (1, 2, 4) if header.width * header.height <= _QUICK_PIXELS * s * s), 8)
        return lossy.samples(data, header, shrink)
    samples = decode.open_samples(path, data, header)
    side = int(_QUICK_PIXELS**0.5)
    top, left = max(0, (header.height - side) // 2), max(0, (header.width - side) // 2)
    return samples[top : top + side, left : left + side]
