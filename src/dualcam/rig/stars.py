"""Placement of star fields: the pattern of points itself, where features find nothing to describe.

Stars are local maxima that stand out of the noise and are wider than one pixel (hot pixels are not). Triangles of
neighbors among the brightest are compared by their shape (as Groth 1986 and later star matchers do); every pair of
alike triangles proposes a similarity, and the one under which most other stars coincide is refined on all stars. How
probable it is that so many coincide by chance, in all the tries together, decides (a contrario: Desolneux, Moisan and
Morel 2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray, Size
from dualcam.rig import bending, lens
from dualcam.rig.features import Matches, sample_mean
from dualcam.rig.lens import Model, Points

_BLOCK = 32
_OVER_NOISE = 6.0
_MOST_STARS = 400
_LEAST_STARS = 8
# Stars have no parallax: fewer of them than of other matches show how a lens bends.
_BENT_STARS = 24
# A hot pixel's four neighbors hold less than this share of it; a point spread of 0.55 pixels gives them a fifth.
_HOT_SHARE = 0.15
# Of a hot pixel's light in a demosaiced picture, one channel holds more than this share.
_ONE_CHANNEL = 0.93
_BRIGHT = 3.0
# How many of the brightest are compared, one trial after the other.
_TRIALS = (40, 100)
_NEIGHBORS = 6
_SHAPE = 0.012
_MOST_TRIES = 6000
# Radii within which stars coincide, as shares of the color picture's longer side: perfect lenses, and bent pictures.
_RADII = (0.003, 0.01)
_FALSE_ALARM = -6.0
_SURE_ALARM = -30.0
_ROUNDS = 5
# Another placement must not come nearer to the best than this share of its logarithm.
_RIVAL = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Stars of one picture, the brightest first: ``positions`` (n, 2) float64 in pixels."""

    positions: Points
    size: Size

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Two star fields laid on each other.

    Attributes:
        matrix: (3, 3) from mono to color pixels.
        model: what the lenses do beyond it, or None.
        matches: the stars that coincide.
        chance: logarithm (base 10) of how often unrelated fields would agree as well.
    """

    matrix: NDArray[np.float64]
    model: Model | None
    matches: Matches
    chance: float

    @property
    def quality(self) -> float:
        """0.5 where the placement is just believed, up to 1."""
        return 0.5 + 0.5 * min(1.0, (_FALSE_ALARM - self.chance) / (_FALSE_ALARM - _SURE_ALARM))


def place_stars(mono: FloatArray, color: FloatArray) -> Sky | None:
    """Lay two star fields on each other.

    Args:
        mono: (H, W, 1) float32, linear.
        color: (h, w, 3) float32, linear, any exposure.

    Returns:
        None where there are no stars, or where as many would coincide by chance.
    """
    first, second = detect(mono), detect(color)
    if min(len(first), len(second)) < _LEAST_STARS:
        return None
    for most in _TRIALS:
        matrix, chance = _best_similarity(first, second, most)
        if chance < _FALSE_ALARM:
            return _refined(first, second, matrix, chance)
        if max(len(first), len(second)) <= most:
            break
    return None


def detect(picture: FloatArray) -> Stars:
    """Find stars in a linear picture (H, W, 1) or (H, W, 3)."""
    plane = picture[..., 0] if picture.shape[2] == 1 else sample_mean(picture)
    height, width = plane.shape
    nothing = Stars(np.zeros((0, 2)), (height, width))
    if min(height, width) < 2 * _BLOCK:
        return nothing
    sharp = plane - _enlarged(_medians(plane), plane.shape)
    smooth = cv2.GaussianBlur(sharp, (0, 0), 1.0)
    noise = _enlarged(_medians(np.abs(smooth)) / np.float32(0.6745), plane.shape)
    # A quantised dark sky may have no noise at all; a block that is all texture has too much to hide stars in.
    noise = np.maximum(noise, np.float32(max(float(np.median(noise)), 1e-6)))
    peaks = (smooth >= cv2.dilate(smooth, np.ones((5, 5)))) & (smooth > _OVER_NOISE * noise)
    peaks[:3], peaks[-3:], peaks[:, :3], peaks[:, -3:] = False, False, False, False
    y, x = np.nonzero(peaks)
    order = np.argsort(-smooth[y, x], kind="stable")[: 2 * _MOST_STARS]
    y, x = y[order], x[order]
    around = (sharp[y - 1, x] + sharp[y + 1, x] + sharp[y, x - 1] + sharp[y, x + 1]) / 4
    good = around > _HOT_SHARE * sharp[y, x]
    if picture.shape[2] == 3:
        good &= ~_one_channel(picture, y, x) | (smooth[y, x] < _BRIGHT * _OVER_NOISE * noise[y, x])
    y, x = y[good][:_MOST_STARS], x[good][:_MOST_STARS]
    if not len(y):
        return nothing
    dy = _vertex(smooth[y - 1, x], smooth[y, x], smooth[y + 1, x])
    dx = _vertex(smooth[y, x - 1], smooth[y, x], smooth[y, x + 1])
    return Stars(np.stack([x + 0.5 + dx, y + 0.5 + dy], axis=1).astype(np.float64), (height, width))


def _medians(plane: FloatArray) -> FloatArray:
    """Median of every block of 32 x 32 pixels, smoothed: light that is wider than stars."""
    rows, columns = (n // _BLOCK for n in plane.shape)
    # The ragged edge belongs to the last blocks.
    whole = cv2.resize(plane, (columns * _BLOCK, rows * _BLOCK), interpolation=cv2.INTER_NEAREST)
    blocks = whole.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(rows, columns, -1)
    return cv2.medianBlur(np.median(blocks, axis=2).astype(np.float32), 3)


def _enlarged(small: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    return cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def _one_channel(picture: FloatArray, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which peaks have their light in one color only: hot pixels, spread by the demosaic."""
    sums = np.stack([cv2.blur(picture[..., c], (3, 3))[y, x] for c in range(3)], axis=1)
    far = np.stack([np.full(len(y), np.median(picture[..., c])) for c in range(3)], axis=1)
    light = np.maximum(sums - far, 0)
    return np.asarray(light.max(axis=1) > _ONE_CHANNEL * np.maximum(light.sum(axis=1), 1e-9))


def _vertex(before: FloatArray, at: FloatArray, after: FloatArray) -> FloatArray:
    """Where the parabola through three neighbors has its top, -0.5 to 0.5."""
    bend = before - 2 * at + after
    return np.clip(np.where(bend < 0, (before - after) / (2 * np.minimum(bend, -1e-12)), 0), -0.5, 0.5)


def _best_similarity(mono: Stars, color: Stars, most: int) -> tuple[NDArray[np.float64], float]:
    """The similarity that is hardest to explain by chance, and the logarithm of how often chance would do."""
    a, b = mono.positions[:most], color.positions[:most]
    proposals = _proposals(a, b)
    best, chance = np.eye(3), 0.0
    middle, others = np.array([mono.size[1] / 2, mono.size[0] / 2, 1.0]), []
    longest, area = max(color.size), float(color.size[0] * color.size[1])
    for part in np.array_split(proposals, -(-len(proposals) // 256) or 1):
        if not len(part):
            continue
        there = part[:, :2, :2] @ a.T + part[:, :2, 2:]
        x, y = there[:, 0], there[:, 1]
        seen = (x >= 0) & (x <= color.size[1]) & (y >= 0) & (y <= color.size[0])
        apart = np.hypot(x[..., None] - b[:, 0], y[..., None] - b[:, 1])
        nearest, distance = apart.argmin(axis=2), apart.min(axis=2)
        for radius in _RADII:
            hit = seen & (distance <= radius * longest)
            counts = hit.sum(axis=1)
            for i in np.flatnonzero(counts >= max(5, 0.8 * counts.max())):
                # A star counts once, however many fall on it.
                count = len(np.unique(nearest[i][hit[i]]))
                p = min(0.5, len(b) * math.pi * (radius * longest) ** 2 / area)
                tail = _log_tail(count - 3, int(seen[i].sum()) - 3, p) + math.log10(2 * len(proposals))
                others.append((tail, *(part[i] @ middle)[:2]))
                if tail < chance:
                    best, chance = part[i], tail
    # A regular pattern lies on itself, and on any other, in many places.
    away = [t for t, x, y in others if math.hypot(*(np.array([x, y]) - (best @ middle)[:2])) > 0.03 * longest]
    return best, 0.0 if min(away, default=0.0) < _RIVAL * chance else chance


def _proposals(a: Points, b: Points) -> NDArray[np.float64]:
    """Similarities (n, 3, 3) from mono to color that take a triangle to one of the same shape."""
    first, second = _triangles(a), _triangles(b)
    if not len(first) or not len(second):
        return np.zeros((0, 3, 3))
    shape_a, shape_b = _shape(a[first]), _shape(b[second])
    apart = np.abs(shape_a[:, None, :2] - shape_b[None, :, :2]).max(axis=2)
    # The third entry is the sense of rotation: pictures are not mirrored.
    apart[shape_a[:, None, 2] != shape_b[None, :, 2]] = np.inf
    i, j = np.nonzero(apart < _SHAPE)
    order = np.argsort(apart[i, j], kind="stable")[:_MOST_TRIES]
    p, q = a[first[i[order]]], b[second[j[order]]]
    # As complex numbers, a similarity is z -> u z + v; the least-squares u of three points.
    p, q = p[..., 0] + 1j * p[..., 1], q[..., 0] + 1j * q[..., 1]
    p0, q0 = p - p.mean(axis=1, keepdims=True), q - q.mean(axis=1, keepdims=True)
    u = (np.conj(p0) * q0).sum(axis=1) / (np.abs(p0) ** 2).sum(axis=1)
    v = q.mean(axis=1) - u * p.mean(axis=1)
    out = np.zeros((len(u), 3, 3))
    out[:, 0, 0], out[:, 0, 1], out[:, 0, 2] = u.real, -u.imag, v.real
    out[:, 1, 0], out[:, 1, 1], out[:, 1, 2], out[:, 2, 2] = u.imag, u.real, v.imag, 1
    return out


def _triangles(points: Points) -> NDArray[np.intp]:
    """Triangles (n, 3) of every star with two of its neighbors; vertices lie opposite to sides of rising length."""
    if len(points) < 3:
        return np.zeros((0, 3), np.intp)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.argsort(apart, axis=1, kind="stable")[:, 1 : _NEIGHBORS + 1]
    pairs = np.array(list(combinations(range(near.shape[1]), 2)))
    own = np.repeat(np.arange(len(points)), len(pairs))
    triples = np.column_stack([own, near[:, pairs[:, 0]].ravel(), near[:, pairs[:, 1]].ravel()])
    triples = np.unique(np.sort(triples, axis=1), axis=0)
    sides = np.stack([apart[triples[:, i], triples[:, j]] for i, j in ((1, 2), (0, 2), (0, 1))], axis=1)
    ordered = np.take_along_axis(triples, np.argsort(sides, axis=1, kind="stable"), axis=1)
    sides.sort(axis=1)
    # Thin triangles and those with two sides of one length say little about which corner is which.
    clear = (sides[:, 0] > 0.15 * sides[:, 2]) & (sides[:, 1] < 0.985 * sides[:, 2])
    return np.asarray(ordered[clear & (sides[:, 0] < 0.985 * sides[:, 1])])


def _shape(triangles: Points) -> Points:
    """Both shorter sides over the longest, and the sense of rotation: (n, 3, 2) -> (n, 3)."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    sides = [np.linalg.norm(p - q, axis=1) for p, q in ((b, c), (a, c), (a, b))]
    ab, ac = b - a, c - a
    turn = np.sign(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    return np.stack([sides[0] / sides[2], sides[1] / sides[2], turn], axis=1)


def _log_tail(least: int, tries: int, p: float) -> float:
    """Logarithm (base 10) of the probability of at least so many successes."""
    if least <= 0 or tries < least:
        return 0.0
    terms = [
        math.lgamma(tries + 1)
        - math.lgamma(k + 1)
        - math.lgamma(tries - k + 1)
        + k * math.log(p)
        + (tries - k) * math.log1p(-p)
        for k in range(least, tries + 1)
    ]
    top = max(terms)
    return (top + math.log(sum(math.exp(t - top) for t in terms))) / math.log(10)


def _refined(mono: Stars, color: Stars, matrix: NDArray[np.float64], chance: float) -> Sky | None:
    """From a similarity of a few stars to what all of them show."""
    longest, model = max(color.size), None
    matches = _paired(mono, color, matrix, None, _RADII[1] * longest)
    for step in range(_ROUNDS):
        if len(matches) < _LEAST_STARS:
            return None
        matrix = _fitted(matches)
        model = bending.find_model(matches, matrix, mono.size, color.size, _BENT_STARS)
        # Wide first, to follow a bent field outward; at last as narrow as good lenses allow.
        radius = _RADII[1] if step < _ROUNDS - 2 else _RADII[0]
        matches = _paired(mono, color, matrix, model, max(2.0, radius * longest))
    return Sky(matrix, model, matches, chance) if len(matches) >= _LEAST_STARS else None


def _paired(
    mono: Stars, color: Stars, matrix: NDArray[np.float64], model: Model | None, radius: float
) -> Matches:
    """Stars that are each other's nearest."""
    place = lens.from_matrix(matrix, mono.size, color.size) if model is None else model
    apart = np.linalg.norm(place.to_color(mono.positions)[:, None] - color.positions[None], axis=2)
    nearest = apart.argmin(axis=1)
    own = np.arange(len(mono))
    good = (apart.argmin(axis=0)[nearest] == own) & (apart[own, nearest] <= radius)
    return Matches(mono.positions[good].astype(np.float32), color.positions[nearest[good]].astype(np.float32))


def _fitted(matches: Matches) -> NDArray[np.float64]:
    """The richest of similarity, affine map and homography that so many stars carry."""
    cv2.setRNGSeed(1986)
    matrix = None
    if len(matches) >= 24:
        matrix, _ = cv2.findHomography(matches.mono, matches.color, cv2.LMEDS)
    elif len(matches) >= 12:
        affine, _ = cv2.estimateAffine2D(matches.mono, matches.color, method=cv2.LMEDS)
        matrix = None if affine is None else np.vstack([affine, [0, 0, 1]])
    if matrix is None:
        affine, _ = cv2.estimateAffinePartial2D(matches.mono, matches.color, method=cv2.LMEDS)
        matrix = np.vstack([affine, [0, 0, 1]])
    return np.asarray(matrix / matrix[2, 2], np.float64)
