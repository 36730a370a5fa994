"""The methods of the benchmark: one explicit table, every line a plain function.

A method gets ``Inputs`` and nothing else. The oracle alone is handed the truth, of which it uses the disparity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dualcam.errors import UnavailableError, UsageError
from dualcam.evaluation.baselines.brightened import brightened
from dualcam.evaluation.baselines.brovey import brovey
from dualcam.evaluation.baselines.chroma import chroma
from dualcam.evaluation.baselines.dis import dis
from dualcam.evaluation.baselines.gram_schmidt import gram_schmidt
from dualcam.evaluation.baselines.gray import gray
from dualcam.evaluation.baselines.guided import guided
from dualcam.evaluation.baselines.homography import homography
from dualcam.evaluation.baselines.joint_bilateral import joint_bilateral
from dualcam.evaluation.baselines.levin import levin
from dualcam.evaluation.baselines.lrgb import lrgb
from dualcam.evaluation.baselines.oracle import oracle
from dualcam.evaluation.baselines.sgbm import sgbm
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.fusion.fuser import Fuser


@dataclass(frozen=True, slots=True)
class Entry:
    """One method of the benchmark.

    Attributes:
        title: what tables and reports call it.
        run: makes the result, (H, W, 3) linear in the mono view; only an oracle may look at the truth.
        source: the paper or the habit that it comes from.
        note: what it is given, in one line.
        needs_disparity: True when it can only run where ``Truth.disparity`` is known; elsewhere it is reported
            as not applicable.
        has_weights: True when its networks and their weights are part of what its results depend on.
    """

    title: str
    run: Callable[[Inputs, Truth], Output]
    source: str
    note: str
    needs_disparity: bool = False
    has_weights: bool = False


def classical(inputs: Inputs) -> Output:
    """Our classical method on the two frames, with its confidence: (H, W, 3) linear in [0, 1].

    Raises:
        PlacementError: when the two pictures cannot be placed on each other; the benchmark counts that as refused.
    """
    fusion = Fuser(method="classical").fuse(inputs.mono, inputs.color)
    return Output(fusion.pixels, fusion.confidence)


def neural(inputs: Inputs) -> Output:
    """Our neural method on the two frames, with its confidence: (H, W, 3) linear in [0, 1].

    Raises:
        PlacementError: when the two pictures cannot be placed on each other; the benchmark counts that as refused.
        UnavailableError: when no weights, or what runs them, are installed.
    """
    fusion = Fuser(method="neural").fuse(inputs.mono, inputs.color)
    return Output(fusion.pixels, fusion.confidence)


def unavailable(name: str) -> UnavailableError | None:
    """Why a method of the table cannot run on this machine; None where it can."""
    if METHODS[name].has_weights:
        try:
            Fuser(method=name)
        except UnavailableError as error:
            return error
    return None


def _blind(method: Callable[[Inputs], Output]) -> Callable[[Inputs, Truth], Output]:
    """A method that is never shown the truth."""
    return lambda inputs, _truth: method(inputs)


OWN_SOURCE = "this project"
"""The source of our own methods."""
_SAME = "gain, non-local means, denoised mono; "

METHODS: Mapping[str, Entry] = MappingProxyType(
    {
        "brightened": Entry("Brightened color", _blind(brightened), "habit", "gain and bicubic; mono unused"),
        "gray": Entry("Mono alone", _blind(gray), "habit", "denoised mono; color unused"),
        "chroma": Entry("Unaligned chroma", _blind(chroma), "habit", _SAME + "no alignment"),
        "homography": Entry(
            "Homography", _blind(homography), "Lowe 2004; Fischler and Bolles 1981", _SAME + "SIFT, RANSAC"
        ),
        "dis": Entry("DIS flow", _blind(dis), "Kroeger et al. 2016", _SAME + "DIS"),
        "sgbm": Entry("SGBM", _blind(sgbm), "Hirschmueller 2008", _SAME + "StereoSGBM, for rectified pairs"),
        "joint-bilateral": Entry(
            "DIS + joint bilateral",
            _blind(joint_bilateral),
            "Kopf et al. 2007",
            _SAME + "DIS, joint bilateral",
        ),
        "guided": Entry(
            "DIS + guided filter", _blind(guided), "He et al. 2013", _SAME + "DIS, guided filter"
        ),
        "levin": Entry(
            "Levin colorization",
            _blind(levin),
            "Levin et al. 2004",
            _SAME + "DIS matches as hints, guided filter",
        ),
        "brovey": Entry("DIS + Brovey", _blind(brovey), "Gillespie et al. 1987", _SAME + "DIS, Brovey"),
        "gram-schmidt": Entry(
            "DIS + Gram-Schmidt", _blind(gram_schmidt), "Laben and Brower 2000", _SAME + "DIS, Gram-Schmidt"
        ),
        "lrgb": Entry(
            "DIS + LRGB in Lab", _blind(lrgb), "astrophotography", _SAME + "DIS, L of mono, a b of color"
        ),
        "classical": Entry(
            "dualcam classical", _blind(classical), OWN_SOURCE, "the program's own method without weights"
        ),
        "neural": Entry(
            "dualcam neural",
            _blind(neural),
            OWN_SOURCE,
            "the program's own method: three networks",
            has_weights=True,
        ),
        "oracle": Entry(
            "Oracle alignment", oracle, "true disparity", _SAME + "the true disparity", needs_disparity=True
        ),
    }
)


def select(names: str) -> tuple[str, ...]:
    """Turn the user's choice into method names, in the table's order and without repeats.

    Args:
        names: "all" (that can run here), "baselines" (all but our own two), or a comma-separated list of names.

    Raises:
        UsageError: for an unknown name or an empty list.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    groups = {
        "all": [name for name in METHODS if unavailable(name) is None] if "all" in wanted else [],
        "baselines": [name for name, entry in METHODS.items() if entry.source != OWN_SOURCE],
    }
    chosen = {name for item in wanted for name in groups.get(item, [item])}
    unknown = [name for name in wanted if name not in METHODS and name not in groups]
    if unknown or not chosen:
        what = f"there is no method {unknown[0]!r}" if unknown else "no method was named"
        raise UsageError(f"{what}.", f"Use all, baselines, or some of {', '.join(METHODS)}.")
    return tuple(name for name in METHODS if name in chosen)
