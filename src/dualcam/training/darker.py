"""The color picture that a shorter exposure would have given: the samples divided, and the noise that is missing added.

A sample of the mean x has the variance shot x + read. Exposed ``times`` shorter it has the mean x / times and the
variance shot x / times + read; dividing alone leaves (shot x + read) / times^2. What is between the two is drawn.
Rows that share an offset (banding) keep sharing one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualcam.camera import develop
from dualcam.camera.curves import decode, encode
from dualcam.frame import FloatArray, Frame, NoiseModel

# A median has more variance than a mean, of Gaussian numbers; a median of distances from it becomes a deviation.
_MEDIAN, _TO_SIGMA = np.pi / 2, 1.4826
# Variance of a row less the mean of the next two of its kind, in variances of a row.
_SECOND = 1.5
_LEAST_ROWS = 16
# The brightest parts of a picture, which its electrons are counted at.
_BRIGHT = 99.0


@dataclass(frozen=True, slots=True)
class SampleNoise:
    """Noise of the samples of a color sensor, linear, saturation 1.

    Attributes:
        models: of camera red, green and blue, what rows share left out.
        row: variance of what the samples of a row share.
    """

    models: tuple[NoiseModel, NoiseModel, NoiseModel]
    row: float = 0.0


def stated(frame: Frame, row: float | None = None) -> SampleNoise:
    """Noise of a color frame's mosaic, as its file or its sensor's file states it.

    An estimate would not do: texture passes for read noise of ten times the true one, which is what counts in the dark.

    Args:
        frame: color, with a mosaic and a stated noise.
        row: what rows share, electrons rms, where it is known; None estimates it.
    """
    assert frame.mosaic is not None and frame.noise is not None
    models = frame.noise.models
    # An electron is as much signal as the variance grows by for each.
    shared = row_variance(frame.mosaic.samples) if row is None else (row * models[1].shot) ** 2
    red, green, blue = (NoiseModel(m.shot, max(m.read - shared, 0.0)) for m in models)
    return SampleNoise((red, green, blue), shared)


def row_variance(samples: FloatArray) -> float:
    """Variance of what the samples of a row share, of a mosaic (H, W), linear; 0 where none can be told.

    A row is compared with the next rows of its colors above and below, by medians, which edges in the picture hardly
    move.
    """
    found = []
    for column in (0, 1):
        plane = samples[:, column::2].astype(np.float64)
        if len(plane) < _LEAST_ROWS:
            return 0.0
        apart = plane[2:-2] - (plane[:-4] + plane[4:]) / 2
        middle = np.median(apart, axis=1)
        within = _TO_SIGMA * np.median(np.abs(apart - middle[:, None]), axis=1)
        chance = _MEDIAN * float(np.median(within**2)) / plane.shape[1]
        spread = _TO_SIGMA * float(np.median(np.abs(middle - np.median(middle))))
        found.append((spread**2 - chance) / _SECOND)
    return max(min(found), 0.0)


def electrons(frame: Frame, known: SampleNoise) -> float:
    """Electrons in the brightest parts of a color picture, of green."""
    mosaic = frame.mosaic
    assert mosaic is not None
    first = mosaic.pattern.index("G")
    level = float(np.percentile(mosaic.samples[first // 2 :: 2, first % 2 :: 2], _BRIGHT))
    return max(level, 0.0) / max(known.models[1].shot, 1e-9)


def missing(level: NDArray[np.floating], model: NoiseModel, times: float) -> NDArray[np.floating]:
    """Variance that samples of a level lack once they are divided by ``times``; any shape, never negative."""
    there = np.maximum(level, 0)
    wanted = model.shot * there / times + model.read
    return np.maximum(wanted - (model.shot * there + model.read) / times**2, 0)


def shortened(frame: Frame, known: SampleNoise, times: float, rng: np.random.Generator) -> Frame:
    """A color frame as if it had been exposed ``times`` shorter, developed anew and rounded like its file.

    Args:
        frame: color, with a mosaic.
        known: noise of its samples.
        times: 1 or more.
        rng: the source of randomness.
    """
    mosaic = frame.mosaic
    assert mosaic is not None
    samples = mosaic.samples.astype(np.float64)
    height, width = samples.shape
    variance = np.zeros_like(samples)
    for site, letter in enumerate(mosaic.pattern):
        here = np.s_[site // 2 :: 2, site % 2 :: 2]
        variance[here] = missing(samples[here], known.models["RGB".index(letter)], times)
    drawn = samples / times + rng.normal(size=(height, width)) * np.sqrt(variance)
    drawn += rng.normal(size=(height, 1)) * np.sqrt(known.row * (1 - 1 / times**2))
    changed = replace(mosaic, samples=_rounded(drawn, frame, float(samples.min())))
    return replace(frame, pixels=np.ascontiguousarray(develop.develop(changed)), mosaic=changed)


def grainier(frame: Frame, model: NoiseModel, times: float, rng: np.random.Generator) -> Frame:
    """A mono frame as if it had been exposed ``times`` shorter and amplified as much: as bright, with more noise."""
    level = np.maximum(frame.pixels, 0).astype(np.float64)
    variance = model.shot * level * (times - 1) + model.read * (times**2 - 1)
    drawn = level + rng.normal(size=level.shape) * np.sqrt(variance)
    return replace(frame, pixels=np.clip(drawn, 0, 1).astype(np.float32))


def _rounded(samples: NDArray[np.float64], frame: Frame, least: float) -> FloatArray:
    """Samples in the steps of their file; what the file cuts off under black is cut off."""
    if frame.origin.bits > 16:
        return samples.astype(np.float32)
    top = 2**frame.origin.bits - 1
    if frame.origin.curve == "linear":
        return (np.rint(np.clip(samples, min(least, 0.0), 1) * top) / top).astype(np.float32)
    shown = encode(np.clip(samples, 0, 1).astype(np.float32))
    return decode((np.rint(shown * top) / top).astype(np.float32))
