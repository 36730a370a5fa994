"""How a file is to be read: what the user knows about it that the file does not say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from dualcam.camera.sensor import PATTERNS
from dualcam.camera.sensor_model import SensorModel
from dualcam.errors import UsageError
from dualcam.files.flat import Layout, parse_layout
from dualcam.files.known_noise import Known, known

Gains = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """Options of ``read``, checked.

    Attributes:
        curve: "auto", "srgb" or "linear".
        white: DN of white, or None to find it out.
        black: DN of black; 0 is what files mean where they say nothing. None leaves it to the file.
        pattern: "auto" (what the file says), "none" (not a mosaic, whatever the file says), or a color filter of two
            rows such as "RGGB".
        balance: "auto", "none", or factors for red, green and blue.
        frame: number of the frame in a file that holds several, from 0; None for the first.
        sensor: what is known of the sensor, or None.
        layout: how a file without header stores its samples; None for files with one.
    """

    curve: str = "auto"
    white: float | None = None
    black: float | None = None
    pattern: str = "auto"
    balance: str | Gains = "auto"
    frame: int | None = None
    layout: Layout | None = field(default=None)
    sensor: Known | None = None


def checked(
    role: str,
    *,
    curve: str = "auto",
    white: float | str = "auto",
    black: float | str = "auto",
    pattern: str = "auto",
    balance: str | Gains = "auto",
    frame: int | None = None,
    raw: str | Layout | None = None,
    sensor: SensorModel | str | Path | None = None,
) -> Reading:
    """Check the options of ``read`` and put them together.

    Raises:
        InputError: the sensor file cannot be used.
        UsageError: an unknown role, or a value that an option does not have.
    """
    if role not in ("mono", "color"):
        raise UsageError(f"role is {role!r}.", 'It is "mono" or "color".')
    if curve not in ("auto", "srgb", "linear"):
        raise UsageError(f"curve is {curve!r}.", 'It is "auto", "srgb" or "linear".')
    if frame is not None and frame < 0:
        raise UsageError(f"frame is {frame}.", "Count from 0, which is the first.")
    layout = parse_layout(raw) if isinstance(raw, str) else raw
    level, dark = _level("white", white, 0.0), _level("black", black, -math.inf)
    if level is not None and dark is not None and not dark < level:
        raise UsageError(f"black is {dark:g} and white {level:g}.", "White has to be over black.")
    return Reading(curve, level, dark, _pattern(pattern), _balance(balance), frame, layout, known(sensor))


def _level(name: str, value: float | str, over: float) -> float | None:
    if value == "auto":
        return None
    try:
        level = float(value)
    except (TypeError, ValueError):
        level = math.nan
    if not (over < level < math.inf):
        need = "a number over 0, such as 4095" if name == "white" else "a number, such as 64"
        raise UsageError(f"{name} is {value!r}.", f'It is "auto" or {need}.')
    return level


def _pattern(value: str) -> str:
    known = value.lower() if value.lower() in ("auto", "none") else value.upper()
    if known not in ("auto", "none", *PATTERNS):
        raise UsageError(f"pattern is {value!r}.", f"It is auto, none, {', '.join(PATTERNS)}.")
    return known


def _balance(value: str | Gains) -> str | Gains:
    if isinstance(value, str) and value.lower() in ("auto", "none"):
        return value.lower()
    try:
        parts = value.split(",") if isinstance(value, str) else value
        red, green, blue = (float(part) for part in parts)
    except (TypeError, ValueError):
        red = green = blue = math.nan
    if not all(0.01 <= gain <= 100 for gain in (red, green, blue)):
        raise UsageError(f"balance is {value!r}.", 'It is auto, none or three factors such as "1.9,1,1.6".')
    return red, green, blue
