"""Where training pictures come from: folders of photos and of stereo pairs, with a fixed validation split."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from dualcam.camera.curves import decode
from dualcam.errors import InputError
from dualcam.frame import FloatArray

Split = Literal["train", "val"]

_SUFFIXES = (".webp", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
# One photo in 40 and one stereo pair in 5 are held back, those with this remainder.
_PHOTOS_HELD_BACK, _PAIRS_HELD_BACK = 40, 5
_REMAINDER = 2


@dataclass(frozen=True, slots=True)
class Sources:
    """Files to make pairs from.

    Attributes:
        photos: sharp color pictures.
        pairs: (left, right) pictures of one size.
    """

    photos: tuple[Path, ...] = ()
    pairs: tuple[tuple[Path, Path], ...] = ()


def find(photos: Sequence[Path], stereo: Sequence[Path], split: Split) -> Sources:
    """Find pictures below folders.

    Args:
        photos: folders with photos, at any depth.
        stereo: folders with pairs: any folder below that holds a ``left`` and a ``right`` picture of one suffix.
        split: "train" or "val". A picture's part follows from its name alone, so that adding others never moves it.

    Raises:
        InputError: a folder that does not exist, or nothing found.
    """
    singles = [path for folder in photos for path in _below(folder) if path.suffix.lower() in _SUFFIXES]
    lefts = [
        path
        for folder in stereo
        for path in _below(folder)
        if path.stem == "left" and path.suffix.lower() in _SUFFIXES
    ]
    pairs = [(left, right) for left in lefts for right in [left.with_stem("right")] if right.exists()]
    found = Sources(
        tuple(p for p in singles if _belongs(p.stem, _PHOTOS_HELD_BACK, split)),
        tuple(p for p in pairs if _belongs(p[0].parent.name, _PAIRS_HELD_BACK, split)),
    )
    if not found.photos and not found.pairs:
        raise InputError(
            f"there is no picture of the {split} split in {', '.join(map(str, [*photos, *stereo])) or 'no folder'}.",
            "Name folders of photos with --photos, and of left/right pairs with --stereo.",
        )
    return found


def fingerprint(sources: Sources) -> int:
    """A number that differs where the pictures' names or their order do; folders above them do not count."""
    names = [path.name for path in sources.photos] + [
        f"{left.parent.name}/{left.name}" for left, _ in sources.pairs
    ]
    return zlib.crc32("\n".join(names).encode())


def _below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder.", "Name a folder with pictures.")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _belongs(name: str, one_in: int, split: Split) -> bool:
    held_back = zlib.crc32(name.encode()) % one_in == _REMAINDER
    return held_back == (split == "val")


def read_linear(path: Path) -> FloatArray:
    """Read an 8-bit sRGB picture fast: (H, W, 3) linear.

    Raises:
        InputError: it cannot be read.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError(f"{path} cannot be read as a color picture.", "Remove it, or convert it to PNG.")
    return decode(np.ascontiguousarray(picture[..., ::-1]).astype(np.float32) / np.float32(255))
