"""Several folders of weights against each other: the neural method with each of them on the same NIGHT captures.

This is how joint fine-tuning is compared with separate training, or a new run with the shipped weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from dualcam.errors import UsageError
from dualcam.evaluation import attempts, judge, protocol, resume
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.evaluation.cross_table import cross_table
from dualcam.evaluation.dataset import Scene
from dualcam.evaluation.judge import SCORES, Judge
from dualcam.evaluation.resume import Job, Rows
from dualcam.evaluation.table import markdown as as_table
from dualcam.files.read import from_array
from dualcam.fusion.fuser import Fuser

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADING = """
## Weights against each other
"""
_ABOUT = (
    "The neural method with each of {count} folders of weights on {scenes} scenes of the NIGHT protocol's file track, "
    "level × scale."
)


def check(folders: Mapping[str, Path]) -> None:
    """Refuse names and folders that cannot be used, before any work.

    Raises:
        UsageError: no folder, or a name that cannot be part of a file name.
        DualcamError: a folder whose weights cannot be loaded.
    """
    if not folders:
        raise UsageError("no weights were named.", "Use --weights NAME=FOLDER, once for each.")
    for name, folder in folders.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"weights cannot be named {name!r}.", "Use letters, digits, dots, dashes and underscores."
            )
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.", "Name a folder made by 'dualcam export'.")
        Fuser(method="neural", weights=folder)


def run(
    scenes: Sequence[Scene],
    folder: Path,
    *,
    weights: Mapping[str, Path],
    levels: Sequence[str],
    scales: Sequence[int],
    jobs: int,
    watcher: Watcher,
) -> dict[str, Any]:
    """Run the comparison on pairs, or what is left of it.

    Args:
        scenes: pairs of views.
        folder: where what is done is kept; made if needed.
        weights: folders with the three networks and their manifest, by name; the first is what others are compared
            with.
        levels: light levels of the NIGHT protocol.
        scales: mono pixels per color pixel.
        jobs: worker processes, 0 for none.
        watcher: is told how it goes on.

    Returns:
        ``{"schema": 1, "protocol": "weights", "weights": [name, ...], "rows": [...]}``, plain values, the same
        whenever code, packages, weights and scenes are. A row is one scene, level, scale and name.

    Raises:
        DualcamError: scenes that are no pairs, a level or scale that does not exist, weights that cannot be used,
            a folder that cannot be written.
        WorkError: a fault of the method, or a worker that died.
    """
    check(weights)
    todo = [
        replace(job, part=name, weights=where)
        for job in resume.night_jobs(scenes, levels, scales)
        for name, where in weights.items()
    ]
    rows = resume.carry_out(
        rows_of,
        todo,
        folder=folder,
        code=[Path(module.__file__ or "") for module in (attempts, judge)] + [Path(__file__)],
        depends_on={},
        processes=jobs,
        watcher=watcher,
        title="weights",
    )
    return {"schema": 1, "protocol": "weights", "weights": list(weights), "rows": rows}


def rows_of(job: Job) -> Rows:
    """Score one folder of weights on one capture."""
    left, right, _ = job.read()
    shot = protocol.capture(left, right, scene=job.scene.name, level=job.level, scale=job.scale)
    inputs = Inputs(from_array(shot.mono, "mono"), from_array(shot.color, "color"))
    pixels, refused = attempts.attempt(partial(_fuse, job.weights), inputs, Truth(left))
    about = {"scene": job.scene.name, "level": job.level, "scale": job.scale, "method": job.part}
    return [{**about, "scores": resume.numbers(Judge(left).score(pixels)), "refused": refused}]


def _fuse(weights: Path | None, inputs: Inputs, _: Truth) -> Output:
    fusion = Fuser(method="neural", weights=weights).fuse(inputs.mono, inputs.color)
    return Output(fusion.pixels, fusion.confidence)


def markdown(result: Mapping[str, Any]) -> str:
    """Write the tables of a result of ``run``: means, and what every folder gains over the first."""
    rows, names = result["rows"], result["weights"]
    about = _ABOUT.format(count=len(names), scenes=len({row["scene"] for row in rows}))
    means = cross_table("PSNR (dB) ↑ / SSIM ↑ / ΔE00 ↓", rows, SCORES, {})
    parts = [_HEADING.rstrip("\n"), about, means]
    if len(names) > 1:
        parts += [
            f"Against {names[0]}, means over scenes and scales: PSNR (dB, more is better) / ΔE00 (less is better), and "
            "on how many captures both are better.",
            gains(rows, names),
        ]
    return "\n\n".join(parts) + "\n"


def gains(rows: Rows, names: Sequence[str]) -> str:
    """The table of differences to the first name, level by level."""
    levels = list(dict.fromkeys(row["level"] for row in rows))
    scores = {(r["method"], r["level"], r["scale"], r["scene"]): r["scores"] for r in rows}
    lines = [["weights", *levels]]
    for name in names[1:]:
        line = [name]
        for level in levels:
            pairs = [
                (scores[names[0], *key[1:]], own)
                for key, own in scores.items()
                if key[:2] == (name, level) and (names[0], *key[1:]) in scores
            ]
            psnr = fmean(own["psnr"] - first["psnr"] for first, own in pairs)
            de00 = fmean(own["de00"] - first["de00"] for first, own in pairs)
            wins = sum(own["psnr"] > first["psnr"] and own["de00"] < first["de00"] for first, own in pairs)
            line.append(f"{psnr:+.2f} / {de00:+.2f} ({wins} of {len(pairs)})")
        lines.append(line)
    return as_table(lines)
