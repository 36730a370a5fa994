"""Whether a rig still stands as it was calibrated: what feature matches say about its epipolar lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.rig import epipolar
from dualcam.rig.cameras import Array, Rig, focal
from dualcam.rig.features import WORKING_SIZE, Matches

# Matches are looked for this far across their lines and along them, as shares of the mono picture's longer side.
_ACROSS, _ALONG = 0.02, 0.25
# Right matches lie together within this share, or this many pixels.
_TOGETHER, _TOGETHER_PX = 0.003, 3.0
_FEWEST = 15
# Wrong matches are spread evenly across the lines: right ones have to stand out by this factor.
_STANDING_OUT = 3.0
# Epipolar lines that are off by this much, in mono pixels of a picture in which features are found at full size.
MOVED_PX = 0.7
_ROUNDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What matches say about a rig.

    Attributes:
        matches: those that lie together along the lines; none where too few stand out.
        inverse_distance: (n,) of each, per meter along the mono ray.
        across_px: median distance from the lines, mono pixels.
        bias_px: how much of it a turn of the cameras against each other explains, RMS, mono pixels.
        limit_px: bias from which on the rig has moved.
        turn_deg: (3,) the turn of the color camera that explains it: about x (nodding), y (panning) and z (rolling).
        shift_px: how much of the distance a shift of the cameras explains beyond the turn, RMS, mono pixels.
        positions: (n, 2) mono positions of the matches.
        color_positions: (n, 2).
    """

    matches: int
    inverse_distance: Array
    across_px: float
    bias_px: float
    limit_px: float
    turn_deg: Array
    shift_px: float
    positions: NDArray[np.float32]
    color_positions: NDArray[np.float32]

    @property
    def known(self) -> bool:
        """Whether there was enough to go by."""
        return self.matches > 0

    @property
    def moved(self) -> bool:
        """Whether the rig has moved."""
        return self.known and self.bias_px > self.limit_px


def measure(rig: Rig, matches: Matches) -> Drift:
    """Measure matches against a rig whose cameras have the size of the pictures.

    Args:
        rig: the rig.
        matches: candidates, wrong ones among them.
    """
    longest = max(rig.mono.size)
    scale = focal(rig.mono) / focal(rig.color)
    # Features are no more exact than the pixels that they were found in.
    limit = MOVED_PX * max(1.0, longest / WORKING_SIZE, scale / 2)
    kept = _together(rig, matches, longest, limit)
    if kept is None:
        nothing = np.empty((0, 2), np.float32)
        return Drift(0, np.empty(0), 0.0, 0.0, limit, np.zeros(3), 0.0, nothing, nothing)
    mono, color = matches.mono[kept], matches.color[kept]
    found = epipolar.residuals(rig, mono, color)
    turns = _slopes(rig, mono, color, found.across_px, _turned, np.radians(0.01) * np.eye(3))
    turn = _explained(turns, found.across_px, limit)
    bias = float(np.sqrt(np.mean((turns @ turn) ** 2)))
    shifts = _slopes(rig, mono, color, found.across_px, _shifted, 1e-3 * rig.baseline * _beside(rig))
    shift = _explained(shifts, found.across_px + turns @ turn, limit)
    return Drift(
        matches=len(mono),
        inverse_distance=found.inverse_distance,
        across_px=float(np.median(np.abs(found.across_px))),
        bias_px=bias,
        limit_px=limit,
        turn_deg=np.degrees(turn * np.radians(0.01)),
        shift_px=float(np.sqrt(np.mean((shifts @ shift) ** 2))),
        positions=mono,
        color_positions=color,
    )


def _together(rig: Rig, matches: Matches, longest: int, limit: float) -> NDArray[np.intp] | None:
    """Indices of the matches that lie together across their lines, or None where they do not stand out."""
    if len(matches) < _FEWEST:
        return None
    found = epipolar.residuals(rig, matches.mono, matches.color)
    reach = _ACROSS * longest
    possible = np.flatnonzero(
        (np.abs(found.across_px) < reach)
        & (found.along_px > -2 * limit)
        & (found.along_px < _ALONG * longest)
    )
    if len(possible) < _FEWEST:
        return None
    # The densest stretch: where most matches have others close by.
    across = np.sort(found.across_px[possible])
    width = max(_TOGETHER_PX, _TOGETHER * longest)
    counts = np.searchsorted(across, across + width, side="right") - np.arange(len(across))
    first = int(counts.argmax())
    middle = float(np.median(across[first : first + counts[first]]))
    near = np.abs(found.across_px[possible] - middle) < width
    # What even spreading would have put there.
    chance = (len(possible) - near.sum()) * 2 * width / max(2 * reach - 2 * width, width)
    return possible[near] if near.sum() >= max(_FEWEST, _STANDING_OUT * chance) else None


def _turned(rig: Rig, change: Array) -> Rig:
    return replace(rig, rotation=np.asarray(cv2.Rodrigues(change)[0]) @ rig.rotation)


def _shifted(rig: Rig, change: Array) -> Rig:
    return replace(rig, translation=rig.translation + change)


def _beside(rig: Rig) -> Array:
    """Two directions (2, 3) across the baseline: along it nothing changes across the lines."""
    along = rig.translation / max(rig.baseline, 1e-12)
    one = np.cross(along, [0, 0, 1.0] if abs(along[2]) < 0.9 else [1.0, 0, 0])
    one /= np.linalg.norm(one)
    return np.stack([one, np.cross(along, one)])


def _slopes(
    rig: Rig,
    mono: NDArray[np.float32],
    color: NDArray[np.float32],
    here: Array,
    change: Callable[[Rig, Array], Rig],
    steps: Array,
) -> Array:
    """How the distances across the lines change with each of some changes of the rig: (n, k)."""
    columns = [epipolar.residuals(change(rig, step), mono, color).across_px - here for step in steps]
    return np.stack(columns, axis=1)


def _explained(slopes: Array, across: Array, limit: float) -> Array:
    """Changes (k,) that take most of the distances away; robust (Cauchy's weights), and no larger than needed."""
    found: Array = np.zeros(slopes.shape[1])
    # Panning hardly changes anything across the lines: without this it would be anything.
    calm = np.eye(len(found)) * 1e-3 * float((slopes**2).sum(axis=0).max() + 1e-12)
    for _ in range(_ROUNDS):
        left = across + slopes @ found
        weights = 1 / (1 + (left / limit) ** 2)
        weighted = slopes * weights[:, None]
        found = np.asarray(-np.linalg.solve(weighted.T @ slopes + calm, weighted.T @ across), np.float64)
    return found
