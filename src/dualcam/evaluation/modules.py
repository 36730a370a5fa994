"""Every module of the chain by itself, beside what else could do its job, and what each still costs the whole.

- **refEC**: the dark color picture, exposed, in the color view; against the clean color view.
- **refColor**: clean exposed color brought into the mono view; against the clean mono view at that resolution.
- **refSR**: that view, enlarged with the captured mono picture; against the clean mono view.
- **chain**: all three, and with perfect ones in their places.

All pictures are of the file track. A method is anything with the three functions of ``fusion.method.Method``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from dualcam.camera.curves import decode
from dualcam.camera.measure import Measured, measure
from dualcam.errors import PlacementError
from dualcam.evaluation import bench as benches
from dualcam.evaluation import protocol, resume
from dualcam.evaluation.baselines import alignment, exposure, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.bench import Bench
from dualcam.evaluation.case import Inputs
from dualcam.evaluation.cross_table import cross_table
from dualcam.evaluation.dataset import Scene
from dualcam.evaluation.metrics import color, fidelity
from dualcam.evaluation.resume import Job, Rows
from dualcam.frame import Exposed, FloatArray
from dualcam.fusion.fuser import Fuser, Prepared
from dualcam.fusion.method import Method, choose
from dualcam.rig import warp

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

MODULES = ("refEC", "refColor", "refSR", "chain")
METHODS = ("classical",)
"""Our own methods that are tested unless others are named."""

EXPOSURE: Mapping[str, Callable[[Inputs], FloatArray]] = MappingProxyType(
    {
        "as shot": exposure.as_shot,
        "gain": exposure.gain,
        "gamma": exposure.gamma,
        "histogram matching": exposure.histogram,
        "CLAHE": exposure.clahe,
        "gain, non-local means": lambda inputs: prepare(inputs).color,
    }
)
"""What else could be refEC: (h, w, 3) linear from the capture."""

ALIGNMENT: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]] = MappingProxyType(
    {
        "unaligned": alignment.unaligned,
        "homography": alignment.homography,
        "DIS": alignment.dis,
        "SGBM": alignment.sgbm,
        "Levin, DIS": alignment.levin,
    }
)
"""What else could be refColor: (h, w, 3) linear from mono (h, w) and color (h, w, 3)."""

UPSAMPLING: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]] = MappingProxyType(
    {
        "bicubic": upsampling.bicubic,
        "mono luma, bicubic chroma": upsampling.mono_luma,
        "guided filter": upsampling.guided,
        "joint bilateral": upsampling.joint_bilateral,
        "Brovey": upsampling.brovey,
        "Gram-Schmidt": upsampling.gram_schmidt,
        "Lab (LRGB)": upsampling.lab,
    }
)
"""What else could be refSR: (H, W, 3) linear from color (h, w, 3) and the denoised mono (H, W)."""

LADDER: tuple[tuple[str, ...], ...] = (
    (),
    ("refEC",),
    ("refColor",),
    ("refSR",),
    ("refColor", "refSR"),
    ("refEC", "refSR"),
    ("refEC", "refColor"),
)
"""Which modules of the chain are replaced by perfect ones: none, each, all but each."""

_HEADING = """
## Module by module

Means over {scenes} scenes of the NIGHT protocol's file track, level × scale. Views are cut to multiples of the scale.
The best of the methods that know no more than a user's program is bold.
"""
_ABOUT = {
    "refEC": "The dark color picture exposed in the color view, against the clean color view averaged to the color "
    "camera's resolution.",
    "refColor": "The clean color view brought into the mono view, against the clean mono view at the same "
    "resolution. All methods get clean pictures; the luma of every result is that of the clean mono picture. The true "
    "disparity is no strict bound: a matcher may find a color that fits mono better than the true one.",
    "refSR": "The clean mono view at the color camera's resolution enlarged with the captured mono picture, against "
    "the clean mono view. All methods get the denoised mono picture, but where it says otherwise.",
    "chain": "All three modules, and with perfect ones in their places: a perfect refEC hands on the clean color "
    "view, a perfect refColor the color of a camera that stands where the mono camera stands, a perfect refSR adds "
    "the truth's own detail to the color it gets.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What one method made in the place of one module.

    Attributes:
        module: one of ``MODULES``.
        method: name of the method.
        picture: (H, W, 3) or (h, w, 3) linear.
        truth: what it should be, of the same size, linear.
        refused: why the method gave no picture (what its user is left with is scored), or None.
        uses_truth: True for what is no rival, because it was shown something of the truth.
    """

    module: str
    method: str
    picture: FloatArray
    truth: FloatArray
    refused: str | None = None
    uses_truth: bool = False


def trials(bench: Bench, methods: Sequence[str] = METHODS) -> Iterator[Trial]:
    """Run every module's methods on one capture.

    Args:
        bench: the capture.
        methods: names for ``fusion.method.choose``, tried as each module and as the whole chain.
    """
    measured = measure(bench.inputs.mono, bench.inputs.color)
    yield from _others(bench, measured)
    for name in methods:
        method = choose(name)
        yield from _color_alone(bench, method)
        yield from _upsampling_alone(bench, method, measured)
        yield from _chain(bench, method)


def _others(bench: Bench, measured: Measured) -> Iterator[Trial]:
    """The methods that are not ours. All end with mono's luma, as every one of them would be used."""
    for name, expose in EXPOSURE.items():
        yield Trial("refEC", name, expose(bench.inputs), bench.color)
    for name, align in ALIGNMENT.items():
        moved = align(bench.small, bench.color)
        yield Trial("refColor", name, upsampling.mono_luma(moved, bench.small), bench.aligned)
    if bench.disparity is not None:
        picture = upsampling.mono_luma(benches.truly_aligned(bench, bench.disparity), bench.small)
        yield Trial("refColor", "true disparity", picture, bench.aligned, uses_truth=True)
    for name, enlarge in UPSAMPLING.items():
        yield Trial("refSR", name, enlarge(bench.aligned, measured.mono_clean), bench.whole)


def _color_alone(bench: Bench, method: Method) -> Iterator[Trial]:
    try:
        found = benches.clean_match(bench)
    except PlacementError as error:
        yield Trial("refColor", method.name, _gray(bench.small), bench.aligned, error.cause)
        return
    colored = method.ref_color(bench.small, benches.perfect_exposed(bench), found)
    picture = warp.resize(decode(colored.color), *bench.small.shape)
    yield Trial("refColor", method.name, picture, bench.aligned)


def _upsampling_alone(bench: Bench, method: Method, measured: Measured) -> Iterator[Trial]:
    noisy = bench.inputs.mono.pixels[..., 0]
    for name, mono in ((method.name, measured.mono_clean), (f"{method.name}, mono not denoised", noisy)):
        colored = benches.perfect_colored(bench, benches.reduced(mono, bench.scale))
        yield Trial("refSR", name, method.ref_sr(colored, mono), bench.whole)


def _chain(bench: Bench, method: Method) -> Iterator[Trial]:
    """What needs the captured pair to be placed: refEC alone, the chain, and the chain with perfect modules."""
    try:
        known = Fuser(method.name).prepare(bench.inputs.mono, bench.inputs.color)
    except PlacementError as error:
        yield Trial("refEC", method.name, exposure.as_shot(bench.inputs), bench.color, error.cause)
        for perfect in LADDER:
            gray = _gray(bench.inputs.mono.pixels[..., 0])
            yield Trial("chain", _variant(method, perfect), gray, bench.whole, error.cause, bool(perfect))
        return
    exposed = _expose(method, known)
    yield Trial("refEC", method.name, decode(exposed.color), bench.color)
    here, mono = benches.unmoved(bench, known), known.measured.mono_clean
    colored = {
        (): method.ref_color(known.mono, exposed, known.match),
        ("refEC",): method.ref_color(known.mono, benches.perfect_exposed(bench), known.match),
        ("refColor",): benches.carried_over(_expose(method, here), here.mono),
        ("refEC", "refColor"): benches.perfect_colored(bench, here.mono),
    }
    for perfect in LADDER:
        given = colored[tuple(module for module in perfect if module != "refSR")]
        sharp = benches.perfect_detail(bench, given) if "refSR" in perfect else method.ref_sr(given, mono)
        yield Trial("chain", _variant(method, perfect), sharp, bench.whole, uses_truth=bool(perfect))


def _expose(method: Method, known: Prepared) -> Exposed:
    return method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)


def _variant(method: Method, perfect: Sequence[str]) -> str:
    return f"{method.name}, perfect {' + '.join(perfect)}" if perfect else method.name


def _gray(mono: FloatArray) -> FloatArray:
    return np.repeat(mono[..., None], 3, axis=2)


# --- over scenes ----------------------------------------------------------------------------------


def run(
    scenes: Sequence[Scene],
    folder: Path,
    *,
    levels: Sequence[str] = ("night",),
    scales: Sequence[int] = (2, 4),
    methods: Sequence[str] = METHODS,
    jobs: int,
    watcher: Watcher,
) -> dict[str, Any]:
    """Run all modules on pairs, or what is left of it.

    Args:
        scenes: pairs of views.
        folder: where what is done is kept; made if needed.
        levels: light levels of the NIGHT protocol.
        scales: mono pixels per color pixel.
        methods: names for ``fusion.method.choose``.
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
    for name in methods:
        choose(name)
    for level in levels:
        for scale in scales:
            protocol.settings(level, scale)
    todo = [
        Job(scene, level, scale, scene.pixels) for level in levels for scale in scales for scene in scenes
    ]
    rows = resume.carry_out(
        partial(rows_of, methods=tuple(methods)),
        todo,
        folder=folder,
        code=[Path(__file__), Path(benches.__file__)],
        depends_on={"methods": list(methods)},
        processes=jobs,
        watcher=watcher,
        title="modules",
    )
    return {"schema": 1, "protocol": "modules", "rows": rows}


def rows_of(job: Job, methods: Sequence[str]) -> Rows:
    """Run and score every module on one capture."""
    left, right, disparity = job.read()
    bench = benches.set_up(left, right, disparity, scene=job.scene.name, level=job.level, scale=job.scale)
    judges: dict[int, _Judge] = {}
    rows: Rows = []
    for trial in trials(bench, methods):
        # All trials of a module share one truth, which the bench keeps alive.
        if id(trial.truth) not in judges:
            judges[id(trial.truth)] = _Judge(trial.truth)
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


class _Judge:
    """Scores pictures against one truth, (H, W, 3) linear, whose part in every score is computed once."""

    def __init__(self, truth: FloatArray) -> None:
        self._shown = fidelity.shown(truth)
        self._moments, self._lab = fidelity.moments(self._shown), color.lab(self._shown)

    def score(self, picture: FloatArray) -> dict[str, float]:
        """PSNR, SSIM and mean CIEDE2000 of (H, W, 3) linear, as an 8-bit sRGB screen shows it."""
        shown = fidelity.shown(picture)
        similar = fidelity.ssim_map(fidelity.moments(shown), self._moments)
        return {
            "psnr": fidelity.psnr(fidelity.squared_error(shown, self._shown)),
            "ssim": fidelity.ssim(similar),
            "de00": float(color.de00(color.lab(shown), self._lab).mean()),
        }


def markdown(result: Mapping[str, Any]) -> str:
    """Write the tables of a result of ``run``."""
    scenes = len({row["scene"] for row in result["rows"]})
    parts = [_HEADING.format(scenes=scenes)]
    for module in MODULES:
        rows = [row for row in result["rows"] if row["module"] == module]
        table = cross_table("PSNR (dB) ↑ / SSIM ↑ / ΔE00 ↓", rows, {"psnr": 2, "ssim": 3, "de00": 2}, {})
        parts.append(f"### {module}\n\n{_ABOUT[module]}\n\n{table}\n")
    return "\n".join(parts)
