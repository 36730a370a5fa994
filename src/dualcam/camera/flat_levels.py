"""Which flats belong together: the same light, the same exposure, twice or more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dualcam.camera.pair_statistics import Samples, planes
from dualcam.errors import InputError

# Flats whose brightness differs by less are two of the same level.
_SAME_LEVEL = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture of the series.

    Attributes:
        name: for messages.
        load: gives its (H, W) DN, as the converter made them; called twice.
        exposure_s: exposure time in seconds, or None.
    """

    name: str
    load: Callable[[], Samples]
    exposure_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Flats of one brightness.

    Attributes:
        shots: two or more.
        exposure_s: their exposure time in seconds, or None.
    """

    shots: tuple[Shot, ...]
    exposure_s: float | None


def in_pairs(shots: tuple[Shot, ...]) -> list[tuple[Shot, Shot]]:
    """Two and two; an odd last one goes with the one before."""
    two = list(zip(shots[0::2], shots[1::2], strict=False))
    return [*two, (shots[-2], shots[-1])] if len(shots) % 2 else two


def group(
    flats: Sequence[Shot], pattern: str | None, black: list[float], least: float, notes: list[str]
) -> list[Level]:
    """Put flats of the same brightness (and exposure time, where it is stated) together, dark ones first.

    Args:
        flats: all of them.
        pattern: color filter of the first two rows, or None.
        black: DN without light of every color plane.
        least: DN over black that the brightest flat has to reach at least.
        notes: gets a remark about every flat that has no second one.

    Raises:
        InputError: no two have the same brightness, or they are no brighter than black.
    """
    signals = []
    for shot in flats:
        parts = planes(shot.load(), pattern)
        signals.append(
            float(np.mean([p.mean(dtype=np.float64) - b for p, b in zip(parts, black, strict=True)]))
        )
    ranked = sorted(zip(signals, flats, strict=True), key=lambda pair: (pair[0], pair[1].name))
    groups: list[list[tuple[float, Shot]]] = []
    for signal, shot in ranked:
        close = [
            g
            for g in groups
            if signal - g[0][0] <= _SAME_LEVEL * max(abs(g[0][0]), 1.0) and _same_time(g[0][1], shot)
        ]
        if close:
            close[-1].append((signal, shot))
        else:
            groups.append([(signal, shot)])
    for alone in groups:
        if len(alone) == 1:
            notes.append(f"{alone[0][1].name} has no second flat of its brightness and was left out")
    several = [g for g in groups if len(g) > 1]
    if not several:
        raise InputError(
            f"no two flats have the same brightness ({ranked[0][1].name} and the others).",
            "Take two or more at every level, with light and settings unchanged.",
        )
    if several[-1][-1][0] <= least:
        raise InputError(
            f"the flats are no brighter than the darks ({several[-1][-1][1].name}).",
            "Check that --flats and --darks are not swapped.",
        )
    return [Level(tuple(shot for _, shot in g), g[0][1].exposure_s) for g in several]


def _same_time(one: Shot, other: Shot) -> bool:
    if one.exposure_s is None or other.exposure_s is None:
        return True
    return abs(one.exposure_s - other.exposure_s) <= 0.01 * one.exposure_s
