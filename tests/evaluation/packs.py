"""Tiny packs of stereo pairs and results made by hand, for the tests of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from dualcam.evaluation.case import CaseId
from dualcam.evaluation.results import Results, Row, Timing
from synthetic import scene, to_bits

HEIGHT, WIDTH, SHIFT = 80, 96, 4


def add_pair(
    folder: Path, seed: int = 0, disparity: bool = True, height: int = HEIGHT, width: int = WIDTH
) -> Path:
    """A plane at a disparity of ``SHIFT`` pixels, seen by two cameras."""
    folder.mkdir(parents=True, exist_ok=True)
    wide = to_bits(scene(height, width + SHIFT, seed))
    cv2.imwrite(str(folder / "left.png"), wide[:, :width, ::-1])
    cv2.imwrite(str(folder / "right.png"), wide[:, SHIFT:, ::-1])
    if disparity:
        cv2.imwrite(str(folder / "disp_left.png"), np.full((height, width), SHIFT * 256, np.uint16))
    return folder


def make_pack(root: Path) -> Path:
    """Two scenes; only the first has a disparity."""
    add_pair(root / "plane" / "A", 0)
    add_pair(root / "B", 1, disparity=False)
    return root


def add_capture(folder: Path, level: str = "night", scale: object = 2, raw: bool = False) -> Path:
    """The files of a prepared capture; their pixels are noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    cv2.imwrite(str(folder / "mono.png"), rng.integers(0, 65535, (HEIGHT, WIDTH), np.uint16))
    cv2.imwrite(str(folder / "color.png"), rng.integers(0, 90, (HEIGHT // 2, WIDTH // 2, 3), np.uint8))
    cv2.imwrite(str(folder / "truth.png"), rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    (folder / "capture.json").write_text(json.dumps({"level": level, "scale": scale}))
    if raw:
        (folder / "color.dng").write_bytes(b"stands for a DNG")
    return folder


def row(method, scene, refused=None, level="night", scale=2, track="file", **scores) -> Row:
    return Row(CaseId(scene, level, scale, track), method, scores, refused)


def results(rows, ceilings=("oracle",), timing=()) -> Results:
    """Results with the rows given, as a run would collect them."""
    methods = {
        name: {"title": name.capitalize(), "uses_truth": name in ceilings, "source": "test"}
        for name in dict.fromkeys(row.method for row in rows)
    }
    config = {
        "schema": 1,
        "packages": {"numpy": "2.0"},
        "scenes": {row.case.scene: "0" for row in rows},
        "methods": methods,
    }
    times = tuple(Timing(row.case, row.method, *cost) for row, cost in zip(rows, timing, strict=False))
    return Results(config, tuple(rows), times)
