"""Either view, either ratio: results in the color camera's view, and a mono camera that is the smaller one.

NIGHT's scenes and light. Three arrangements: NIGHT's own cameras with the result in the color view; a mono camera whose
pixels are as many times larger as NIGHT's are smaller, with the result in its view; and the same in the color view. A
result in the color view is scored against the right view, which no NIGHT result is ever compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dualcam.camera import measure
from dualcam.camera.sensor import bin_average
from dualcam.errors import UsageError
from dualcam.evaluation import attempts, judge, protocol, resume
from dualcam.evaluation.baselines import alignment, exposure, nonlocal_means, upsampling
from dualcam.evaluation.baselines.grid import enlarge
from dualcam.evaluation.baselines.luminance import luma
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.evaluation.dataset import Scene
from dualcam.evaluation.judge import Judge
from dualcam.evaluation.methods import METHODS
from dualcam.evaluation.resume import Job, Rows
from dualcam.evaluation.table import markdown as as_table
from dualcam.files.read import from_array
from dualcam.frame import FloatArray, NoiseModel, View
from dualcam.fusion.fuser import Fuser
from dualcam.rig import warp
from dualcam.simulation.capture import as_codes, as_light, shoot

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

ARRANGEMENTS: Mapping[str, tuple[View, bool]] = MappingProxyType(
    {
        "color view": ("color", False),
        "smaller mono": ("mono", True),
        "smaller mono, color view": ("color", True),
    }
)
"""Name: whose view the result has, and whether mono is the smaller picture."""
METHOD_NAMES = ("color", "luma", "classical", "neural")
"""The two rivals, and our methods; the neural one where its weights are installed."""
RIVALS = ("color", "luma")
TITLES = {"color": "Color alone, denoised", "luma": "Mono luma by DIS"}
LEVELS, SCALES = ("night",), (2,)

_HEADING = """
## Either view, either ratio
"""
_ABOUT = """\
{scenes} scenes in the light of the NIGHT protocol. **color view**: NIGHT's cameras, the result is seen from the color
camera, with mono's pixels, and scored against the right view. **smaller mono**: a mono camera whose pixels are s times
larger than those of the color camera. *Color alone* is the color picture with mono's gain, denoised (non-local means),
enlarged; *mono luma by DIS* gives it the brightness of the denoised mono picture, brought along by DIS flow. PSNR (dB)
↑ / SSIM ↑ / ΔE00 ↓, means; *margin* is the PSNR over the better rival of each scene. Every method matches mono's
brightness, and the two views of some scenes were not exposed alike: in the color view that bounds all of them."""


def capture(
    left: NDArray[np.uint8], right: NDArray[np.uint8], *, scene: str, level: str, scale: int, arrangement: str
) -> tuple[Inputs, Truth]:
    """Take both pictures of a pair.

    Args:
        left: (H, W, 3) uint8 display, the mono camera's view.
        right: (H, W, 3) uint8 display, the color camera's view.
        scene: name of the scene, part of the seed.
        level: light level of the NIGHT protocol.
        scale: how many times one camera's pixels are larger than the other's.
        arrangement: one of ``ARRANGEMENTS``.

    Returns:
        The pictures as files would hold them, and the truth in the view of the result.

    Raises:
        UsageError: an unknown level or arrangement, or a scale out of range.
    """
    if arrangement not in ARRANGEMENTS:
        raise UsageError(
            f"there is no arrangement {arrangement!r}.", f"Use one of {', '.join(ARRANGEMENTS)}."
        )
    view, reverse = ARRANGEMENTS[arrangement]
    height, width = (side // scale * scale for side in left.shape[:2])
    left, right = left[:height, :width], right[:height, :width]
    draw = protocol.generators(scene, level, scale)
    if not reverse:
        shot = shoot(left, right, protocol.settings(level, scale), *draw)
        return Inputs(from_array(shot.mono, "mono"), from_array(shot.color, "color")), Truth(right)
    settings = protocol.settings(level, 1)
    coarse = bin_average(as_light(left), scale)
    mono = shoot(coarse, coarse, settings, draw[0], np.random.default_rng(0)).mono
    color = shoot(right, right, settings, np.random.default_rng(0), draw[1]).color
    truth = right if view == "color" else as_codes(coarse)
    return Inputs(from_array(mono, "mono"), from_array(color, "color")), Truth(truth)


def rival(name: str, inputs: Inputs, size: tuple[int, int], view: View) -> FloatArray:
    """What can be had without dualcam: (H, W, 3) linear in [0, 1] of this height and width.

    Args:
        name: one of ``RIVALS``.
        inputs: the capture.
        size: of the result.
        view: whose view it has.
    """
    measured = measure.measure(inputs.mono, inputs.color)
    ratio = exposure.ratio(inputs.mono.pixels[..., 0], inputs.color.pixels)
    noise = [NoiseModel(model.shot * ratio, model.read * ratio**2) for model in measured.color_noise]
    clean = _sized(np.clip(nonlocal_means.denoise(exposure.gain(inputs), noise), 0, 1), size)
    if name == "color":
        return clean
    mono = _sized(measured.mono_clean, size)
    if view == "mono":
        return upsampling.mono_luma(np.clip(alignment.dis(mono, clean), 0, 1), mono)
    moved = alignment.dis(luma(clean), np.repeat(mono[..., None], 3, axis=2))[..., 0]
    return upsampling.mono_luma(clean, np.clip(moved, 0, 1))


def _sized(picture: FloatArray, size: tuple[int, int]) -> FloatArray:
    if picture.shape[0] > size[0]:
        return warp.resize(picture, *size)
    return np.clip(enlarge(picture, *size), 0, 1)


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
    """Run the test on pairs, or what is left of it; takes, gives and raises what ``twisted.run`` does.

    Methods are some of ``METHOD_NAMES``. A row is one scene, level, scale, method and arrangement.
    """
    own = [name for name in METHOD_NAMES if name not in RIVALS]
    names = (*RIVALS, *attempts.available(own)) if methods is None else tuple(methods)
    if unknown := [name for name in names if name not in METHOD_NAMES]:
        raise UsageError(
            f"the method {unknown[0]!r} cannot run here.", f"Use some of {', '.join(METHOD_NAMES)}."
        )
    plain, networks = attempts.sorted_out([name for name in names if name not in RIVALS])
    without = tuple(name for name in names if name in (*RIVALS, *plain))
    todo = resume.night_jobs(scenes, levels, scales)
    rows = resume.carry_out(
        partial(rows_of, methods=without),
        [part for job in todo for part in attempts.parts(job, without, networks)],
        folder=folder,
        code=[Path(module.__file__ or "") for module in (attempts, judge)] + [Path(__file__)],
        depends_on={"methods": list(without)},
        processes=jobs,
        watcher=watcher,
        title="views",
    )
    titles = {name: TITLES.get(name) or METHODS[name].title for name in names}
    return {"schema": 1, "protocol": "views", "methods": titles, "rows": rows}


def rows_of(job: Job, methods: Sequence[str]) -> Rows:
    """Run and score every method of the job's part in every arrangement."""
    left, right, _ = job.read()
    rows = []
    for arrangement, (view, _) in ARRANGEMENTS.items():
        inputs, truth = capture(
            left, right, scene=job.scene.name, level=job.level, scale=job.scale, arrangement=arrangement
        )
        size = truth.picture.shape[:2]
        judge_of_all = Judge(truth.picture)
        for name in attempts.wanted(job, methods):
            pixels, refused = attempts.attempt(_method(name, view, size), inputs, truth)
            # A refusal leaves the mono picture; a scale that was measured leaves a pixel more or less.
            pixels = pixels if pixels.shape[:2] == size else np.clip(warp.resize(pixels, *size), 0, 1)
            rows.append(
                {
                    "scene": job.scene.name,
                    "level": job.level,
                    "scale": job.scale,
                    "method": name,
                    "arrangement": arrangement,
                    "scores": resume.numbers(judge_of_all.score(pixels)),
                    "refused": refused,
                }
            )
    return rows


def _method(name: str, view: View, size: tuple[int, int]) -> Callable[[Inputs, Truth], Output]:
    if name in RIVALS:
        return lambda inputs, _truth: Output(rival(name, inputs, size, view))
    return lambda inputs, _truth: Output(Fuser(method=name, view=view).fuse(inputs.mono, inputs.color).pixels)


def markdown(result: Mapping[str, Any]) -> str:
    """Write the tables of a result of ``run``: means of every arrangement, then every scene."""
    rows, titles = result["rows"], result["methods"]
    parts = [_HEADING.rstrip("\n"), _ABOUT.format(scenes=len({row["scene"] for row in rows}))]
    parts.append(_means(rows, titles))
    if refused := [row for row in rows if row["refused"] is not None]:
        parts.append("\n".join(f"- refused: {_which(row)}: {row['refused']}" for row in refused))
    parts.append(f"<details><summary>Scene by scene</summary>\n\n{_scenes(rows, titles)}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _means(rows: Rows, titles: Mapping[str, str]) -> str:
    lines = [
        ["captures", "result", "method", "mean", "margin, dB", "smallest margin, dB", "worse than a rival"]
    ]
    for (level, scale, arrangement), own in _conditions(rows):
        best = _best(own)
        for method in titles:
            scores = {r["scene"]: r["scores"] for r in own if r["method"] == method}
            psnr, ssim, de00 = (fmean(s[key] for s in scores.values()) for key in ("psnr", "ssim", "de00"))
            cells = [
                f"{level} × {scale}",
                arrangement,
                titles[method],
                f"{psnr:.2f} / {ssim:.3f} / {de00:.2f}",
            ]
            if method in RIVALS or not best:
                lines.append([*cells, "", "", ""])
                continue
            margins = {scene: scores[scene]["psnr"] - best[scene] for scene in scores}
            worst = min(margins, key=lambda scene: margins[scene])
            worse = sum(margin < 0 for margin in margins.values())
            lines.append(
                [
                    *cells,
                    f"**{fmean(margins.values()):+.2f}**",
                    f"{margins[worst]:+.2f} ({worst})",
                    f"{worse} of {len(margins)}",
                ]
            )
    return as_table(lines)


def _scenes(rows: Rows, titles: Mapping[str, str]) -> str:
    lines = [["captures", *titles.values()]]
    for (level, scale, arrangement), own in _conditions(rows):
        for scene in dict.fromkeys(row["scene"] for row in own):
            found = {row["method"]: row["scores"] for row in own if row["scene"] == scene}
            cells = [f"{found[m]['psnr']:.2f} / {found[m]['de00']:.2f}" for m in titles]
            lines.append([f"{scene}, {level} × {scale}, {arrangement}", *cells])
    return as_table(lines)


def _conditions(rows: Rows) -> Iterator[tuple[tuple[str, int, str], Rows]]:
    for level, scale in dict.fromkeys((row["level"], row["scale"]) for row in rows):
        for name in ARRANGEMENTS:
            own = [r for r in rows if (r["level"], r["scale"], r["arrangement"]) == (level, scale, name)]
            if own:
                yield (level, scale, name), own


def _best(rows: Rows) -> dict[str, float]:
    """PSNR of the better rival of every scene."""
    best: dict[str, float] = {}
    for row in rows:
        if row["method"] in RIVALS:
            best[row["scene"]] = max(best.get(row["scene"], -np.inf), row["scores"]["psnr"])
    return best


def _which(row: Mapping[str, Any]) -> str:
    return f"{row['method']} on {row['scene']}, {row['level']} × {row['scale']}, {row['arrangement']}"
