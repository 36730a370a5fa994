"""The methods of the benchmark: one explicit table, every line a plain function.

A method gets ``Inputs`` and nothing else. The oracle alone is handed the truth, of which it uses the disparity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dualcam.errors import UsageError
from dualcam.evaluation.baselines.brightened import brightened
from dualcam.evaluation.baselines.chroma import chroma
from dualcam.evaluation.baselines.gray import gray
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
    """

    title: str
    run: Callable[[Inputs, Truth], Output]
    source: str
    note: str
    needs_disparity: bool = False


def classical(inputs: Inputs) -> Output:
    """Our classical method on the two frames, with its confidence: (H, W, 3) linear in [0, 1].

    Raises:
        PlacementError: when the two pictures cannot be placed on each other; the benchmark counts that as refused.
    """
    fusion = Fuser(method="classical").fuse(inputs.mono, inputs.color)
    return Output(fusion.pixels, fusion.confidence)


def _blind(method: Callable[[Inputs], Output]) -> Callable[[Inputs, Truth], Output]:
    """A method that is never shown the truth."""
    return lambda inputs, _truth: method(inputs)


METHODS: Mapping[str, Entry] = MappingProxyType(
    {
        "brightened": Entry(
            "Brightened color", _blind(brightened), "habit", "gain, bicubic; no mono, no denoising"
        ),
        "gray": Entry("Mono alone", _blind(gray), "habit", "denoised mono; no color"),
        "chroma": Entry("Mono + unaligned chroma", _blind(chroma), "habit", "gain, NLM; no alignment"),
        "classical": Entry(
            "dualcam classical", _blind(classical), "this project", "the program's own method"
        ),
    }
)


def select(names: str) -> tuple[str, ...]:
    """Turn the user's choice into method names, in the table's order and without repeats.

    Args:
        names: "all", "baselines" (all but our own), or a comma-separated list of names.

    Raises:
        UsageError: for an unknown name or an empty list.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    groups = {"all": list(METHODS), "baselines": [name for name in METHODS if name != "classical"]}
    chosen = {name for item in wanted for name in groups.get(item, [item])}
    unknown = [name for name in wanted if name not in METHODS and name not in groups]
    if unknown or not chosen:
        what = f"there is no method {unknown[0]!r}" if unknown else "no method was named"
        raise UsageError(f"{what}.", f"Use all, baselines, or some of {', '.join(METHODS)}.")
    return tuple(name for name in METHODS if name in chosen)
