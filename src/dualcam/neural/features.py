"""What the networks see: planes of order one, made in numpy, the same in training and in use.

All signals are in the display domain (sRGB curve) at the mono picture's brightness, where noise is nearly uniform.
Every color enters as its difference to mono, which is nearly free of structure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dualcam.camera.curves import decode, encode
from dualcam.camera.denoise import display_sigma
from dualcam.camera.measure import Measured
from dualcam.classical import colorize, exposure
from dualcam.frame import FloatArray, Mosaic, NoiseModel, Pair, Tone
from dualcam.rig import warp
from dualcam.rig.matching import Match

EC_PLANES = (
    "red - guide",
    "green - guide",
    "blue - guide",
    "guide",
    "noise",
    "trust",
    "mosaic - guide",
    "raw",
)
COLOR_PLANES = (
    "mono",
    "red - mono",
    "green - mono",
    "blue - mono",
    "mono - luma",
    "disagreement",
    "likeness",
    "outside",
    "noise",
    "red weight",
    "green weight",
    "blue weight",
    "red filling",
    "green filling",
    "blue filling",
    "support",
    "reliable",
)
SR_PLANES = ("mono", "red - mono", "green - mono", "blue - mono", "noise", "confidence logit", "grain")
"""Names of the planes of refEC, refColor and refSR, in order."""

NOISE_UNIT = np.float32(0.2)
"""A noise of this standard deviation (display) enters the networks as 1."""
_MOST_NOISE = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class EcInput:
    """What refEC is fed, on the color camera's pixels.

    Attributes:
        planes: (h, w, 8) float32, ``EC_PLANES``.
        base: (h, w, 3) float32, display, the brightened color; refEC predicts what to add.
        sigma: (h, w) float32, display, its noise.
        phase: rows and columns to put before the first, so that a raw mosaic begins with red; (0, 0) otherwise.
    """

    planes: FloatArray
    base: FloatArray
    sigma: FloatArray
    phase: tuple[int, int]


def ec_input(pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> EcInput:
    """Feed refEC.

    Args:
        pair: the pair.
        measured: its noise.
        mono: (h, w) float32, linear, denoised mono on the match grid.
        match: the match.
        tone: the fitted tone.
    """
    factor = exposure.brightening(pair, mono, match, tone)
    base = exposure.brightened(pair.color.pixels, factor)
    sigma = exposure.brightened_sigma(pair.color.pixels, factor, measured.color_noise)
    guide, trust = exposure.guided_by(encode(mono), base, match)
    mosaic = pair.color.mosaic
    if mosaic is None:
        samples, raw, phase = np.zeros_like(guide), np.float32(0), (0, 0)
    else:
        samples = exposure.brightened(_balanced(mosaic), factor) - guide
        raw, phase = np.float32(1), _phase(mosaic.pattern)
    planes = np.dstack(
        [base - guide[..., None], guide, noise_plane(sigma), trust, samples, np.full_like(guide, raw)]
    )
    return EcInput(planes, base, sigma, phase)


def _balanced(mosaic: Mosaic) -> FloatArray:
    """Samples (h, w) after white balance."""
    out = mosaic.samples.copy()
    for site, letter in enumerate(mosaic.pattern):
        out[site // 2 :: 2, site % 2 :: 2] *= mosaic.white_balance["RGB".index(letter)]
    return out


def _phase(pattern: str) -> tuple[int, int]:
    # The networks take pixels apart two by two; red must be where it was in training.
    site = pattern.index("R")
    return site // 2, site % 2


def noise_plane(sigma: FloatArray) -> FloatArray:
    """A standard deviation (display) as the networks see it, any shape."""
    return np.clip(sigma / NOISE_UNIT, 0, np.float32(_MOST_NOISE))


def color_planes(
    mono: FloatArray, color: FloatArray, sigma: FloatArray, match: Match, tone: Tone
) -> tuple[FloatArray, FloatArray]:
    """Feed refColor, on the match grid.

    Args:
        mono: (h, w) float32, linear, denoised.
        color: (H, W, 3) float32, display, what refEC made, in the color view.
        sigma: (H, W) float32, display, the noise before refEC, in the color view.
        match: the match.
        tone: the fitted tone.

    Returns:
        planes: (h, w, 17) float32, ``COLOR_PLANES``.
        base: (h, w, 3) float32, display, the matched color under mono's light; refColor predicts what to add.
    """
    warped, noise = (warp.sample(p, match.to_color) for p in (color, sigma))
    luma = exposure.luminance_display(warped, tone)
    base = colorize.relit(warped, luma, mono)
    display = encode(mono)
    evidence, filling = match_evidence(match, noise, tone), fillings(mono, warped, noise, match, tone)
    planes = np.dstack([display, base - display[..., None], display - luma, evidence, filling])
    return planes, base


def fillings(mono: FloatArray, color: FloatArray, sigma: FloatArray, match: Match, tone: Tone) -> FloatArray:
    """What the classical refColor would fill hidden places with, and how far it trusts match and filling.

    A network looks some hundred pixels far; this propagation reaches further along a surface.

    Args:
        mono: (h, w) float32, linear, denoised.
        color: (h, w, 3) float32, display, matched.
        sigma: (h, w) float32, display, its noise.
        match: the match.
        tone: the fitted tone.

    Returns:
        (h, w, 5), the last five of ``COLOR_PLANES``; fillings are colors minus their luma.
    """
    display, luma = encode(mono), exposure.luminance_display(color, tone)
    fitting = colorize.relit(color, luma, mono)
    difference = fitting - exposure.luminance_display(fitting, tone)[..., None]
    reliable = colorize.reliability(colorize.photometric(display, luma, match), sigma, match)
    filled, support = colorize.fill(difference, reliable, display)
    return np.dstack([filled, support, reliable])


def match_evidence(match: Match, sigma: FloatArray, tone: Tone) -> FloatArray:
    """The planes of refColor that do not depend on refEC: (h, w, 7), from "disagreement" on; sigma is warped."""
    shape = match.disagreement.shape
    weights = [np.full(shape, w, np.float32) for w in tone.weights]
    apart, outside = np.log1p(match.disagreement), np.log1p(match.outside)
    return np.dstack([apart, match.likeness, outside, noise_plane(sigma), *weights]).astype(np.float32)


def mono_sigma(small: FloatArray, noise: NoiseModel) -> FloatArray:
    """Display noise of the full mono picture by the signal of the small one, (h, w) linear -> (h, w)."""
    return display_sigma(noise, cv2.GaussianBlur(small, (0, 0), 1.0))


def sr_planes(
    mono: FloatArray, grain: FloatArray, difference: FloatArray, sigma: FloatArray, logit: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Feed refSR, on the mono camera's pixels or a tile of them.

    Args:
        mono: (H, W) float32, display, denoised.
        grain: (H, W) float32, display, what denoising took from it: noise and fine detail.
        difference: (H, W, 3) float32, display, color minus denoised mono, enlarged.
        sigma: (H, W) float32, display, mono's noise.
        logit: (H, W) float32, refColor's confidence before the logistic function, enlarged.

    Returns:
        planes: (H, W, 7) float32, ``SR_PLANES``.
        base: (H, W, 3) float32, display: mono's detail on the enlarged color; refSR predicts what to add.
    """
    planes = np.dstack([mono, difference, noise_plane(sigma), np.clip(logit, -8, 8) / 4, grain])
    return planes, mono[..., None] + difference


def shown(display: FloatArray) -> FloatArray:
    """A network's display picture -> linear in [0, 1]."""
    return decode(np.clip(display, 0, 1))
