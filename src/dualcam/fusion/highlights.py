"""Lamps: where the mono picture is clipped and the darker color picture is not, light comes from the color camera.

A clipped mono sample says "at least 1". What the color camera saw beyond that is called the *excess*. It is measured on
the match grid, where the color camera's pixels are as they are, and put back onto the clipped mono samples only: near
the edge of a lamp as much as its color pixels hold (so that a lamp smaller than a color pixel gets its light, and a
match that is a pixel off does no harm), inside as the color camera shows it. Samples that are not clipped keep their
luminance.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.channels import highest, lowest, total
from dualcam.camera.measure import CLIPPED, Measured
from dualcam.classical import exposure, upsample
from dualcam.frame import Fact, FloatArray, Fusion, Pair, Tone
from dualcam.rig import warp
from dualcam.rig.matching import Match

CHOICES = ("auto", "off")

# Mono is taken for clipped with growing certainty from here to CLIPPED.
_DOUBTFUL = 0.96
_FEWEST = 4
# Second strongest channel beside a clipped one from which the hue begins to turn, and is lost.
_TURNS = 0.4, 0.8
_AT_ONCE = 1 << 14
# An excess counts from here on, or from this many deviations of its noise; fully from twice that.
_LEAST, _DEVIATIONS = 0.2, 5.0
# Strongest channel that at least one lamp of a picture has.
_CLEARLY = 1.6
# Grid pixels over which the light at the edge of a lamp is gathered, and the least share of clipped samples there.
_POOL_PX, _POOL_SHARE = 1.0, 0.05
_GAUSS = 1 / (4 * np.pi * _POOL_PX**2) ** 0.5
_AGREE_PX = 3.0
# Display: lamps and the glow around them bend from the knee to the top. The glow is what is brighter than the first
# number, joined to a lamp, and nearer to it than this share of the picture.
_GLOW, _KNEE, _TOP, _MOST = 0.35, 0.65, 0.98, 64.0
_REACH = 0.03
# Grid pixels around its own that a pixel's excess depends on: three windows and two crosses, one after the other.
_AROUND_PX = 16
# Columns looked at together.
_COLUMNS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Highlights:
    """What the color camera saw of lamps, ready to be rendered.

    Attributes:
        certain: (H, W) float32 in [0, 1], how certain it is that mono is clipped; 0 where nothing is recovered.
        near: (H, W) float32 in [0, 1], lamps and their glow, where a display's shoulder acts; 0 elsewhere.
        excess: (h, w) float32, linear luminance over 1, on the match grid.
        taken: (h, w) float32 in [0, 1], how far the color camera's color takes over, on the match grid.
        color: (h, w, 3) float32, linear color of luminance 1, on the match grid.
        weights: (3,) float32, the mono camera's response.
    """

    certain: FloatArray
    near: FloatArray
    excess: FloatArray
    taken: FloatArray
    color: FloatArray
    weights: FloatArray

    @property
    def unfitted(self) -> NDArray[np.bool_]:
        """(H, W) bool, where colors are wanted as they are, even if no display shows them."""
        return self.near > 0


def find(pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> Highlights | None:
    """Find lamps that the color camera saw better.

    Args:
        pair: the pair.
        measured: its noise, and mono.
        mono: (h, w) float32, linear, the denoised mono on the match grid.
        match: the match.
        tone: the fitted tone.

    Returns:
        What was found, None where mono is not clipped or the color camera saw no more.
    """
    clean = measured.mono_clean
    if int((clean >= CLIPPED).sum()) < _FEWEST:
        return None
    share = np.clip(warp.resize(_certain(clean), *mono.shape), 0, 1)
    factor = exposure.brightening(pair, mono, match, tone)
    if tone.exponent == 1:
        # The slow ratio of the cameras is told from what is not clipped, and worth little beside that: it may take
        # light away, but add none.
        factor = np.minimum(factor, np.float32(tone.gain))
    lit = np.maximum(pair.color.pixels, 0) * factor[..., None]
    holes = _lost(pair.color.pixels)
    noise = np.float32(_DEVIATIONS * _noise(measured, tone))

    def look(rows: slice, columns: slice) -> tuple[FloatArray, ...]:
        here, places = share[rows, columns], match.to_color[rows, columns]
        gone = match.disagreement[rows, columns] / np.float32(_AGREE_PX)
        sure = match.inside[rows, columns] / (1 + gone**4)
        lost, white = (warp.sample(p, places) for p in holes)
        # What a clipped color sample is over white is all error where both cameras clip at the same light.
        least = np.maximum(np.float32(_LEAST) * (1 + lost), noise)
        seen, plane = warp.sample(lit, places), np.minimum(mono[rows, columns], 1)
        excess, taken, color = _excess(seen, plane, here, sure.astype(np.float32), least, tone.weights)
        strongest = highest(color) * (1 + excess) * (taken > 0)
        # Where the color camera is clipped as well nobody may know the hue: white, at least as bright as was seen.
        return (
            excess,
            taken,
            strongest,
            ((1 - white)[..., None] * color + white[..., None]).astype(np.float32),
        )

    def band(rows: slice) -> tuple[FloatArray, ...]:
        size = share[rows].shape
        out = tuple(np.zeros(shape, np.float32) for shape in (size, size, size, (*size, 3)))
        for start in range(0, size[1], _COLUMNS):
            first, stop = max(0, start - _AROUND_PX), start + _COLUMNS
            columns = slice(first, min(size[1], stop + _AROUND_PX))
            # Most of most pictures is not clipped.
            if share[rows, columns].any():
                for whole, part in zip(out, look(rows, columns), strict=True):
                    whole[:, start:stop] = part[:, start - first : stop - first]
        return out

    excess, taken, strongest, color = parallel.banded(band, len(mono), _AROUND_PX)
    # An exposure that is a little wrong makes white walls a little too bright: one lamp has to be clearly over white.
    if float(strongest.max(initial=0.0)) < _CLEARLY:
        return None
    # Made anew: it is as large as mono, and mostly not wanted again.
    certain = _certain(clean)
    rows, columns = np.nonzero(certain)
    certain[rows, columns] *= _at(taken, rows, columns, certain.shape) > 0
    if not certain.any():
        return None
    near = _near(clean, certain > 0)
    return Highlights(certain, near, excess, taken, color, tone.weights)


def _certain(clean: FloatArray) -> FloatArray:
    """How certain it is that a mono sample is clipped, (H, W) linear -> (H, W) in [0, 1]."""

    def sure(rows: slice) -> tuple[FloatArray]:
        return (np.clip((clean[rows] - np.float32(_DOUBTFUL)) / np.float32(CLIPPED - _DOUBTFUL), 0, 1),)

    (certain,) = parallel.banded(sure, len(clean))
    return certain


def _lost(color: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the color camera (h, w, 3) is clipped, and how far its hue is lost by that, (h, w) in [0, 1] each.

    A clipped channel that leaves the others far behind still names the hue; an orange whose red is clipped and whose
    green nearly is would turn yellow.
    """
    most = highest(color)
    clipped = (most >= CLIPPED).astype(np.float32)
    second = total(color) - most - lowest(color)
    turned = clipped * _smooth((second - np.float32(_TURNS[0])) / np.float32(_TURNS[1] - _TURNS[0]))

    def grown(picture: FloatArray) -> FloatArray:
        return cv2.GaussianBlur(cv2.dilate(picture, np.ones((3, 3), np.uint8)), (0, 0), 0.7)

    return grown(clipped), grown(turned.astype(np.float32))


def _noise(measured: Measured, tone: Tone) -> float:
    """Noise of the color camera's noisiest channel at white, in units of white."""
    white = 1 / tone.gain
    return float(tone.gain * max(m.shot * white + m.read for m in measured.color_noise) ** 0.5)


def _excess(
    seen: FloatArray,
    mono: FloatArray,
    share: FloatArray,
    sure: FloatArray,
    least: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Luminance over 1 of clipped mono samples, how far it is to be used, and its color, on the match grid.

    Args:
        seen: (h, w, 3) linear, what the color camera saw there, as bright as mono would be.
        mono: (h, w) linear, at most 1.
        share: (h, w) in [0, 1], of clipped samples.
        sure: (h, w) in [0, 1], how far the match is to be trusted.
        least: (h, w), light over white that counts, of luminance or of a channel; fully from twice that.
        weights: (3,).
    """

    def pool(picture: FloatArray) -> FloatArray:
        return cv2.GaussianBlur(picture, (0, 0), _POOL_PX, borderType=cv2.BORDER_REPLICATE)

    cross = np.ones((3, 3), np.uint8)
    inner = pool(cv2.erode((share > 0.99).astype(np.float32), cross))
    here = cv2.dilate(share, cross) > 0
    over = np.maximum(seen @ weights - mono, 0) * here
    # Neon may be hardly brighter than white, and yet show in one channel that it is not white.
    strong = np.maximum(over, (highest(seen) - 1) * here)
    there, light = pool(share), pool(strong)
    trust = pool(sure * share) / np.maximum(there, 1e-3)

    def handed(picture: FloatArray, gathered: FloatArray) -> FloatArray:
        at_edges = gathered / np.maximum(there, np.float32(_POOL_SHARE))
        return ((inner * picture + (1 - inner) * at_edges) * trust).astype(np.float32)

    excess = handed(over, pool(over))
    # Few clipped samples in a color pixel magnify its noise.
    doubt = np.maximum(inner, np.minimum(1, there / np.float32(_GAUSS)))
    taken = _smooth(handed(strong, light) * doubt / least - 1) * (there > 1e-3)
    # A white sky behind a leaf that the match has not quite hit is brighter than mono there, too, but not than white.
    taken *= cv2.dilate(highest(seen) - 1 - least, cross) > 0
    excess *= taken
    # Gathered inside as well: the demosaic's errors are largest where light is brightest.
    color = pool(seen * strong[..., None]) / np.maximum(light, 1e-6)[..., None]
    luminance = color @ weights
    known = luminance > 1e-3
    color = np.where(known[..., None], color / np.maximum(luminance, 1e-3)[..., None], np.float32(1))
    return excess.astype(np.float32), taken.astype(np.float32), color.astype(np.float32)


def _smooth(x: FloatArray) -> FloatArray:
    """0 up to 0, 1 from 1 on, smooth between."""
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)


def _near(mono: FloatArray, lamps: NDArray[np.bool_]) -> FloatArray:
    """Lamps and the glow that is joined to them, (H, W) in [0, 1]."""
    bright = (mono > _GLOW) | lamps
    _, labels = cv2.connectedComponents(bright.astype(np.uint8), connectivity=8)
    joined = np.isin(labels, np.unique(labels[lamps])) & bright
    distance = cv2.distanceTransform((~lamps).astype(np.uint8), cv2.DIST_L2, 3)
    fading = np.clip(2 - distance / np.float32(_REACH * max(mono.shape)), 0, 1)
    near = _smooth((mono - np.float32(_GLOW)) / np.float32(_KNEE - _GLOW)) * fading * joined
    near[lamps] = 1
    return near.astype(np.float32)


def render(pixels: FloatArray, found: Highlights) -> tuple[FloatArray, FloatArray]:
    """Put recovered light into a picture.

    Args:
        pixels: (H, W, 3) float32, linear, of mono's luminance; in [0, 1] except where ``found.unfitted``. Becomes
            the display picture.
        found: the highlights.

    Returns:
        display: (H, W, 3) float32, linear in [0, 1]: lamps under a shoulder that keeps their hue.
        radiance: the same without a shoulder, values over 1 where lamps are.
    """
    rows, columns = np.nonzero(found.near)
    near, certain = found.near[rows, columns], found.certain[rows, columns]
    excess, taken, color = (
        _at(p, rows, columns, found.near.shape) for p in (found.excess, found.taken, found.color)
    )
    light = pixels[rows, columns]
    luminance = light @ found.weights
    wanted = luminance + certain * excess
    share = (certain * taken)[:, None]
    scaled = light * (wanted / np.maximum(luminance, 1e-6))[:, None]
    light = (1 - share) * scaled + share * color * wanted[:, None]
    plain = upsample.fit_gamut(light, found.weights)
    part = near[:, None]
    radiance = pixels.copy()
    radiance[rows, columns] = part * light + (1 - part) * plain
    # Between luminance and the strongest channel: by luminance alone neon would turn white, by the channel alone it
    # would turn darker than its own glow.
    strength = np.cbrt(np.maximum(wanted * wanted * highest(light), 1e-12))
    limit = min(_MOST, max(1.25, float(np.percentile(strength[certain > 0], 99))))
    bent = light * (_shoulder(strength, limit) / strength)[:, None]
    pixels[rows, columns] = part * upsample.fit_gamut(bent, found.weights) + (1 - part) * plain
    return pixels, radiance


def for_file(fusion: Fusion, linear: bool, headroom: float = 0.0) -> FloatArray:
    """What of a result goes into a file.

    Args:
        fusion: the result.
        linear: whether the file holds linear samples: for further work, not for a display. Integers clip at white.
        headroom: EV by which the picture is made darker, so that lamps fit into integers.

    Returns:
        (H, W, 3) float32, linear: without a shoulder for linear files and with headroom, else for a display.
    """
    radiance = fusion.pixels if fusion.radiance is None else fusion.radiance
    if headroom:
        return radiance * np.float32(2**-headroom)
    return radiance if linear else fusion.pixels


def facts(found: Highlights) -> dict[str, Fact]:
    """What a report says about them."""
    brightest = 1 + float(found.excess.max())
    return {
        "recovered lamps": float((found.certain > 0).mean()),
        "brightest (EV over white)": float(np.log2(brightest)),
    }


def _at(
    picture: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp], size: tuple[int, ...]
) -> FloatArray:
    """Look a picture (h, w[, C]) on the match grid up at pixels of the full size: (n[, C])."""
    if not len(rows):
        return np.zeros((0, *picture.shape[2:]), np.float32)
    factor = np.array([picture.shape[1] / size[1], picture.shape[0] / size[0]], np.float32)
    places = (np.stack([columns, rows], axis=-1).astype(np.float32) + np.float32(0.5)) * factor
    # OpenCV's remap takes 32767 pixels at a time in one direction.
    parts = [warp.sample(picture, places[None, i : i + _AT_ONCE])[0] for i in range(0, len(places), _AT_ONCE)]
    return np.concatenate(parts)


def _shoulder(strength: FloatArray, limit: float) -> FloatArray:
    """Identity up to the knee, then a smooth rise that reaches the top at ``limit`` (Reinhard's extended curve)."""
    span = _TOP - _KNEE
    over = np.maximum(strength - _KNEE, 0) / span
    reach = (limit - _KNEE) / span
    bent = over * (1 + over / reach**2) / (1 + over)
    return np.where(strength > _KNEE, _KNEE + span * np.minimum(bent, 1), strength).astype(np.float32)
