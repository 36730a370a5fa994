"""Noise that need not be estimated: from a sensor file, or as the picture's own file states it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dualcam.camera.sensor_model import SensorModel, check_fits, noise_models
from dualcam.errors import UsageError
from dualcam.files.metadata import CameraFacts
from dualcam.files.samples import Samples
from dualcam.files.sensor_file import read_sensor
from dualcam.frame import KnownNoise, NoiseModel


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


def check_dn(samples: Samples, given: Known, path: Path, linear: bool, single: bool) -> None:
    """Refuse a plain file whose samples are no DN of a sensor.

    Args:
        samples: as stored.
        given: the sensor.
        path: the file, for messages.
        linear: whether the file's samples are linear.
        single: whether every sample is that of one pixel: mono, or a mosaic.

    Raises:
        UsageError: finished colors, a transfer curve, or floats.
    """
    if not single:
        raise UsageError(
            f"{path} holds finished colors, for which {given.source} does not hold: demosaicing has mixed the noise.",
            "Give the raw file or the mosaic, or leave out --color-sensor.",
        )
    if not linear or samples.dtype.kind != "u":
        what = "floats" if linear else "a transfer curve"
        raise UsageError(
            f"{path} has {what}: its samples are not the sensor's, for which {given.source} holds.",
            "Say --mono-curve linear if they come straight from the sensor; else leave out --mono-sensor.",
        )


def levels(
    samples: Samples, given: Known, black: float | None, white: float | None
) -> tuple[float, float, tuple[str, ...]]:
    """DN of black and white of a plain file: what the user stated, else those of the sensor; and remarks."""
    sensor = given.sensor
    dark = sensor.black if black is None else black
    level = white if white is not None else sensor.pooled.saturation_dn or float(2**sensor.bits - 1)
    notes = [f"black {dark:.6g} and white {level:.6g} by {given.source}"]
    if white is None and float(samples.max()) > level * 1.02:
        notes.append(f"values over the white of {level:g}: is {given.source} of this camera and bit depth?")
    return dark, level, tuple(notes)
