"""refEC by hand: color as bright as mono, low-frequency differences evened out, noise removed.

Everything happens on the color camera's own pixels. The mono picture, warped there by the flow, is subtracted
first: what is left, color minus mono, is nearly free of structure, so that denoising it costs no detail, and the
errors of the demosaic lie bare (residual interpolation, Kiku et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.channels import highest, total
from dualcam.camera.curves import decode, encode
from dualcam.camera.denoise import dct_denoise, display_sigma
from dualcam.camera.measure import CLIPPED, Measured
from dualcam.camera.smooth import wide_blur
from dualcam.frame import Exposed, FloatArray, NoiseModel, Pair, Tone
from dualcam.rig import mapping, warp
from dualcam.rig.matching import Grid, Match

# The usual panchromatic response under daylight, where nothing better is known.
PANCHROMATIC = np.array([0.30, 0.50, 0.20], np.float32)
_OPPONENT = (
    np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32) / np.sqrt(np.array([[3], [2], [6]]))
).astype(np.float32)
# Thresholds in noise deviations, measured on the training pairs: full size, and half size. Coarser scales were
# tried and cost more color than they remove noise.
_FINE, _COARSE = 4.6, 2.8
_TRUSTED_PX = 1.5
# Pixels that the smoothing under the noise's measure reaches, at most.
_SMOOTH_PX = 16


def rough_tone(pair: Pair) -> Tone:
    """A first exposure match from thumbnails whose pixels need not correspond.

    The quantiles of both thumbnails over the common field are matched by a power law; its exponent is 1 unless
    the files' tone curves clearly differ.
    """
    grid = _thumbnail_grid(pair)
    mono = warp.resize(pair.mono.pixels[..., 0], grid.height, grid.width)
    positions = grid.mapping.to_color(grid.centers())
    color = warp.resample(pair.color.pixels, positions)
    seen = warp.inside(positions, *pair.color.pixels.shape[:2])
    usable = seen & (mono < 0.9) & (highest(color) < 0.9)
    if usable.sum() < 64:
        usable = seen if seen.sum() >= 64 else np.ones_like(seen)
    luminance = color @ PANCHROMATIC
    levels = np.linspace(5, 95, 19)
    target, source = (np.maximum(np.percentile(p[usable], levels), 1e-6) for p in (mono, luminance))
    exponent = _exponent(np.log(source), np.log(target))
    gain = _gain(source, target, exponent)
    return Tone(gain=gain, exponent=exponent, weights=PANCHROMATIC)


def _thumbnail_grid(pair: Pair, size: int = 128) -> Grid:
    height, width = pair.mono.pixels.shape[:2]
    factor = max(height, width) / size
    rows, columns = max(8, round(height / factor)), max(8, round(width / factor))
    return Grid(rows, columns, mapping.of(pair).from_grid(rows, columns))


def _exponent(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    spread = source.std()
    if spread < 0.1:
        return 1.0
    slope = float(np.clip(target.std() / spread, 0.4, 2.5))
    # Noise, haze and spectrum bend the relation a little in every pair; only a real difference counts.
    return 1.0 if 0.75 < slope < 1.33 else slope


def _gain(source: NDArray[np.float64], target: NDArray[np.float64], exponent: float) -> float:
    # Bright quantiles say more than dark ones: noise and stray light weigh less there.
    ratios = target ** (1 / exponent) / source
    return float(np.average(ratios, weights=source**0.5))


def rough_luma(color: FloatArray, tone: Tone) -> FloatArray:
    """Display luma (h, w) of a linear color picture (h, w, 3) at the mono's brightness, for matching."""
    return encode(
        np.clip(np.maximum(color @ tone.weights * np.float32(tone.gain), 0) ** tone.exponent, 0, 1.5)
    )


def fine_tone(pair: Pair, mono: FloatArray, match: Match, rough: Tone) -> Tone:
    """Fit gain and spectral weights on matched pixels.

    Args:
        pair: the pair.
        mono: (h, w) float32, linear, on the match grid.
        match: the match.
        rough: where to start from, and what to keep where the pixels cannot tell.
    """
    color = cv2.GaussianBlur(warp.sample(pair.color.pixels, match.to_color), (0, 0), 2.0)
    target = cv2.GaussianBlur(mono, (0, 0), 2.0)
    good = (
        match.inside & (match.disagreement < 1.0) & (target < 0.9) & (target > 0.003) & (highest(color) < 0.9)
    )
    if good.sum() < 256:
        return rough
    step = max(1, int(good.sum()) // 50_000)
    samples = color[good][::step].astype(np.float64)
    wanted = target[good][::step].astype(np.float64) ** (1 / rough.exponent)
    if samples.max() <= 0:
        return rough
    fitted = _weights(samples * rough.gain, wanted)
    total = float(fitted.sum())
    explained = np.log(np.maximum(samples @ fitted, 1e-6)), np.log(wanted)
    # Where mono sees another world (near infrared), its response to color says nothing about luminance; neither does a
    # picture of one tone.
    flat = min(e.std() for e in explained) < 1e-6
    if flat or np.corrcoef(*explained)[0, 1] < 0.7 or not 0.2 < total < 5:
        return rough
    return Tone(rough.gain * total, rough.exponent, (fitted / total).astype(np.float32))


def _weights(samples: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least relative squares for wanted = samples . w, w at least 0.03, pulled to the panchromatic response."""
    weight = 1 / (wanted + 0.02)
    prior = PANCHROMATIC.astype(np.float64) * np.median(wanted / np.maximum(samples @ PANCHROMATIC, 1e-6))
    fitted = prior
    for _ in range(3):
        rows = samples * weight[:, None]
        normal = rows.T @ rows
        pull = 3e-3 * np.trace(normal)
        matrix = normal + pull * np.eye(3)
        right = rows.T @ (wanted * weight) + pull * prior
        fitted = _bounded(matrix, right, 0.03 * prior.sum())
        # Reweighted toward least absolute deviations: wrong matches lose their pull.
        error = np.abs(samples @ fitted - wanted) / (wanted + 0.02)
        weight = 1 / (wanted + 0.02) / np.sqrt(np.maximum(error, 0.02))
    return fitted


def _bounded(matrix: NDArray[np.float64], right: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Minimise a 3 x 3 quadratic with a lower bound, by coordinate descent."""
    x = np.maximum(np.linalg.solve(matrix, right), least)
    for _ in range(200):
        for i in range(3):
            x[i] = max(least, (right[i] - matrix[i] @ x + matrix[i, i] * x[i]) / matrix[i, i])
    return x


def expose(pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> Exposed:
    """Expose, even out and denoise the color picture.

    Args:
        pair: the pair.
        measured: its noise.
        mono: (h, w) float32, linear, denoised mono on the match grid.
        match: the match.
        tone: the fitted tone.
    """
    bright = brighten(pair, measured, mono, match, tone)
    return Exposed(color=denoised(bright), sigma=bright.sigma, tone=tone)


@dataclass(frozen=True, slots=True, eq=False)
class Bright:
    """The color picture at the mono's brightness, still noisy, on the color camera's pixels (H, W).

    Attributes:
        factor: (H, W) float32, what its linear samples were multiplied with.
        color: (H, W, 3) float32, display.
        sigma: (H, W) float32, display, its noise.
        guide: (H, W) float32, display, mono as the color camera would see it.
        trust: (H, W) float32 in [0, 1], the share of mono in the guide.
    """

    factor: FloatArray
    color: FloatArray
    sigma: FloatArray
    guide: FloatArray
    trust: FloatArray


def brighten(pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> Bright:
    """Expose and even out the color picture; takes what ``expose`` does."""
    factor = brightening(pair, mono, match, tone)
    display = brightened(pair.color.pixels, factor)
    sigma = brightened_sigma(pair.color.pixels, factor, measured.color_noise)
    return Bright(factor, display, sigma, *guided_by(encode(mono), display, match))


def denoised(bright: Bright) -> FloatArray:
    """The brightened color without its noise, (H, W, 3) display."""
    guide = bright.guide[..., None]
    return guide + _denoise(bright.color - guide, bright.sigma)


def brightening(pair: Pair, mono: FloatArray, match: Match, tone: Tone) -> FloatArray:
    """What every color pixel is multiplied with: gain, tone curve, and the slow ratio of the two cameras.

    Args:
        pair: the pair.
        mono: (h, w) float32, linear, denoised mono on the match grid.
        match: the match.
        tone: the fitted tone.

    Returns:
        (H, W) float32 on the color camera's pixels.
    """
    luminance = np.maximum(pair.color.pixels @ tone.weights * np.float32(tone.gain), 1e-5)
    # The curve follows a smoothed luminance, so that noise is scaled and not bent.
    curve = cv2.GaussianBlur(luminance, (0, 0), 2.0) ** np.float32(tone.exponent - 1)
    here = warp.sample(luminance * curve, match.to_color)
    known = (match.inside & (match.disagreement < _TRUSTED_PX) & (mono < CLIPPED)).astype(np.float32)
    sigma = max(mono.shape) / 16
    blurred_mono, blurred_color = (wide_blur(p * known, sigma) for p in (mono, here))
    floor = np.float32(0.02) * max(float((mono * known).mean()), 1e-4)
    slow = np.clip((blurred_mono + floor) / (blurred_color + floor), 0.25, 4.0)
    to_grid = match.grid.mapping.to_mono(warp.centers(*luminance.shape))
    return np.float32(tone.gain) * curve * warp.sample(slow, to_grid)


def brightened(linear: FloatArray, factor: FloatArray) -> FloatArray:
    """Linear samples (h, w[, C]) times a factor (h, w) -> display, up to 4 times white."""
    factor = factor[..., None] if linear.ndim == 3 else factor
    return encode(np.minimum(np.maximum(linear, 0) * factor, 4))


def brightened_sigma(color: FloatArray, factor: FloatArray, models: tuple[NoiseModel, ...]) -> FloatArray:
    """Noise of the brightened color (h, w, 3 linear) in the display domain, (h, w), mean of the channels."""
    middle = float(np.median(factor))

    def deviation(rows: slice) -> tuple[FloatArray]:
        smooth = cv2.GaussianBlur(np.maximum(color[rows], 0), (0, 0), 3.0)
        total = np.zeros(smooth.shape[:2], np.float32)
        for channel, model in enumerate(models):
            exposed = NoiseModel(model.shot * middle, model.read * middle**2)
            total += display_sigma(exposed, smooth[..., channel] * np.float32(middle))
        return (np.maximum(total / 3, np.float32(2e-4)),)

    (sigma,) = parallel.banded(deviation, len(color), _SMOOTH_PX)
    return sigma


def guided_by(mono: FloatArray, display: FloatArray, match: Match) -> tuple[FloatArray, FloatArray]:
    """Mono as the color camera would see it; where the match fails, the color's own blurred luma instead.

    Args:
        mono: (h, w) display, on the match grid.
        display: (H, W, 3) display, the brightened color.
        match: the match.

    Returns:
        guide: (H, W) display.
        trust: (H, W) in [0, 1], the share of mono in it.
    """
    seen = warp.sample(mono, match.to_mono)
    trust = 1 / (1 + (match.disagreement_color / np.float32(_TRUSTED_PX)) ** 2)
    trust = trust * warp.inside(match.to_mono, *mono.shape)
    own = cv2.GaussianBlur(total(display) / np.float32(3), (0, 0), 1.5)
    return (trust * seen + (1 - trust) * own).astype(np.float32), trust.astype(np.float32)


def _denoise(residual: FloatArray, sigma: FloatArray) -> FloatArray:
    """Remove noise of standard deviation sigma (h, w) from (h, w, 3) at two scales, in opponent colors.

    The residual is used up.
    """
    height, width = sigma.shape
    if min(height, width) < 16:
        return residual
    half = height // 2, width // 2
    coarse = warp.resize(residual, *half)
    residual -= warp.resize(coarse, height, width)
    missing = [residual]
    del residual
    fine = _denoise_opponent(missing, sigma, _FINE)
    fine += warp.resize(_denoise_opponent([coarse], warp.resize(sigma, *half), _COARSE), height, width)
    return fine


def _denoise_opponent(given: list[FloatArray], sigma: FloatArray, threshold: float) -> FloatArray:
    """The same at one scale; the list, of one picture, is emptied when that is used up."""

    def apart(rows: slice) -> tuple[FloatArray, ...]:
        unit = (given[0][rows] / sigma[rows][..., None]) @ _OPPONENT.T
        return tuple(unit[..., c] for c in range(3))

    planes = [*parallel.banded(apart, len(sigma))]
    given.clear()
    clean = [dct_denoise(planes.pop(0), threshold) for _ in range(3)]

    def together(rows: slice) -> tuple[FloatArray]:
        unit = np.stack([plane[rows] for plane in clean], axis=-1)
        return ((unit @ _OPPONENT) * sigma[rows][..., None],)

    (denoised,) = parallel.banded(together, len(sigma))
    return denoised


def luminance_display(color: FloatArray, tone: Tone) -> FloatArray:
    """Display value (...) of the mono camera's view of display colors (..., 3)."""
    return encode(np.maximum(decode(color) @ tone.weights, 0))
