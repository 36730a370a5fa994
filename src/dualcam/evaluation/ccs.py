"""The test of "Cross-Camera Synthesis", so that numbers stand beside those of the paper's authors.

Guo, Asif and Ma (IEEE JSTSP 2022) bring every scene to 1024 x 1024 pixels for mono and 256 x 256 for color, whatever
its shape was, and report PSNR over YUV, PSNR over UV and 5-level MS-SSIM on RGB. Their color pictures are real
exposures of Middlebury 2014; ours are any pairs, darkened two ways: *clean*, a shorter exposure and no noise, as
they come nearest to theirs, and *night*, the NIGHT protocol's. Here the mono view is scored; they have both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import decode, encode
from dualcam.camera.sensor import bin_average
from dualcam.errors import UsageError
from dualcam.evaluation import attempts, protocol, resume
from dualcam.evaluation.case import Inputs, Truth
from dualcam.evaluation.cross_table import cross_table
from dualcam.evaluation.dataset import Scene
from dualcam.evaluation.methods import METHODS
from dualcam.evaluation.metrics import ccs as metrics
from dualcam.evaluation.metrics.fidelity import shown
from dualcam.evaluation.resume import Job, Rows
from dualcam.files.read import from_array

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

SIDE, SCALE = 1024, 4
LIGHTS = ("clean", "night")
METHOD_NAMES = ("chroma", "dis", "guided", "classical", "neural")
"""What is compared unless others are named; the neural method where its weights are installed."""
EXPOSURE_RATIO = 4.0
"""How many times less light color gets in the light ``clean``."""

_HEADING = """
## The test of cross-camera synthesis
"""
_DIGITS = {"psnr_yuv": 2, "psnr_uv": 2, "ssim_ms": 4}
# Y of the authors' YUV, on display values as in their code: the mono camera of the light ``clean``.
_Y = np.array([0.299, 0.587, 0.114], np.float32)


def capture(
    left: NDArray[np.uint8], right: NDArray[np.uint8], *, scene: str, light: str
) -> tuple[Inputs, Truth]:
    """Make the two pictures of the test from a pair.

    Args:
        left: (H, W, 3) uint8 display, the mono view.
        right: (H, W, 3) uint8 display, the color view.
        scene: name of the scene, part of the seed.
        light: "clean" (color is 4 times darker, 8 bits, no noise, no mosaic) or "night" (the NIGHT protocol).

    Returns:
        Mono of 1024 x 1024 and color of 256 x 256 as files would hold them, and the mono view in color.

    Raises:
        UsageError: an unknown light.
    """
    if light not in LIGHTS:
        raise UsageError(f"there is no light {light!r} in this protocol.", f"Use {' or '.join(LIGHTS)}.")
    truth, other = resized(left), resized(right)
    if light == "night":
        shot = protocol.capture(truth, other, scene=scene, level=light, scale=SCALE)
        mono, color = shot.mono, shot.color
    else:
        mono = np.rint(truth @ _Y / 255 * 65535).astype(np.uint16)
        dark = bin_average(decode(other / np.float32(255)), SCALE) / np.float32(EXPOSURE_RATIO)
        color = np.rint(encode(dark) * 255).astype(np.uint8)
    return Inputs(from_array(mono, "mono"), from_array(color, "color")), Truth(truth)


def resized(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring (H, W, 3) uint8 display to 1024 x 1024, stretched: area average downward, cubic upward."""
    how = cv2.INTER_AREA if min(view.shape[:2]) > SIDE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(view, (SIDE, SIDE), interpolation=how), np.uint8)


def run(
    scenes: Sequence[Scene],
    folder: Path,
    *,
    methods: Sequence[str] | None = None,
    jobs: int,
    watcher: Watcher,
) -> dict[str, Any]:
    """Run the test on pairs, or what is left of it.

    Args:
        scenes: pairs of views.
        folder: where what is done is kept; made if needed.
        methods: names of the benchmark's methods; without it, those of ``METHOD_NAMES`` that can run.
        jobs: worker processes, 0 for none.
        watcher: is told how it goes on.

    Returns:
        ``{"schema": 1, "protocol": "ccs", "methods": {name: title}, "rows": [...]}``, plain values, the same
        whenever code, packages and scenes are. A row is one scene, light and method.

    Raises:
        DualcamError: scenes that are no pairs, an unknown method, a folder that cannot be written.
        WorkError: a fault of a method, or a worker that died.
    """
    names = attempts.available(METHOD_NAMES) if methods is None else tuple(methods)
    rivals, networks = attempts.sorted_out(names)
    todo = [Job(scene, light, SCALE, SIDE**2) for light in LIGHTS for scene in scenes]
    rows = resume.carry_out(
        partial(rows_of, methods=rivals),
        [part for job in todo for part in attempts.parts(job, rivals, networks)],
        folder=folder,
        code=[Path(__file__), Path(attempts.__file__)],
        depends_on={"methods": list(rivals)},
        processes=jobs,
        watcher=watcher,
        title="ccs",
    )
    titles = {name: METHODS[name].title for name in names}
    return {"schema": 1, "protocol": "ccs", "methods": titles, "rows": rows}


def rows_of(job: Job, methods: Sequence[str]) -> Rows:
    """Run and score every method on one capture, or the one of the job's part."""
    left, right, _ = job.read()
    inputs, truth = capture(left, right, scene=job.scene.name, light=job.level)
    rows: Rows = []
    for name in attempts.wanted(job, methods):
        pixels, refused = attempts.attempt(METHODS[name].run, inputs, truth)
        rows.append(
            {
                "scene": job.scene.name,
                "level": job.level,
                "scale": SCALE,
                "method": name,
                "scores": resume.numbers(metrics.score(shown(pixels), truth.picture)),
                "refused": refused,
            }
        )
    return rows


def markdown(result: Mapping[str, Any]) -> str:
    """Write the table of a result of ``run``."""
    scenes = len({row["scene"] for row in result["rows"]})
    table = cross_table("PSNR YUV / PSNR UV (dB) ↑ / MS-SSIM ↑", result["rows"], _DIGITS, result["methods"])
    about = (
        f"The test of cross-camera synthesis (Guo, Asif and Ma, JSTSP 2022) on {scenes} scenes: mono "
        f"{SIDE} × {SIDE}, color {SIDE // SCALE} × {SIDE // SCALE} pixels whatever their shape was, scored in the "
        f"mono view. **clean**: color {EXPOSURE_RATIO:g} times darker, no noise. **night**: the NIGHT protocol's "
        "night. The authors' scenes and exposures are others."
    )
    return f"{_HEADING}\n{about}\n\n{table}\n"
