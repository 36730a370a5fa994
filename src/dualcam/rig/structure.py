"""Placement by correlation of whole pictures, for pairs too dark, small or noisy for features.

Both pictures shrink to thumbnails with locally normalised contrast; the color thumbnail is tried at several
zooms and rotations and correlated with the mono one at every shift (masked normalised cross-correlation by
FFT, after Padfield 2012). The score is the correlation times the root of the overlapping area, so that a small
overlap has to agree better. Both fields of view are taken to differ by less than a factor of 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray
from dualcam.rig import warp
from dualcam.rig.features import sample_mean

_SIZE = 192
_ZOOMS = tuple(float(z) for z in np.geomspace(0.6, 1.67, 11))
_ROTATIONS_DEG = (-8.0, -4.0, 0.0, 4.0, 8.0)
_MIN_OVERLAP = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """The best shift found: ``matrix`` (3, 3) from mono to color pixels, ``ncc`` in [-1, 1], and the ``score``."""

    matrix: NDArray[np.float64]
    ncc: float
    score: float


def correlate(mono: FloatArray, color: FloatArray) -> Correlation:
    """Find the similarity under which two pictures correlate best.

    Args:
        mono: (H, W, 1) float32, linear.
        color: (h, w, 3) float32, linear, any exposure.
    """
    reference, mono_factor = _thumbnail(mono[..., 0])
    template, color_factor = _thumbnail(sample_mean(color))
    spectra = _Spectra(reference)
    best = max(
        (spectra.try_at(template, z, r) for z in _ZOOMS for r in _ROTATIONS_DEG), key=lambda t: t.score
    )
    step = _ZOOMS[1] / _ZOOMS[0]
    for fraction in (0.5, 0.25):
        tries = [
            spectra.try_at(template, best.zoom * step ** (fraction * i), best.rotation + 4 * fraction * j)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        best = max([best, *tries], key=lambda t: t.score)
    # best.matrix takes color thumbnail pixels to mono thumbnail pixels.
    matrix = warp.scaling(1 / color_factor) @ np.linalg.inv(best.matrix) @ warp.scaling(mono_factor)
    return Correlation(matrix / matrix[2, 2], best.ncc, best.score)


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    matrix: NDArray[np.float64]
    zoom: float
    rotation: float
    ncc: float
    score: float


class _Spectra:
    """The mono thumbnail's spectra, computed once."""

    def __init__(self, reference: FloatArray) -> None:
        # Room for every shift of a template of up to twice the size, without wrapping around.
        self._canvas = cv2.getOptimalDFTSize(3 * _SIZE)
        self._picture = self._transform(reference)
        self._power = self._transform(reference * reference)
        self._mask = self._transform(np.ones_like(reference))
        self._area = float(reference.size)

    def try_at(self, template: FloatArray, zoom: float, rotation: float) -> _Try:
        turned, turn = _turn(template, zoom, rotation)
        mask = _turn(np.ones_like(template), zoom, rotation)[0]
        mask = (mask > 0.99).astype(np.float32)
        turned = turned * mask
        picture, power, area = (self._transform(p) for p in (turned, turned * turned, mask))
        overlap = self._correlate(self._mask, area)
        energy = self._correlate(self._power, area) * self._correlate(self._mask, power)
        ncc = self._correlate(self._picture, picture) / np.sqrt(np.maximum(energy, 1e-3))
        ncc[overlap < _MIN_OVERLAP * min(self._area, float(mask.sum()))] = 0
        score = ncc * np.sqrt(np.maximum(overlap, 0))
        y, x = (int(v) for v in np.unravel_index(int(score.argmax()), score.shape))
        shift = np.eye(3)
        # Positions beyond the reference's own size are negative shifts that wrapped around.
        shift[0, 2] = x - self._canvas if x > _SIZE else x
        shift[1, 2] = y - self._canvas if y > _SIZE else y
        return _Try(shift @ turn, zoom, rotation, float(ncc[y, x]), float(score[y, x]))

    def _transform(self, picture: FloatArray) -> NDArray[np.complex128]:
        return np.fft.rfft2(picture, s=(self._canvas, self._canvas))

    def _correlate(self, a: NDArray[np.complex128], b: NDArray[np.complex128]) -> NDArray[np.float64]:
        return np.fft.irfft2(a * np.conj(b), s=(self._canvas, self._canvas))


def _turn(picture: FloatArray, zoom: float, rotation: float) -> tuple[FloatArray, NDArray[np.float64]]:
    """Zoom and rotate about the middle onto a canvas that keeps the zoomed size; the (3, 3) matrix comes along."""
    height, width = picture.shape
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rotation, zoom)
    matrix[:, 2] += np.array(size) / 2 - np.array([width, height]) / 2
    # OpenCV's warp has pixel centers at integers: shift by half a pixel before and after.
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    full = np.vstack([matrix, [0, 0, 1]])
    turned = cv2.warpAffine(picture, (half @ full @ np.linalg.inv(half))[:2], size)
    return turned, full


def _thumbnail(plane: FloatArray) -> tuple[FloatArray, float]:
    factor = _SIZE / max(plane.shape)
    height, width = (max(1, round(n * factor)) for n in plane.shape)
    small = np.sqrt(np.maximum(warp.resize(plane, height, width), 0))
    small = cv2.GaussianBlur(small, (0, 0), 1.2)
    difference = small - cv2.GaussianBlur(small, (0, 0), 8)
    deviation = np.sqrt(cv2.GaussianBlur(difference * difference, (0, 0), 12) + 1e-4 * small.max() ** 2)
    return (difference / np.maximum(deviation, 1e-6)).astype(np.float32), factor
