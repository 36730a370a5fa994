"""Placement: which pixel of the color camera looks where the mono camera looks, before any parallax is known.

Feature matches vote for a similarity with a wide tolerance, so that a scene with depth still agrees on one.
If most of them also fit one homography tightly, the scene is flat or the parallax small and the homography is
kept; else an affine map through the middle of the depths. What lenses and rolling shutters add is then looked for in
the matches (``growing``, ``bending``). Where features are few, the pattern of stars is tried (``stars``); without one
whole-picture correlation has to agree, and where features are too few it decides (``structure``). The limits of
both lie between what unrelated and true pairs reach, as measured by ``benchmarks/unrelated_pairs.py`` (numbers in
docs/architecture.md).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.errors import PlacementError, UsageError
from dualcam.frame import Frame, Placement
from dualcam.rig import warp
from dualcam.rig.features import Matches, match_pictures
from dualcam.rig.growing import Grown, grow, settled
from dualcam.rig.mapping import Mapping
from dualcam.rig.stars import Sky, place_stars
from dualcam.rig.structure import Correlation, correlate

# Parallax tolerated about the similarity, as a share of the color picture's longer side.
_TOLERANCE = 0.04
_TIGHT = 0.004
_MIN_MATCHES = 30
_MIN_SHARE = 0.085
# From here on features need no second opinion.
_SURE_MATCHES = 40
_SURE_SHARE = 0.12
# Unrelated pictures correlate with scores up to 67 (two views of planks).
_MIN_SCORE = 75.0
_AGREEING_SCORE = 55.0
_SURE_SCORE = 120.0
_MIN_NCC = 0.40
_MAX_ROTATION_DEG = 25.0
_SCALES = (0.2, 12.0)
_MIN_OVERLAP = 0.15
_SEED = 20201130


def place(mono: Frame, color: Frame, how: str = "auto") -> Placement:
    """Find the placement of a pair.

    Args:
        mono: the mono frame.
        color: the color frame.
        how: "auto" looks at the pictures; "identity" takes both to show the same field of view, edge to edge.

    Raises:
        PlacementError: when the pictures cannot be placed with trust, naming the reason.
        UsageError: for another ``how``.
    """
    if how == "identity":
        return _identity(mono, color)
    if how != "auto":
        raise UsageError(f"there is no placement {how!r}.", "Use auto or identity.")
    for frame in (mono, color):
        _refuse_blank(frame)
    matches = match_pictures(mono.pixels, color.pixels, lambda found: int(_similarity(found, color)[1].sum()))
    similarity, agrees = _similarity(matches, color)
    count = int(agrees.sum())
    share = count / max(1, len(matches))
    # 0.5 at the refusal line, 1 from a third of the matches on.
    quality, method = 0.5 + 0.5 * (share - _MIN_SHARE) / (1 / 3 - _MIN_SHARE), "features"
    if count < _SURE_MATCHES or share < _SURE_SHARE:
        if (sky := place_stars(mono.pixels, color.pixels)) is not None:
            return _placed_by_stars(sky, mono, color)
        correlation = correlate(mono.pixels, color.pixels)
        enough = count >= _MIN_MATCHES and share >= _MIN_SHARE
        if not (enough and correlation.score >= _AGREEING_SCORE):
            _refuse_weak(matches, count, correlation, mono, color)
            similarity, agrees = correlation.matrix, _near(matches, correlation.matrix, color)
            quality = 0.5 + 0.5 * (correlation.score - _MIN_SCORE) / (_SURE_SCORE - _MIN_SCORE)
            method = "structure"
    kept = Matches(matches.mono[agrees], matches.color[agrees])
    matrix = _refine(kept, similarity, color, mono)
    found = grow(mono, color, matches, kept, matrix, _TOLERANCE * max(color.pixels.shape[:2]))
    return _placement(found, quality, method, mono, color)


def _placed_by_stars(sky: Sky, mono: Frame, color: Frame) -> Placement:
    matrix, bend = settled(sky.model, sky.matrix)
    return _placement(Grown(matrix, bend, sky.matches), sky.quality, "stars", mono, color)


def _placement(found: Grown, quality: float, method: str, mono: Frame, color: Frame) -> Placement:
    _refuse_wild(found.matrix, mono, color)
    placed = Mapping(found.matrix, found.bend, mono.pixels.shape[:2], color.pixels.shape[:2])
    scale, kept = _scale(placed), found.kept
    residual = np.linalg.norm(placed.to_color(kept.mono) - kept.color, axis=1) * scale
    return Placement(
        matrix=found.matrix,
        scale=scale,
        overlap=_overlap(placed),
        quality=float(np.clip(quality, 0, 1)),
        matches=len(kept),
        parallax_px=float(np.percentile(residual, 95)) if len(kept) else 0.0,
        method=method,
        bend=found.bend,
    )


def _identity(mono: Frame, color: Frame) -> Placement:
    height, width = mono.pixels.shape[:2]
    matrix = warp.scaling(color.pixels.shape[1] / width, color.pixels.shape[0] / height)
    return Placement(
        matrix=matrix,
        scale=_scale(_flat(matrix, mono, color)),
        overlap=1.0,
        quality=1.0,
        matches=0,
        parallax_px=0.0,
        method="identity",
    )


def _similarity(matches: Matches, color: Frame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if len(matches) < 4:
        return np.eye(3), np.zeros(len(matches), bool)
    cv2.setRNGSeed(_SEED)
    tolerance = _TOLERANCE * max(color.pixels.shape[:2])
    affine, agrees = cv2.estimateAffinePartial2D(
        matches.mono,
        matches.color,
        method=cv2.RANSAC,
        ransacReprojThreshold=tolerance,
        maxIters=20000,
        confidence=0.9999,
    )
    if affine is None:
        return np.eye(3), np.zeros(len(matches), bool)
    return np.vstack([affine, [0, 0, 1]]), agrees.ravel().astype(bool)


def _near(matches: Matches, matrix: NDArray[np.float64], color: Frame) -> NDArray[np.bool_]:
    """Which matches lie within the parallax tolerance of a known similarity."""
    if not len(matches):
        return np.zeros(0, bool)
    away = np.linalg.norm(warp.transform(matrix, matches.mono) - matches.color, axis=1)
    return away <= _TOLERANCE * max(color.pixels.shape[:2])


def _refine(kept: Matches, similarity: NDArray[np.float64], color: Frame, mono: Frame) -> NDArray[np.float64]:
    if len(kept) < _MIN_MATCHES:
        return similarity
    cv2.setRNGSeed(_SEED)
    tight = _TIGHT * max(color.pixels.shape[:2])
    homography, fits = cv2.findHomography(
        kept.mono, kept.color, cv2.USAC_MAGSAC, tight, maxIters=20000, confidence=0.9999
    )
    if homography is not None and fits is not None and fits.mean() >= 0.7:
        return np.asarray(homography / homography[2, 2], np.float64)
    affine = _affine_through_the_middle(kept, similarity)
    # A rectified or parallel rig should stay exactly that: the simplest map that explains the matches as well.
    for simple in (
        _shift_only(kept, color, mono),
        _affine_through_the_middle(kept, similarity, stiffness=1e3),
    ):
        if (_misfit(kept, simple) <= 1.2 * _misfit(kept, affine) + 0.3).all():
            return simple
    return affine


def _shift_only(kept: Matches, color: Frame, mono: Frame) -> NDArray[np.float64]:
    """Equal fields of view, edge to edge, moved by the median match."""
    matrix = _identity(mono, color).matrix
    shift = np.median(kept.color - warp.transform(matrix, kept.mono), axis=0)
    return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]]) @ matrix


def _misfit(kept: Matches, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean absolute error of the matches in color pixels, across and down apart: parallax lies in one of them."""
    return np.abs(warp.transform(matrix, kept.mono) - kept.color).mean(axis=0).astype(np.float64)


def _affine_through_the_middle(
    kept: Matches, start: NDArray[np.float64], stiffness: float = 0.1
) -> NDArray[np.float64]:
    """Least absolute deviations by reweighting: half of the depths lie before the plane, half behind it."""
    middle = kept.mono.mean(axis=0).astype(np.float64)
    points = np.column_stack([kept.mono - middle, np.ones(len(kept))])
    target = kept.color.astype(np.float64)
    start = start @ np.array([[1, 0, middle[0]], [0, 1, middle[1]], [0, 0, 1.0]])
    matrix = start[:2].T.copy()
    # Few or clustered matches cannot carry six numbers: a pull toward the similarity's turn and zoom. The shift
    # is free.
    spread = points.std(axis=0)[:2].mean() + 1e-9
    prior = stiffness * len(kept) * np.diag([spread**2, spread**2, 0.0])
    for _ in range(30):
        weight = 1.0 / np.maximum(np.linalg.norm(points @ matrix - target, axis=1), 0.5)
        weight /= weight.mean()
        normal = points.T @ (weight[:, None] * points) + prior
        matrix = np.linalg.solve(normal, points.T @ (weight[:, None] * target) + prior @ start[:2].T)
    matrix = np.vstack([matrix.T, [0, 0, 1]])
    return matrix @ np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1.0]])


def _flat(matrix: NDArray[np.float64], mono: Frame, color: Frame) -> Mapping:
    return Mapping(matrix, None, mono.pixels.shape[:2], color.pixels.shape[:2])


def _scale(placed: Mapping) -> float:
    height, width = placed.mono
    y, x = np.mgrid[0.1:0.9:9j, 0.1:0.9:9j]
    points = np.stack([x * width, y * height], axis=-1).reshape(-1, 2)
    here = placed.to_color(points)
    right, down = (placed.to_color(points + step) - here for step in ([1.0, 0.0], [0.0, 1.0]))
    area = np.abs(right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0])
    return float(1 / np.sqrt(np.median(area)))


def _overlap(placed: Mapping) -> float:
    height, width = placed.mono
    y, x = np.mgrid[0.005:0.995:100j, 0.005:0.995:100j]
    positions = placed.to_color(np.stack([x * width, y * height], axis=-1))
    return float(warp.inside(positions, *placed.color).mean())


def _name(frame: Frame) -> str:
    return frame.origin.path.name if frame.origin.path else f"the {frame.role} picture"


_INSIST = "If you know that both show the same field of view, use --place identity."


def _refuse_blank(frame: Frame) -> None:
    low, high = float(frame.pixels.min()), float(frame.pixels.max())
    if high <= 0 or high - low < 1e-6:
        raise PlacementError(
            f"{_name(frame)} holds no structure to match (its brightness is the same everywhere).",
            "Check that the lens cap was off and that this is the right file. " + _INSIST,
        )


def _refuse_weak(matches: Matches, count: int, correlation: Correlation, mono: Frame, color: Frame) -> None:
    if correlation.score >= _MIN_SCORE and correlation.ncc >= _MIN_NCC:
        return
    brightness = float(np.percentile(color.pixels, 99))
    stored = brightness if color.origin.curve == "linear" else float(encode(np.array([brightness]))[0])
    if stored * (2 ** min(color.origin.bits, 16) - 1) < 16:
        reason = f"{_name(color)} is too dark (99 % of it lies under {brightness:.2%} of white)"
        remedy = "Expose the color camera longer, or give its 16-bit file."
    elif len(matches) < 2 * _MIN_MATCHES:
        reason = f"too few matches between {_name(mono)} and {_name(color)} ({len(matches)} found)"
        remedy = "Use pictures with more texture, less noise or less blur."
    else:
        reason = (
            f"{_name(mono)} and {_name(color)} do not seem to show the same scene ({count} of {len(matches)} "
            f"matches agree on one placement, and the pictures correlate with {correlation.ncc:.2f} only)"
        )
        remedy = "Check the two files."
    raise PlacementError(f"the pictures cannot be placed on each other: {reason}.", f"{remedy} {_INSIST}")


def _refuse_wild(matrix: NDArray[np.float64], mono: Frame, color: Frame) -> None:
    height, width = mono.pixels.shape[:2]
    middle = np.array([[width / 2, height / 2], [width / 2 + 1, height / 2]])
    here, right = warp.transform(matrix, middle).astype(np.float64)
    turn = float(np.degrees(np.arctan2(right[1] - here[1], right[0] - here[0])))
    placed = _flat(matrix, mono, color)
    scale, overlap = _scale(placed), _overlap(placed)
    problem = ""
    if abs(turn) > _MAX_ROTATION_DEG:
        problem = f"it would turn the color picture by {turn:.0f} degrees"
    elif not _SCALES[0] <= scale <= _SCALES[1]:
        problem = f"one pixel of color would cover {scale:.2g} pixels of mono"
    elif overlap < _MIN_OVERLAP:
        problem = f"only {overlap:.0%} of the mono picture would lie inside the color picture"
    elif not _keeps_orientation(matrix, width, height):
        problem = "it would fold the color picture over"
    if problem:
        raise PlacementError(
            f"the pictures cannot be placed on each other: the best placement of {_name(color)} is not believable "
            f"({problem}).",
            f"Check the two files and turn pictures upright. {_INSIST}",
        )


def _keeps_orientation(matrix: NDArray[np.float64], width: int, height: int) -> bool:
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], np.float64)
    depth = corners @ matrix[2]
    placed = (corners @ matrix.T)[:, :2] / depth[:, None]
    edges = np.roll(placed, -1, axis=0) - placed
    following = np.roll(edges, -1, axis=0)
    turn = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    return bool((depth > 0).all() and (turn > 0).all())
