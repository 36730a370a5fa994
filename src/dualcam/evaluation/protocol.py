"""The NIGHT protocol: a clean stereo pair becomes a dark dual-camera capture, always the same one.

The left view is the mono camera's and the truth, the right view is the color camera's. The steps are those of
``dualcam.simulation`` with its default settings; here are the light levels and the seeds. The captures are the same
on every machine, as far as the same versions of NumPy (random numbers) and OpenCV (demosaic) are the same.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import UsageError
from dualcam.simulation.capture import Capture, shoot
from dualcam.simulation.record import Record, Source
from dualcam.simulation.settings import SceneLight, Settings

__all__ = ["LEVELS", "NAME", "Capture", "Level", "capture", "generators", "is_night", "record", "settings"]

NAME = "NIGHT file+raw"
"""What ``capture.json`` calls this protocol with both its tracks."""

_DEFAULT = Settings()
MONO_WEIGHTS = np.array(_DEFAULT.mono.response.weights, np.float32)
MONO_READ_E = _DEFAULT.mono.sensor.read_noise_e
COLOR_READ_E = _DEFAULT.color.sensor.read_noise_e
BITS = _DEFAULT.color.sensor.bits


@dataclass(frozen=True, slots=True)
class Level:
    """One light level: mono electrons at white, and how many times less light the color pixel gets."""

    name: str
    electrons: float
    exposure_ratio: float


LEVELS = {
    "dusk": Level("dusk", 4000, 4),
    "night": Level("night", 1000, 8),
    "dark": Level("dark", 250, 16),
}


def settings(level: str, scale: float) -> Settings:
    """The protocol's settings of the simulator.

    Args:
        level: "dusk", "night" or "dark".
        scale: mono pixels per color pixel, 1 to 16; the benchmark uses 2 and 4.

    Raises:
        UsageError: an unknown level or a scale out of range.
    """
    if level not in LEVELS:
        raise UsageError(f"there is no light level {level!r}.", f"Use one of {', '.join(LEVELS)}.")
    light = LEVELS[level]
    return replace(
        _DEFAULT, light=SceneLight(float(light.electrons), float(light.exposure_ratio)), scale=float(scale)
    )


def is_night(chosen: Settings) -> bool:
    """Whether these are exactly the protocol's settings, at any of its levels and any whole scale."""
    whole = chosen.scale == int(chosen.scale)
    return whole and any(chosen == settings(level, chosen.scale) for level in LEVELS)


def generators(
    scene: str, level: str, scale: float, seed: int = 0
) -> tuple[np.random.Generator, np.random.Generator]:
    """The random numbers of the mono and of the color camera, independent of each other.

    Args:
        scene: name of the scene.
        level: "dusk", "night" or "dark".
        scale: mono pixels per color pixel.
        seed: 0 for the protocol's own capture, any other number from 1 on for another one of the same scene.

    Raises:
        UsageError: an unknown level or a negative seed.
    """
    if level not in LEVELS:
        raise UsageError(f"there is no light level {level!r}.", f"Use one of {', '.join(LEVELS)}.")
    if seed < 0:
        raise UsageError(f"the seed is {seed}.", "Use 0 or a larger number.")
    # Fractions of a scale count in millionths, so that they differ from every whole scale.
    size = int(scale) if scale == int(scale) else round(scale * 1_000_000)
    numbers = [zlib.crc32(scene.encode()), list(LEVELS).index(level), size]
    more = [seed] if seed else []
    mono, color = (np.random.default_rng([*numbers, camera, *more]) for camera in (0, 1))
    return mono, color


def capture(
    left: NDArray[np.uint8], right: NDArray[np.uint8], *, scene: str, level: str, scale: int, seed: int = 0
) -> Capture:
    """Simulate both tracks of the NIGHT protocol.

    Args:
        left: (H, W, 3) uint8 display RGB, the mono camera's view.
        right: (H, W, 3) uint8 display RGB, the color camera's view.
        scene: name of the scene, part of the seed.
        level: "dusk", "night" or "dark".
        scale: mono pixels per color pixel, an integer from 1 to 16.
        seed: 0 for the protocol's own capture.

    Returns:
        The file track (``mono``, ``color``), the raw track (``mono``, ``mosaic``: 12 bits, black 0, white 4095,
        RGGB; ``color`` is demosaiced from these very samples), and the truth.

    Raises:
        UsageError: an unknown level, a scale out of range or too large for the views, views of different size,
            or a negative seed.
    """
    if scale != int(scale):
        raise UsageError(f"the scale is {scale}.", "The NIGHT protocol has whole scales.")
    return shoot(left, right, settings(level, scale), *generators(scene, level, scale, seed))


def record(*, scene: str, level: str, scale: float, seed: int = 0, inputs: tuple[Source, ...] = ()) -> Record:
    """What ``capture.json`` says about a capture of this protocol; ``inputs`` as in ``Record``."""
    return Record(settings(level, scale), scene=scene, level=level, seed=seed, protocol=NAME, inputs=inputs)
