"""Star fields that were never photographed: point stars with realistic brightness and color, sky, a landscape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.smooth import wide_blur
from dualcam.frame import FloatArray

# Stars get more numerous by this power of their flux: a factor of 2.8 a magnitude, as in the real sky's middle range.
_SLOPE = 1.12
_SKY = np.array([0.9, 1.0, 1.25], np.float32)
# Planck's law at the middle of each primary, in metres.
_WAVELENGTHS = np.array([610e-9, 550e-9, 465e-9])
_HC_OVER_K = 1.4388e-2
_WHITE_K = 6500.0


def star_field(
    height: int,
    width: int,
    rng: np.random.Generator,
    *,
    stars: int = 400,
    faintest: float = 0.05,
    sigma_px: float = 1.2,
    sky: float = 0.02,
    landscape: float = 0.0,
) -> FloatArray:
    """Draw a picture of stars.

    Args:
        height: rows.
        width: columns.
        rng: places, brightness and colors.
        stars: how many.
        faintest: peak of the faintest star over the sky, linear; the others follow a power law without an upper end.
        sigma_px: standard deviation of a star's Gaussian image in pixels.
        sky: brightness of the sky, linear; it grows by half toward the bottom.
        landscape: share of the height, from the bottom, that a dark landscape hides.

    Returns:
        (height, width, 3) float32, linear sRGB in [0, 1]; the brightest stars are clipped.
    """
    down = np.linspace(1.0, 1.5, height, dtype=np.float32)[:, None, None]
    picture = np.broadcast_to(sky * down * _SKY, (height, width, 3)).astype(np.float32)
    peaks = faintest * (1 - rng.random(stars)) ** (-1 / _SLOPE)
    colors = star_colors(rng.uniform(3200, 11000, stars))
    places = rng.random((stars, 2)) * [width, height]
    for place, peak, color in zip(places, peaks, colors, strict=True):
        _add_star(picture, place, float(peak) * color, sigma_px)
    if landscape > 0:
        _add_landscape(picture, landscape, rng)
    return np.clip(picture, 0, 1)


def star_colors(kelvin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear RGB (n, 3) of black bodies, mean 1, white at 6500 K: Planck's law at three wavelengths."""

    def planck(temperature: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 / (_WAVELENGTHS**5 * np.expm1(_HC_OVER_K / (_WAVELENGTHS * temperature[:, None])))

    color = planck(kelvin) / planck(np.array([_WHITE_K]))
    return np.asarray(color / color.mean(axis=1, keepdims=True), np.float64)


def add_hot_pixels(samples: NDArray[np.uint16], count: int, top: int, rng: np.random.Generator) -> None:
    """Put hot pixels into a sensor's samples (H, W), in place, from a tenth of ``top`` up to ``top``."""
    rows, columns = rng.integers(samples.shape[0], size=count), rng.integers(samples.shape[1], size=count)
    hot = (top * rng.uniform(0.1, 1.0, count)).astype(samples.dtype)
    samples[rows, columns] = np.maximum(samples[rows, columns], hot)


def _add_star(
    picture: FloatArray, place: NDArray[np.float64], peak: NDArray[np.float64], sigma: float
) -> None:
    height, width = picture.shape[:2]
    # Bright stars are seen farther out: to where they fall under a thousandth.
    reach = int(np.ceil(sigma * np.sqrt(2 * np.log(max(float(peak.max()), 1e-2) / 1e-3)))) + 1
    x, y = int(place[0]), int(place[1])
    rows, columns = (
        slice(max(0, y - reach), min(height, y + reach + 1)),
        slice(max(0, x - reach), min(width, x + reach + 1)),
    )
    dy = np.arange(rows.start, rows.stop) + 0.5 - place[1]
    dx = np.arange(columns.start, columns.stop) + 0.5 - place[0]
    spot = np.exp(-(dy[:, None] ** 2 + dx**2) / (2 * sigma**2))
    picture[rows, columns] += (spot[..., None] * peak).astype(np.float32)


def _add_landscape(picture: FloatArray, share: float, rng: np.random.Generator) -> None:
    """A ridge line, and dark textured ground under it."""
    height, width = picture.shape[:2]
    walk = np.cumsum(rng.normal(0, 1, (1, width)).astype(np.float32), axis=1)
    walk = wide_blur(np.repeat(walk, 8, axis=0), width / 100)[0]
    ridge = height * (1 - share * (0.75 + 0.25 * (walk - walk.min()) / max(float(np.ptp(walk)), 1e-6)))
    ground = np.arange(height)[:, None] > ridge
    texture = sum(
        wide_blur(rng.normal(0, 1, (height, width, 1)).astype(np.float32), s).reshape(height, width, 1) * s
        for s in (1.5, 4.0, 12.0)
    )
    tint = np.array([0.8, 1.0, 0.6], np.float32)
    brown = 0.015 * tint * np.exp(0.8 * texture / max(float(np.std(texture)), 1e-6))
    picture[ground] = brown[ground]
