"""The options that say how the two files are to be read, the same for every command that takes a pair."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dualcam.frame import Frame, Role

_PANEL = "How the files are to be read"


class Curve(StrEnum):
    """How sample values relate to light."""

    auto = "auto"
    srgb = "srgb"
    linear = "linear"


def _option(name: str, metavar: str | None, text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=text, rich_help_panel=_PANEL)


_LAYOUT = "WxHxBITS[:...]"
MonoCurve = Annotated[Curve, _option("mono-curve", None, "Transfer curve of the mono file.")]
ColorCurve = Annotated[Curve, _option("color-curve", None, "Transfer curve of the color file.")]
MonoWhite = Annotated[str, _option("mono-white", "auto|N", "Value of white in the mono file, such as 4095.")]
ColorWhite = Annotated[str, _option("color-white", "auto|N", "Value of white in the color file.")]
MonoBlack = Annotated[str, _option("mono-black", "auto|N", "Value of black in the mono file, such as 64.")]
ColorBlack = Annotated[str, _option("color-black", "auto|N", "Value of black in the color file.")]
MonoRaw = Annotated[
    str | None,
    _option("mono-raw", _LAYOUT, "The mono file is flat samples without header, such as 1280x1024x8."),
]
ColorRaw = Annotated[
    str | None,
    _option("color-raw", _LAYOUT, "The color file is flat samples, such as 1280x1024x12:RGGB."),
]
MonoFrame = Annotated[
    int | None, _option("mono-frame", "N", "Frame of a mono video (SER), from 0. [default: the first]")
]
ColorFrame = Annotated[
    int | None, _option("color-frame", "N", "Frame of a color video (SER), from 0. [default: the first]")
]
MonoPattern = Annotated[
    str, _option("mono-pattern", "auto|none", "none: the color filter of this sensor was removed.")
]
ColorPattern = Annotated[
    str,
    _option("color-pattern", "auto|none|RGGB|...", "Color filter of the mosaic in a gray color file."),
]
ColorBalance = Annotated[
    str,
    _option("color-balance", "auto|none|R,G,B", "White balance of the color file, such as 1.9,1,1.6."),
]
MonoSensor = Annotated[
    Path | None, _option("mono-sensor", "FILE", "What `dualcam sensor` measured of the mono camera.")
]
ColorSensor = Annotated[
    Path | None,
    _option("color-sensor", "FILE", "The same of the color camera, for mosaics; used by --method classical."),
]


@dataclass(frozen=True, slots=True)
class Source:
    """One of the two files, and what the user said about it.

    Attributes:
        path: the file.
        role: "mono" or "color".
        options: of ``dualcam.read``, with their values there.
    """

    path: Path
    role: Role
    options: dict[str, Any]

    def open(self) -> Path | Frame:
        """The path, which is then read with everything else, or the frame where something was said about it.

        Raises:
            DualcamError: the file cannot be read in this way.
        """
        told = {name: value for name, value in self.options.items() if value not in (None, "auto")}
        if not told:
            return self.path
        from dualcam.files.read import read

        return read(self.path, self.role, **told)


def source(
    path: Path,
    role: Role,
    *,
    curve: Curve,
    white: str,
    black: str,
    raw: str | None,
    frame: int | None,
    pattern: str,
    sensor: Path | None,
    balance: str = "auto",
) -> Source:
    """One of the files with its options; mono has no balance."""
    told = {
        "curve": curve.value,
        "white": white,
        "black": black,
        "raw": raw,
        "frame": frame,
        "pattern": pattern,
        "sensor": sensor,
        "balance": balance,
    }
    return Source(path, role, told)
