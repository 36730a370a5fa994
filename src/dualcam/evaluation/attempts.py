"""Methods on captures in memory, for the protocols beside NIGHT: which rows belong together, what a refusal leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from dualcam.errors import InputError, PlacementError, UsageError
from dualcam.evaluation import fingerprint
from dualcam.evaluation import methods as table
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.evaluation.resume import Job
from dualcam.frame import FloatArray


def sorted_out(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Check names of methods, and put those with weights apart: (without weights, with weights).

    Raises:
        UsageError: an unknown method, or one that needs a true disparity.
        UnavailableError: a method that cannot run on this machine.
    """
    for name in names:
        if name not in table.METHODS or table.METHODS[name].needs_disparity:
            raise UsageError(f"the method {name!r} cannot run here.", "Use one that needs no true disparity.")
        if (reason := table.unavailable(name)) is not None:
            raise reason
    networks = tuple(name for name in names if table.METHODS[name].has_weights)
    return tuple(name for name in names if name not in networks), networks


def available(names: Iterable[str]) -> tuple[str, ...]:
    """Those of a protocol's own methods that can run on this machine."""
    return tuple(name for name in names if table.unavailable(name) is None)


def parts(job: Job, rivals: Sequence[str], networks: Sequence[str]) -> list[Job]:
    """Split a capture's work: one part for all methods without weights, one for each method with weights.

    New weights then make the rows of that method alone anew.
    """
    return [*([job] if rivals else []), *(part(job, name) for name in networks)]


def part(job: Job, method: str) -> Job:
    """The part of a capture's work that is one method's, which knows the shipped weights if it may need them."""
    # A name that the table lacks, such as "auto", may stand for any method.
    without = method in table.METHODS and not table.METHODS[method].has_weights
    return replace(job, part=method, weights=None if without else fingerprint.PACKAGE / fingerprint.WEIGHTS)


def wanted(job: Job, rivals: Sequence[str]) -> tuple[str, ...]:
    """The methods whose rows a part of ``parts`` holds."""
    return (job.part,) if job.part else tuple(rivals)


def attempt(
    run: Callable[[Inputs, Truth], Output], inputs: Inputs, truth: Truth
) -> tuple[FloatArray, str | None]:
    """Run a method: (H, W, 3) linear, and why it refused, or None.

    What a refusing method leaves is the mono picture in gray.
    """
    try:
        return run(inputs, truth).pixels, None
    except (PlacementError, InputError) as error:
        return np.repeat(inputs.mono.pixels, 3, axis=2), error.cause
