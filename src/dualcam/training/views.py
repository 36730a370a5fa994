"""Two clean views of a scene for one training sample: real stereo, or parallax invented for photos.

A *collage* lays pieces of several photos over each other at different depths; what lies behind a piece is known
there, so that both views are right at every pixel. ``simulation.parallax`` cuts one photo into layers instead and
keeps its objects whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dualcam.frame import FloatArray
from dualcam.rig import warp
from dualcam.simulation.parallax import parallax
from dualcam.training.sources import Sources, read_linear

_MOST_PIECES = 4
# Photos are enlarged by this much at most: blurred ones teach nothing.
_MOST_ENLARGED = 1.6
_VERTICAL_MARGIN = 16
_LIT_DIFFERENTLY = 0.5
# Share of the width by which the views of a stereo pair are cut beside each other at most.
_ASIDE = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Two views.

    Attributes:
        left: (H, W, 3) float32, linear, the mono camera's.
        right: (H, W, 3) float32, linear, the color camera's.
        shift: pixels by which the right view is shifted against the left one, in the middle: x_right = x_left - shift.
            A placement would remove it.
    """

    left: FloatArray
    right: FloatArray
    shift: float


def draw(sources: Sources, size: int, rng: np.random.Generator) -> Views:
    """Draw a pair of views of ``size`` x ``size`` pixels."""
    views = _drawn(sources, size, rng)
    if rng.random() < _LIT_DIFFERENTLY:
        light = _other_light(size, rng)[..., None]
        views = replace(views, right=np.clip(views.right * light, 0, 1))
    return views


def _drawn(sources: Sources, size: int, rng: np.random.Generator) -> Views:
    kind = rng.random()
    if sources.pairs and (kind < 0.35 or not sources.photos):
        return _stereo(sources.pairs[rng.integers(len(sources.pairs))], size, rng)
    # Collages are right at every pixel, but their colors stand beside each other as in no scene.
    if kind < 0.75:
        return _layered(sources, size, rng)
    return _collage(sources, size, rng)


def _other_light(size: int, rng: np.random.Generator) -> FloatArray:
    """A smooth brightness difference between the views, (size, size): surfaces shine, and lenses fall off."""
    coarse = rng.normal(0, rng.uniform(0, 0.3), (int(rng.integers(2, 7)),) * 2).astype(np.float32)
    return np.exp(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))


def _stereo(pair: tuple[Path, Path], size: int, rng: np.random.Generator) -> Views:
    left, right = (read_linear(path) for path in pair)
    if rng.random() < 0.5:
        left, right = right, left
    if rng.random() < 0.5:
        left, right = left[:, ::-1], right[:, ::-1]
    shortest = min(left.shape[:2])
    zoom = max(rng.uniform(0.6, 1.0), size / shortest + 1e-3)
    left, right = (_zoomed(np.ascontiguousarray(p), zoom) for p in (left, right))
    y = int(rng.integers(left.shape[0] - size + 1))
    x = int(rng.integers(left.shape[1] - size + 1))
    left, band = left[y : y + size, x : x + size], right[y : y + size]
    # What a placement does: the color crop lies where most of the mono crop is seen.
    margin = size // 6
    pattern = np.ascontiguousarray(left[:, margin:-margin])
    score = cv2.matchTemplate(_gray(band), _gray(pattern), cv2.TM_CCOEFF_NORMED)
    best = int(score[0].argmax()) - margin
    # The color camera may look past the mono picture's edge: what it does not see is filled there.
    aside = int(rng.uniform(-_ASIDE, _ASIDE) * size) if rng.random() < 0.5 else 0
    start = int(np.clip(best + aside, 0, band.shape[1] - size))
    return Views(
        np.ascontiguousarray(left), np.ascontiguousarray(band[:, start : start + size]), float(start - best)
    )


def _layered(sources: Sources, size: int, rng: np.random.Generator) -> Views:
    picture = _photo(sources, size, size, rng)
    share = float(rng.uniform(0.01, 0.2) * rng.choice([-1, 1]))
    views = parallax(picture, share, rng, layers=int(rng.integers(2, 8)))
    middle = np.quantile(views.disparity, rng.uniform(0.3, 0.7))
    return Views(views.left, views.right, float(middle))


def _collage(sources: Sources, size: int, rng: np.random.Generator) -> Views:
    span = float(rng.uniform(0.01, 0.18)) * size
    sign = np.float32(rng.choice([-1, 1]))
    depths = np.sort(rng.uniform(0, span, int(rng.integers(0, _MOST_PIECES + 1)) + 1))
    margin = int(span) + 8
    views: list[FloatArray] = []
    points = warp.centers(size, size)
    for index, depth in enumerate(depths):
        tall, wide = size + 2 * _VERTICAL_MARGIN, size + 2 * margin
        texture = _photo(sources, tall, wide, rng)
        swell = 0.004 if index else 0.015
        wave = _noise(size, size, size / rng.uniform(1, 5), rng) * np.float32(rng.uniform(0, swell) * size)
        offset = (np.float32(depth) + wave) * sign
        # The right view's pixels look up where x_right = x_left - offset(x_left).
        back = points[..., 0] + offset
        for _ in range(3):
            back = points[..., 0] + warp.sample(offset, np.dstack([back, points[..., 1]]))
        places = [np.dstack([x + margin, points[..., 1] + _VERTICAL_MARGIN]) for x in (points[..., 0], back)]
        drawn = [warp.sample(texture, p, interpolation=warp.CUBIC) for p in places]
        if index == 0:
            views = drawn
            continue
        outline = _outline(tall, wide, size, rng)
        covers = [warp.sample(outline, p)[..., None] for p in places]
        views = [v * (1 - c) + d * c for v, c, d in zip(views, covers, drawn, strict=True)]
    left, right = (np.clip(v, 0, 1).astype(np.float32) for v in views)
    return Views(left, right, float(np.quantile(depths, rng.uniform(0.2, 0.8)) * sign))


def _outline(height: int, width: int, size: int, rng: np.random.Generator) -> FloatArray:
    """A random cover (height, width) in [0, 1]: blobs of all sizes, ragged or round, one pixel of soft edge."""
    field = _noise(height, width, size / rng.uniform(2, 9), rng)
    cover = (field > np.quantile(field, rng.uniform(0.55, 0.9))).astype(np.float32)
    if rng.random() < 0.5:
        cover = (cv2.GaussianBlur(cover, (0, 0), rng.uniform(1, 6)) > 0.5).astype(np.float32)
    return cv2.GaussianBlur(cover, (0, 0), 0.6)


def _noise(height: int, width: int, wavelength: float, rng: np.random.Generator) -> FloatArray:
    size = max(2, int(height / wavelength) + 2), max(2, int(width / wavelength) + 2)
    return cv2.resize(
        rng.normal(size=size).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )


def _photo(sources: Sources, height: int, width: int, rng: np.random.Generator) -> FloatArray:
    """A random cut of a photo, mirrored at its border where it is too narrow."""
    picture = np.zeros((1, 1, 3), np.float32)
    for _ in range(20):
        singles = sources.photos or tuple(left for left, _ in sources.pairs)
        path = singles[rng.integers(len(singles))]
        picture = read_linear(path)
        if rng.random() < 0.25:
            picture = np.ascontiguousarray(np.rot90(picture))
        zoom = max(rng.uniform(0.7, 1.2), height / picture.shape[0] + 1e-3)
        if zoom <= _MOST_ENLARGED:
            break
    picture = _zoomed(picture, zoom)
    missing = max(0, width - picture.shape[1])
    if missing:
        sides = (missing // 2 + 1, missing // 2 + 1)
        while picture.shape[1] < width:
            most = picture.shape[1] - 1
            picture = np.pad(
                picture, ((0, 0), (min(sides[0], most), min(sides[1], most)), (0, 0)), mode="reflect"
            )
    y = int(rng.integers(picture.shape[0] - height + 1))
    x = int(rng.integers(picture.shape[1] - width + 1))
    cut = picture[y : y + height, x : x + width]
    return np.ascontiguousarray(cut[:, ::-1] if rng.random() < 0.5 else cut)


def _zoomed(picture: FloatArray, zoom: float) -> FloatArray:
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.clip(cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=method), 0, 1)


def _gray(linear: FloatArray) -> FloatArray:
    return np.sqrt(np.clip(linear, 0, 1)).mean(axis=-1)
