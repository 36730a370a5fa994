"""A single picture -> a stack of layers at different depths, cut along its own colors and edges.

The depths are invented: nothing is estimated from the picture but where its regions end. What matters for training
and testing is that every layer hides exactly what lies behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.smooth import wide_blur
from dualcam.frame import FloatArray

Labels = NDArray[np.int32]
Places = NDArray[np.intp]

_SMALL = 128  # longest side at which regions are looked for
_ROUNDS = 8
_PLACE = 100.0  # a picture's longest side counts as much as this difference in CIELAB
_SMOOTH = 1 / 120  # of the longest side: outlines are rounded to this radius
_LEAST = 0.004  # of the area: smaller islands join what is around them


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One surface of the scene, complete also where nearer ones hide it.

    Attributes:
        picture: (H, W, C) float32; where the layer is hidden, a continuation of what is seen of it.
        support: (H, W) float32 in [0, 1], where the layer is.
        plane: (3,) disparity a + b x + c y, x and y over the picture's width and height, 0 to 1.
        wave: (amplitude, cycles across, cycles down, phase) of a smooth bump on the plane.
    """

    picture: FloatArray
    support: FloatArray
    plane: tuple[float, float, float]
    wave: tuple[float, float, float, float]


def regions(display: FloatArray, count: int, rng: np.random.Generator) -> Labels:
    """Cut a picture into regions of similar color and place: k-means in CIELAB and x, y (as superpixels, but few).

    The clusters are found on a small picture (Achanta et al., "SLIC superpixels", PAMI 2012, without its local
    search), every full-size pixel joins the nearest one, and the outlines are smoothed.

    Args:
        display: (H, W, 3) float32 display RGB in [0, 1].
        count: clusters, at least 1.
        rng: where the clusters start.

    Returns:
        (H, W) int32 labels 0 .. count - 1; some may be unused.
    """
    height, width = display.shape[:2]
    factor = min(1.0, _SMALL / max(height, width))
    small = cv2.resize(
        display, (max(1, round(width * factor)), max(1, round(height * factor))), interpolation=cv2.INTER_AREA
    )
    features = _features(small)
    flat = features.reshape(-1, 5)
    centers = flat[rng.choice(len(flat), size=min(count, len(flat)), replace=False)]
    for _ in range(_ROUNDS):
        nearest = _nearest(features, centers).ravel()
        sums = np.stack([np.bincount(nearest, flat[:, c], len(centers)) for c in range(5)], axis=1)
        sizes = np.bincount(nearest, minlength=len(centers))[:, None]
        centers = np.where(sizes > 0, sums / np.maximum(sizes, 1), centers).astype(np.float32)
    radius = max(height, width) * _SMOOTH
    labels = _nearest(_features(cv2.GaussianBlur(display, (0, 0), max(radius / 4, 0.5))), centers)
    votes = [wide_blur((labels == k).astype(np.float32), max(radius, 0.5)) for k in range(len(centers))]
    smooth = np.argmax(votes, axis=0).astype(np.int32)
    return uncovered(smooth, _islands(smooth, len(centers)))


def _islands(labels: Labels, count: int) -> NDArray[np.bool_]:
    """Connected pieces of a region that are too small to be an object; never all of the picture."""
    small = np.zeros(labels.shape, bool)
    for label in range(count):
        _, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == label).astype(np.uint8))
        tiny = stats[:, cv2.CC_STAT_AREA] < _LEAST * labels.size
        tiny[0] = False  # the rest of the picture
        small |= tiny[pieces]
    return small & ~small.all()


def uncovered(labels: Labels, hidden: NDArray[np.bool_]) -> Labels:
    """Give hidden pixels the label of the nearest pixel that is not hidden: what lies behind a removed layer.

    Args:
        labels: (H, W).
        hidden: (H, W); at least one pixel is not hidden.
    """
    nearest, _ = _nearest_seen(~hidden)
    out = labels.copy()
    out[hidden] = labels[nearest(*np.nonzero(hidden))]
    return out


def continued(picture: FloatArray, seen: NDArray[np.bool_], reach: float) -> FloatArray:
    """Continue a picture where it was not seen, by mirroring it at the outline of what was seen.

    Args:
        picture: (H, W, C) float32.
        seen: (H, W); at least one pixel.
        reach: how far to go, in pixels; what lies beyond stays as it is.

    Returns:
        The same shape; equal to the picture where it was seen, and without a step at the outline.
    """
    height, width = seen.shape
    nearest, distance = _nearest_seen(seen)
    y, x = np.nonzero((distance > 0) & (distance <= reach))
    rows, columns = nearest(y, x)
    mirrored_y, mirrored_x = np.clip(2 * rows - y, 0, height - 1), np.clip(2 * columns - x, 0, width - 1)
    out = picture.copy()
    # The mirror point may be hidden too: its nearest seen neighbor takes its place.
    out[y, x] = picture[nearest(mirrored_y, mirrored_x)]
    return out


def _features(display: FloatArray) -> FloatArray:
    height, width = display.shape[:2]
    lab = cv2.cvtColor(np.ascontiguousarray(display), cv2.COLOR_RGB2Lab)
    unit = np.float32(_PLACE / max(height, width))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32) * unit, np.arange(height, dtype=np.float32) * unit)
    return np.dstack([lab, x, y])


def _nearest(features: FloatArray, centers: FloatArray) -> Labels:
    """The nearest center of every pixel: |f|^2 is the same for all, so f . c - |c|^2 / 2 decides."""
    scores = features @ centers.T - (centers**2).sum(axis=1) / 2
    return np.argmax(scores, axis=-1).astype(np.int32)


def _nearest_seen(
    seen: NDArray[np.bool_],
) -> tuple[Callable[[Places, Places], tuple[Places, Places]], FloatArray]:
    """A function from rows and columns to those of the nearest seen pixels, and the distance to it (H, W)."""
    hidden = np.where(seen, 0, 255).astype(np.uint8)
    distance, pieces = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    # Every seen pixel is a piece of its own.
    at = np.flatnonzero(seen)
    place_of = np.zeros(int(pieces.max()) + 1, np.intp)
    place_of[pieces.ravel()[at]] = at

    def nearest(rows: Places, columns: Places) -> tuple[Places, Places]:
        places = place_of[pieces[rows, columns]]
        return places // seen.shape[1], places % seen.shape[1]

    return nearest, distance
