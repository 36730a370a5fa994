"""What the networks see: planes (h, w) of order one, made in numpy, the same in training and in use.

All signals are in the display domain (sRGB curve) at the mono picture's brightness, where noise is nearly uniform.
Every color enters as its difference to mono, which is nearly free of structure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dualcam import memory, parallel
from dualcam.camera.curves import decode
from dualcam.camera.denoise import display_sigma
from dualcam.camera.develop import balanced
from dualcam.camera.half import keeping
from dualcam.camera.measure import Measured
from dualcam.classical import colorize, exposure
from dualcam.classical.evidence import Evidence
from dualcam.classical.exemplar import exemplars
from dualcam.frame import Exposed, FloatArray, NoiseModel, Pair, Tone
from dualcam.neural.tiles import Computed, Difference, Plane, Planes
from dualcam.rig import warp
from dualcam.rig.matching import Match, Second

EC_PLANES = (
    "red - guide",
    "green - guide",
    "blue - guide",
    "guide",
    "noise",
    "trust",
    "mosaic - guide",
    "raw",
    "denoised red - guide",
    "denoised green - guide",
    "denoised blue - guide",
)
COLOR_PLANES = (
    "mono",
    "red - mono",
    "green - mono",
    "blue - mono",
    "mono - luma",
    "second red - mono",
    "second green - mono",
    "second blue - mono",
    "mono - second luma",
    "disagreement",
    "second disagreement",
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
    "red example",
    "green example",
    "blue example",
    "example distance",
    "trust",
    "shrink",
    "blended red - mono",
    "blended green - mono",
    "blended blue - mono",
    "picture",
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
        planes: (h, w) float32 each, ``EC_PLANES``.
        base: (h, w, 3) float32, display, the brightened color; refEC predicts what to add.
        sigma: (h, w) float32, display, its noise.
        phase: rows and columns to put before the first, so that a mosaic begins with red; (0, 0) otherwise.
    """

    planes: Planes
    base: FloatArray
    sigma: FloatArray
    phase: tuple[int, int]


def ec_input(pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> EcInput:
    """Feed refEC.

    Args:
        pair: the pair; the color of a file with its mosaic taken back (``camera.remosaic``).
        measured: its noise.
        mono: (h, w) float32, linear, denoised mono on the match grid.
        match: the match.
        tone: the fitted tone.
    """
    bright = exposure.brighten(pair, measured, mono, match, tone)
    guide = bright.guide
    mosaic = pair.color.mosaic
    if mosaic is None:
        samples, raw, phase = np.zeros_like(guide), 0.0, (0, 0)
    else:
        samples = exposure.brightened(balanced(mosaic), bright.factor) - guide
        raw, phase = 1.0, _phase(mosaic.pattern)
    # Noise of low frequency is averaged over more pixels than the network looks at.
    denoised = keeping(guide.size)(exposure.denoised(bright))
    planes: list[Plane] = [
        *(Difference(channel, guide) for channel in apart(bright.color)),
        guide,
        Computed(bright.sigma, noise_plane),
        bright.trust,
        samples,
        _constant(raw, guide),
        *(Difference(channel, guide) for channel in apart(denoised)),
    ]
    return EcInput(planes, bright.color, bright.sigma, phase)


def _constant(value: float, like: FloatArray) -> FloatArray:
    """A plane of one value that takes no memory."""
    return np.broadcast_to(np.float32(value), like.shape)


def _phase(pattern: str) -> tuple[int, int]:
    # The networks take pixels apart two by two; red must be where it was in training.
    site = pattern.index("R")
    return site // 2, site % 2


def noise_plane(sigma: FloatArray) -> FloatArray:
    """A standard deviation (display) as the networks see it, any shape."""
    return np.clip(sigma / NOISE_UNIT, 0, np.float32(_MOST_NOISE))


@dataclass(frozen=True, slots=True, eq=False)
class ColorInput:
    """What refColor is fed, on the match grid.

    Attributes:
        planes: (h, w) float32 each, ``COLOR_PLANES``.
        mono: (h, w) float32, display.
        blended: (h, w, 3) display, what the classical refColor makes, minus mono.
        matched: (h, w, 3) display, the matched color under mono's light.
        luma: (h, w) display, the mono camera's view of the matched color.
        sigma: (h, w) display, noise of the color as shot, matched.
    """

    planes: Planes
    mono: FloatArray
    blended: FloatArray
    matched: FloatArray
    luma: FloatArray
    sigma: FloatArray

    @property
    def base(self) -> FloatArray:
        """(h, w, 3) float32, display, what the classical refColor makes; refColor predicts what to add."""
        return self.mono[..., None] + self.blended


def color_input(mono: FloatArray, exposed: Exposed, match: Match) -> ColorInput:
    """Feed refColor: several candidates for every pixel's color, and what speaks for each.

    Args:
        mono: (h, w) float32, linear, denoised.
        exposed: what refEC made, in the color view.
        match: the match, with a second opinion.
    """
    tone, keep = exposed.tone, keeping(mono.size)
    lit, luma = _second_color(mono, exposed, match)
    seen, example = colorize.gather_beside(
        mono, exposed, match, lambda color, reliable: exemplars(mono, color, reliable, tone.weights)
    )
    del exposed
    # Gathering leaves as much behind as it gives.
    memory.give_back()
    display, sigma, matched, matched_luma = seen.mono, keep(seen.sigma), seen.fitting, seen.luma
    filling = fillings(seen, example)
    memory.give_back()
    blended = _blended(seen, *filling[-2:])
    del seen
    planes: list[Plane] = [
        display,
        *(Difference(channel, display) for channel in apart(matched)),
        Difference(display, matched_luma),
        *(Difference(channel, display) for channel in apart(lit)),
        Difference(display, luma),
        *match_evidence(match, sigma, tone),
        *filling,
        *apart(blended),
        # 1 in the picture, where zeros stand beyond its edge. 32 planes also cost less time than 31.
        _constant(1.0, display),
    ]
    return ColorInput(planes, display, blended, matched, matched_luma, sigma)


def _blended(seen: Evidence, trust: FloatArray, shrink: FloatArray) -> FloatArray:
    keep = keeping(trust.size)

    def blend(rows: slice) -> tuple[FloatArray]:
        here = seen.part(rows)
        blended = colorize.blend(here, trust[rows], shrink[rows])
        blended += (trust[rows] * here.beyond)[..., None]
        return (keep(blended),)

    (blended,) = parallel.banded(blend, len(trust))
    return blended


def _second_color(mono: FloatArray, exposed: Exposed, match: Match) -> tuple[FloatArray, FloatArray]:
    """The color of the second match under mono's light (h, w, 3), and its luma before (h, w), display."""
    places, keep = second(match).to_color, keeping(mono.size)

    def look(rows: slice) -> tuple[FloatArray, FloatArray]:
        other = warp.sample(exposed.color, places[rows])
        luma = exposure.luminance_display(other, exposed.tone)
        return keep(colorize.relit(other, luma, mono[rows])), keep(luma)

    lit, luma = parallel.banded(look, len(mono), colorize.RELIT_PX)
    return lit, luma


def fillings(seen: Evidence, example: tuple[FloatArray, FloatArray]) -> list[FloatArray]:
    """Colors for hidden places and what they are worth: the classical refColor's filling, and what looks alike.

    A network looks some hundred pixels far; these reach further.

    Args:
        seen: the matched color and its filling.
        example: of ``exemplars``.

    Returns:
        Eleven (h, w), ``COLOR_PLANES`` from "red filling" to "shrink"; fillings and examples are colors minus their
        luma.
    """
    color, distance = example
    keep = keeping(distance.size)
    known = seen.support, seen.reliable, *apart(color), keep(distance)
    return [*apart(seen.filled), *known, *map(keep, colorize.weigh(seen))]


def apart(picture: FloatArray) -> list[FloatArray]:
    """The channels of (h, w, C), (h, w) each, without copying."""
    return [picture[..., c] for c in range(picture.shape[-1])]


def second(match: Match) -> Second:
    """The second opinion of a match that was made with one."""
    assert match.second is not None, "the networks are fed with a match that was made twice"
    return match.second


def match_evidence(match: Match, sigma: FloatArray, tone: Tone) -> list[Plane]:
    """The eight planes (h, w) of refColor that do not depend on refEC, from "disagreement" on; sigma is warped."""
    return [
        Computed(match.disagreement, np.log1p),
        Computed(keeping(sigma.size)(second(match).disagreement), np.log1p),
        match.likeness,
        Computed(match.outside, np.log1p),
        Computed(sigma, noise_plane),
        *(_constant(weight, sigma) for weight in tone.weights),
    ]


def mono_sigma(small: FloatArray, noise: NoiseModel) -> FloatArray:
    """Display noise of the full mono picture by the signal of the small one, (h, w) linear -> (h, w)."""
    return display_sigma(noise, cv2.GaussianBlur(small, (0, 0), 1.0))


def sr_planes(
    mono: FloatArray,
    grain: FloatArray,
    difference: FloatArray,
    sigma: FloatArray,
    logit: FloatArray,
    out: FloatArray | None = None,
) -> FloatArray:
    """Feed refSR, on the mono camera's pixels or some of them.

    Args:
        mono: (H, W) float32, display, denoised.
        grain: (H, W) float32, display, what denoising took from it: noise and fine detail.
        difference: (H, W, 3) float32, display, color minus denoised mono, enlarged.
        sigma: (H, W) float32, display, mono's noise.
        logit: (H, W) float32, refColor's confidence before the logistic function, enlarged.
        out: (7, H, W) float32 to write the planes to; None for a new array.

    Returns:
        (7, H, W) float32, ``SR_PLANES``.
    """
    if out is None:
        out = np.empty((len(SR_PLANES), *mono.shape), np.float32)
    known = np.clip(logit, -8, 8)
    known /= np.float32(4)
    for layer, plane in zip(out, (mono, *apart(difference), noise_plane(sigma), known, grain), strict=True):
        layer[...] = plane
    return out


def sr_base(planes: FloatArray) -> FloatArray:
    """What refSR predicts what to add to: mono's detail on the enlarged color, ``SR_PLANES`` -> (3, H, W) display."""
    return planes[1:4] + planes[0]


def sr_noise(planes: FloatArray) -> FloatArray:
    """What the last output of refSR is multiplied by, before it is added to mono: ``SR_PLANES`` -> (H, W) display."""
    return planes[4] * NOISE_UNIT


def shown(display: FloatArray) -> FloatArray:
    """A network's display picture -> linear in [0, 1]."""
    return decode(np.clip(display, 0, 1))
