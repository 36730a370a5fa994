"""One capture of known truth, taken apart: what every module of the chain gets, captured and perfect.

The modules are those of the paper: refEC (exposure), refColor (alignment), refSR (resolution). A module is tested
alone on perfect input from the ones before it, and the chain with some of its modules replaced by perfect ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import decode, encode
from dualcam.camera.sensor import bin_average
from dualcam.evaluation import protocol
from dualcam.evaluation.baselines import colorization
from dualcam.evaluation.case import Inputs
from dualcam.evaluation.visibility import regions
from dualcam.files.read import from_array
from dualcam.frame import Colored, Exposed, FloatArray, Frame, Pair, Placement, Provenance, Tone
from dualcam.fusion.preparation import Prepared
from dualcam.rig import mapping, warp
from dualcam.rig.mapping import Mapping
from dualcam.rig.matching import Grid, Match, Second, match
from dualcam.rig.place import place

TRUE_TONE = Tone(gain=1.0, exponent=1.0, weights=protocol.MONO_WEIGHTS)
"""Color as bright as mono, and the mono camera's real response: what a perfect refEC would have found."""

# The least noise that refEC ever reports; perfect color has none.
_CLEAN = np.float32(2e-4)


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """A capture and what is true about it. Sizes: (H, W) = scale * (h, w).

    Attributes:
        scale: mono pixels per color pixel.
        whole: (H, W, 3) linear, the mono view: the truth, what refSR should make.
        mono: (H, W) linear, what the mono camera would see without noise.
        small: (h, w) linear, the same averaged to the color camera's resolution.
        color: (h, w, 3) linear, the color view without noise, as bright as mono: what refEC should make.
        aligned: (h, w, 3) linear, the mono view at that resolution: what refColor should make.
        inputs: the capture, as a method gets it.
        beside: the same capture if the color camera stood where the mono camera stands.
        disparity: (H, W) true disparity in mono pixels, NaN where unknown, or None.
    """

    scale: int
    whole: FloatArray
    mono: FloatArray
    small: FloatArray
    color: FloatArray
    aligned: FloatArray
    inputs: Inputs
    beside: Inputs
    disparity: FloatArray | None


def set_up(
    left: NDArray[np.uint8],
    right: NDArray[np.uint8],
    disparity: FloatArray | None,
    *,
    scene: str,
    level: str,
    scale: int,
) -> Bench:
    """Capture a pair by the NIGHT protocol and keep what was true.

    Args:
        left: (H, W, 3) uint8 display, the mono view.
        right: (H, W, 3) uint8 display, the color view.
        disparity: (H, W) in mono pixels, NaN where unknown, or None.
        scene: name of the scene, part of the seed.
        level: light level.
        scale: mono pixels per color pixel. Rows and columns beyond a multiple of it are cut off, so that all grids
            of the bench fit together.

    Raises:
        UsageError: what the protocol does not know, or views of different size.
    """
    rows, columns = (scale * (side // scale) for side in left.shape[:2])
    left, right = (np.ascontiguousarray(view[:rows, :columns]) for view in (left, right))
    whole, other = (decode(view / np.float32(255)) for view in (left, right))
    mono = whole @ protocol.MONO_WEIGHTS
    return Bench(
        scale=scale,
        whole=whole,
        mono=mono,
        small=reduced(mono, scale),
        color=bin_average(other, scale),
        aligned=bin_average(whole, scale),
        inputs=_shoot(left, right, scene, level, scale),
        beside=_shoot(left, left, scene, level, scale),
        disparity=None if disparity is None else disparity[:rows, :columns],
    )


def _shoot(left: NDArray[np.uint8], right: NDArray[np.uint8], scene: str, level: str, scale: int) -> Inputs:
    capture = protocol.capture(left, right, scene=scene, level=level, scale=scale)
    return Inputs(from_array(capture.mono, "mono"), from_array(capture.color, "color"))


# --- perfect modules ------------------------------------------------------------------------------


def perfect_exposed(bench: Bench) -> Exposed:
    """What a perfect refEC hands on."""
    sigma = np.full(bench.color.shape[:2], _CLEAN, np.float32)
    return Exposed(encode(bench.color), sigma, TRUE_TONE)


def perfect_colored(bench: Bench, mono: FloatArray) -> Colored:
    """What perfect refEC and refColor hand on beside the mono picture (h, w) linear that the chain has."""
    return _certain(mono, encode(bench.aligned), TRUE_TONE)


def carried_over(exposed: Exposed, mono: FloatArray) -> Colored:
    """What a perfect refColor makes of a color camera that stands in the mono camera's place: the same, unmoved."""
    return _certain(mono, exposed.color, exposed.tone)


def perfect_detail(bench: Bench, colored: Colored) -> FloatArray:
    """What a perfect refSR makes of any color: (H, W, 3) linear.

    The truth, less its own part at the color camera's resolution, plus the color as it was handed on.
    """
    height, width = bench.mono.shape
    known = encode(warp.resize(bench.aligned, *colored.color.shape[:2]))
    shown = encode(bench.whole) + warp.resize(colored.color - known, height, width)
    return decode(np.clip(shown, 0, 1))


def truly_aligned(bench: Bench, disparity: FloatArray) -> FloatArray:
    """The clean color view moved by the true disparity, (h, w, 3) linear: the ceiling of matching, not of guessing.

    What is hidden from the color camera is spread from its neighbors by Levin's colorization.
    """
    rows, columns = bench.small.shape
    visible = regions(disparity).visible
    seen = _blocks(visible, bench.scale).mean(axis=-1) > 0.5
    # Of the two surfaces at an edge one is chosen: a mean lies on neither.
    known = np.where(visible, disparity, np.nan)
    middle = np.nanmedian(np.where(seen[..., None], _blocks(known, bench.scale), 0), axis=-1)
    places = warp.centers(rows, columns)
    places[..., 0] -= (middle / bench.scale).astype(np.float32)
    moved = np.maximum(warp.sample(bench.color, places, interpolation=warp.CUBIC), 0)
    if seen.all():
        return moved
    return np.where(seen[..., None], moved, colorization.colorize(bench.small, moved, seen))


def _blocks(picture: NDArray[Any], scale: int) -> NDArray[Any]:
    """The full-size values of every color pixel: (H, W) -> (h, w, scale * scale)."""
    rows, columns = (side // scale for side in picture.shape)
    blocks = picture.reshape(rows, scale, columns, scale).swapaxes(1, 2)
    return blocks.reshape(rows, columns, scale * scale)


def clean_match(bench: Bench) -> Match:
    """Placement and flow found on the pictures without noise, on the grid of the true scale.

    Raises:
        PlacementError: when the two cannot be placed on each other.
    """
    frames = Frame(bench.mono[..., None], "mono"), Frame(bench.color, "color")
    placement = place(*frames)
    rows, columns = bench.small.shape
    grid = Grid(rows, columns, mapping.of(Pair(*frames, placement)).from_grid(rows, columns))
    promised = placement.parallax_px / bench.scale if placement.matches else None
    luma = encode(bench.color @ protocol.MONO_WEIGHTS)
    # With a second opinion, for the methods that want one.
    return match(grid, encode(bench.small), luma, promised, twice=True)


def unmoved(bench: Bench, known: Prepared) -> Prepared:
    """The state before refEC for ``Bench.beside``: nothing has to be placed or matched.

    Args:
        bench: the bench.
        known: the state before refEC of ``Bench.inputs``, whose mono picture is the same.
    """
    rows, columns = bench.small.shape
    place_of_all = warp.centers(rows, columns)
    nothing = np.zeros((rows, columns), np.float32)
    matrix = warp.scaling(1 / bench.scale)
    placement = Placement(matrix, float(bench.scale), 1.0, 1.0, 0, 0.0, "identity")
    pair = Pair(known.pair.mono, bench.beside.color, placement)
    grid = Grid(rows, columns, Mapping(np.eye(3)))
    found = Match(
        grid,
        place_of_all,
        place_of_all,
        nothing,
        nothing,
        nothing + 1,
        nothing,
        rendering="intensity",
        second=Second(place_of_all, nothing),
    )
    return replace(known, pair=pair, mono=reduced(known.measured.mono_clean, bench.scale), match=found)


def reduced(mono: FloatArray, scale: int) -> FloatArray:
    """A mono picture (H, W) linear averaged to the color camera's resolution, (h, w)."""
    return bin_average(mono[..., None], scale)[..., 0]


def _certain(mono: FloatArray, color: FloatArray, tone: Tone) -> Colored:
    sure = np.ones(mono.shape, np.float32)
    return Colored(encode(mono), color, sure, np.full(mono.shape, Provenance.MEASURED, np.uint8), tone)
