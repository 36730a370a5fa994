"""The line through variance over mean, where it ends, and whether it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.pair_statistics import Samples
from dualcam.errors import InputError

# The line is fitted up to this share of saturation (EMVA 1288, section 6.6) and checked up to the second.
_RANGE, _CHECKED = 0.7, 0.85
# Samples at the largest value: saturation if they are this share, and this many times their neighbors below.
_PILE, _PILE_OVER = 1e-3, 3.0
# A point whose variance has collapsed to this share of the line's is saturated, if others saturate at the same level.
_COLLAPSED, _ALIKE = 0.15, 0.03
# Flats are saturated if all are equally bright and no noisier than the darks.
_ALL_CLIPPED, _NO_MORE = 0.97, 1.25
# So far may the variance of a level lie off the line.
_OFF_LINE = 0.3
_TIMES = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Point:
    """Patches of one level that are about equally bright.

    Attributes:
        mean: DN over black.
        variance: temporal, DN^2.
        count: number of patches.
        level: number of the level.
    """

    mean: float
    variance: float
    count: int
    level: int


@dataclass(frozen=True, slots=True)
class Top:
    """The upper end of one picture's samples.

    Attributes:
        highest: largest sample, DN over black.
        piled: whether samples gather there, so that it is the converter's or the pixels' end.
        step: smallest step between samples; 0 for floats.
    """

    highest: float
    piled: bool
    step: float


@dataclass(frozen=True, slots=True)
class Line:
    """Variance = offset + slope * mean.

    Attributes:
        slope: K, DN an electron.
        offset: variance in the dark, DN^2.
        until: DN over black up to which points were used.
        saturation: DN over black at which the samples end, or the brightest mean where none saturates.
        saturates: whether that is the sensor's end.
        error: rms deviation of the points that were used, relative.
        clipped_only: all points were near saturation.
    """

    slope: float
    offset: float
    until: float
    saturation: float
    saturates: bool
    error: float
    clipped_only: bool = False


def top(samples: Samples, black: float) -> Top:
    """Look at the upper end of one color plane of a flat, DN of any shape, without hot pixels."""
    if samples.dtype.kind not in "ui":
        highest = float(samples.max())
        piled = float((samples == highest).mean()) > _PILE
        return Top(highest - black, piled, 0.0)
    counts = np.bincount(samples.ravel())
    values = np.flatnonzero(counts)
    step = float(np.gcd.reduce(values)) if values.size > 1 else 1.0
    below = counts[values[-9:-1]].astype(float)
    piled = bool(
        counts[values[-1]] > max(_PILE * samples.size, _PILE_OVER * below.mean() if below.size else 0)
    )
    return Top(float(values[-1]) - black, piled, max(step, 1.0))


def ceiling(tops: Sequence[Top]) -> float | None:
    """Where the samples of a channel are cut off, DN over black; None if they are not."""
    highest = max(t.highest for t in tops)
    piled = [t.highest for t in tops if t.piled and t.highest >= highest * 0.98]
    return float(np.median(piled)) if piled else None


def fit(points: Sequence[Point], dark_variance: float, end: float | None) -> Line:
    """Fit the line through the dark variance.

    Args:
        points: of all levels.
        dark_variance: temporal variance without light, DN^2.
        end: DN over black at which samples are cut off, or None if they are not.

    Returns:
        The line; its slope may be 0 or less where the points are none of a linear sensor's.
    """
    mean, variance, count = (
        np.array([getattr(p, key) for p in points], float) for key in ("mean", "variance", "count")
    )
    # EMVA 1288 takes the largest variance for the beginning of saturation.
    peak = float(mean[variance.argmax()])
    highest = end if end is not None else float(mean.max())
    until = _RANGE * min(peak / _RANGE if peak < _RANGE * highest else highest, highest)
    use = _in_range(mean, until)
    slope = _slope(mean[use], variance[use], count[use], dark_variance)
    if end is None:
        end = _soft_end(mean, variance, dark_variance, slope)
    saturates = end is not None
    saturation = float(mean.max()) if end is None else end
    until = (_RANGE if saturates else 1.0) * saturation
    use = _in_range(mean, until)
    slope = _slope(mean[use], variance[use], count[use], dark_variance)
    off = variance[use] / np.maximum(dark_variance + slope * mean[use], 1e-12) - 1
    error = float(np.sqrt(np.average(off**2, weights=count[use])))
    return Line(slope, dark_variance, until, saturation, saturates, error, bool(mean[use].min() > until))


def check(points: Sequence[Point], line: Line, names: Sequence[Sequence[str]]) -> None:
    """Refuse what is no straight line.

    Args:
        points: of all levels.
        line: its fit.
        names: the files of every level.

    Raises:
        InputError: all flats are saturated, the variance does not grow with the mean, or that of some level does
            not fit the others.
    """
    means = [p.mean for p in points]
    if min(means) > _ALL_CLIPPED * max(means) and max(p.variance for p in points) <= _NO_MORE * line.offset:
        raise InputError(
            f"every flat is saturated ({names[0][0]} and others).",
            "Take darker ones, down to 1 % of full scale.",
        )
    below = [p for p in points if p.mean <= _CHECKED * line.saturation]
    off = {}
    for level in sorted({p.level for p in below}):
        own = [p for p in below if p.level == level]
        ratio = [p.variance / max(line.offset + line.slope * p.mean, 1e-12) for p in own]
        off[level] = float(np.median(ratio)) if line.slope > 0 else 0.0
    wrong = [level for level, ratio in off.items() if abs(ratio - 1) > _OFF_LINE]
    if line.slope <= 0 or len(wrong) > max(1, len(off) // 3):
        first = names[wrong[0] if wrong else points[0].level][0]
        raise InputError(
            "the noise of the flats does not grow with their brightness as it does in a linear sensor "
            f"({first} and others).",
            "Give raw files, or files without a transfer curve (no sRGB pictures, nothing denoised or sharpened), of "
            "an unchanging light; check that every flat was taken with the same gain (ISO).",
        )
    if wrong:
        level = wrong[0]
        raise InputError(
            f"{' and '.join(names[level][:2])} do not fit the other flats: their noise is {off[level]:.2g} times what "
            "their brightness lets expect.",
            "Leave them out, or take them again: the same camera, gain (ISO) and place, nothing moving, light "
            "unchanged, no transfer curve.",
        )


def linearity(signals: Sequence[float], times: Sequence[float | None], saturation: float) -> float | None:
    """Linearity error (EMVA 1288, section 6.7): mean relative deviation of the signal from a line over exposure.

    Args:
        signals: DN over black of every level.
        times: exposure times in seconds.
        saturation: DN over black; levels between 5 and 95 % of it count.

    Returns:
        None with fewer than three exposure times in that range.
    """
    low, high = (share * saturation for share in _TIMES)
    known = [(t, s) for t, s in zip(times, signals, strict=True) if t is not None and low <= s <= high]
    if len({t for t, _ in known}) < 3:
        return None
    time, signal = (np.array(column) for column in zip(*known, strict=True))
    design = np.stack([time, np.ones_like(time)], axis=1) / signal[:, None]
    factors, *_ = np.linalg.lstsq(design, np.ones_like(signal), rcond=None)
    return float(np.abs(design @ factors - 1).mean())


def _in_range(mean: NDArray[np.float64], until: float) -> NDArray[np.bool_]:
    use = (mean <= until) & (mean > 0)
    if not use.any():  # nothing else is there
        use = mean <= max(float(mean.min()), until)
    return use


def _slope(
    mean: NDArray[np.float64], variance: NDArray[np.float64], count: NDArray[np.float64], dark: float
) -> float:
    """Slope of a line through (0, dark), weighted by how well every variance is known, outliers less."""
    signal = variance - dark
    weight = count / np.maximum(variance, 1e-12) ** 2
    slope = 0.0
    for _ in range(10):
        slope = float((weight * mean * signal).sum() / max((weight * mean**2).sum(), 1e-30))
        expected = np.maximum(dark + max(slope, 0.0) * mean, 1e-12)
        off = np.abs(variance / expected - 1)
        scale = max(1.4826 * float(np.median(off)), 1e-4)
        weight = count / expected**2 * np.minimum(1.0, 2 * scale / np.maximum(off, 1e-12))
    return slope


def _soft_end(
    mean: NDArray[np.float64], variance: NDArray[np.float64], dark: float, slope: float
) -> float | None:
    """Saturation of the pixels under the converter's end, where read noise goes on: variance collapses there."""
    if slope <= 0:
        return None
    collapsed = (variance - dark < _COLLAPSED * slope * mean) & (mean > 0.5 * mean.max())
    if not collapsed.any():
        return None
    ends = mean[collapsed]
    if ends.max() - ends.min() > _ALIKE * ends.max():
        return None
    return float(np.median(ends))
