"""Demosaicing of Bayer samples in floating point, by residual interpolation.

Green is estimated along rows and along columns: there two colors alternate, each is carried to the other's sites by
a local line through both (guided filter), and what the line misses is interpolated (Kiku, Monno, Tanaka, Okutomi:
Residual interpolation for color image demosaicking, ICIP 2013). The two directions are blended by how smooth the
color difference runs in each (Pekkucuksen, Altunbasak: Gradient based threshold free color filter array
interpolation, ICIP 2010). Red and blue follow from green, again by residual interpolation.

Nothing is clipped or rounded, so that noise keeps its mean around black, and k times the samples give k times the
picture: dark frames are treated like bright ones. The lines are damped by the noise (``_DAMPING``): chosen on 24
photos of the training set, at halved size, with the noise of the NIGHT levels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.frame import FloatArray

Mask = NDArray[np.bool_]

_BAND = 256
_MARGIN = 32  # more than the filters below reach, and even, so that a band begins like the picture
_DAMPING = 0.3
_TINY = 1e-7
_LINEAR: FloatArray = np.array([[0.5, 1, 0.5]], np.float32)
_BILINEAR: FloatArray = np.outer(_LINEAR, _LINEAR)
_STEP: FloatArray = np.array([[-1, 0, 1]], np.float32)
_ONWARD: FloatArray = np.array(
    [[0, 0, 0, 0, 0.56, 0.35, 0.08, 0.01, 0]], np.float32
)  # half a Gaussian, to one side


def demosaic(samples: FloatArray, pattern: str) -> FloatArray:
    """Demosaic (H, W) linear samples -> (H, W, 3) linear camera RGB, on the same pixel grid.

    White-balanced samples give fewer color fringes than raw ones.

    Args:
        samples: (H, W) float32, linear, black 0, any scale; values under 0 and over 1 are kept as they are.
        pattern: one of ``camera.sensor.PATTERNS``.

    Returns:
        (H, W, 3) float32; where a color was sampled, exactly that sample.
    """
    height, width = samples.shape
    out = np.empty((height, width, 3), np.float32)
    epsilon = _DAMPING * _noise_variance(samples, pattern) + _TINY * float(np.square(samples).mean())
    sites = _sites(pattern, min(_BAND + 2 * _MARGIN, height), width)

    def band(top: int) -> None:
        bottom = min(top + _BAND, height)
        begin, end = max(top - _MARGIN, 0), min(bottom + _MARGIN, height)
        masks = [mask[: end - begin] for mask in sites]
        out[top:bottom] = _band(samples[begin:end], masks, epsilon)[top - begin : bottom - begin]

    # In bands, so that the many planes of intermediate results stay small.
    for _ in parallel.each(band, range(0, height, _BAND)):
        pass
    return out


def _sites(pattern: str, height: int, width: int) -> list[Mask]:
    """Where red, green and blue are sampled; the first row is an even one of the picture."""
    letters = np.array(list(pattern)).reshape(2, 2)
    tiled = np.tile(letters, (height // 2 + 1, width // 2 + 1))[:height, :width]
    return [tiled == letter for letter in "RGB"]


def _noise_variance(samples: FloatArray, pattern: str) -> float:
    """Variance of the noise of a sample, from the difference of the two greens of a block; texture adds a little."""
    height, width = (side // 2 * 2 for side in samples.shape)
    first, second = (i for i, letter in enumerate(pattern) if letter == "G")
    a, b = (samples[i // 2 : height : 2, i % 2 : width : 2] for i in (first, second))
    spread = float(np.median(np.abs(a - b))) / 0.6745  # median of |x| of a normal distribution
    return spread**2 / 2


def _band(samples: FloatArray, sites: list[Mask], epsilon: float) -> FloatArray:
    red, green, blue = sites
    along_rows = _difference(samples, green, epsilon)
    along_columns = _difference(np.ascontiguousarray(samples.T), np.ascontiguousarray(green.T), epsilon).T
    difference = _blend(along_rows, np.ascontiguousarray(along_columns), epsilon)
    out = np.empty((*samples.shape, 3), np.float32)
    out[..., 1] = np.where(green, samples, samples + difference)
    for channel, own in ((0, red), (2, blue)):
        plane = _residual(out[..., 1], samples, own.astype(np.float32), (7, 7), epsilon, _BILINEAR)
        out[..., channel] = np.where(own, samples, plane)
    return out


def _filter(plane: FloatArray, kernel: FloatArray) -> FloatArray:
    # Mirrored about the outermost pixel, the pattern goes on beyond the border.
    return cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


def _difference(samples: FloatArray, green: Mask, epsilon: float) -> FloatArray:
    """Green minus the other color of each row, along rows: (H, W)."""
    out = np.empty_like(samples)
    for parity in (0, 1):  # a row holds green and red, or green and blue: each kind for itself
        rows = np.ascontiguousarray(samples[parity::2])
        is_green = green[parity::2]
        here = is_green.astype(np.float32)
        other_guide, green_guide = (_filter(rows * sites, _LINEAR) for sites in (1 - here, here))
        greens = _residual(other_guide, rows, here, (11, 3), epsilon, _LINEAR)
        others = _residual(green_guide, rows, 1 - here, (11, 3), epsilon, _LINEAR)
        out[parity::2] = np.where(is_green, rows - others, greens - rows)
    return out


def _residual(
    guide: FloatArray,
    samples: FloatArray,
    sites: FloatArray,
    window: tuple[int, int],
    epsilon: float,
    kernel: FloatArray,
) -> FloatArray:
    """Carry the samples at ``sites`` to all pixels: a line in the guide, plus the interpolated misses.

    Args:
        guide: (H, W), known everywhere.
        samples: (H, W), read at the sites only.
        sites: (H, W) float, 1 at the sites and 0 elsewhere.
        window: columns and rows of the window that a line is fitted in; odd.
        epsilon: variance of the guide below which a line is not trusted.
        kernel: interpolates the sites' grid; it sums to 1 over the sites that it reaches.
    """

    def box(plane: FloatArray) -> FloatArray:
        return cv2.boxFilter(plane, -1, window, borderType=cv2.BORDER_REFLECT_101)

    count = box(sites)
    masked = guide * sites
    mean, target = box(masked) / count, box(samples * sites) / count
    variance = np.maximum(box(guide * masked) / count - mean * mean, 0)
    slope = (box(samples * masked) / count - mean * target) / (variance + np.float32(epsilon))
    offset = target - slope * mean
    tentative = box(slope) * guide + box(offset)
    return tentative + _filter((samples - tentative) * sites, kernel)


def _blend(along_rows: FloatArray, along_columns: FloatArray, epsilon: float) -> FloatArray:
    """Blend the two estimates of a color difference from four sides, each weighted by its smoothness."""
    total = np.zeros_like(along_rows)
    weights = np.zeros_like(along_rows)
    for plane, turned in ((along_rows, False), (along_columns, True)):
        step, onward = (_STEP.T, _ONWARD.T) if turned else (_STEP, _ONWARD)
        slope = np.abs(_filter(plane, np.ascontiguousarray(step)))
        for ahead in (False, True):
            reach = 0 if ahead else 4
            roughness = cv2.boxFilter(
                slope,
                -1,
                (5, 5),
                anchor=(2, reach) if turned else (reach, 2),
                borderType=cv2.BORDER_REFLECT_101,
            )
            kernel = np.ascontiguousarray(onward if ahead else np.flip(onward))
            weight = 1 / (roughness * roughness + np.float32(0.1 * epsilon))
            total += weight * _filter(plane, kernel)
            weights += weight
    return total / weights
