"""Noise of a mosaic's samples -> noise of the color that is developed from it.

White balance, demosaic and color matrix mix the noise of red, green and blue, and the demosaic is no linear filter:
what it makes of noise is tried on flat gray fields, by the very code that develops pictures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dualcam.camera import develop, noise
from dualcam.frame import FloatArray, Mosaic, NoiseModel

# Gray levels of the fields, dark ones more often: there the line has to fit. The brightest stays under saturation.
_LEVELS = (0.0, 0.02, 0.06, 0.15, 0.35, 0.7)
_SIDE = 96
# What demosaic and second differences reach beyond a field's edge.
_EDGE = 12


def developed(models: tuple[NoiseModel, ...], mosaic: Mosaic) -> tuple[NoiseModel, NoiseModel, NoiseModel]:
    """Carry the noise of a mosaic through its development.

    Args:
        models: noise of camera red, green and blue, of linear samples before white balance.
        mosaic: pattern, white balance and color matrix; its samples are not looked at.

    Returns:
        Noise of red, green and blue of the developed picture, by its own linear signal, measured as
        ``noise.estimate(correlated=True)`` measures it. Exact for gray surfaces: of colored ones the matrix brings in
        more or less of the other channels' noise.
    """
    rng = np.random.default_rng(0)
    highest = min(1.0, float(mosaic.white_balance.min()))
    levels = np.array(_LEVELS) * highest
    variances = np.array([_flat(models, mosaic, level, rng) for level in levels])
    red, green, blue = (_line(levels, variances[:, channel]) for channel in range(3))
    return red, green, blue


def _flat(
    models: tuple[NoiseModel, ...], mosaic: Mosaic, level: float, rng: np.random.Generator
) -> list[float]:
    """Variance of the three channels of a gray field of the given linear signal after development."""
    camera = level / mosaic.white_balance
    deviation = np.array(
        [np.sqrt(max(m.shot * x + m.read, 0.0)) for m, x in zip(models, camera, strict=True)]
    )
    samples: FloatArray = rng.standard_normal((_SIDE, _SIDE)).astype(np.float32)
    for site, letter in enumerate(mosaic.pattern):
        channel = "RGB".index(letter)
        rows, columns = slice(site // 2, None, 2), slice(site % 2, None, 2)
        samples[rows, columns] *= np.float32(deviation[channel])
        samples[rows, columns] += np.float32(camera[channel])
    pixels = develop.develop(replace(mosaic, samples=samples))
    inside = pixels[_EDGE:-_EDGE, _EDGE:-_EDGE]
    return [noise.variance(np.ascontiguousarray(inside[..., c]), correlated=True) for c in range(3)]


def _line(levels: np.ndarray, variances: np.ndarray) -> NoiseModel:
    """Variance = read + shot * level, by least squares relative to the variance."""
    weight = 1 / np.maximum(variances, 1e-20)
    design = np.stack([levels, np.ones_like(levels)], axis=1) * weight[:, None]
    (shot, read), *_ = np.linalg.lstsq(design, variances * weight, rcond=None)
    if shot < 0:
        shot, read = 0.0, float(np.mean(variances))
    return NoiseModel(float(shot), float(max(read, 0.0)))
