"""refColor by hand: the exposed color carried into the mono view, wrong matches found and filled.

What travels is color minus its own luma: it is smooth, so that small errors of the flow do not show, and where the
match fails the measured values of neighbors on the same surface take its place, or nothing (neutral).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from dualcam import memory, parallel
from dualcam.camera.curves import decode, encode
from dualcam.camera.half import is_large, keeping
from dualcam.camera.measure import CLIPPED
from dualcam.classical import evidence
from dualcam.classical.evidence import Evidence
from dualcam.classical.exposure import luminance_display
from dualcam.classical.propagate import propagate
from dualcam.frame import Colored, Exposed, FloatArray, Provenance, Tone
from dualcam.rig import warp
from dualcam.rig.matching import Match

Result = TypeVar("Result")

# Pixels of forward-backward disagreement, and display difference beyond noise, at which trust is halved.
_DISAGREEMENT_PX = 1.5
_PHOTOMETRIC = 0.06
_USUAL = 0.03
# Mono and its match differ in brightness by this factor at most; under the second, linear, the ratio is noise.
RELIGHT, DARK = 4.0, np.float32(0.003)
# The filling needs no fine grid; larger ones are reduced to about this many pixels.
_FILL_PIXELS = 500_000
_MEASURED, _NEUTRAL = 0.5, 0.2
RELIT_PX = 5
"""Pixels around its own that a pixel's ``relit`` color depends on, at most."""
_BLUR_PX = 8
# One pixel in so many, either way, tells what is usual.
_EVERY = 3


def colorize(mono: FloatArray, exposed: Exposed, match: Match) -> Colored:
    """Bring the exposed color into the mono view.

    Args:
        mono: (h, w) float32, linear, denoised mono on the match grid.
        exposed: what refEC made.
        match: the match.
    """
    seen = gather(mono, exposed, match)
    trust, shrink = weigh(seen)
    provenance = np.full(trust.shape, Provenance.PROPAGATED, np.uint8)
    provenance[(seen.support < _NEUTRAL) & (trust <= _MEASURED)] = Provenance.NEUTRAL
    provenance[(np.maximum(trust, seen.reliable) > _MEASURED) & match.inside] = Provenance.MEASURED

    def chosen(rows: slice) -> tuple[FloatArray, FloatArray]:
        here = seen.part(rows)
        blended = blend(here, trust[rows], shrink[rows])
        return blended, (here.mono + trust[rows] * here.beyond)[..., None] + blended

    blended, color = parallel.banded(chosen, len(mono))
    return Colored(
        mono=seen.mono,
        color=color,
        confidence=evidence.confidence(seen, trust, blended),
        provenance=provenance,
        tone=exposed.tone,
    )


def weigh(seen: Evidence) -> tuple[FloatArray, FloatArray]:
    """Trust in the match over the filling, and strength of the filling: two (h, w) in [0, 1]."""
    trust, shrink = evidence.weigh(seen)
    # Whatever the models say: unsupported filling is gray, and so is what lies far beyond the color picture.
    shrink = shrink * np.clip(seen.support / _NEUTRAL, 0, 1)
    return trust * evidence.within_reach(seen.outside), shrink


def blend(seen: Evidence, trust: FloatArray, shrink: FloatArray) -> FloatArray:
    """Match and filling as ``weigh`` weighs them: (h, w, 3) float32, display, color minus its luma."""
    return trust[..., None] * seen.difference + ((1 - trust) * shrink)[..., None] * seen.filled


def gather(mono: FloatArray, exposed: Exposed, match: Match) -> Evidence:
    """Everything that is known about the color of every grid pixel, before it is decided."""
    return gather_beside(mono, exposed, match, lambda *_: None)[0]


def gather_beside(
    mono: FloatArray, exposed: Exposed, match: Match, work: Callable[[FloatArray, FloatArray], Result]
) -> tuple[Evidence, Result]:
    """The same, and something else that is made of the matched color, beside the filling where memory allows.

    Args:
        mono: (h, w) float32, linear, denoised mono on the match grid.
        exposed: what refEC made.
        match: the match.
        work: is given ``Evidence.difference`` and ``Evidence.reliable``.
    """
    sigma = warp.sample(exposed.sigma, match.to_color)
    return _consider(
        mono, lambda rows: warp.sample(exposed.color, match.to_color[rows]), sigma, match, exposed.tone, work
    )


def consider(mono: FloatArray, color: FloatArray, sigma: FloatArray, match: Match, tone: Tone) -> Evidence:
    """The same, of color that is in the mono view already.

    Args:
        mono: (h, w) float32, linear, denoised mono on the match grid.
        color: (h, w, 3) display, matched.
        sigma: (h, w) display, its noise.
        match: the match.
        tone: the fitted tone.
    """
    return _consider(mono, lambda rows: color[rows], sigma, match, tone, lambda *_: None)[0]


def _consider(
    mono: FloatArray,
    color: Callable[[slice], FloatArray],
    sigma: FloatArray,
    match: Match,
    tone: Tone,
    work: Callable[[FloatArray, FloatArray], Result],
) -> tuple[Evidence, Result]:
    keep = keeping(mono.size)

    def look(rows: slice) -> tuple[FloatArray, ...]:
        seen, plane = color(rows), mono[rows]
        display, luma = encode(plane), luminance_display(seen, tone)
        # Brightness is mono's to say: what is left of a wrong match is its hue, not a bump in brightness.
        fitting = relit(seen, luma, plane)
        difference = fitting - luminance_display(fitting, tone)[..., None]
        beyond = np.where(plane >= CLIPPED, np.maximum(luma - display, 0), 0).astype(np.float32)
        return display, *map(keep, (luma, fitting, difference, beyond))

    height = len(mono)
    display, luma, fitting, difference, beyond = parallel.banded(look, height, RELIT_PX)
    apart = photometric(display, luma, match)
    reliable = reliability(apart, sigma, match)
    apart = keep(apart)
    believed = keep(reliable)

    def filling() -> tuple[FloatArray, FloatArray]:
        filled, support = fill(difference, reliable, display)
        return keep(filled), keep(support)

    def other() -> Result:
        return work(difference, believed)

    if is_large(mono.size):
        # Both at once would take too much memory.
        filled, support = filling()
        memory.give_back()
        found = other()
    else:
        # The filling keeps one core busy.
        (filled, support), found = parallel.both(filling, other)
    seen = Evidence(
        luma=luma,
        fitting=fitting,
        difference=difference,
        filled=filled,
        reliable=believed,
        support=support,
        outside=match.outside,
        disagreement=match.disagreement,
        photometric=apart,
        likeness=match.likeness,
        sigma=sigma,
        mono=display,
        beyond=beyond,
    )
    return seen, found


def relit(color: FloatArray, luma: FloatArray, mono: FloatArray) -> FloatArray:
    """The matched color under mono's light: where mono sees a surface brighter, its color is brighter too.

    Args:
        color: (h, w, 3) display, matched.
        luma: (h, w) display, the mono camera's view of it.
        mono: (h, w) linear.

    Returns:
        (h, w, 3) display: every channel times the local ratio of mono to color, in linear light.
    """
    # A sum would keep the chroma and so change the saturation, most of all in the dark.
    ratio = (mono + DARK) / (np.maximum(decode(luma), 0) + DARK)
    ratio = np.where(mono < CLIPPED, np.clip(ratio, 1 / RELIGHT, RELIGHT), 1).astype(np.float32)
    ratio = cv2.GaussianBlur(ratio, (0, 0), 1.0)
    return encode(np.maximum(decode(color), 0) * ratio[..., None])


def photometric(mono: FloatArray, luma: FloatArray, match: Match) -> FloatArray:
    """How far the matched color's luma is from mono, (h, w) display, in units of what this pair makes of it.

    Args:
        mono: (h, w) display.
        luma: (h, w) display, the matched color as the mono camera would see it.
        match: the match.
    """
    # Over a window, so that noise averages out and one lucky pixel does not count.
    # A clipped mono pixel says nothing about how bright the color should be.
    limit = encode(np.array(CLIPPED))

    def difference(rows: slice) -> tuple[FloatArray]:
        apart = np.where(mono[rows] < limit, luma[rows] - mono[rows], 0)
        return (np.abs(cv2.GaussianBlur(apart, (0, 0), 1.5)),)

    (apart,) = parallel.banded(difference, len(mono), _BLUR_PX)
    if not match.inside[::_EVERY, ::_EVERY].any():
        return apart
    # Where the cameras see different spectra (near infrared) they differ everywhere: that is no evidence of a
    # wrong match. Pairs of visible light stay under this value in three pixels of four.
    typical = float(np.percentile(apart[::_EVERY, ::_EVERY][match.inside[::_EVERY, ::_EVERY]], 75))
    return apart * np.float32(_USUAL / max(_USUAL, typical))


def reliability(apart: FloatArray, sigma: FloatArray, match: Match) -> FloatArray:
    """How far every matched color can be believed for filling others, (h, w) in [0, 1].

    Args:
        apart: (h, w) photometric difference.
        sigma: (h, w) display, noise of the color.
        match: the match, for its flow's disagreement and the field of view.
    """

    def believed(rows: slice) -> tuple[FloatArray]:
        excess = np.maximum(apart[rows] - sigma[rows], 0) / np.float32(_PHOTOMETRIC)
        gone = match.disagreement[rows] / np.float32(_DISAGREEMENT_PX)
        trust = (match.outside[rows] <= 0) / (1 + gone**4) / (1 + excess**4)
        return (cv2.GaussianBlur(trust.astype(np.float32), (0, 0), 0.8),)

    (reliable,) = parallel.banded(believed, len(apart), _BLUR_PX)
    return reliable


def fill(difference: FloatArray, trust: FloatArray, mono: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Color that reliable neighbors of the same surface pass on, see ``classical.propagate``.

    Args:
        difference: (h, w, 3) display, matched color minus its luma.
        trust: (h, w) in [0, 1], how reliable it is.
        mono: (h, w) display.

    Returns:
        (h, w, 3) difference, and the evidence behind it, (h, w) in [0, 1].
    """
    height, width = mono.shape
    factor = min(1.0, (_FILL_PIXELS / (height * width)) ** 0.5)
    if factor == 1.0:
        return propagate(np.asarray(difference, np.float32), trust, mono)
    size = max(1, round(height * factor)), max(1, round(width * factor))
    (weighted,) = parallel.banded(lambda rows: (difference[rows] * trust[rows][..., None],), height)
    weighted = warp.resize(weighted, *size)
    small = warp.resize(trust, *size)
    values = (weighted / np.maximum(small, 1e-3)[..., None]).astype(np.float32)
    filled, support = propagate(values, small, warp.resize(mono, *size))
    return warp.resize(filled, height, width), np.clip(warp.resize(support, height, width), 0, 1)
