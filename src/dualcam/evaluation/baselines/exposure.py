"""refEC baselines: the dark color picture made as bright as mono, on the color camera's own pixels, no denoising.

All take the capture and give (h, w, 3) float32, linear, >= 0, not clipped above. Both pictures show the same field
of view, so that their statistics can be compared without any alignment.
"""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.camera.curves import decode, encode
from dualcam.evaluation.case import Inputs
from dualcam.frame import FloatArray

# The usual response of a panchromatic sensor under daylight to linear sRGB: mono is not Rec. 709 luminance.
PANCHROMATIC = np.array([0.30, 0.50, 0.20], np.float32)
# Mono brighter than this may be clipped and says nothing about the gain.
_BRIGHT = 0.9
_LEVELS = np.linspace(5, 95, 19)
# A luma under this is black: no factor makes color of it.
_BLACK = np.float32(1e-5)
_GAMMAS = (0.05, 4.0)
# More contrast than this takes the picture farther from what the camera would see.
_CLIP = 1.0


def as_shot(inputs: Inputs) -> FloatArray:
    """The color picture as it is."""
    return np.maximum(inputs.color.pixels, 0)


def gain(inputs: Inputs) -> FloatArray:
    """One factor for all pixels, by ``ratio``."""
    color = as_shot(inputs)
    return color * np.float32(ratio(_mono(inputs), color))


def gamma(inputs: Inputs) -> FloatArray:
    """A power law on display values whose exponent makes the mean luma mono's, as ApheaTech's fusion does it."""
    display = encode(np.minimum(as_shot(inputs), 1))
    wanted = float(encode(np.maximum(_mono(inputs), 0)).mean())
    low, high = _GAMMAS
    # The mean falls as the exponent grows: bisection, to far less than a step of 8 bits.
    for _ in range(20):
        exponent = np.sqrt(low * high)
        bright = float((display ** np.float32(exponent)).mean(axis=(0, 1)) @ PANCHROMATIC) > wanted
        low, high = (exponent, high) if bright else (low, exponent)
    return decode(display ** np.float32(np.sqrt(low * high)))


def histogram(inputs: Inputs) -> FloatArray:
    """Map luma so that its histogram is mono's (Gonzalez and Woods), colors keep their ratios."""
    color = as_shot(inputs)
    own = color @ PANCHROMATIC
    levels = np.linspace(0, 100, 257)
    source, target = (np.percentile(plane, levels) for plane in (own, np.maximum(_mono(inputs), 0)))
    return _with_luma(color, own, np.interp(own, source, target).astype(np.float32))


def clahe(inputs: Inputs) -> FloatArray:
    """Contrast-limited adaptive equalization of display luma (Zuiderveld 1994, OpenCV), then mono's gain."""
    color = as_shot(inputs)
    own = color @ PANCHROMATIC
    # With 16 bits, OpenCV's limit clips nothing.
    coded = np.rint(np.clip(encode(own), 0, 1) * 255).astype(np.uint8)
    equal = cv2.createCLAHE(clipLimit=_CLIP, tileGridSize=(8, 8)).apply(coded)
    bright = _with_luma(color, own, decode(equal / np.float32(255)))
    return bright * np.float32(ratio(_mono(inputs), bright))


def ratio(mono: FloatArray, color: FloatArray) -> float:
    """How many times brighter mono (H, W) is than color (h, w, 3), both linear: least squares on their quantiles.

    1 for a black color picture. Quantiles below mono's highlights, because those may be clipped.
    """
    target, source = np.percentile(mono, _LEVELS), np.percentile(color @ PANCHROMATIC, _LEVELS)
    usable = target < _BRIGHT
    if usable.sum() >= 5:
        target, source = target[usable], source[usable]
    energy = float(source @ source)
    return max(float(target @ source), 0.0) / energy if energy > 1e-10 else 1.0


def _mono(inputs: Inputs) -> FloatArray:
    return inputs.mono.pixels[..., 0]


def _with_luma(color: FloatArray, own: FloatArray, wanted: FloatArray) -> FloatArray:
    factor = np.where(own > _BLACK, wanted / np.maximum(own, _BLACK), 1)
    return (color * factor[..., None]).astype(np.float32)
