"""What is fused: paths, arrays or frames become two frames that can be placed on each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.errors import InputError, UsageError
from dualcam.files.read import from_array, read
from dualcam.frame import Frame, Role

Picture = Frame | str | Path | NDArray[Any]

# OpenCV's remap cannot address more in one direction.
MAX_SIDE = 32_000


def frames_of(mono: Picture, color: Picture) -> tuple[Frame, Frame]:
    """Read both pictures, side by side.

    Args:
        mono: a path, a frame, or an array: (H, W) uint8 or uint16 display, or float linear.
        color: a path, a frame, or an array: (h, w, 3) RGB, the same.

    Raises:
        InputError: when one cannot be used.
        UsageError: when both are the same file, or a frame of the other role was given.
    """
    _refuse_same(mono, color)
    given: tuple[tuple[Picture, Role], ...] = ((mono, "mono"), (color, "color"))
    mono_frame, color_frame = parallel.each(_load, given)
    for frame in (mono_frame, color_frame):
        _refuse_long(frame)
    return mono_frame, color_frame


def _load(given: tuple[Picture, Role]) -> Frame:
    picture, role = given
    if isinstance(picture, Frame):
        if picture.role != role:
            raise UsageError(
                f"a {picture.role} frame was given as {role}.", "Give the mono frame first, then color."
            )
        return picture
    if isinstance(picture, (str, Path)):
        return read(picture, role)
    if isinstance(picture, np.ndarray):
        return from_array(picture, role)
    raise InputError(
        f"the {role} picture is a {type(picture).__name__}.", "Give a path, a numpy array or a dualcam Frame."
    )


def _refuse_long(frame: Frame) -> None:
    longest = max(frame.pixels.shape[:2])
    if longest > MAX_SIDE:
        raise InputError(
            f"the {frame.role} picture is {longest} pixels long; the limit is {MAX_SIDE}.",
            "Make it smaller, or cut it into parts.",
        )


def _refuse_same(mono: Picture, color: Picture) -> None:
    def path(picture: Picture) -> Path | None:
        if isinstance(picture, Frame):
            return picture.origin.path
        return Path(picture) if isinstance(picture, (str, Path)) else None

    first, second = path(mono), path(color)
    if first and second and first.exists() and second.exists() and first.samefile(second):
        raise UsageError(
            f"mono and color are the same file ({first.name}).", "Give the two cameras' pictures."
        )
