"""What a benchmark runs on: stereo pairs that captures are simulated from, or captures made before.

A *pack* is a folder that holds, at any depth, folders with ``left.*`` and ``right.*`` (and ``disp_left.png`` where
the true disparity is known: 16 bits, 256 a pixel, 0 unknown). *Prepared captures* are folders with ``mono.*``,
``color.*`` or ``color.dng``, ``truth.*`` and ``capture.json``, as ``dualcam simulate`` writes them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dualcam.errors import InputError
from dualcam.evaluation import pictures
from dualcam.evaluation.layout import read_json

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".ppm")
_ARCHIVES = (".tar", ".gz", ".tgz", ".zip", ".xz", ".bz2", ".zst")


@dataclass(frozen=True, slots=True)
class Views:
    """The files of a stereo pair.

    Attributes:
        left: the mono camera's view and the truth, 8-bit sRGB.
        right: the color camera's view, of the same size.
        disparity: true disparity of the left view, or None.
    """

    left: Path
    right: Path
    disparity: Path | None

    def files(self) -> tuple[Path, ...]:
        """All of them that exist."""
        return (self.left, self.right, *([self.disparity] if self.disparity else []))


@dataclass(frozen=True, slots=True)
class Prepared:
    """The files of a capture that was made before.

    Attributes:
        level: light level.
        scale: mono pixels per color pixel.
        folder: where they lie.
        color: the file-track picture, or None.
        raw: the raw-track mosaic (DNG), or None.
        mono: the mono camera's picture.
        truth: what an output is scored against, 8-bit sRGB.
        disparity: true disparity of the mono view, or None.
    """

    level: str
    scale: int
    folder: Path
    mono: Path
    color: Path | None
    raw: Path | None
    truth: Path
    disparity: Path | None

    def files(self) -> tuple[Path, ...]:
        """All of them that exist."""
        return tuple(p for p in (self.mono, self.color, self.raw, self.truth, self.disparity) if p)

    def tracks(self) -> tuple[str, ...]:
        """The tracks it can be used for."""
        return tuple(name for name, path in (("file", self.color), ("raw", self.raw)) if path)


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene of a data set.

    Attributes:
        name: path below the data folder with "/", part of the seed of the simulation.
        pixels: pixels of the mono view.
        views: the pair that captures are simulated from; None for prepared captures.
        captures: prepared captures, one a level and scale; empty for a pair.
    """

    name: str
    pixels: int
    views: Views | None = None
    captures: tuple[Prepared, ...] = ()

    def files(self) -> tuple[Path, ...]:
        """Every file that results depend on."""
        if self.views is not None:
            return self.views.files()
        return tuple(path for capture in self.captures for path in capture.files())


def find(data: Path) -> tuple[Scene, ...]:
    """List the scenes below a folder, sorted by name.

    Every picture's header is read, so that what cannot be used is known before any work.

    Args:
        data: a pack or a folder of prepared captures.

    Returns:
        Scenes that are either all pairs or all prepared captures.

    Raises:
        InputError: no folder, an archive, no scene in it, both kinds in one, a view missing or twice, views of
            different size, a file that is not a picture, or a capture without a readable ``capture.json``.
    """
    if not data.is_dir():
        if data.suffix.lower() in _ARCHIVES and data.is_file():
            raise InputError(f"{data} is an archive.", "Unpack it and give the folder.")
        what = "is not a folder" if data.exists() else "does not exist"
        raise InputError(f"{data} {what}.", "Give a folder of left/right pairs or of captures.")
    folders = list(_folders(data))
    pairs = [f for f in folders if _candidates(f, "left") or _candidates(f, "right")]
    captures = [f for f in folders if (f / "capture.json").is_file()]
    if pairs and captures:
        raise InputError(
            f"{data} holds pairs ({pairs[0]}) and captures ({captures[0]}).", "Give them one at a time."
        )
    if not pairs and not captures:
        raise InputError(
            f"{data} holds no scene.",
            "A scene is a folder with left.png and right.png, or one that 'dualcam simulate' wrote.",
        )
    return _pairs(data, pairs) if pairs else _captures(data, captures)


def _folders(data: Path) -> Iterator[Path]:
    """All folders from ``data`` down, hidden ones left out, in one order everywhere."""
    for folder, below, _ in os.walk(data):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield Path(folder)


def _pairs(data: Path, folders: list[Path]) -> tuple[Scene, ...]:
    scenes = []
    for folder in folders:
        views = Views(_one(folder, "left"), _one(folder, "right"), _optional(folder / "disp_left.png"))
        rows, columns = _same_size(folder, views.files())
        scenes.append(Scene(_name(data, folder), rows * columns, views))
    return tuple(sorted(scenes, key=lambda scene: scene.name))


def _captures(data: Path, folders: list[Path]) -> tuple[Scene, ...]:
    found: dict[str, list[Prepared]] = {}
    pixels: dict[str, int] = {}
    for folder in folders:
        capture = _prepared(folder)
        condition = f"{capture.level}x{capture.scale}"
        # Captures of one scene lie side by side in folders that are named for the light and the scale.
        name = _name(data, folder.parent if folder.name == condition and folder != data else folder)
        others = found.setdefault(name, [])
        for other in others:
            if (other.level, other.scale) == (capture.level, capture.scale):
                raise InputError(
                    f"{folder} and {other.folder} are both {name} at {other.level}, scale {other.scale}.",
                    "Keep one of them.",
                )
        others.append(capture)
        rows, columns = _same_size(folder, [p for p in (capture.truth, capture.mono, capture.disparity) if p])
        pixels[name] = max(pixels.get(name, 0), rows * columns)
    return tuple(Scene(name, pixels[name], captures=tuple(found[name])) for name in sorted(found))


def _prepared(folder: Path) -> Prepared:
    raw, color = _optional(folder / "color.dng"), _candidates(folder, "color")
    if raw is None and not color:
        raise InputError(f"{folder} holds neither color.png nor color.dng.", "Make the capture again.")
    level, scale = _level_and_scale(folder)
    return Prepared(
        level=level,
        scale=scale,
        folder=folder,
        mono=_one(folder, "mono"),
        color=_one(folder, "color") if color else None,
        raw=raw,
        truth=_one(folder, "truth"),
        disparity=_optional(folder / "disparity.png"),
    )


def _level_and_scale(folder: Path) -> tuple[str, int]:
    facts = read_json(folder / "capture.json") or {}
    level, scale = facts.get("level"), facts.get("scale")
    # The level becomes part of file names.
    if not isinstance(level, str) or re.fullmatch(r"[A-Za-z0-9_-]+", level) is None:
        raise InputError(
            f"{folder / 'capture.json'} names no light level.", "Make the capture with 'dualcam simulate'."
        )
    if not isinstance(scale, int) or scale < 1:
        raise InputError(
            f"{folder / 'capture.json'} gives {scale!r} as the scale.",
            "The benchmark compares whole scales: make the capture again with one, or remove the folder.",
        )
    return level, scale


def _candidates(folder: Path, stem: str) -> list[Path]:
    return [path for suffix in _SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()]


def _one(folder: Path, stem: str) -> Path:
    found = _candidates(folder, stem)
    if not found:
        raise InputError(f"{folder} has no {stem} picture.", f"Add {stem}.png, or remove the folder.")
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InputError(f"{folder} holds {names}.", f"Keep one {stem} picture.")
    return found[0]


def _optional(path: Path) -> Path | None:
    return path if path.is_file() else None


def _same_size(folder: Path, paths: list[Path] | tuple[Path, ...]) -> tuple[int, int]:
    sizes = [pictures.size(path) for path in paths]
    for path, (rows, columns) in zip(paths, sizes, strict=True):
        if (rows, columns) != sizes[0]:
            raise InputError(
                f"the pictures in {folder} differ in size: {paths[0].name} is {sizes[0][1]} x {sizes[0][0]}, "
                f"{path.name} is {columns} x {rows}.",
                "Put pictures of one size there, or remove the folder.",
            )
    return sizes[0]


def _name(data: Path, folder: Path) -> str:
    relative = folder.relative_to(data).as_posix()
    return data.resolve().name if relative == "." else relative
