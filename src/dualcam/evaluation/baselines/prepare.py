"""What every baseline with alignment starts from: the same clean mono and the same bright, denoised color."""

from __future__ import annotations

from dataclasses import dataclass

from dualcam.camera import measure
from dualcam.evaluation.baselines import exposure, nonlocal_means
from dualcam.evaluation.baselines.grid import shrink
from dualcam.evaluation.baselines.nonlocal_means import USUAL, Strength
from dualcam.evaluation.case import Inputs
from dualcam.frame import FloatArray, NoiseModel


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


def prepare(inputs: Inputs, strength: Strength = USUAL) -> Prepared:
    """Match the exposure, denoise both pictures, and bring mono to the color's size.

    Args:
        inputs: the capture.
        strength: of the color's denoising.
    """
    measured = measure.measure(inputs.mono, inputs.color)
    ratio = exposure.ratio(inputs.mono.pixels[..., 0], inputs.color.pixels)
    noise = [NoiseModel(model.shot * ratio, model.read * ratio**2) for model in measured.color_noise]
    color = nonlocal_means.denoise(exposure.gain(inputs), noise, strength)
    color = fit_size(color, measured.mono_clean)
    return Prepared(measured.mono_clean, shrink(measured.mono_clean, *color.shape[:2]), color)


def clean_mono(inputs: Inputs) -> FloatArray:
    """The mono picture denoised by its own noise level: (H, W) linear in [0, 1]."""
    return measure.measure(inputs.mono, inputs.color).mono_clean


def fit_size(color: FloatArray, mono: FloatArray) -> FloatArray:
    """Color (h, w, 3) averaged down to mono's (H, W) where it is larger; the field of view is the same."""
    rows, columns = (min(c, m) for c, m in zip(color.shape[:2], mono.shape, strict=True))
    return color if color.shape[:2] == (rows, columns) else shrink(color, rows, columns)
