"""Linear picture -> file, by suffix: display curve, profile, EXIF and provenance included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dualcam.camera import curves
from dualcam.errors import OutputError
from dualcam.files import encode
from dualcam.files.outputs import Outputs
from dualcam.files.strips import Picture
from dualcam.frame import FloatArray, Origin

Encoder = Callable[[BinaryIO, Picture, encode.Extras], None]

_FITS, _DNG = (".fits", ".fit", ".fts"), ".dng"
# Suffix -> (encoder, accepted bits with the default first).
_FORMATS: dict[str, tuple[Encoder, tuple[int, ...]]] = {
    ".png": (encode.png, (16, 8)),
    ".tif": (encode.tiff, (16, 8, 32)),
    ".tiff": (encode.tiff, (16, 8, 32)),
    ".jpg": (encode.jpeg, (8,)),
    ".jpeg": (encode.jpeg, (8,)),
    ".webp": (encode.webp, (8,)),
    ".ppm": (encode.netpbm, (16, 8)),
    ".pgm": (encode.netpbm, (16, 8)),
    **dict.fromkeys(_FITS, (encode.fits, (32, 16, 8))),
    _DNG: (encode.dng, (16,)),
}
# Formats of samples with the sRGB curve that have a profile to say that they are linear.
_EITHER = (".tif", ".tiff", ".png")

SUFFIXES = tuple(_FORMATS)
"""Suffixes that can be written."""


def write(
    path: str | Path,
    linear_rgb: NDArray[Any],
    *,
    origin: Origin | None = None,
    bits: int | None = None,
    curve: str = "auto",
    overwrite: bool = False,
    provenance: str = "",
) -> Path:
    """Write a picture, complete or not at all.

    PNG, PPM and PGM hold 16 bits (or 8), TIFF 16 (or 8, or 32 for linear floats, which are not clipped), JPEG
    and WebP 8 at quality 95, FITS 32 for floats that are not clipped (or 16, or 8), DNG 16. FITS, DNG and the float
    TIFF are linear; all others get the sRGB curve, and integers are clipped to [0, 1]. A profile is embedded where the
    format has a place for it.

    Args:
        path: file to make; its suffix chooses the format.
        linear_rgb: (H, W, 3), (H, W, 1) or (H, W), linear, sRGB primaries, nominally [0, 1].
        origin: the frame that lends its EXIF block and FITS header.
        bits: bits of a sample, or None for the format's default.
        curve: "auto", "srgb", or "linear" for PNG and TIFF of 16 bits with a profile that says so.
        overwrite: an existing file may be replaced.
        provenance: how the picture was made, stored as a description.

    Returns:
        The path.

    Raises:
        OutputError: NaN or infinity in the picture, another shape, an unknown suffix, bits or a curve that the
            format does not hold, a picture too large for the format, or a file that cannot be made.
        UnavailableError: FITS without astropy.
    """
    path = Path(path)
    encoder, depth = _format(path, bits)
    linear_file = _linear(path, depth, curve)
    picture = _picture(path, linear_rgb, depth, None if linear_file else curves.encode)
    extras = encode.Extras(
        exif=origin.exif if origin is not None else None,
        provenance=provenance,
        tagged=depth != 32,
        linear=linear_file,
        cards=origin.cards if origin is not None else "",
    )
    return _store(path, lambda stream: encoder(stream, picture, extras), overwrite)


def write_gray(
    path: str | Path,
    values01: NDArray[Any],
    *,
    bits: int | None = None,
    overwrite: bool = False,
    provenance: str = "",
    holes: bool = False,
) -> Path:
    """Write a map (confidence, provenance) or a display-domain stage picture as it is: no curve, no profile.

    Args:
        path: file to make; its suffix chooses the format.
        values01: (H, W) or (H, W, 3) values in [0, 1]; others are clipped.
        bits: bits of a sample; by default 8, where the format holds them.
        overwrite: an existing file may be replaced.
        provenance: what the map shows, stored as a description.
        holes: whether there may be pixels without a value (NaN), which become black; integers only.

    Returns:
        The path.

    Raises:
        OutputError: as in ``write``.
    """
    path = Path(path)
    encoder, depth = _format(path, 8 if bits is None else bits)
    picture = _picture(path, values01, depth)
    if holes and depth != 32:
        picture = replace(picture, name=None, curve=_filled)
    extras = encode.Extras(None, provenance, tagged=False)
    return _store(path, lambda stream: encoder(stream, picture, extras), overwrite)


def _filled(values: FloatArray) -> FloatArray:
    return np.nan_to_num(values, copy=False, nan=0.0)


def depth_of(path: str | Path, bits: int | None = None) -> int:
    """Bits of a sample that ``write`` gives a picture of this name.

    Raises:
        OutputError: an unknown suffix, or bits that the format does not hold.
    """
    return _format(Path(path), bits)[1]


def is_linear(path: str | Path, bits: int | None = None, curve: str = "auto") -> bool:
    """Whether ``write`` stores samples of a picture of this name as they are, without the sRGB curve.

    Raises:
        OutputError: as ``write`` does for these.
    """
    return _linear(Path(path), depth_of(path, bits), curve)


def _format(path: Path, bits: int | None) -> tuple[Encoder, int]:
    if path.suffix.lower() not in _FORMATS:
        what = f"has the suffix {path.suffix!r}" if path.suffix else "has no suffix"
        raise OutputError(f"{path} {what}, which says no format.", f"Use one of {', '.join(SUFFIXES)}.")
    encoder, depths = _FORMATS[path.suffix.lower()]
    if bits is not None and bits not in depths:
        raise OutputError(
            f"{path} cannot hold {bits} bits.",
            f"{path.suffix} holds {' or '.join(map(str, sorted(depths)))} bits; TIFF holds 8, 16 and 32.",
        )
    return encoder, depths[0] if bits is None else bits


def _linear(path: Path, depth: int, curve: str) -> bool:
    """Whether samples are stored as they are, without the sRGB curve."""
    suffix = path.suffix.lower()
    if curve not in ("auto", "srgb", "linear"):
        raise OutputError(f"there is no output curve {curve!r}.", "Use auto, srgb or linear.")
    always = depth == 32 or suffix in (*_FITS, _DNG)
    if curve == "srgb" and always:
        raise OutputError(
            f"{path} is linear and has no place for the sRGB curve.", "Use --output-curve linear."
        )
    if curve == "linear" and not always and (suffix not in _EITHER or depth != 16):
        raise OutputError(
            f"{path} of {depth} bits cannot be linear.",
            "Use TIFF or PNG of 16 bits, FITS, DNG, or TIFF of 32 bits.",
        )
    return always or curve == "linear"


def _picture(
    path: Path, values: NDArray[Any], depth: int, curve: Callable[[FloatArray], FloatArray] | None = None
) -> Picture:
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise OutputError(
            f"a picture of the shape {array.shape} cannot be written to {path}.", "Give (H, W) or (H, W, 3)."
        )
    if path.suffix.lower() in (".pgm", ".ppm") and (array.ndim == 2) != (path.suffix.lower() == ".pgm"):
        raise OutputError(
            f"{path} cannot hold this picture.", "PGM holds gray, PPM holds color: use the other suffix."
        )
    if depth == 32:
        return Picture(array, np.dtype(np.float32), name=path)
    return Picture(array, np.dtype(np.uint8 if depth == 8 else np.uint16), 2**depth - 1, curve, path)


def _store(path: Path, encode_to: Callable[[BinaryIO], None], overwrite: bool) -> Path:
    with Outputs(overwrite=overwrite) as outputs:
        hidden = outputs.reserve(path, SUFFIXES)
        try:
            with hidden.open("w+b") as stream:
                encode_to(stream)
        except (OSError, ValueError) as error:
            # Pillow's encoders raise errors without a number, the disk raises those with one.
            if isinstance(error, OSError) and error.errno is not None:
                raise OutputError(
                    f"{path} cannot be written: {error.strerror or error}.", "Check the disk and the folder."
                ) from error
            raise OutputError(f"{path} cannot be encoded: {error}.", "Use PNG or TIFF.") from error
    return path
