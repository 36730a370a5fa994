"""The owner's pairs: cut into pieces, made darker, and walked through the program's own hops up to refEC.

What refEC should make of a darkened picture is what it makes of the picture as shot, in better light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.camera.measure import CLIPPED, Measured, measure
from dualcam.classical import exposure
from dualcam.errors import InputError
from dualcam.frame import Exposed, FloatArray, Frame, Pair, Tone
from dualcam.neural import features
from dualcam.neural.method import Neural, expose
from dualcam.neural.network import Whole
from dualcam.rig import mapping, warp
from dualcam.rig.matching import Match, match, match_grid
from dualcam.rig.place import place
from dualcam.training import darker
from dualcam.training.darker import SampleNoise

LEVELS = (600.0, 200.0, 60.0)
"""Electrons in the brightest parts of a color picture at which held-back pairs are scored, from dusk to dark."""
LEAST_ELECTRONS = 4 * LEVELS[0]
"""A picture with fewer is no target: darkened, it would be what it is."""
# What is learned from begins over the first level and ends under the last.
_DARKEST, _LIGHTEST = 40.0, 1500.0
# Mono is made noisier at random, down to so many electrons at the most, but not beyond this factor.
_MONO_ELECTRONS, _MOST_GRAIN = 250.0, 16.0
# Sides of a piece, in mono and in color pixels, at least.
_SIDE, _COLOR_SIDE = 512, 128
_LEAST_COLOR = 100
# Pixels around a clipped sample that a demosaic takes it to.
_SPREAD = np.ones((5, 5), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Owned:
    """One pair of the owner's.

    Attributes:
        name: of its color file.
        pair: the two frames, placed; color with a mosaic.
        noise: of the mosaic's samples.
        electrons: in the brightest parts of color.
        row_known: what rows share was stated, not estimated.
    """

    name: str
    pair: Pair
    noise: SampleNoise
    electrons: float
    row_known: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What hops 3 and 4 know about a piece of a pair: what refEC and refColor begin with."""

    pair: Pair
    measured: Measured
    mono: FloatArray
    match: Match
    tone: Tone


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A darkened piece in the color view, padded so that its mosaic begins with red.

    Attributes:
        planes: (11, h, w) float16, ``EC_PLANES``.
        target: (3, h, w) float16, display.
        known: (1, h, w) bool, where the target is one: nothing is clipped.
    """

    planes: NDArray[np.float16]
    target: NDArray[np.float16]
    known: NDArray[np.bool_]


def own(mono: Frame, color: Frame, name: str, row: float | None = None) -> Owned:
    """Place a pair, and see whether it can be learned from.

    Args:
        mono: the mono picture.
        color: the color picture.
        name: of the color file, for messages.
        row: what the samples of a row share, electrons rms, where it is known.

    Raises:
        InputError: color is no mosaic, states no noise, or has too few pixels or electrons.
        PlacementError: the two cannot be placed on each other.
    """
    if color.mosaic is None:
        raise InputError(
            f"{name} is no raw file: of finished colors no darker picture can be made.",
            "Use raw files of the color camera.",
        )
    if color.noise is None:
        raise InputError(
            f"{name} does not say how noisy its sensor is, and an estimate from the picture is not good enough.",
            "Measure the sensor once with `dualcam sensor`, and name its file with --color-sensor.",
        )
    if min(color.pixels.shape[:2]) < _LEAST_COLOR:
        raise InputError(f"{name} is under {_LEAST_COLOR} pixels high or wide.", "Use whole pictures.")
    known = darker.stated(color, row)
    count = darker.electrons(color, known)
    if count < LEAST_ELECTRONS:
        raise InputError(
            f"{name} is too dark to learn from: about {count:.0f} electrons in its brightest parts, "
            f"{LEAST_ELECTRONS:.0f} are needed.",
            "Shoot some pairs in better light, or exposed longer.",
        )
    return Owned(name, Pair(mono, color, place(mono, color)), known, count, row is not None)


def of_one_camera(pairs: Sequence[Owned]) -> list[Owned]:
    """The same pairs; what rows share, where it was estimated, is the median of all: of one picture it says little."""
    row = median(one.noise.row for one in pairs) if pairs else 0.0
    return [one if one.row_known else replace(one, noise=replace(one.noise, row=row)) for one in pairs]


def pieces(owned: Owned, count: int, rng: np.random.Generator) -> list[Pair]:
    """Cut squares at random places that both cameras see; small pictures stay whole.

    Args:
        owned: the pair.
        count: how many.
        rng: where they lie.

    Raises:
        InputError: the two pictures share too little.
    """
    pair = owned.pair
    whole = mapping.of(pair)
    height, width = pair.mono.pixels.shape[:2]
    side = max(_SIDE, round(_COLOR_SIDE * pair.placement.scale))
    sides = min(side, height), min(side, width)
    found = []
    for _ in range(20 * count):
        y, x = (int(rng.integers(length - s + 1)) for length, s in zip((height, width), sides, strict=True))
        cut = _cut(pair, whole, (y, x), sides)
        if cut is not None:
            found.append(cut)
        if len(found) == count:
            break
    if not found:
        raise InputError(f"{owned.name} and its mono picture share too little.", "Leave this pair out.")
    return found


def _cut(pair: Pair, whole: mapping.Mapping, corner: tuple[int, int], sides: tuple[int, int]) -> Pair | None:
    """A window of mono, and the part of color that the placement finds for it; None if that is too small."""
    y, x = corner
    # A sixteenth inside the window, so that mono shows what parallax moves at the edge of color.
    here = warp.centers(8, 8) * np.array([sides[1] / 8, sides[0] / 8], np.float32)
    there = whole.to_color(here + np.array([x, y], np.float32)).reshape(-1, 2)
    height, width = pair.color.pixels.shape[:2]
    # Beginning at even pixels the mosaic begins with the same color.
    left, top = (2 * int(max(0, np.floor(v)) // 2) for v in there.min(0))
    right, bottom = (
        int(min(size, np.ceil(v))) for size, v in zip((width, height), there.max(0), strict=True)
    )
    if min(right - left, bottom - top) < _LEAST_COLOR:
        return None
    matrix, _ = cv2.findHomography(here.reshape(-1, 2), there - np.array([left, top], np.float32))
    if matrix is None:
        return None
    # Over a piece a bend is a homography, nearly.
    placement = replace(pair.placement, matrix=matrix, bend=None, epipolar=None)
    mosaic = pair.color.mosaic
    assert mosaic is not None
    window = np.s_[top:bottom, left:right]
    samples = np.ascontiguousarray(mosaic.samples[window])
    color = replace(
        pair.color,
        pixels=np.ascontiguousarray(pair.color.pixels[window]),
        mosaic=replace(mosaic, samples=samples),
    )
    pixels = np.ascontiguousarray(pair.mono.pixels[y : y + sides[0], x : x + sides[1]])
    return Pair(replace(pair.mono, pixels=pixels), color, placement)


def darkened(pair: Pair, noise: SampleNoise, count: float, left: float, rng: np.random.Generator) -> Pair:
    """A piece as if less light had reached both cameras.

    Args:
        pair: the piece.
        noise: of the color samples.
        count: electrons in the brightest parts of color.
        left: how many are to be left.
        rng: the source of randomness.
    """
    color = darker.shortened(pair.color, noise, max(1.0, count / left), rng)
    model = measure(pair.mono, pair.color).mono_noise
    bright = float(np.percentile(pair.mono.pixels, 99)) / max(model.shot, 1e-9)
    most = float(np.clip(bright / _MONO_ELECTRONS, 1, _MOST_GRAIN))
    return Pair(darker.grainier(pair.mono, model, float(rng.uniform(1, most)), rng), color, pair.placement)


def see(pair: Pair) -> Seen:
    """Walk hops 3 and 4 as ``fusion.preparation`` does, with the placement at hand."""
    measured = measure(pair.mono, pair.color)
    grid = match_grid(pair)
    small = warp.resize(measured.mono_clean, grid.height, grid.width)
    rough = exposure.rough_tone(pair)
    found = match(grid, encode(small), exposure.rough_luma(pair.color.pixels, rough), twice=True)
    return Seen(pair, measured, small, found, exposure.fine_tone(pair, small, found, rough))


def fed(seen: Seen) -> features.EcInput:
    """What refEC gets of a piece."""
    return features.ec_input(seen.pair, seen.measured, seen.mono, seen.match, seen.tone)


def fuse(seen: Seen, refec: Whole, method: Neural) -> FloatArray:
    """The result of a piece with one refEC and a method's refColor and refSR: (H, W, 3) display."""
    given = fed(seen)
    exposed = Exposed(expose(refec, given), given.sigma, seen.tone)
    colored = method.ref_color(seen.mono, exposed, seen.match.one_way())
    # A copy: refSR uses denoised mono up.
    pixels, _ = method.ref_sr(colored, replace(seen.measured))
    return encode(pixels)


def examples(
    pairs: Sequence[Pair], owned: Owned, teacher: Whole, draws: int, rng: np.random.Generator
) -> list[Example]:
    """Darken every piece several times.

    Args:
        pairs: pieces of a pair.
        owned: the pair.
        teacher: the refEC whose pictures of the pieces as shot are the targets.
        draws: how many times; from the lightest to the darkest.
        rng: the source of randomness.
    """
    out = []
    for pair in pairs:
        bright = fed(see(pair))
        target = _padded(np.moveaxis(expose(teacher, bright), -1, 0), bright.phase)
        known = _padded(_unclipped(pair)[None], bright.phase)
        for draw in range(draws):
            share = (draw + rng.random()) / draws
            left = _LIGHTEST * (_DARKEST / _LIGHTEST) ** share
            dark = fed(see(darkened(pair, owned.noise, owned.electrons, left, rng)))
            planes = _padded(np.stack([np.asarray(p, np.float32) for p in dark.planes]), dark.phase)
            out.append(Example(planes.astype(np.float16), target.astype(np.float16), known))
    return out


def _unclipped(pair: Pair) -> NDArray[np.bool_]:
    """Where neither color is clipped nor what a demosaic took from there: (h, w)."""
    assert pair.color.mosaic is not None
    hot = (pair.color.mosaic.samples >= CLIPPED).astype(np.uint8)
    return np.asarray(cv2.dilate(hot, _SPREAD) == 0)


def _padded(planes: NDArray[Any], phase: tuple[int, int]) -> NDArray[Any]:
    return np.pad(planes, ((0, 0), (phase[0], 0), (phase[1], 0)), mode="edge")
