"""Feature matches between two pictures that differ in spectrum, exposure, noise and size.

SIFT on four renderings: the contrast-equalised picture and its gradient magnitude (which survives the inverted
contrast of near-infrared), for the color camera's luma and its red channel (the nearest to infrared). Most pairs need
the first of them only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.gradient import gradient_magnitude
from dualcam.frame import FloatArray
from dualcam.rig import warp

# Long side of the pictures that features are looked for in: more costs time and finds mostly noise.
WORKING_SIZE = 1024
_SMALL = 640
_FEATURES = 4000
_RATIO = 0.85
# Features of one picture that are compared with all of the other at a time.
_AT_ONCE = 512
# So many matches that agree need no others. With fewer than so many, the red channel is searched as well.
_PLENTY, _ENOUGH = 800, 400


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Positions of the same scene points: ``mono`` and ``color``, each (n, 2) float32, pixels of the own picture."""

    mono: NDArray[np.float32]
    color: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.mono)

    def __add__(self, other: Matches) -> Matches:
        return Matches(np.concatenate([self.mono, other.mono]), np.concatenate([self.color, other.color]))


Agreeing = Callable[[Matches], int]
"""Says how many matches agree with each other."""


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    positions: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def match_pictures(mono: FloatArray, color: FloatArray, agreeing: Agreeing | None = None) -> Matches:
    """Find matches between a mono and a color picture.

    Args:
        mono: (H, W, 1) float32, linear.
        color: (h, w, 3) float32, linear.
        agreeing: says how many matches agree with each other. Where many by contrast do, gradients are not looked
            at, which takes half of the time; without it both always are.

    Returns:
        Candidate matches, wrong ones among them.
    """
    reference, rendered = parallel.each(_equalised, (mono[..., 0], sample_mean(color)))
    by_contrast = [*parallel.each(_by_contrast, (reference, rendered))]
    found = _match(by_contrast[0], by_contrast[1])
    if agreeing is not None and agreeing(found) >= _PLENTY:
        return found
    by_gradient = [*parallel.each(_by_gradient, (reference, rendered))]
    found += _match(by_gradient[0], by_gradient[1])
    if len(found) < _ENOUGH:
        red = _equalised(np.ascontiguousarray(color[..., 0]))
        found += _match(by_contrast[0], _by_contrast(red)) + _match(by_gradient[0], _by_gradient(red))
    return found


def sample_mean(color: FloatArray) -> FloatArray:
    """Mean of a Bayer sensor's samples, the luma with the least noise: (H, W, 3) linear -> (H, W) linear, >= 0."""
    return (np.maximum(color, 0) @ np.array([0.25, 0.5, 0.25], np.float32)).astype(np.float32)


def equalise(plane: FloatArray, size: int) -> tuple[FloatArray, float]:
    """Bring a linear plane to a working size, denoised, stretched to [0, 1] in a log-like display domain.

    Args:
        plane: (H, W) float32, linear, any exposure.
        size: the longest side wanted; small pictures are doubled at most.

    Returns:
        The picture (H', W') float32 in [0, 1] and the factor H' / H.
    """
    longest = max(plane.shape)
    factor = size / longest if longest > size else (2.0 if longest < _SMALL else 1.0)
    small = warp.resize(plane, max(1, round(plane.shape[0] * factor)), max(1, round(plane.shape[1] * factor)))
    # The square root makes shot noise uniform and lifts the dark; the exact curve does not matter here.
    small = np.sqrt(np.maximum(small, 0))
    second = cv2.filter2D(small, cv2.CV_32F, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32))
    noise = float(np.median(np.abs(second))) / (0.6745 * 6)
    low, high = (float(v) for v in np.percentile(small, [1, 99]))
    spread = max(high - low, 1e-5)
    small = cv2.GaussianBlur(small, (0, 0), 0.8 + min(2.0, 30 * noise / spread))
    low, high = (float(v) for v in np.percentile(small, [1, 99]))
    spread = max(high - low, 1e-5)
    return np.clip((small - np.float32(low)) / np.float32(spread), 0, 1), small.shape[0] / plane.shape[0]


def gradient_strength(picture: FloatArray, sigma: float = 20.0) -> FloatArray:
    """Gradient magnitude over its local mean: (H, W) display-like in, (H, W) in [0, 1] out, blind to contrast sign."""
    magnitude = cv2.GaussianBlur(gradient_magnitude(picture), (0, 0), 1.5)
    around = cv2.GaussianBlur(magnitude, (0, 0), sigma)
    return np.clip(magnitude / (3 * around + np.float32(1e-3)), 0, 1)


def _equalised(plane: FloatArray) -> tuple[FloatArray, float]:
    return equalise(plane, WORKING_SIZE)


def _by_contrast(equalised: tuple[FloatArray, float]) -> _Features:
    picture, factor = equalised
    contrast = cv2.createCLAHE(3.0, (8, 8)).apply(np.rint(picture * 255).astype(np.uint8))
    return _detect(contrast, factor)


def _by_gradient(equalised: tuple[FloatArray, float]) -> _Features:
    picture, factor = equalised
    return _detect(np.rint(gradient_strength(picture) * 255).astype(np.uint8), factor)


def _detect(picture: NDArray[np.uint8], factor: float) -> _Features:
    detector = cv2.SIFT_create(
        _FEATURES, contrastThreshold=0.01, edgeThreshold=15, enable_precise_upscale=True
    )
    points, descriptors = detector.detectAndCompute(picture, None)
    if descriptors is None or not len(points):
        return _Features(np.empty((0, 2), np.float32), np.empty((0, 128), np.float32))
    # Root-SIFT (Arandjelovic and Zisserman 2012): the dot product of these is the Hellinger kernel.
    root = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-9))
    positions = np.array([p.pt for p in points], np.float32) + np.float32(0.5)
    return _Features(positions / np.float32(factor), root.astype(np.float32))


def _match(mono: _Features, color: _Features) -> Matches:
    """Mutual nearest neighbors that pass Lowe's ratio test."""
    if len(mono.positions) < 2 or len(color.positions) < 2:
        return Matches(np.empty((0, 2), np.float32), np.empty((0, 2), np.float32))
    # The similarities of all to all would take the most memory of the whole program.
    starts = range(0, len(mono.descriptors), _AT_ONCE)
    parts = parallel.each(lambda s: _nearest(mono.descriptors[s : s + _AT_ONCE], color.descriptors), starts)
    bests, firsts, seconds, columns = zip(*parts, strict=True)
    best, first, second = (np.concatenate(part) for part in (bests, firsts, seconds))
    mutual = np.max(columns, axis=0)[best] == first
    distance, next_distance = (np.sqrt(np.maximum(2 - 2 * s, 1e-9)) for s in (first, second))
    keep = mutual & (distance < _RATIO * next_distance)
    return Matches(mono.positions[keep], color.positions[best[keep]])


def _nearest(
    asked: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The most similar of ``known`` (m, 128) for each of ``asked`` (n, 128).

    Returns:
        Its index, its similarity and that of the next one, (n,) each; and how similar the most similar of ``asked`` is
        to each of ``known``, (m,).
    """
    similarity = asked @ known.T
    columns = similarity.max(axis=0)
    rows, best = np.arange(len(asked)), similarity.argmax(axis=1)
    first = similarity[rows, best]
    similarity[rows, best] = -1
    return best, first, similarity.max(axis=1), columns
