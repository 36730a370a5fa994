"""What was measured of a sensor, and the noise that follows from it for a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dualcam.errors import InputError
from dualcam.frame import NoiseModel

MONO = "mono"
"""Name of the only channel of a sensor without color filters; those of a Bayer mosaic are "R", "G" and "B"."""

MIDDLE_GRAY = 0.18
"""Signal at which a fixed pattern that grows with the signal is counted as noise, which grows with its root."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Measured constants of one channel, or of all together, in the terms of EMVA 1288.

    Attributes:
        gain_dn_per_e: system gain K, DN an electron.
        read_noise_dn: temporal noise without light, DN rms, the rounding of the converter included.
        read_noise_e: the same in electrons, without the rounding.
        row_noise_e: the part of it that whole rows share, electrons rms.
        full_well_e: electrons at which the samples saturate; at least so many where ``saturation_dn`` is None.
        saturation_dn: DN at which the samples saturate, black included; None if no flat was bright enough.
        prnu: photo response nonuniformity: standard deviation of the pixels' sensitivity over its mean; None where no
            pair of flats was bright enough.
        dsnu_e: dark signal nonuniformity, electrons rms.
        linearity_error: mean deviation of the signal from a line through the exposure times, relative; None
            where the files state none.
        fit_error: rms deviation of the variance from its line, relative.
    """

    gain_dn_per_e: float
    read_noise_dn: float
    read_noise_e: float
    row_noise_e: float
    full_well_e: float
    saturation_dn: float | None
    prnu: float | None
    dsnu_e: float
    linearity_error: float | None
    fit_error: float

    @property
    def gain_e_per_dn(self) -> float:
        """Electrons a DN, the reciprocal of ``gain_dn_per_e``."""
        return 1 / self.gain_dn_per_e


@dataclass(frozen=True, slots=True)
class SensorModel:
    """What was measured of a sensor at one gain (ISO) setting.

    Attributes:
        width: columns of its pictures, as stored.
        height: rows, as stored.
        bits: of a sample.
        pattern: color filter of the first two stored rows, such as "RGGB"; None for a monochrome sensor.
        black_dn: DN without light: one number, or four for the pixels of a 2 x 2 block, row by row.
        channels: "mono", or "R", "G" and "B".
        pooled: all channels together.
        make: maker of the camera, as the files say, or "".
        model: model of the camera, or "".
        iso: ISO setting, or None.
        flats: names of the bright files.
        darks: names of the dark files.
        notes: remarks for the user.
    """

    width: int
    height: int
    bits: int
    pattern: str | None
    black_dn: tuple[float, ...]
    channels: Mapping[str, Channel]
    pooled: Channel
    make: str = ""
    model: str = ""
    iso: float | None = None
    flats: tuple[str, ...] = ()
    darks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def black(self) -> float:
        """Mean DN without light."""
        return sum(self.black_dn) / len(self.black_dn)

    @property
    def names(self) -> tuple[str, ...]:
        """The channels in the order in which noise models are given."""
        return (MONO,) if self.pattern is None else ("R", "G", "B")


def noise_models(sensor: SensorModel, black: float, white: float) -> tuple[NoiseModel, ...]:
    """Noise of a picture of this sensor.

    A DN has the variance K (DN - black) + read noise^2 (EMVA 1288, linear camera model). A single picture also shows
    the fixed patterns: that of the dark signal counts with the read noise, that of the sensitivity, which grows with
    the square of the signal, is counted as it is at middle gray.

    Args:
        sensor: the sensor.
        black: DN that becomes 0 in the picture.
        white: DN that becomes 1.

    Returns:
        One model a channel, in the order of ``SensorModel.names``, of linear samples before white balance.
    """
    span = white - black
    models = []
    for name in sensor.names:
        channel = sensor.channels[name]
        shot = channel.gain_dn_per_e / span + (channel.prnu or 0.0) ** 2 * MIDDLE_GRAY
        dark = channel.read_noise_dn**2 + (channel.dsnu_e * channel.gain_dn_per_e) ** 2
        # No signal is under the sensor's black: where that of the picture is, the line may be negative at 0.
        dark += channel.gain_dn_per_e * (black - sensor.black)
        models.append(NoiseModel(shot, dark / span**2))
    return tuple(models)


def check_fits(sensor: SensorModel, name: str, pattern: str | None, iso: float | None, source: str) -> None:
    """Refuse a picture that cannot be of this sensor at this setting.

    Args:
        sensor: the sensor.
        name: the picture, for messages.
        pattern: its color filter, such as "RGGB"; None for mono.
        iso: its ISO setting, or None.
        source: the sensor file, for messages.

    Raises:
        InputError: mono and color differ, or the ISO setting does.
    """
    if (sensor.pattern is None) != (pattern is None):
        kinds = ("a monochrome", "a Bayer") if sensor.pattern is None else ("a Bayer", "a monochrome")
        raise InputError(
            f"{source} describes {kinds[0]} sensor, but {name} comes from {kinds[1]} one.",
            "Give the file of this camera's sensor: --mono-sensor for mono, --color-sensor for color.",
        )
    if sensor.iso and iso and abs(sensor.iso - iso) > 0.01 * sensor.iso:
        raise InputError(
            f"{source} was measured at ISO {sensor.iso:g}, but {name} was taken at ISO {iso:g}: gain and noise differ.",
            "Measure the sensor at this setting (dualcam sensor), or leave the sensor file out.",
        )
