"""A rig that is not rectified: NIGHT captures by a color camera turned, zoomed and shifted, and by another mono camera.

Every scene gets a rig of its own, drawn from its name; light levels, noise and mosaic are NIGHT's. Every method is also
run on the straight capture, so that what the twist costs shows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dualcam.evaluation import attempts, judge, protocol, resume
from dualcam.evaluation.case import Inputs, Truth
from dualcam.evaluation.dataset import Scene
from dualcam.evaluation.judge import Judge
from dualcam.evaluation.methods import METHODS
from dualcam.evaluation.resume import Job, Rows
from dualcam.evaluation.table import markdown as as_table
from dualcam.files.read import from_array
from dualcam.simulation.capture import shoot
from dualcam.simulation.settings import Geometry, MonoResponse

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

METHOD_NAMES = ("dis", "levin", "classical", "neural")
"""What is compared unless others are named; the neural method where its weights are installed."""
RIGS = ("straight", "twisted")
LEVELS, SCALES = ("night",), (2,)
"""What is captured unless something else is asked for."""

MOST_TURN = 1.2
"""Degrees, either way."""
ZOOM = (0.97, 1.05)
MOST_SHIFT = 0.01
"""Of the width, right or left and up or down."""
MOST_OTHER = 0.4
"""The response to each primary is up to exp(this) times NIGHT's, or less by as much, before all are scaled to sum 1."""

_SEED = 4
_HEADING = """
## A twisted rig
"""
_ABOUT = """\
{scenes} scenes of the NIGHT protocol's file track, as they are (straight) and with another rig for each (twisted): the
color camera turned by up to ±{turn:g}°, zoomed {zoom[0]:g} to {zoom[1]:g}, shifted by up to ±{shift:.0%} of the width
both ways; and the mono camera's response to red, green and blue up to {factor:.1f} times NIGHT's or by as much less,
before it is scaled to sum 1. Means, PSNR (dB) ↑ / ΔE00 ↓. Baselines take the pictures as they lie: they have no
placement of their own beside their matching."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What is different from NIGHT.

    Attributes:
        geometry: how the color camera is turned; shifts in mono pixels.
        response: of the mono camera.
    """

    geometry: Geometry
    response: MonoResponse


def rig(scene: str, width: int) -> Rig:
    """Draw the rig of a scene: always the same for the same name.

    Args:
        scene: name of the scene.
        width: of its views in pixels, which shifts are a share of.
    """
    rng = np.random.default_rng([zlib.crc32(scene.encode()), _SEED])
    geometry = Geometry(
        rotation_deg=float(rng.uniform(-MOST_TURN, MOST_TURN)),
        zoom=float(rng.uniform(*ZOOM)),
        shift_px=(_shift(rng, width), _shift(rng, width)),
    )
    other = protocol.MONO_WEIGHTS.astype(np.float64) * np.exp(rng.uniform(-MOST_OTHER, MOST_OTHER, 3))
    red, green, _ = (float(weight) for weight in other / other.sum())
    return Rig(geometry, MonoResponse((red, green, 1.0 - red - green)))


def _shift(rng: np.random.Generator, width: int) -> float:
    return float(rng.uniform(-MOST_SHIFT, MOST_SHIFT) * width)


def capture(
    left: NDArray[np.uint8], right: NDArray[np.uint8], *, scene: str, level: str, scale: int, how: str
) -> tuple[Inputs, Truth]:
    """Take both pictures of a pair.

    Args:
        left: (H, W, 3) uint8 display, the mono view.
        right: (H, W, 3) uint8 display, the color view.
        scene: name of the scene, part of the seed and of the rig.
        level: light level of the NIGHT protocol.
        scale: mono pixels per color pixel, before the zoom.
        how: "straight" (the NIGHT capture itself) or "twisted" (the same light and seeds).

    Returns:
        The pictures as files would hold them, and the mono view in color.

    Raises:
        UsageError: an unknown level, or a scale out of range.
    """
    settings = protocol.settings(level, scale)
    if how == "twisted":
        drawn = rig(scene, left.shape[1])
        settings = replace(
            settings,
            mono=replace(settings.mono, response=drawn.response),
            color=replace(settings.color, geometry=drawn.geometry),
        )
    shot = shoot(left, right, settings, *protocol.generators(scene, level, scale))
    return Inputs(from_array(shot.mono, "mono"), from_array(shot.color, "color")), Truth(left)


def run(
    scenes: Sequence[Scene],
    folder: Path,
    *,
    levels: Sequence[str] = LEVELS,
    scales: Sequence[int] = SCALES,
    methods: Sequence[str] | None = None,
    jobs: int,
    watcher: Watcher,
) -> dict[str, Any]:
    """Run the test on pairs, or what is left of it.

    Args:
        scenes: pairs of views.
        folder: where what is done is kept; made if needed.
        levels: light levels of the NIGHT protocol.
        scales: mono pixels per color pixel.
        methods: names of the benchmark's methods; without it, those of ``METHOD_NAMES`` that can run.
        jobs: worker processes, 0 for none.
        watcher: is told how it goes on.

    Returns:
        ``{"schema": 1, "protocol": "twisted", "methods": {name: title}, "rows": [...]}``, plain values, the same
        whenever code, packages, weights and scenes are. A row is one scene, level, scale, method and rig.

    Raises:
        DualcamError: scenes that are no pairs, a level, scale or method that does not exist, a folder that cannot
            be written.
        WorkError: a fault of a method, or a worker that died.
    """
    names = attempts.available(METHOD_NAMES) if methods is None else tuple(methods)
    rivals, networks = attempts.sorted_out(names)
    todo = resume.night_jobs(scenes, levels, scales)
    rows = resume.carry_out(
        partial(rows_of, methods=rivals),
        [part for job in todo for part in attempts.parts(job, rivals, networks)],
        folder=folder,
        code=[Path(module.__file__ or "") for module in (attempts, judge)] + [Path(__file__)],
        depends_on={"methods": list(rivals)},
        processes=jobs,
        watcher=watcher,
        title="twisted",
    )
    titles = {name: METHODS[name].title for name in names}
    return {"schema": 1, "protocol": "twisted", "methods": titles, "rows": rows}


def rows_of(job: Job, methods: Sequence[str]) -> Rows:
    """Run and score every method of the job's part on both rigs."""
    left, right, _ = job.read()
    about = {"scene": job.scene.name, "level": job.level, "scale": job.scale}
    judge_of_all, rows = Judge(left), []
    for how in RIGS:
        inputs, truth = capture(left, right, scene=job.scene.name, level=job.level, scale=job.scale, how=how)
        for name in attempts.wanted(job, methods):
            pixels, refused = attempts.attempt(METHODS[name].run, inputs, truth)
            scores = resume.numbers(judge_of_all.score(pixels))
            rows.append(
                {
                    **about,
                    "method": name,
                    "rig": how,
                    "size": [left.shape[1], left.shape[0]],
                    "scores": scores,
                    "refused": refused,
                }
            )
    return rows


def markdown(result: Mapping[str, Any]) -> str:
    """Write the tables of a result of ``run``: means of every condition, then every scene."""
    rows, titles = result["rows"], result["methods"]
    about = _ABOUT.format(
        scenes=len({row["scene"] for row in rows}),
        turn=MOST_TURN,
        zoom=ZOOM,
        shift=MOST_SHIFT,
        factor=float(np.exp(MOST_OTHER)),
    )
    parts = [_HEADING.rstrip("\n"), about, _means(rows, titles)]
    if refused := [row for row in rows if row["refused"] is not None]:
        parts.append("\n".join(f"- refused: {_which(row)}: {row['refused']}" for row in refused))
    parts.append(f"<details><summary>Scene by scene</summary>\n\n{_scenes(rows, titles)}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _means(rows: Rows, titles: Mapping[str, str]) -> str:
    heads = ["captures", "method", "straight", "twisted", "cost, dB", "largest cost, dB", "ΔE00 ratio"]
    lines = [heads]
    for (level, scale), method in _each(rows, titles):
        own = [r for r in rows if (r["level"], r["scale"], r["method"]) == (level, scale, method)]
        straight, twisted = ({r["scene"]: r["scores"] for r in own if r["rig"] == how} for how in RIGS)
        psnr, other = (fmean(s["psnr"] for s in found.values()) for found in (straight, twisted))
        de00, apart = (fmean(s["de00"] for s in found.values()) for found in (straight, twisted))
        costs = {scene: straight[scene]["psnr"] - twisted[scene]["psnr"] for scene in straight}
        worst = max(costs, key=lambda scene: costs[scene])
        ratio = f"{apart / de00:.2f}" if de00 else "–"
        cells = [
            f"{level} × {scale}",
            titles[method],
            f"{psnr:.2f} / {de00:.2f}",
            f"{other:.2f} / {apart:.2f}",
        ]
        lines.append([*cells, f"**{psnr - other:+.2f}**", f"{costs[worst]:+.2f} ({worst})", ratio])
    return as_table(lines)


def _scenes(rows: Rows, titles: Mapping[str, str]) -> str:
    """A line a capture: the drawn rig, and PSNR / CIEDE2000 on it with the difference in PSNR to the straight one."""
    lines = [["captures", "turn, °", "zoom", "shift, px", "mono weights", *titles.values()]]
    for level, scale, scene in dict.fromkeys((r["level"], r["scale"], r["scene"]) for r in rows):
        own = {
            (r["method"], r["rig"]): r
            for r in rows
            if (r["level"], r["scale"], r["scene"]) == (level, scale, scene)
        }
        drawn = rig(scene, next(iter(own.values()))["size"][0])
        turn, shift = drawn.geometry, drawn.geometry.shift_px
        cells = [f"{scene}, {level} × {scale}", f"{turn.rotation_deg:+.2f}", f"{turn.zoom:.3f}"]
        cells += [f"{shift[0]:+.1f} {shift[1]:+.1f}", " ".join(f"{w:.2f}" for w in drawn.response.weights)]
        for method in titles:
            straight, twisted = (own[method, how]["scores"] for how in RIGS)
            apart = twisted["psnr"] - straight["psnr"]
            cells.append(f"{twisted['psnr']:.2f} / {twisted['de00']:.2f} ({apart:+.2f})")
        lines.append(cells)
    return as_table(lines)


def _each(rows: Rows, titles: Mapping[str, str]) -> Iterator[tuple[tuple[str, int], str]]:
    for condition in dict.fromkeys((row["level"], row["scale"]) for row in rows):
        for method in titles:
            yield condition, method


def _which(row: Mapping[str, Any]) -> str:
    return f"{row['method']} on {row['scene']}, {row['level']} × {row['scale']}, {row['rig']}"
