"""Files of clean pictures -> the two views that a capture is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dualcam.errors import UsageError
from dualcam.files.read import read
from dualcam.frame import FloatArray
from dualcam.simulation.capture import as_codes, as_light
from dualcam.simulation.codes import Codes8
from dualcam.simulation.parallax import MOST, generator, parallax
from dualcam.simulation.write import MOST_DISPARITY

USUAL_PARALLAX = 0.04
"""Disparity of the nearest layer of a photo over its width, unless asked for otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What there is to capture.

    Attributes:
        name: part of the seed.
        left: (H, W, 3) 8-bit display codes or linear floats: the mono camera's view.
        right: the same of the color camera.
        disparity: (H, W) true disparity of the left view in pixels, NaN where unknown, or None.
        files: what it was read from.
        parallax: largest disparity over the width that was invented for a photo, or None for a pair.
    """

    name: str
    left: Codes8 | FloatArray
    right: Codes8 | FloatArray
    disparity: FloatArray | None
    files: tuple[Path, ...]
    parallax: float | None = None


def read_pair(left: Path, right: Path, *, name: str | None = None) -> Scene:
    """Read the two views of a stereo pair.

    Args:
        left: the mono camera's view, in color.
        right: the color camera's view.
        name: of the scene; by default the last two folders of ``left`` with "/", as in the benchmark's packs.

    Raises:
        InputError: a file that is no color picture.
        UsageError: views of different size.
    """
    views = read_view(left), read_view(right)
    if views[0].shape != views[1].shape:
        sizes = " and ".join(f"{view.shape[1]} x {view.shape[0]}" for view in views)
        raise UsageError(f"{left} and {right} differ in size: {sizes} pixels.", "Give views of one size.")
    folders = left.resolve().parts[1:-1]
    return Scene(name or "/".join(folders[-2:]) or left.stem, *views, None, (left, right))


def read_photo(
    photo: Path, *, share: float = USUAL_PARALLAX, name: str | None = None, seed: int = 0
) -> Scene:
    """Read a single photo and invent the color camera's view of it, with its true disparity.

    Args:
        photo: the mono camera's view, in color.
        share: disparity of the nearest layer over the width, from 0 on, as ``disparity.png`` can hold it.
        name: of the scene; by default the photo's name without suffix.
        seed: with the name, what the depths are drawn from.

    Raises:
        InputError: a file that is no color picture.
        UsageError: a share out of range.
    """
    view = read_view(photo)
    most = min(MOST, MOST_DISPARITY / view.shape[1])
    if not 0 <= share <= most:
        raise UsageError(f"the parallax is {share:g} of the width.", f"Use 0 to {most:.3g} for this photo.")
    scene = name or photo.stem
    views = parallax(as_light(view), share, generator(scene, seed))
    return Scene(scene, view, views.right, views.disparity, (photo,), share)


def read_view(path: Path) -> Codes8 | FloatArray:
    """Read a clean color picture as ``shoot`` takes it: codes of an 8-bit file, linear values of a deeper one.

    Colors outside sRGB are clipped.

    Raises:
        InputError: missing, not a picture, or gray.
    """
    frame = read(path, "color")
    return as_codes(frame.pixels) if frame.origin.bits <= 8 else np.clip(frame.pixels, 0, 1)
