"""What a decoder hands over: the facts in a file's header, and the stored samples turned upright."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError

Samples = NDArray[Any]

MIN_SIDE = 16
"""Smallest accepted width and height: below this there is nothing to match between two pictures."""

MAX_PIXELS = 400_000_000
"""Most pixels a file may claim. Larger claims are refused before anything is decoded, so that a few bytes
cannot ask for all the memory; at this size the float32 color picture alone takes 4.8 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """Facts of a picture file that are known before its pixels are decoded.

    Attributes:
        format: "PNG", "JPEG", "WebP", "TIFF", "PGM", "PPM", "PFM", "FITS", "SER" or "flat".
        width: stored columns, before the orientation is applied.
        height: stored rows, before the orientation is applied.
        channels: 1 (gray) or 3 (RGB), alpha not counted.
        bits: bits of a stored sample.
        sample: numpy name of the decoded sample type, such as "uint16".
        white: DN of full scale for integers, 1.0 for floats.
        white_is_stated: the format says what its white is (Netpbm's maxval), so nothing is to be guessed.
        has_alpha: the file carries transparency, which is ignored.
        orientation: EXIF orientation, 1 to 8.
        icc: embedded ICC profile, or None.
        exif: TIFF-structured EXIF block as stored (cleaned, for TIFF files), or None.
        linear: the file states that its samples are linear, by other means than a profile.
        notes: remarks for the user.
        pattern: color filter of a mosaic, two rows, such as "RGGB"; "" if the file names none.
        pattern_is_upright: a pattern counts from the first row of the upright picture, not from the first stored one.
        saturation: DN at which the file says that the sensor saturates, or None.
        largest: DN that the file states as the largest, which may be white, or only the brightest sample; or None.
        cards: FITS header to keep, see ``frame.Origin``.
    """

    format: str
    width: int
    height: int
    channels: int
    bits: int
    sample: str
    white: float
    white_is_stated: bool = False
    has_alpha: bool = False
    orientation: int = 1
    icc: bytes | None = None
    exif: bytes | None = None
    linear: bool = False
    notes: tuple[str, ...] = ()
    pattern: str = ""
    pattern_is_upright: bool = False
    saturation: float | None = None
    largest: float | None = None
    cards: str = ""


def check_size(width: int, height: int, name: str | Path) -> None:
    """Refuse pictures that are too small to match or too large to hold.

    Args:
        width: columns in pixels.
        height: rows in pixels.
        name: what to call the picture in the message.

    Raises:
        InputError: a side under ``MIN_SIDE`` or more than ``MAX_PIXELS`` pixels.
    """
    if width < MIN_SIDE or height < MIN_SIDE:
        raise InputError(
            f"{name} is too small: {width} x {height} pixels.",
            f"Give a picture of at least {MIN_SIDE} x {MIN_SIDE} pixels.",
        )
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} is too large: {width} x {height} pixels is more than {MAX_PIXELS // 10**6} megapixels.",
            "Crop or shrink it, or cut it into parts.",
        )


def upright(array: Samples, orientation: int) -> Samples:
    """Turn stored samples the way the camera was held.

    Args:
        array: (H, W, ...) samples as stored.
        orientation: EXIF orientation, 1 to 8; anything else counts as 1.

    Returns:
        A view with rows and columns flipped or swapped; (W, H, ...) for 5 to 8.
    """
    if orientation in (5, 6, 7, 8):
        array = np.swapaxes(array, 0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


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
