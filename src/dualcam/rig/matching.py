"""Matching: where every pixel of one view is seen in the other, both ways, with evidence.

DIS optical flow (Kroeger et al. 2016, in OpenCV) between the mono picture and the placed color luma on one grid,
the *match grid*: the mono view at the color camera's resolution. The placement has removed turn, zoom and the
middle parallax; the flow is what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.smooth import wide_blur
from dualcam.frame import FloatArray, Pair
from dualcam.rig import mapping, warp
from dualcam.rig.features import gradient_strength
from dualcam.rig.mapping import Mapping

# A placement that leaves less parallax than this, as a share of the picture, promises that there is no more.
_STEADY = 0.006
# Below this likeness of the two pictures brightness cannot be trusted to match; below the second, edges are matched
# unless brightness agrees clearly better; below the third, always.
_SPECTRA_DIFFER, _SPECTRA_DOUBTFUL, _SPECTRA_STRANGE = 0.85, 0.25, 0.1
_CLEARLY = 0.1
# Matched pictures of like spectra are at least this alike (training pairs at night: 0.98 and more; of other spectra, or
# lit differently, 0.82 to 0.97). Below it flow keeps to the lines of a rig.
_MATCHED = 0.97
# On grids larger than this the flow's variational refinement costs more time than all the rest and 0.1 dB.
_LARGE = 1_000_000
# What only has to confirm a flow is found with fewer patches and steps (3 pixels and 25 are usual): less than half
# the time, and no loss on captures of training pairs. The flow itself would lose 0.1 dB by it on large ones.
_COARSE_STRIDE, _COARSE_STEPS = 4, 12
# Window, in grid pixels, over which local contrast is evened out for the second match.
_EVENED_PX = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The match grid: the mono view at ``height`` x ``width``.

    Attributes:
        height: rows.
        width: columns.
        mapping: from grid pixels to color pixels by placement alone.
        epipolar: as ``Placement.epipolar``, in grid pixels.
    """

    height: int
    width: int
    mapping: Mapping
    epipolar: FloatArray | None = None

    def centers(self, rows: slice = slice(None)) -> FloatArray:
        """Pixel centers (height, width, 2), or those of some rows."""
        first, last, _ = rows.indices(self.height)
        centers = warp.centers(last - first, self.width)
        centers[..., 1] += np.float32(first)
        return centers


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """A second opinion on the forward flow.

    Attributes:
        to_color: (h, w, 2) map from grid pixels to color pixels.
        disagreement: (h, w) distance in grid pixels between a pixel and where the backward flow returns it to.
    """

    to_color: FloatArray
    disagreement: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """Flow as it was found, (h, w, 2) in grid pixels: a start for the next frame of a video.

    Attributes:
        rendering: "intensity" or "gradient".
        forward: from mono to color.
        backward: from color to mono.
        again: forward, of the second opinion.
    """

    rendering: str
    forward: FloatArray
    backward: FloatArray
    again: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Flow both ways on the match grid, and its evidence.

    Attributes:
        grid: the match grid.
        to_color: (h, w, 2) map from grid pixels to color pixels, placement and flow composed.
        to_mono: (H, W, 2) map from *color* pixels to grid pixels.
        disagreement: (h, w) distance in grid pixels between a pixel and where forward and backward flow
            return it to; large where the view is hidden or the match wrong.
        disagreement_color: the same from the color view, (H, W).
        likeness: (h, w) local correlation of the two pictures after matching, -1 to 1.
        outside: (h, w) how many grid pixels beyond the edge of the color picture the match lies, 0 inside.
        rendering: "intensity" or "gradient", what was matched.
        second: a second opinion, where one was asked for.
        flows: where they were asked for.
    """

    grid: Grid
    to_color: FloatArray
    to_mono: FloatArray
    disagreement: FloatArray
    disagreement_color: FloatArray
    likeness: FloatArray
    outside: FloatArray
    rendering: str
    second: Second | None = None
    flows: Flows | None = None

    def one_way(self) -> Match:
        """The same without the way back and what was asked for beside it: all that refColor needs in mono's view."""
        nowhere = np.zeros((0, 0, 2), np.float32)
        return replace(self, to_mono=nowhere, disagreement_color=nowhere[..., 0], flows=None)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(h, w), the color camera looked there."""
        return self.outside <= 0


def match_grid(pair: Pair) -> Grid:
    """The match grid of a pair: mono size over the scale, never larger than the mono picture."""
    height, width = pair.mono.pixels.shape[:2]
    scale = max(1.0, pair.placement.scale)
    rows, columns = max(8, round(height / scale)), max(8, round(width / scale))
    return Grid(rows, columns, mapping.of(pair).from_grid(rows, columns), pair.placement.epipolar)


def match(
    grid: Grid,
    mono: FloatArray,
    color: FloatArray,
    parallax: float | None = None,
    *,
    twice: bool = False,
    start: Flows | None = None,
    keep: bool = False,
    back: bool = False,
) -> Match:
    """Match the two views.

    Args:
        grid: the match grid.
        mono: (h, w) float32, display, on the grid.
        color: (H, W) float32, display luma on the color camera's own grid, brought to the mono's exposure.
        parallax: what the placement leaves over, in grid pixels, where that is known.
        twice: also match the pictures with their local contrast evened out, for a second opinion.
        start: flow of the frame before, on the same grid; what it matched is matched again.
        keep: also return the flow itself.
        back: find the way back as finely as the way there; it only has to confirm it otherwise.

    Returns:
        The match. Noise in either picture need not be removed before.
    """
    positions = grid.mapping.to_color(grid.centers())
    inside, step = warp.inside(positions, *color.shape), np.float32(warp.sampling_step(positions))
    reference = cv2.GaussianBlur(mono, (0, 0), 0.7)
    moving = cv2.GaussianBlur(warp.resample(color, positions), (0, 0), 1.0)
    del positions  # maps are the largest arrays here; none is kept longer than it is needed
    alike = _alike(reference, moving, inside)
    if start is None:
        rendering, (forward, backward) = _flows(grid, reference, moving, inside, alike, back)
    else:
        rendering, (a, b) = start.rendering, _rendered(start.rendering, reference, moving)
        forward, backward = _flow(a, b, start.forward), _flow(b, a, start.backward, fine=back)
    found = Flows(rendering, forward, backward, None) if keep else None
    lines, free = _lines(grid), None
    if lines is not None and _matched(reference, moving, forward, inside) < _MATCHED:
        # How far both directions disagree is told by the flow as it was found: less of it would look like more trust.
        free = _there(grid, forward, backward)[1].disagreement
        forward, backward = (_along(flow, lines) for flow in (forward, backward))
    again = None
    if parallax is not None and parallax < _STEADY * max(mono.shape) and alike < _SPECTRA_DIFFER:
        # Where flow has to be held to what the placement promises, there is no second opinion.
        forward, backward = _steady(forward, backward, reference, moving, parallax)
    elif twice:
        a, b = (_evened(p) for p in _rendered(rendering, reference, moving))
        again = _flow(a, b, start.again if start is not None else None, fine=False)
        del a, b
        found = replace(found, again=again) if found is not None else None
        again = _along(again, lines) if lines is not None and free is not None else again
    second = _there(grid, forward if again is None else again, backward)[1] if twice else None
    del again
    there, first = _there(grid, forward, backward)
    if free is not None:
        first = replace(first, disagreement=free)
    likeness = local_correlation(*_rendered(rendering, reference, warp.sample(moving, there)))
    del there, reference, moving
    whole = replace(grid, height=color.shape[0], width=color.shape[1])

    def returned(rows: slice) -> tuple[FloatArray, FloatArray]:
        to_mono = grid.mapping.to_mono(whole.centers(rows))
        back = warp.sample(backward, to_mono)
        to_mono += back
        back += warp.sample(forward, to_mono)
        return to_mono, warp.length(back)

    to_mono, disagreement_color = parallel.banded(returned, len(color))
    return Match(
        grid=grid,
        to_color=first.to_color,
        to_mono=to_mono,
        disagreement=first.disagreement,
        disagreement_color=disagreement_color,
        likeness=likeness,
        outside=_outside(first.to_color, color.shape) / step,
        rendering=rendering,
        second=second,
        flows=found,
    )


def _lines(grid: Grid) -> FloatArray | None:
    """Unit vectors along which parallax moves every grid pixel: (h, w, 2), or None."""
    if grid.epipolar is None:
        return None
    lines = mapping.between_nodes(grid.epipolar, grid.centers(), (grid.height, grid.width))
    return np.asarray(lines / np.maximum(warp.length(lines), 1e-6)[..., None], np.float32)


def _matched(a: FloatArray, b: FloatArray, flow: FloatArray, inside: NDArray[np.bool_]) -> float:
    """How alike two pictures are where a flow says that they show the same."""
    return _alike(a, warp.sample(b, warp.centers(*a.shape) + flow), inside)


def _along(flow: FloatArray, lines: FloatArray) -> FloatArray:
    """The part of a flow (h, w, 2) along lines."""
    return np.asarray((flow * lines).sum(axis=-1, keepdims=True) * lines, np.float32)


def _there(grid: Grid, forward: FloatArray, backward: FloatArray) -> tuple[FloatArray, Second]:
    """Where a forward flow leads, (h, w, 2) grid pixels and color pixels, and how far from home it comes back."""
    there = grid.centers()
    there += forward
    returned = warp.sample(backward, there)
    returned += forward
    return there, Second(grid.mapping.to_color(there), warp.length(returned))


def _rendered(rendering: str, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    return (a, b) if rendering == "intensity" else (gradient_strength(a), gradient_strength(b))


def _evened(picture: FloatArray) -> FloatArray:
    """A picture (h, w) with the same local mean and contrast everywhere, about 0.5."""
    mean = cv2.GaussianBlur(picture, (0, 0), _EVENED_PX)
    variance = cv2.GaussianBlur((picture - mean) ** 2, (0, 0), _EVENED_PX)
    return np.float32(0.5) + np.float32(0.18) * (picture - mean) / np.sqrt(variance + np.float32(0.02**2))


def _flows(
    grid: Grid,
    mono: FloatArray,
    color: FloatArray,
    inside: NDArray[np.bool_],
    alike: float,
    back: bool = True,
) -> tuple[str, tuple[FloatArray, FloatArray]]:
    """Flow both ways, and whether intensity or gradient was matched for it."""
    flows = {}
    # The directions' agreement chooses between the two: then both are found finely.
    back = back or alike < _SPECTRA_DOUBTFUL
    if alike >= _SPECTRA_STRANGE:
        flows["intensity"] = _flow(mono, color), _flow(color, mono, fine=back)
    if alike < _SPECTRA_DOUBTFUL:
        # Near-infrared inverts contrasts: match where edges are, not which way they go.
        edges = gradient_strength(mono), gradient_strength(color)
        flows["gradient"] = _flow(*edges), _flow(*edges[::-1], fine=back)

    def agreement(rendering: str) -> float:
        forward, backward = flows[rendering]
        returned = forward + warp.sample(backward, grid.centers() + forward)
        return float((inside & (warp.length(returned) < 1)).mean())

    if len(flows) == 1:
        return next(iter(flows.items()))
    # Deep scenes blur the likeness as another spectrum does; the directions' agreement tells the two apart. A
    # little more of it is no proof: smooth flow agrees with itself wherever it leads.
    clear = agreement("intensity") > agreement("gradient") + _CLEARLY
    rendering = "intensity" if clear else "gradient"
    return rendering, flows[rendering]


def _steady(
    forward: FloatArray, backward: FloatArray, mono: FloatArray, color: FloatArray, parallax: float
) -> tuple[FloatArray, FloatArray]:
    """Hold flow to what the placement promises, where nothing in the pictures speaks for more.

    Features have shown that little parallax is left. Flow that runs away has been led astray, by flat areas or by
    contrast that the other spectrum does not have; there a smooth field takes its place, spread from where both
    directions agree.
    """
    edges = gradient_strength(mono), gradient_strength(color)
    limit = 4 * parallax + 4
    held = []
    for flow, back, (here, there) in ((forward, backward, edges), (backward, forward, edges[::-1])):
        points = warp.centers(*mono.shape)
        alike = local_correlation(here, warp.sample(there, points + flow), sigma=5.0)
        apart = warp.length(flow + warp.sample(back, points + flow))
        good = (apart < 1) & (warp.length(flow) < limit) & (alike > 0)
        weight = (good * alike**2).astype(np.float32)
        spread = max(mono.shape) / 24
        share = wide_blur(weight, spread)[..., None]
        smooth = wide_blur(flow * weight[..., None], spread) / (share + np.float32(0.01))
        calm = local_correlation(here, warp.sample(there, points + smooth), sigma=5.0)
        own = cv2.GaussianBlur((good & (alike > calm + 0.02)).astype(np.float32), (0, 0), 3.0)[..., None]
        held.append((own * flow + (1 - own) * smooth).astype(np.float32))
    return held[0], held[1]


def _outside(positions: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Distance in pixels from positions (h, w, 2) to a picture of this (height, width), 0 inside."""
    limit = np.array([shape[1], shape[0]], np.float32)
    return warp.length(positions - np.clip(positions, 0, limit))


def local_correlation(a: FloatArray, b: FloatArray, sigma: float = 3.0) -> FloatArray:
    """Correlation of two pictures (h, w) in a Gaussian window, -1 to 1; 0 where neither has structure."""

    def blur(picture: FloatArray) -> FloatArray:
        return cv2.GaussianBlur(picture, (0, 0), sigma)

    def correlation(rows: slice) -> tuple[FloatArray]:
        x, y = a[rows] - blur(a[rows]), b[rows] - blur(b[rows])
        # A hundredth of the display range counts as no structure.
        energy = (blur(x * x) + np.float32(1e-5)) * (blur(y * y) + np.float32(1e-5))
        return (np.clip(blur(x * y) / np.sqrt(energy), -1, 1),)

    # Two windows one after the other, each of four deviations to a side at most.
    (found,) = parallel.banded(correlation, len(a), 2 * (int(4 * sigma) + 1))
    return found


def _alike(a: FloatArray, b: FloatArray, where: NDArray[np.bool_]) -> float:
    """Correlation of the two pictures' medium detail over the overlap, with parallax blurred over."""
    sigma = max(a.shape) / 100
    fine = [wide_blur(p, sigma) - wide_blur(p, 6 * sigma) for p in (a, b)]
    x, y = (p[where] for p in fine)
    if x.size < 16:
        return 1.0
    return float((x * y).mean() / np.sqrt((x * x).mean() * (y * y).mean() + 1e-12))


def _flow(a: FloatArray, b: FloatArray, start: FloatArray | None = None, *, fine: bool = True) -> FloatArray:
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # DIS divides the picture by 2 until patches of 8 px no longer fit; under 16 px there is nothing to divide.
    if min(a.shape) < 16:
        return np.zeros((*a.shape, 2), np.float32)
    # Down to single pixels: the preset stops at half the resolution, which costs 0.1 dB, and 0.4 dB of larger pictures.
    engine.setFinestScale(0)
    if not fine:
        engine.setPatchStride(_COARSE_STRIDE)
        engine.setGradientDescentIterations(_COARSE_STEPS)
    if a.size > _LARGE:
        engine.setVariationalRefinementIterations(0)
    first, second = (np.rint(np.clip(p, 0, 1) * 255).astype(np.uint8) for p in (a, b))
    return engine.calc(first, second, None if start is None else start.copy())
