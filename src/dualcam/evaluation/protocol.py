"""The NIGHT protocol: a clean stereo pair becomes a dark dual-camera capture, always the same one.

The left view is the mono camera's and the truth, the right view is the color camera's. Levels and steps are
those of docs/architecture.md; every random number comes from a seed made of scene, level and scale.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.camera import sensor
from dualcam.camera.curves import decode, encode
from dualcam.errors import UsageError

MONO_WEIGHTS = np.array([0.30, 0.50, 0.20], np.float32)
MONO_READ_E = 2.0
COLOR_READ_E = 3.0
BITS = 12


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


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """A simulated capture as the files hold it.

    Attributes:
        mono: (H, W) uint16, display (sRGB curve).
        color: (h, w, 3) uint8, display, RGB, dark as shot.
        truth: (H, W, 3) uint8, display, RGB, the mono camera's view.
    """

    mono: NDArray[np.uint16]
    color: NDArray[np.uint8]
    truth: NDArray[np.uint8]


def capture(
    left: NDArray[np.uint8], right: NDArray[np.uint8], *, scene: str, level: str, scale: int
) -> Capture:
    """Simulate the file track of the NIGHT protocol.

    Args:
        left: (H, W, 3) uint8 display RGB, the mono camera's view.
        right: (H, W, 3) uint8 display RGB, the color camera's view.
        scene: name of the scene, part of the seed.
        level: "dusk", "night" or "dark".
        scale: mono pixels per color pixel, an integer >= 1.

    Raises:
        UsageError: for an unknown level, a scale under 1 or views of different size.
    """
    if level not in LEVELS:
        raise UsageError(f"there is no light level {level!r}.", f"Use one of {', '.join(LEVELS)}.")
    if scale < 1:
        raise UsageError(f"the scale is {scale}.", "Use an integer of 1 or more.")
    if left.shape != right.shape:
        raise UsageError(
            f"the views differ in size: {left.shape} and {right.shape}.", "Use views of one size."
        )
    light = LEVELS[level]
    seed = [zlib.crc32(scene.encode()), list(LEVELS).index(level), scale]
    mono_rng, color_rng = (np.random.default_rng([*seed, camera]) for camera in (0, 1))

    mono = decode(left / np.float32(255)) @ MONO_WEIGHTS
    mono = sensor.quantise(sensor.expose(mono, light.electrons, MONO_READ_E, mono_rng), BITS)

    color = sensor.bin_average(decode(right / np.float32(255)), scale)
    # A color pixel collects from up to 2 x 2 mono pixels' area, and rho times less light per area.
    electrons = light.electrons * min(scale**2, 4) / light.exposure_ratio
    mosaic = sensor.expose(sensor.mosaic_rggb(color), electrons, COLOR_READ_E, color_rng)
    mosaic = sensor.quantise(mosaic / np.float32(light.exposure_ratio), BITS)
    return Capture(
        mono=np.rint(encode(mono) * 65535).astype(np.uint16),
        color=np.rint(encode(sensor.demosaic_rggb(mosaic)) * 255).astype(np.uint8),
        truth=left,
    )
