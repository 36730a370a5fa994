"""Two views from one: layers at different depths, shifted against each other, with true occlusion.

The left view is the picture itself. The right view is what a second camera beside it would see: x_right = x_left - d,
where the disparity d is smooth inside a layer and jumps between layers. Positive disparities are those of a camera to
the right, negative ones of a camera to the left.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.errors import UsageError
from dualcam.frame import FloatArray
from dualcam.rig import warp
from dualcam.simulation.layers import Layer, continued, regions, uncovered

MOST = 0.2
"""The largest disparity over the width."""

_ROUNDS = 3

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """A rectified pair with its truth.

    Attributes:
        left: (H, W, 3) float32, linear: the picture.
        right: (H, W, 3) float32, linear, the second view.
        disparity: (H, W) float32, of the left view, in pixels: x_right = x_left - disparity.
        visible: (H, W) bool, left pixels that the right view shows: inside its frame and not hidden there.
    """

    left: FloatArray
    right: FloatArray
    disparity: FloatArray
    visible: NDArray[np.bool_]


def generator(scene: str, seed: int = 0) -> np.random.Generator:
    """The random numbers of a photo's depths; they are the same at all light levels and scales."""
    return np.random.default_rng([zlib.crc32(scene.encode()), 2, seed])


def parallax(
    picture: NDArray[np.floating], share: float, rng: np.random.Generator, *, layers: int = 6
) -> Views:
    """Invent a second view of a picture.

    Args:
        picture: (H, W, 3) linear sRGB in [0, 1].
        share: disparity of the nearest layer over the width, -0.2 to 0.2; negative for a camera to the left.
        rng: depths and outlines.
        layers: most layers; pictures with few colors get fewer.

    Raises:
        UsageError: a share out of range, or less than 1 layer.
    """
    if not -MOST <= share <= MOST:
        raise UsageError(f"the parallax is {share:g} of the width.", f"Use {-MOST:g} to {MOST:g}.")
    if layers < 1:
        raise UsageError(f"the number of layers is {layers}.", "Use 1 or more.")
    left = np.ascontiguousarray(picture, dtype=np.float32)
    labels = by_distance(regions(encode(left), layers, rng), rng)
    stack = cut(left, labels, share * left.shape[1], rng)
    right, front = render(stack)
    return Views(left, right, *truth(stack, labels, front))


def by_distance(labels: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    """Number regions from far (0) to near: what lies low in the picture is mostly nearer; the rest is chance."""
    height = labels.shape[0]
    used = np.unique(labels)
    low = np.array([np.nonzero(labels == label)[0].mean() / height for label in used])
    order = np.argsort(low + 0.5 * rng.random(len(used)))
    place = np.zeros(int(labels.max()) + 1, np.int32)
    place[used[order]] = np.arange(len(used), dtype=np.int32)
    return place[labels]


def cut(
    picture: FloatArray, labels: NDArray[np.int32], nearest: float, rng: np.random.Generator
) -> tuple[Layer, ...]:
    """Cut a picture into layers and give each a smooth disparity that rises from the farthest to the nearest.

    The disparities of two layers never meet: slopes and bumps together stay within a part of the gap between them.

    Args:
        picture: (H, W, 3) float32.
        labels: (H, W), 0 for the farthest layer, every number up to the largest used.
        nearest: disparity of the nearest layer in pixels, of either sign.
        rng: gaps, slopes and bumps.

    Returns:
        Layers from far to near. The farthest one fills the picture.
    """
    count = int(labels.max()) + 1
    steps = np.cumsum(rng.uniform(0.3, 1.0, count))
    base = nearest * steps / steps[-1]
    room = float(abs(nearest) * 0.3 / steps[-1])  # the smallest gap between neighbors
    stack: list[Layer] = []
    behind = labels
    for index in reversed(range(count)):
        slope = rng.uniform(-0.2, 0.2, 2) * room
        wave = (
            0.2 * room * float(rng.random()),
            float(rng.uniform(0.5, 1.5)),
            float(rng.uniform(0.5, 1.5)),
            float(rng.uniform(0, 2 * np.pi)),
        )
        # Slopes swing about the middle of the picture.
        plane = (float(base[index] - slope.sum() / 2), float(slope[0]), float(slope[1]))
        support = np.ones(labels.shape, np.float32) if index == 0 else (behind == index).astype(np.float32)
        stack.append(Layer(continued(picture, labels == index, 2 * abs(nearest) + 2), support, plane, wave))
        if index > 0:
            behind = uncovered(behind, behind == index)
    return tuple(reversed(stack))


def disparity_at(layer: Layer, x: FloatArray, y: FloatArray) -> FloatArray:
    """Disparity of a layer in pixels at pixel positions x and y of the left view, of shapes that fit each other."""
    height, width = layer.support.shape
    u, v = x / np.float32(width), y / np.float32(height)
    a, b, c = layer.plane
    amplitude, across, down, phase = layer.wave
    bump = np.sin(2 * np.pi * across * u + phase) * (amplitude * np.cos(2 * np.pi * down * v))
    return a + b * u + c * v + bump


def render(stack: tuple[Layer, ...]) -> tuple[FloatArray, NDArray[np.int32]]:
    """Draw the right view, from far to near.

    Every right pixel looks up each layer where x_left = x_right + d(x_left), found by fixed-point iteration, with one
    cubic interpolation. Outlines are blended over one pixel. Beyond the left picture's border it is mirrored.

    Returns:
        (H, W, 3) float32 picture, and (H, W) int32: the layer in front.
    """
    height, width = stack[0].support.shape
    right = np.zeros_like(stack[0].picture)
    front = np.zeros((height, width), np.int32)
    for index, layer in enumerate(stack):
        if not layer.support.any():
            continue
        window = _reach(layer)
        places = left_places(layer, window)
        places[..., 0] = width - np.abs(width - places[..., 0] % (2 * width))
        cover = warp.sample(layer.support, places)
        drawn = warp.sample(layer.picture, places, interpolation=warp.CUBIC)
        drawn -= right[window]
        drawn *= cover[..., None]
        right[window] += drawn
        front[window][cover > 0.5] = index
    return np.clip(right, 0, 1), front


def left_places(layer: Layer, window: Window) -> FloatArray:
    """Where the pixels of a window of the right view show a layer: (h, w, 2) positions in the left view."""
    x, y = np.moveaxis(warp.centers(*layer.support.shape)[window], -1, 0)
    found = x + np.float32(layer.plane[0])
    for _ in range(_ROUNDS):
        found = x + disparity_at(layer, found, y[:, :1])
    return np.stack([found, y], axis=-1)


def _reach(layer: Layer) -> Window:
    """A window of the right view outside which nothing of a layer is seen, so that nothing is drawn there."""
    height, width = layer.support.shape
    rows, columns = (np.flatnonzero(layer.support.any(axis=axis)) for axis in (1, 0))
    most = int(abs(layer.plane[0]) + sum(map(abs, layer.plane[1:])) + layer.wave[0]) + 3
    first, last = int(columns[0]) - most, int(columns[-1]) + most + 1
    # What lies this near to the border may be seen mirrored outside it.
    first, last = (0 if first <= most else first), (width if last >= width - most else last)
    return slice(max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, height)), slice(first, last)


def truth(
    stack: tuple[Layer, ...], labels: NDArray[np.int32], front: NDArray[np.int32]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Disparity of the left view, and which of its pixels the right view shows.

    Args:
        stack: the layers.
        labels: (H, W), the layer of every left pixel.
        front: (H, W), the layer of every right pixel.

    Returns:
        (H, W) float32 pixels, and (H, W) bool.
    """
    height, width = labels.shape
    places = warp.centers(height, width)
    disparity = np.zeros((height, width), np.float32)
    for index, layer in enumerate(stack):
        here = labels == index
        disparity[here] = disparity_at(layer, places[..., 0][here], places[..., 1][here])
    x = places[..., 0] - disparity
    columns = np.clip(np.floor(x), 0, width - 1).astype(np.intp)
    shown = np.take_along_axis(front, columns, axis=1) == labels
    return disparity, shown & (x >= 0) & (x <= width)
