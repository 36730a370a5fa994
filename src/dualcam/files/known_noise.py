"""Noise that need not be estimated: from a sensor file, or as the picture's own file states it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dualcam.camera.sensor_model import SensorModel, check_fits, noise_models
from dualcam.errors import UsageError
from dualcam.files.metadata import CameraFacts
from dualcam.files.samples import Samples
from dualcam.files.sensor_file import read_sensor
from dualcam.frame import FloatArray, KnownNoise, NoiseModel, Role


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor and the name of the file that describes it."""

    sensor: SensorModel
    source: str


def known(sensor: SensorModel | str | Path | None) -> Known | None:
    """Take a sensor from memory or from its file.

    Raises:
        InputError: the file cannot be used.
    """
    if sensor is None:
        return None
    if isinstance(sensor, SensorModel):
        return Known(sensor, "the sensor model")
    return Known(read_sensor(sensor), Path(sensor).name)


def of_sensor(
    given: Known, path: Path, pattern: str | None, camera: CameraFacts, black: float, white: float
) -> KnownNoise:
    """Noise of a picture of a known sensor.

    Args:
        given: the sensor.
        path: the picture, for messages.
        pattern: its color filter, or None for mono.
        camera: what it says about the camera.
        black: DN that became 0.
        white: DN that became 1.

    Raises:
        InputError: the picture is not of this sensor, or not at its ISO setting.
    """
    check_fits(given.sensor, str(path), pattern, camera.iso, given.source)
    return KnownNoise(noise_models(given.sensor, black, white), given.source)


def as_stated(models: tuple[NoiseModel, ...], factor: float, path: Path) -> KnownNoise | None:
    """A DNG's own noise profile, or None without one; ``factor`` is what its linear samples were multiplied with."""
    if not models:
        return None
    scaled = tuple(NoiseModel(model.shot * factor, model.read * factor**2) for model in models)
    return KnownNoise(scaled, f"the NoiseProfile in {path.name}")


def mono_pixels(
    samples: Samples, given: Known, white: float | None, path: Path, linear: bool, role: Role
) -> tuple[FloatArray, float, tuple[str, ...]]:
    """Linear samples of a plain file of a known sensor: its black level becomes 0, its saturation 1.

    Args:
        samples: (H, W, C) DN.
        given: the sensor.
        white: DN of white that the user stated, or None for the sensor's saturation.
        path: the file, for messages.
        linear: whether the file's samples are linear.
        role: "mono", or "color", which only raw files can be.

    Returns:
        (H, W, C) float32, linear, noise under black negative; DN of white; remarks.

    Raises:
        UsageError: the samples are no DN of a sensor.
    """
    if role == "color":
        raise UsageError(
            f"{path} holds finished colors, for which {given.source} does not hold: demosaicing has mixed the noise.",
            "Give the raw file, or leave out --color-sensor.",
        )
    if not linear or samples.dtype.kind != "u":
        what = "floats" if linear else "a transfer curve"
        raise UsageError(
            f"{path} has {what}: its samples are not the sensor's, for which {given.source} holds.",
            "Say --mono-curve linear if they come straight from the sensor; else leave out --mono-sensor.",
        )
    black, saturation = given.sensor.black, given.sensor.pooled.saturation_dn
    level = white if white is not None else saturation or float(2**given.sensor.bits - 1)
    if not level > black:
        raise UsageError(
            f"white is {level:g}, but {given.source} has its black at {black:g}.",
            "State white as the sensor counts.",
        )
    notes = [f"black {black:.6g} and white {level:.6g} by {given.source}"]
    top = float(samples.max())
    if top > level * 1.02:
        notes.append(
            f"values over the white of {level:g} clipped: is {given.source} of this camera and bit depth?"
        )
    pixels = (samples.astype(np.float32) - np.float32(black)) / np.float32(level - black)
    return np.minimum(pixels, np.float32(1)), level, tuple(notes)
