"""Every module of the chain by itself, beside what else could do its job, and what each still costs the whole.

- **refEC**: the dark color picture, exposed, in the color view; against the clean color view.
- **refColor**: clean exposed color brought into the mono view; against the clean mono view at that resolution.
- **refSR**: that view, enlarged with the captured mono picture; against the clean mono view.
- **chain**: all three, and with perfect ones in their places.

All pictures are of the file track.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualcam.evaluation import attempts, judge, resume, trials
from dualcam.evaluation import bench as benches
from dualcam.evaluation.dataset import Scene
from dualcam.evaluation.judge import Judge
from dualcam.evaluation.metrics.fidelity import shown
from dualcam.evaluation.resume import Job, Rows
from dualcam.fusion.method import choose

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

METHODS = ("classical", "neural")
"""Our own methods, which are tested unless others are named; the neural one where its weights are installed."""
_OTHERS = "others"
"""The part of a capture's rows that holds the methods that are not ours."""


def run(
    scenes: Sequence[Scene],
    folder: Path,
    *,
    levels: Sequence[str] = ("night",),
    scales: Sequence[int] = (2, 4),
    methods: Sequence[str] | None = None,
    jobs: int,
    watcher: Watcher,
) -> dict[str, Any]:
    """Run all modules on pairs, or what is left of it.

    Args:
        scenes: pairs of views.
        folder: where what is done is kept; made if needed.
        levels: light levels of the NIGHT protocol.
        scales: mono pixels per color pixel.
        methods: names for ``fusion.method.choose``; without it, those of ``METHODS`` that can run.
        jobs: worker processes, 0 for none.
        watcher: is told how it goes on.

    Returns:
        ``{"schema": 1, "protocol": "modules", "rows": [...]}``, plain values, the same whenever code, packages and
        scenes are. A row is one module, scene, level, scale and method.

    Raises:
        DualcamError: scenes that are no pairs, a level, scale or method that does not exist, a folder that cannot
            be written.
        WorkError: a fault of a method, or a worker that died.
    """
    names = attempts.available(METHODS) if methods is None else tuple(methods)
    for name in names:
        choose(name)
    todo = [part for job in resume.night_jobs(scenes, levels, scales) for part in _parts(job, names)]
    rows = resume.carry_out(
        rows_of,
        todo,
        folder=folder,
        code=[Path(module.__file__ or "") for module in (benches, judge, trials)] + [Path(__file__)],
        depends_on={},
        processes=jobs,
        watcher=watcher,
        title="modules",
    )
    return {"schema": 1, "protocol": "modules", "rows": rows}


def _parts(job: Job, methods: Sequence[str]) -> list[Job]:
    """One part for the methods that are not ours and one for each that is: these change more often."""
    return [replace(job, part=_OTHERS), *(attempts.part(job, name) for name in methods)]


def rows_of(job: Job) -> Rows:
    """Run and score the methods of the job's part as every module, on one capture."""
    left, right, disparity = job.read()
    bench = benches.set_up(left, right, disparity, scene=job.scene.name, level=job.level, scale=job.scale)
    tried = trials.others(bench) if job.part == _OTHERS else trials.own(bench, job.part)
    judges: dict[int, Judge] = {}
    rows: Rows = []
    for trial in tried:
        # All trials of a module share one truth, which the bench keeps alive.
        if id(trial.truth) not in judges:
            judges[id(trial.truth)] = Judge(shown(trial.truth))
        rows.append(
            {
                "module": trial.module,
                "scene": job.scene.name,
                "level": job.level,
                "scale": job.scale,
                "method": trial.method,
                "scores": resume.numbers(judges[id(trial.truth)].score(trial.picture)),
                "refused": trial.refused,
                "uses_truth": trial.uses_truth,
            }
        )
    return rows
