"""What is tried in the place of every module, captured input or perfect: others' methods, and ours with its ladder.

A method of ours is anything with the three functions of ``fusion.method.Method``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dualcam.camera.curves import decode
from dualcam.camera.measure import Measured, measure
from dualcam.classical import upsample
from dualcam.errors import PlacementError
from dualcam.evaluation import bench as benches
from dualcam.evaluation.baselines import alignment, exposure, upsampling
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.bench import Bench
from dualcam.evaluation.case import Inputs
from dualcam.frame import Exposed, FloatArray
from dualcam.fusion.fuser import Fuser
from dualcam.fusion.method import Method, choose
from dualcam.fusion.preparation import Prepared
from dualcam.rig import warp

MODULES = ("refEC", "refColor", "refSR", "chain")

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


def own(bench: Bench, name: str) -> Iterator[Trial]:
    """Try one of our methods as each module, as the whole chain, and as the chain with perfect modules.

    Args:
        bench: the capture.
        name: for ``fusion.method.choose``.
    """
    method = choose(name)
    measured = measure(bench.inputs.mono, bench.inputs.color)
    yield from _color_alone(bench, method)
    yield from _upsampling_alone(bench, method, measured)
    yield from _chain(bench, method)


def others(bench: Bench) -> Iterator[Trial]:
    """Try the methods that are not ours. All end with mono's luma, as every one of them would be used."""
    measured = measure(bench.inputs.mono, bench.inputs.color)
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
    colored = benches.perfect_colored(bench, benches.reduced(measured.mono_clean, bench.scale))
    yield Trial("refSR", method.name, method.ref_sr(colored, measured)[0], bench.whole)
    if method.name == "classical":
        # The only one that is handed a denoised mono picture.
        colored = benches.perfect_colored(bench, benches.reduced(measured.mono, bench.scale))
        picture = upsample.upsample(colored, measured.mono)
        yield Trial("refSR", f"{method.name}, mono not denoised", picture, bench.whole)


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
    here = benches.unmoved(bench, known)
    colored = {
        (): method.ref_color(known.mono, exposed, known.match),
        ("refEC",): method.ref_color(known.mono, benches.perfect_exposed(bench), known.match),
        ("refColor",): benches.carried_over(_expose(method, here), here.mono),
        ("refEC", "refColor"): benches.perfect_colored(bench, here.mono),
    }
    for perfect in LADDER:
        given = colored[tuple(module for module in perfect if module != "refSR")]
        if "refSR" in perfect:
            sharp = benches.perfect_detail(bench, given)
        else:
            sharp, _ = method.ref_sr(given, known.measured)
        yield Trial("chain", _variant(method, perfect), sharp, bench.whole, uses_truth=bool(perfect))


def _expose(method: Method, known: Prepared) -> Exposed:
    return method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)


def _variant(method: Method, perfect: Sequence[str]) -> str:
    return f"{method.name}, perfect {' + '.join(perfect)}" if perfect else method.name


def _gray(mono: FloatArray) -> FloatArray:
    return np.repeat(mono[..., None], 3, axis=2)
