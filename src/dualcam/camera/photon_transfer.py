"""Photon transfer: gain, read noise and full well of a sensor from pairs of flats and darks.

Light arrives in electrons with Poisson statistics, so that the variance of a linear sensor's DN grows with their mean:
variance = dark variance + K (mean - black). The slope is the system gain K in DN an electron. Sources: EMVA Standard
1288, release 3.1 (2016), sections 2 and 6: the linear camera model, the range of the fit (to 70 % of saturation),
rounding of 1/12 DN^2, linearity error, nonuniformities; J. R. Janesick, Photon Transfer, SPIE Press 2007.

Unlike EMVA 1288, which wants an even light, every patch of 8 x 8 pixels stands for itself: where light falls off
over the picture, the patches lie at different places of the same line. Medians over patches keep hot pixels, dust and
passing insects out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.camera import transfer_fit
from dualcam.camera.flat_levels import Level, Shot, group, in_pairs
from dualcam.camera.pair_statistics import (
    MEDIAN_OVER_MEAN,
    Mask,
    Patches,
    compare,
    hot_pixels,
    planes,
    row_variance,
    without_rows,
)
from dualcam.camera.sensor_model import MONO, Channel
from dualcam.camera.transfer_fit import Line, Point, Top, top
from dualcam.errors import InputError

# Bins of patches by brightness in one level: as many as there are so many patches for, and no more than the second.
_PATCHES_A_BIN, _MOST_BINS = 150, 8
_CLIPPED_DARKS = 0.01
_FEW_LEVELS = 4
# The brightest flats have to stand this many deviations of the dark noise over black.
_LEAST_SIGNAL = 3.0
# Under this dark variance (in squared steps of the converter) rounding hides the noise (EMVA 1288, section 6.6).
_ROUNDED_AWAY = 0.24


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """What a series says about its sensor.

    Attributes:
        black_dn: DN without light, of every color plane: one number or four.
        channels: "mono", or "R", "G" and "B".
        pooled: all together.
        points: variance over mean by channel, for a plot.
        lines: the fits by channel.
        notes: remarks for the user.
    """

    black_dn: tuple[float, ...]
    channels: Mapping[str, Channel]
    pooled: Channel
    points: Mapping[str, tuple[Point, ...]]
    lines: Mapping[str, Line]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Dark:
    """Of one channel without light, DN^2: temporal variance in patches, that of rows, that of the fixed pattern."""

    patch: float
    row: float
    fixed: float

    @property
    def total(self) -> float:
        return without_rows(self.patch, self.row) + self.row


def measure(flats: Sequence[Shot], darks: Sequence[Shot], pattern: str | None = None) -> Transfer:
    """Measure a sensor.

    Args:
        flats: pictures of an even, unchanging light, out of focus; two or more at every level of brightness.
        darks: two or more pictures without light.
        pattern: color filter of the first two rows, such as "RGGB"; None for a monochrome sensor.

    Raises:
        InputError: too few pictures, no two flats of one brightness, flats no brighter than the darks, or a variance
            that does not grow with the mean as it does in a linear sensor; names the files.
    """
    if len(darks) < 2:
        raise InputError(
            "there are fewer than two darks.",
            "Take two or more with the lens cap on, at the flats' settings.",
        )
    if len(flats) < 2:
        raise InputError("there are fewer than two flats.", "Take two or more at every level of brightness.")
    notes: list[str] = []
    black, hot, dark = _darks(darks, pattern, notes)
    noise = max(np.sqrt(part.patch) for part in dark.values())
    levels = group(flats, pattern, black, _LEAST_SIGNAL * noise, notes)
    names = _names(pattern)
    points, spatial, tops = _lit(levels, pattern, black, hot, dark)
    order = [MONO] if pattern is None else ["R", "G", "B"]
    lines: dict[str, Line] = {}
    for name in order:
        lines[name] = transfer_fit.fit(points[name], dark[name].patch, transfer_fit.ceiling(tops[name]))
        transfer_fit.check(points[name], lines[name], [[s.name for s in level.shots] for level in levels])
    step = min(end.step for ends in tops.values() for end in ends)
    times = [level.exposure_s for level in levels]
    offset = {name: np.mean([b for b, n in zip(black, names, strict=True) if n == name]) for name in order}
    channels = {
        name: _channel(lines[name], dark[name], float(offset[name]), spatial[name], times, step)
        for name in order
    }
    everything = tuple(p for name in order for p in points[name])
    if len(order) == 1:
        pooled = channels[MONO]
    else:
        pooled = _pooled(channels, lines, dark, everything, float(np.mean(black)), step)
        lines["all"] = _together(lines, dark, everything)
    _remark(notes, channels, lines, dark, levels, step)
    return Transfer(
        tuple(float(b) for b in black),
        channels,
        pooled,
        {name: tuple(points[name]) for name in order},
        lines,
        tuple(notes),
    )


def _names(pattern: str | None) -> list[str]:
    """The channel of every color plane."""
    return [MONO] if pattern is None else list(pattern)


def _lit(
    levels: list[Level], pattern: str | None, black: list[float], hot: list[Mask], dark: Mapping[str, _Dark]
) -> tuple[dict[str, list[Point]], dict[str, list[tuple[float, float]]], dict[str, list[Top]]]:
    """Of the flats, by channel: points of the line; signal and fixed pattern of every level; where samples end."""
    names = _names(pattern)
    points: dict[str, list[Point]] = {name: [] for name in names}
    spatial: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    tops: dict[str, list[Top]] = {name: [] for name in names}
    for number, level in enumerate(levels):
        gathered: dict[str, list[Patches]] = {name: [] for name in names}
        for first, second in in_pairs(level.shots):
            both = [planes(shot.load(), pattern) for shot in (first, second)]
            for site, name in enumerate(names):
                one, two = both[0][site], both[1][site]
                gathered[name].append(compare(one, two, black[site], hot[site], lit=True))
                tops[name].append(top(one[~hot[site]], black[site]))
        for name, parts in gathered.items():
            patches = _joined(parts)
            points[name] += _binned(patches, dark[name].patch, number)
            spatial[name].append((float(np.median(patches.mean)), _fixed(patches)))
    return points, spatial, tops


def _joined(parts: list[Patches]) -> Patches:
    return Patches(*(np.concatenate([getattr(part, key) for part in parts]) for key in Patches.__slots__))


def _darks(
    darks: Sequence[Shot], pattern: str | None, notes: list[str]
) -> tuple[list[float], list[Mask], dict[str, _Dark]]:
    """Black level and hot pixels of every plane, and the dark noise of every channel."""
    total: list[NDArray[np.float64]] = []
    clipped = []
    for shot in darks:
        parts = planes(shot.load(), pattern)
        total = (
            [t + p for t, p in zip(total, parts, strict=True)]
            if total
            else [p.astype(np.float64) for p in parts]
        )
        clipped.append(float(np.mean([(p <= 0).mean() for p in parts])))
    means = [(t / len(darks)).astype(np.float32) for t in total]
    hot = [hot_pixels(mean) for mean in means]
    black = [float(mean[~mask].mean(dtype=np.float64)) for mean, mask in zip(means, hot, strict=True)]
    if max(clipped) > _CLIPPED_DARKS:
        notes.append(
            f"{max(clipped):.0%} of the samples of the darks are 0: noise is cut off there, black level and read noise "
            "are not what they seem; raise the camera's black level (offset) if it has such a setting"
        )
    share = float(np.mean([mask.mean() for mask in hot]))
    if share > 1e-3:
        notes.append(f"{share:.2%} of the pixels are hot or dead and were left out")
    names = _names(pattern)
    found: dict[str, list[tuple[Patches, float]]] = {name: [] for name in names}
    for first, second in in_pairs(tuple(darks)):
        both = [planes(shot.load(), pattern) for shot in (first, second)]
        for site, name in enumerate(names):
            patches = compare(both[0][site], both[1][site], black[site], hot[site], lit=False)
            variance = float(np.median(patches.temporal)) / MEDIAN_OVER_MEAN
            found[name].append((patches, row_variance(both[0][site], both[1][site], variance)))
    dark = {}
    for name, parts_found in found.items():
        every = _joined([patches for patches, _ in parts_found])
        patch = float(np.median(every.temporal)) / MEDIAN_OVER_MEAN
        dark[name] = _Dark(patch, float(np.mean([row for _, row in parts_found])), _fixed(every))
    return black, hot, dark


def _binned(patches: Patches, dark_variance: float, level: int) -> list[Point]:
    order = np.argsort(patches.mean, kind="stable")
    bins = int(np.clip(order.size // _PATCHES_A_BIN, 1, _MOST_BINS))
    points = []
    for part in np.array_split(order, bins):
        mean, temporal = patches.mean[part], patches.temporal[part]
        middle = float(np.median(mean))
        # A median is that of the bin's middle only if all patches are brought to its brightness first.
        rise = max(float(np.median(temporal)) - dark_variance, 0.0) / max(middle, 1e-6)
        expected = np.maximum(dark_variance + rise * np.maximum(mean, 0.0), 1e-12)
        brought = temporal * max(dark_variance + rise * middle, 1e-12) / expected
        points.append(Point(middle, float(np.median(brought)) / MEDIAN_OVER_MEAN, int(part.size), level))
    return points


def _fixed(patches: Patches) -> float:
    """Variance of the fixed pattern, DN^2: mean over the patches without the outermost 1 % at both ends."""
    ordered = np.sort(patches.spatial)
    cut = ordered.size // 100
    return max(float(ordered[cut : ordered.size - cut].mean()), 0.0)


def _channel(
    line: Line,
    dark: _Dark,
    black: float,
    spatial: list[tuple[float, float]],
    times: list[float | None],
    step: float,
) -> Channel:
    gain = line.slope
    usable = [(signal, fixed) for signal, fixed in spatial if signal <= line.until]
    prnu = None
    if usable:
        signal, fixed = max(usable)
        prnu = float(np.sqrt(max(fixed - dark.fixed, 0.0)) / signal)
    signals = [signal for signal, _ in spatial]
    return Channel(
        gain_dn_per_e=gain,
        read_noise_dn=float(np.sqrt(dark.total)),
        read_noise_e=float(np.sqrt(max(dark.total - step**2 / 12, 0.0)) / gain),
        row_noise_e=float(np.sqrt(dark.row) / gain),
        full_well_e=line.saturation / gain,
        saturation_dn=line.saturation + black if line.saturates else None,
        prnu=prnu,
        dsnu_e=float(np.sqrt(dark.fixed) / gain),
        linearity_error=transfer_fit.linearity(signals, times, line.saturation),
        fit_error=line.error,
    )


def _together(lines: Mapping[str, Line], dark: Mapping[str, _Dark], points: tuple[Point, ...]) -> Line:
    variance = float(np.mean([dark[name].patch for name in lines]))
    known = [line.saturation for line in lines.values() if line.saturates]
    return transfer_fit.fit(list(points), variance, min(known) if known else None)


def _pooled(
    channels: Mapping[str, Channel],
    lines: Mapping[str, Line],
    dark: Mapping[str, _Dark],
    points: tuple[Point, ...],
    black: float,
    step: float,
) -> Channel:
    line = _together(lines, dark, points)

    def root_mean(numbers: list[float]) -> float:
        return float(np.sqrt(np.mean(np.square(numbers))))

    every = list(channels.values())
    total = float(np.mean([dark[name].total for name in channels]))
    prnu = [c.prnu for c in every if c.prnu is not None]
    linear = [c.linearity_error for c in every if c.linearity_error is not None]
    return Channel(
        gain_dn_per_e=line.slope,
        read_noise_dn=float(np.sqrt(total)),
        read_noise_e=float(np.sqrt(max(total - step**2 / 12, 0.0)) / line.slope),
        row_noise_e=root_mean([c.row_noise_e for c in every]),
        full_well_e=line.saturation / line.slope,
        saturation_dn=line.saturation + black if line.saturates else None,
        prnu=root_mean(prnu) if prnu else None,
        dsnu_e=root_mean([c.dsnu_e for c in every]),
        linearity_error=max(linear) if linear else None,
        fit_error=line.error,
    )


def _remark(
    notes: list[str],
    channels: Mapping[str, Channel],
    lines: Mapping[str, Line],
    dark: Mapping[str, _Dark],
    levels: list[Level],
    step: float,
) -> None:
    if len(levels) < _FEW_LEVELS:
        notes.append(
            f"only {len(levels)} level(s) of brightness: take six or more, so that the line can be checked"
        )
    if all(channel.saturation_dn is None for channel in channels.values()):
        notes.append(
            "no flat is bright enough to saturate: full well is at least what is stated; add a pair that clips"
        )
    elif any(channel.saturation_dn is None for channel in channels.values()):
        names = ", ".join(name for name, channel in channels.items() if channel.saturation_dn is None)
        notes.append(f"no flat saturates {names}: full well of it is at least what is stated")
    if any(line.clipped_only for line in lines.values()):
        notes.append(
            "every flat is near saturation: the gain rests on flats that are partly clipped; add darker ones"
        )
    if any(part.patch < _ROUNDED_AWAY * step**2 for part in dark.values()):
        notes.append(
            "the darks hardly vary: read noise is hidden by the converter's rounding, and is only a rough number"
        )
    if all(channel.linearity_error is None for channel in channels.values()):
        notes.append(
            "linearity was not measured: that takes three or more exposure times, stated in the files"
        )
