"""Growing: from the matches that agree with a similarity to all that agree with how the pictures are really bent.

Behind a strong lens only the middle of the picture agrees with a similarity. A model fitted there says roughly where
the rest lies, which brings in more matches, and so on outward; at last color is bent into mono's view and matched
again, because descriptors of strongly bent surroundings differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import Bend, Frame
from dualcam.rig import bending, lens, mapping, warp
from dualcam.rig.features import Matches, match_pictures
from dualcam.rig.lens import Model

_ROUNDS = 4
# From this displacement on, as a share of the mono picture's width, pictures are bent and matched again.
_STRONG = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """What the matches show: ``matrix`` (3, 3), the ``bend`` on top of it or None, and the matches that agree."""

    matrix: NDArray[np.float64]
    bend: Bend | None
    kept: Matches


def grow(
    mono: Frame,
    color: Frame,
    matches: Matches,
    kept: Matches,
    matrix: NDArray[np.float64],
    tolerance: float,
) -> Grown:
    """Find what lies beyond a matrix, if anything.

    Args:
        mono: the mono frame.
        color: the color frame.
        matches: all candidates.
        kept: those that agree with a similarity.
        matrix: the simplest map that explains them, mono to color pixels.
        tolerance: how far parallax may move a match, in color pixels.

    Returns:
        The matrix as it was, where it explains the matches as well as any richer map.
    """
    unchanged = Grown(matrix, None, kept)
    sizes = mono.pixels.shape[:2], color.pixels.shape[:2]
    model = bending.find_model(kept, matrix, *sizes)
    if model is None:
        return unchanged
    if bending.is_flat(model):
        return Grown(*settled(model, matrix), kept)
    model, kept = _outward(model, matches, kept, matrix, tolerance)
    if _strength(model, matrix) > _STRONG * max(sizes[0]):
        again = _match_again(mono, color, model)
        model, kept = _outward(model, matches + again, kept, matrix, tolerance)
    return Grown(*settled(model, matrix), kept)


def settled(model: Model | None, matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], Bend | None]:
    """A model as a matrix and a bend: the matrix stays as it is unless the model is a homography itself."""
    if model is None:
        return matrix, None
    return (
        (lens.to_matrix(model), None) if bending.is_flat(model) else (matrix, bending.bend_of(model, matrix))
    )


def _outward(
    model: Model, matches: Matches, kept: Matches, matrix: NDArray[np.float64], tolerance: float
) -> tuple[Model, Matches]:
    for _ in range(_ROUNDS):
        away = np.linalg.norm(model.to_color(matches.mono) - matches.color, axis=1)
        near = Matches(matches.mono[away <= tolerance], matches.color[away <= tolerance])
        if len(near) <= 1.02 * len(kept):
            break
        found = bending.find_model(near, matrix, model.mono.size, model.color.size)
        if found is None or bending.is_flat(found):
            break
        model, kept = found, near
    return model, kept


def _strength(model: Model, matrix: NDArray[np.float64]) -> float:
    """The largest displacement by the bend within the color picture, in mono pixels."""
    here = mapping.nodes(17, 17, model.mono.size)
    there, plain = model.to_color(here), warp.transform(matrix, here)
    seen = warp.inside(there.astype(np.float32), *model.color.size)
    away = np.linalg.norm(there - plain, axis=-1)[seen]
    enlargement = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    return float(away.max(initial=0)) / max(enlargement, 1e-9)


def _match_again(mono: Frame, color: Frame, model: Model) -> Matches:
    """Match mono with the color picture as the model bends it into mono's view."""
    height, width = mono.pixels.shape[:2]
    # One node every few pixels is more than enough for a smooth map.
    field = model.to_color(mapping.nodes(65, 65, model.mono.size)).astype(np.float32)
    places = mapping.between_nodes(field, warp.centers(height, width), model.mono.size).astype(np.float32)
    found = match_pictures(mono.pixels, warp.resample(color.pixels, places))
    there = model.to_color(found.color).astype(np.float32)
    seen = warp.inside(there, *model.color.size)
    return Matches(found.mono[seen], there[seen])
