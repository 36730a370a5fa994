"""What every baseline with alignment starts from: the same clean mono and the same bright, denoised color."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dualcam.camera import noise
from dualcam.camera.denoise import denoise_linear
from dualcam.evaluation.baselines import exposure
from dualcam.evaluation.baselines.grid import shrink
from dualcam.evaluation.case import Inputs
from dualcam.frame import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Both pictures, clean, linear, as bright as each other.

    Attributes:
        mono: (H, W) in [0, 1], denoised.
        small: (h, w) in [0, 1], the same at the color's size.
        color: (h, w, 3) >= 0, gain-matched and denoised, the color camera's view; never larger than mono.
    """

    mono: FloatArray
    small: FloatArray
    color: FloatArray


def prepare(inputs: Inputs) -> Prepared:
    """Match the exposure, denoise both pictures, and bring mono to the color's size."""
    mono = clean_mono(inputs)
    color = fit_size(exposure.gain(inputs), mono)
    return Prepared(mono, shrink(mono, *color.shape[:2]), color)


def clean_mono(inputs: Inputs) -> FloatArray:
    """The mono picture denoised by its own noise level: (H, W) linear in [0, 1]."""
    plane = inputs.mono.pixels[..., 0]
    return np.clip(denoise_linear(plane, noise.estimate(plane)), 0, 1)


def fit_size(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Color (h, w, 3) averaged down to mono's (H, W) where it is larger; the field of view is the same."""
    rows, columns = (min(c, m) for c, m in zip(color.shape[:2], mono.shape, strict=True))
    return color if color.shape[:2] == (rows, columns) else shrink(color, rows, columns)
