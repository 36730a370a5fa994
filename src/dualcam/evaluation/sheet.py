"""The pictures of the benchmark's report: where every method is worst, beside the truth and what it was given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError
from dualcam.evaluation import pictures
from dualcam.evaluation.layout import RunFolder
from dualcam.evaluation.results import Results, Row
from dualcam.files import embed

LARGE, SMALL = 480, 160
"""Widths of results and truths, and of the inputs beside them, in pixels."""

QUALITY = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """One output to look at.

    Attributes:
        row: its scores.
        result: key of its picture in the ``Sheet``.
        truth: key of the truth's picture.
        inputs: what the picture is, and its key, of what the method got and can be shown as it is.
        size: width and height of result and truth as embedded.
    """

    row: Row
    result: str
    truth: str
    inputs: tuple[tuple[str, str], ...]
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pictures, and which of them belong together.

    Attributes:
        worst: by method, its worst outputs, the worst first.
        pictures: JPEG data URIs by key; every distinct picture once.
        missing: files that could not be shown, for the reader.
    """

    worst: Mapping[str, tuple[Shown, ...]]
    pictures: Mapping[str, str]
    missing: tuple[str, ...]


def worst_rows(results: Results, count: int = 5, track: str = "file") -> dict[str, tuple[Row, ...]]:
    """Find the scenes on which every method is worst, each with the capture on which it is so.

    Args:
        results: of a run.
        count: scenes a method.
        track: which captures are looked at; where there is none of this track, the others are.

    Returns:
        By method in the order of the tables, rows of different scenes with the highest mean CIEDE2000, the
        worst first.
    """
    rows = [row for row in results.rows if row.case.track == track] or list(results.rows)
    found = {}
    for method in results.methods:
        scenes: dict[str, Row] = {}
        for row in rows:
            if row.method == method and _error(row) > _error(scenes.get(row.case.scene)):
                scenes[row.case.scene] = row
        found[method] = tuple(sorted(scenes.values(), key=lambda r: (-_error(r), r.case.scene))[:count])
    return found


def sheet(results: Results, run: RunFolder) -> Sheet:
    """Collect the pictures of ``worst_rows`` from a run folder. What is missing or damaged is named, not shown."""
    collector = _Collector(run)
    worst = {
        method: tuple(shown for row in rows if (shown := collector.show(row)) is not None)
        for method, rows in worst_rows(results).items()
    }
    return Sheet(worst, collector.pictures, tuple(collector.missing))


def _error(row: Row | None) -> float:
    value = row.scores.get("de00") if row is not None else None
    return -1.0 if value is None else value


@dataclass(slots=True)
class _Collector:
    run: RunFolder
    pictures: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    _known: dict[tuple[Path, int], str] = field(default_factory=dict)

    def show(self, row: Row) -> Shown | None:
        case = row.case
        capture = self.run.capture(case.scene, case.level, case.scale)
        inputs = [("color as shot", _find(capture, "color")), ("mono", _find(capture, "mono"))]
        try:
            path = self.run.picture(case, row.method)
            height, width = pictures.size(path)
            return Shown(
                row=row,
                result=self._add(path, LARGE),
                truth=self._add(_find(capture, "truth") or capture / "truth.png", LARGE),
                inputs=tuple((what, self._add(p, SMALL)) for what, p in inputs if p is not None),
                size=_fitted(height, width, LARGE),
            )
        except InputError as error:
            self.missing.append(error.cause.replace(f"{self.run.root}/", ""))
            return None

    def _add(self, path: Path, width: int) -> str:
        if (path, width) not in self._known:
            encoded = embed.jpeg(_fit(pictures.rgb8(path), width), QUALITY)
            # Named by its content: captures of one scene share their truth.
            key = hashlib.sha256(encoded.encode()).hexdigest()[:12]
            self.pictures[key] = encoded
            self._known[path, width] = key
        return self._known[path, width]


def _find(folder: Path, stem: str) -> Path | None:
    """A picture of a capture in whatever format, but not a mosaic."""
    return next((path for path in sorted(folder.glob(f"{stem}.*")) if path.suffix != ".dng"), None)


def _fitted(height: int, width: int, limit: int) -> tuple[int, int]:
    """Width and height at a width of at most ``limit``."""
    return (width, height) if width <= limit else (limit, max(1, round(height * limit / width)))


def _fit(samples: NDArray[np.uint8], limit: int) -> NDArray[np.uint8]:
    """Reduce (H, W, 3) display to a width, never enlarge."""
    size = _fitted(samples.shape[0], samples.shape[1], limit)
    if size == samples.shape[1::-1]:
        return samples
    return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA), np.uint8)
