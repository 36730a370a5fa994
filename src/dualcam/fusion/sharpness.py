"""How sharp two pictures are: against each other after matching, and a mono picture by itself.

Both are told from spectra, as the standard deviation of the Gaussian blur that would explain them. The cross-spectrum
of two pictures is free of their noise, which is independent; a picture's own spectrum is compared with that of edges,
whose power falls with the square of the frequency.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import decode, encode
from dualcam.camera.denoise import display_sigma
from dualcam.classical.exposure import rough_luma
from dualcam.frame import FloatArray, NoiseModel, Pair, Tone
from dualcam.rig import warp
from dualcam.rig.matching import Match

Spectrum = NDArray[np.float64]

_BLOCK, _OWN_BLOCK = 32, 64
# Frequencies in cycles a pixel: over what blocks can hold, under what sampling destroys.
_LOW, _HIGH = 0.06, 0.30
_OWN_LOW, _OWN_HIGH = 0.03, 0.40
_CUT, _MOST_BLOCKS, _FEWEST_BLOCKS = 2000, 400, 6
# Disagreement of the match in grid pixels; the second where too little agrees better, as a soft picture does not.
_AGREE_PX = 0.7, 2.5
# Signal over noise from which a frequency counts.
_SEEN = 2.0
# By how much the exponent of a scene's power spectrum may exceed that of edges.
_STEEPER = 1.0


def relative(pair: Pair, mono: FloatArray, noise: NoiseModel, match: Match, tone: Tone) -> float | None:
    """How much softer the color picture is than the mono picture.

    Args:
        pair: the pair.
        mono: (H, W) float32, linear, as shot.
        noise: its noise.
        match: the match.
        tone: the rough exposure match.

    Returns:
        Standard deviation of a Gaussian in color pixels (pixels of the match grid); negative where mono is the softer
        one; None where too little is matched.
    """
    grid = match.grid
    here = encode(warp.resize(mono, grid.height, grid.width))
    there = warp.resample(rough_luma(pair.color.pixels, tone), match.to_color, interpolation=warp.CUBIC)
    a, b = (_blocks(p, _BLOCK) for p in (here, there))
    for limit in _AGREE_PX:
        good = (match.inside & (match.disagreement < limit)).astype(np.float32)
        known = _blocks(good, _BLOCK).mean(axis=(1, 2)) > 0.8
        chosen = _liveliest(a.var(axis=(1, 2)) * known, 1e-4, _MOST_BLOCKS)
        if chosen.size >= _FEWEST_BLOCKS:
            break
    else:
        return None
    first, second = _spectra(a[chosen]), _spectra(b[chosen])
    # Every block counts the same, whatever its contrast.
    weight = 1 / (np.abs(first) ** 2).mean(axis=(1, 2), keepdims=True)
    cross = (second * np.conj(first) * weight).mean(axis=0).real
    power = (np.abs(first) ** 2 * weight).mean(axis=0)
    pixels = mono.size / here.size
    grain = display_sigma(noise, decode(a[chosen].mean(axis=(1, 2)))) ** 2 / max(1.0, pixels)
    floor = _floor(grain, weight, power.shape)
    return _softness(cross, power - floor, floor)


def own(mono: FloatArray, noise: NoiseModel) -> float | None:
    """How soft a picture is by itself.

    Args:
        mono: (H, W) float32, linear, as shot.
        noise: its noise.

    Returns:
        Standard deviation of a Gaussian in its own pixels, told with caution: it has at least this blur, 0 for a sharp
        one; None without structure over the noise.
    """
    blocks = _blocks(mono, _OWN_BLOCK)
    mean = blocks.mean(axis=(1, 2))
    grain = noise.shot * np.maximum(mean, 0) + noise.read
    # Clipped blocks have edges that the scene does not have.
    lively = (blocks.var(axis=(1, 2)) - grain) / (mean + 0.02) ** 2 * (blocks.max(axis=(1, 2)) < 0.98)
    chosen = _liveliest(lively, 1e-3, min(_MOST_BLOCKS, max(_FEWEST_BLOCKS, len(blocks) // 4)))
    if chosen.size < _FEWEST_BLOCKS:
        return None
    spectra = np.abs(_spectra(blocks[chosen])) ** 2
    weight = 1 / spectra.mean(axis=(1, 2), keepdims=True)
    power = (spectra * weight).mean(axis=0)
    floor = _floor(grain[chosen], weight, power.shape)
    ones = np.ones_like(power)
    frequency, clean = _rings(power - floor, ones, _OWN_LOW, _OWN_HIGH)
    _, grainy = _rings(floor, ones, _OWN_LOW, _OWN_HIGH)
    seen = clean > _SEEN * grainy
    if seen.sum() < 3:
        return None
    band = frequency[seen]
    # A power spectrum holds the blur twice.
    variance = _gaussian(band, np.sqrt(clean[seen]) * band)
    # A scene whose power falls with a steeper power of the frequency looks blurred, the more the less of the band is
    # over the noise: only what such a scene does not explain is blur.
    steeper = _STEEPER * np.log(band[-1] / band[0]) / (4 * np.pi**2 * (band[-1] ** 2 - band[0] ** 2))
    return float(max(0.0, variance - steeper) ** 0.5)


def _softness(cross: Spectrum, power: Spectrum, floor: Spectrum) -> float | None:
    frequency, ratio = _rings(cross, power, _LOW, _HIGH)
    _, clean = _rings(power, floor + 1e-12, _LOW, _HIGH)
    seen = (clean > _SEEN) & (ratio > 0)
    if seen.sum() < 3:
        return None
    return _signed_root(_gaussian(frequency[seen], ratio[seen]))


def _liveliest(lively: FloatArray, least: float, most: int) -> NDArray[np.intp]:
    chosen = np.argsort(lively)[::-1][:most]
    return chosen[lively[chosen] > least]


def _floor(variance: FloatArray, weight: NDArray[np.floating], shape: tuple[int, ...]) -> Spectrum:
    """Power of white noise of these variances (n,) behind the window, weighted like the spectra."""
    block = shape[0]
    power = variance[:, None, None] * float((_window(block) ** 2).sum())
    return np.broadcast_to((power * weight).mean(axis=0), shape)


def _window(block: int) -> FloatArray:
    hann = np.hanning(block + 2)[1:-1]
    return np.outer(hann, hann).astype(np.float32)


def _blocks(picture: FloatArray, block: int) -> FloatArray:
    """Cut (H, W) into (n, block, block), without what is left over at the edges; of many, evenly spread ones."""
    rows, columns = picture.shape[0] // block, picture.shape[1] // block
    step = max(1, round((rows * columns / _CUT) ** 0.5))
    cut = picture[: rows * block, : columns * block].reshape(rows, block, columns, block)[::step, :, ::step]
    return cut.swapaxes(1, 2).reshape(-1, block, block)


def _spectra(blocks: FloatArray) -> NDArray[np.complex128]:
    centered = (blocks - blocks.mean(axis=(1, 2), keepdims=True)) * _window(blocks.shape[1])
    return np.asarray(np.fft.rfft2(centered), np.complex128)


def _rings(above: Spectrum, below: Spectrum, low: float, high: float) -> tuple[Spectrum, Spectrum]:
    """Sum of one spectrum over that of another in rings of frequency: the frequencies, and the ratios."""
    block = above.shape[0]
    fy, fx = np.fft.fftfreq(block)[:, None], np.fft.rfftfreq(block)[None]
    ring = np.rint(np.hypot(fy, fx) * block).astype(int)
    wanted = [r for r in range(1, block) if low <= r / block <= high]
    ratios = [float(above[ring == r].sum() / below[ring == r].sum()) for r in wanted]
    return np.array(wanted, np.float64) / block, np.array(ratios, np.float64)


def _gaussian(frequency: Spectrum, response: Spectrum) -> float:
    """The variance of the Gaussian whose response to frequencies fits best: ln response = a - 2 (pi s f)^2."""
    usable = response > 0.02 * response.max()
    if usable.sum() < 3:
        usable = np.argsort(response)[-3:]
    # All rings count the same: the low ones hold most of the signal and little of the blur.
    slope = np.polyfit(frequency[usable] ** 2, np.log(response[usable]), 1)[0]
    return float(-slope / (2 * np.pi**2))


def _signed_root(variance: float) -> float:
    return float(np.sign(variance) * abs(variance) ** 0.5)
