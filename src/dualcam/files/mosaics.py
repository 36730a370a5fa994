"""A gray file that holds the mosaic of a color sensor, and whose color nobody described: samples -> ``Mosaic``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dualcam.camera.balance import estimate_white_balance
from dualcam.errors import InputError, UsageError
from dualcam.files.reading import Gains, Reading
from dualcam.files.samples import Header, turned_pattern
from dualcam.frame import FloatArray, Mosaic, Role


def pattern_of(path: Path, header: Header, reading: Reading, role: Role) -> str:
    """Color filter of the upright picture, by the user's word or the file's; "" for a picture that is no mosaic.

    Raises:
        InputError: a mosaic given as mono.
        UsageError: a pattern named for a mono picture or for one of three channels.
    """
    named = reading.pattern if reading.pattern != "auto" else header.pattern
    if named in ("", "none"):
        return ""
    if header.channels != 1:
        if reading.pattern == "auto":
            return ""
        raise UsageError(f"{path} has three channels and is no mosaic.", f"Leave --{role}-pattern out.")
    if role == "mono":
        raise mono_mosaic(path, named)
    if header.pattern_is_upright:
        return named
    return turned_pattern(named, (header.height, header.width), header.orientation)


def mono_mosaic(path: Path, pattern: str) -> InputError:
    """The error for a mosaic given as mono."""
    return InputError(
        f"{path} comes from a color sensor ({pattern}), but was given as mono.",
        "Swap the two files if they are the wrong way round. If the color filter was removed from the sensor, "
        "add --mono-pattern none (pattern= in Python).",
    )


def as_mosaic(samples: FloatArray, pattern: str, balance: str | Gains, notes: list[str]) -> Mosaic:
    """Linear samples (H, W), upright, with their white balance; the camera's colors are taken as sRGB.

    Args:
        samples: black 0, saturation 1.
        pattern: color filter of the first two rows.
        balance: "auto" estimates it from the picture, "none" takes ones, or the factors.
        notes: gets what was assumed.
    """
    if balance == "auto":
        gains = estimate_white_balance(samples, pattern)
        notes.append(
            f"no white balance in the file: estimated as {gains[0]:.2f},1,{gains[2]:.2f}; --color-balance overrides"
        )
    else:
        gains = np.array(given_gains(balance), np.float32)
    notes.append("no color matrix in the file: the camera's colors are taken as sRGB")
    return Mosaic(samples, pattern, gains, np.eye(3, dtype=np.float32))


def given_gains(balance: str | Gains) -> Gains:
    """Factors that the user gave; ones for "none"."""
    return (1.0, 1.0, 1.0) if isinstance(balance, str) else balance
