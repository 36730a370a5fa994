"""Published noise and color of real cameras, and the simulator's settings that follow from them.

Noise laws are log-linear in the system gain K (DN an electron, which the ISO setting chooses): ln sigma = slope ln K +
bias, with a Gaussian scatter about the line; sigma is in DN of the sensor's own converter. Sources:

- ELD: Wei, Fu, Yang and Huang, "A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising", CVPR 2020;
  numbers of the authors' released parameters (Vandermode/ELD, camera_params/release): Gaussian read noise ("g") and
  row noise ("R"), 14 bits.
- PMN: Feng, Wang, Wang, Fan and Huang, "Learnability Enhancement for Low-light Raw Denoising", ACM MM 2022; numbers
  of the authors' released code, with ELD's method: the phone sensor (10 bits, ISO 640 to 6400), and the row noise of
  the D850, which ELD's release does not give.
- Color matrices: Adobe's, as in LibRaw's table: XYZ under D65 to camera RGB. That of the phone sensor is not
  published; it borrows the one of a Nexus 6P, which Brooks et al. (CVPR 2019) use.
- Black levels: those that the cameras' raw files state (the D850's from memory of such files).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dualcam.camera.sensor_model import SensorModel
from dualcam.errors import UsageError
from dualcam.files.dng import SRGB_TO_XYZ
from dualcam.files.sensor_file import read_sensor
from dualcam.simulation.settings import ColorResponse, Matrix, Sensor, Settings, Triple


@dataclass(frozen=True, slots=True)
class NoiseLaw:
    """How a noise grows with the gain: ln sigma_DN = slope ln K + bias + scatter z, z standard normal."""

    slope: float
    bias: float
    scatter: float

    def sigma_dn(self, gain: float, z: float = 0.0) -> float:
        """Standard deviation in DN at a gain in DN an electron, z deviations of the scatter off the line."""
        return math.exp(self.slope * math.log(gain) + self.bias + self.scatter * z)


@dataclass(frozen=True, slots=True)
class Camera:
    """Constants of one camera.

    Attributes:
        name: what the command line calls it.
        title: maker and model.
        bits: of the converter.
        black: DN without light.
        gains: smallest and largest calibrated gain K, DN an electron.
        read: read noise.
        row: row noise.
        from_xyz: XYZ under D65 to camera RGB.
        source: where the noise comes from.
    """

    name: str
    title: str
    bits: int
    black: int
    gains: tuple[float, float]
    read: NoiseLaw
    row: NoiseLaw
    from_xyz: Matrix
    source: str


CAMERAS = (
    Camera(
        name="sony-a7s2",
        title="Sony A7S II",
        bits=14,
        black=512,
        gains=(0.094, 6.01),
        read=NoiseLaw(0.541, 1.218, 0.268),
        row=NoiseLaw(0.528, -0.592, 0.294),
        from_xyz=((0.5838, -0.1430, -0.0246), (-0.3497, 1.1477, 0.2297), (-0.0748, 0.1885, 0.5778)),
        source="ELD",
    ),
    Camera(
        name="canon-5d4",
        title="Canon EOS 5D Mark IV",
        bits=14,
        black=2048,
        gains=(0.218, 13.96),
        read=NoiseLaw(0.677, 1.512, 0.246),
        row=NoiseLaw(0.471, -0.808, 0.244),
        from_xyz=((0.6446, -0.0366, -0.0864), (-0.4436, 1.2204, 0.2513), (-0.0952, 0.2496, 0.6348)),
        source="ELD",
    ),
    Camera(
        name="nikon-d850",
        title="Nikon D850",
        bits=14,
        black=400,
        gains=(0.415, 26.56),
        read=NoiseLaw(0.563, 0.799, 0.214),
        row=NoiseLaw(0.8322, -2.3326, 0.301),
        from_xyz=((1.0405, -0.3755, -0.1270), (-0.5461, 1.3787, 0.1793), (-0.1040, 0.2015, 0.6785)),
        source="ELD; row noise PMN",
    ),
    Camera(
        name="sony-imx686",
        title="Sony IMX686 (phone)",
        bits=10,
        black=64,
        gains=(0.826, 8.743),
        read=NoiseLaw(0.85187, 0.67991, 0.02921),
        row=NoiseLaw(0.87611, -2.11455, 0.03274),
        from_xyz=((1.0234, -0.2969, -0.2266), (-0.5625, 1.6328, -0.0469), (-0.0703, 0.2188, 0.6406)),
        source="PMN; color Brooks et al.",
    ),
)
"""The cameras with published constants."""


def find(name: str) -> Camera:
    """A camera by name.

    Raises:
        UsageError: there is no such camera.
    """
    for camera in CAMERAS:
        if camera.name == name:
            return camera
    raise UsageError(f"there is no camera {name!r}.", f"Use {', '.join(c.name for c in CAMERAS)}.")


def equipped(
    settings: Settings,
    *,
    mono: str | None = None,
    mono_gain: float | None = None,
    color: str | None = None,
    color_gain: float | None = None,
) -> Settings:
    """Put the sensors of real cameras into settings; of the color camera also its colors.

    Args:
        settings: what to change.
        mono: name of the camera whose noise the mono camera gets, or None to keep its sensor.
        mono_gain: its gain K in DN an electron; None takes the one that exposes like ``settings``, as far as the
            camera goes.
        color: the same of the color camera.
        color_gain: the same of the color camera.

    Raises:
        UsageError: an unknown camera, or a gain outside what is known of it.
    """
    if mono is not None:
        camera = find(mono)
        gain = nearest_gain(camera, settings.mono_saturation_e) if mono_gain is None else mono_gain
        settings = replace(settings, mono=replace(settings.mono, sensor=sensor(camera, gain)))
    elif mono_gain is not None:
        same = replace(settings.mono.sensor, gain=mono_gain)
        settings = replace(settings, mono=replace(settings.mono, sensor=same))
    if color is not None:
        camera = find(color)
        gain = nearest_gain(camera, settings.color_saturation_e) if color_gain is None else color_gain
        changed = replace(settings.color, sensor=sensor(camera, gain), response=response(camera))
        settings = replace(settings, color=changed)
    elif color_gain is not None:
        same = replace(settings.color.sensor, gain=color_gain)
        settings = replace(settings, color=replace(settings.color, sensor=same))
    return settings


def nearest_gain(camera: Camera, saturation_e: float) -> float:
    """The calibrated gain that comes nearest to reaching the largest DN at this number of electrons."""
    wanted = (2**camera.bits - 1 - camera.black) / saturation_e
    return min(max(wanted, camera.gains[0]), camera.gains[1])


def sensor(camera: Camera, gain: float, *, read_z: float = 0.0, row_z: float = 0.0) -> Sensor:
    """The simulator's settings of a camera's sensor at a gain.

    Args:
        camera: the constants.
        gain: system gain K in DN an electron, within the calibrated range.
        read_z: how many deviations the read noise lies off its law; training draws it.
        row_z: the same of the row noise.

    Raises:
        UsageError: a gain outside the calibrated range.
    """
    least, most = camera.gains
    if not least <= gain <= most:
        raise UsageError(
            f"the gain of {gain:g} DN an electron is outside what is known of {camera.title}.",
            f"Use {least:g} to {most:g}.",
        )
    return Sensor(
        read_noise_e=camera.read.sigma_dn(gain, read_z) / gain,
        row_noise_e=camera.row.sigma_dn(gain, row_z) / gain,
        bits=camera.bits,
        black=camera.black,
        gain=gain,
    )


def with_measured(settings: Settings, *, mono: Path | None = None, color: Path | None = None) -> Settings:
    """Put measured sensors into settings; the color camera gets the color filter of its sensor, too.

    Args:
        settings: what to change.
        mono: file of ``dualcam sensor`` for the mono camera, or None to keep its sensor.
        color: the same of the color camera.

    Raises:
        InputError: a file that cannot be used.
        UsageError: that of a Bayer sensor for mono or the reverse, or numbers beyond what is simulated.
    """
    for path in filter(None, (mono, color)):
        model = read_sensor(path)
        if (model.pattern is None) != (path is mono):
            raise UsageError(
                f"{path} describes {'a monochrome' if model.pattern is None else 'a Bayer'} sensor.",
                "Give --mono-sensor that of the mono camera, and --color-sensor that of the color camera.",
            )
        sensor = measured(model, path.name)
        if model.pattern is None:
            settings = replace(settings, mono=replace(settings.mono, sensor=sensor))
        else:
            settings = replace(settings, color=replace(settings.color, sensor=sensor, pattern=model.pattern))
    return settings


def measured(model: SensorModel, name: str) -> Sensor:
    """The simulator's settings of a sensor that ``dualcam sensor`` has measured; of its channels the common numbers.

    Args:
        model: what was measured.
        name: the file it is from, for messages.

    Raises:
        UsageError: numbers beyond what is simulated.
    """
    one = model.pooled
    try:
        return Sensor(
            read_noise_e=math.sqrt(max(one.read_noise_e**2 - one.row_noise_e**2, 0.0)),
            row_noise_e=one.row_noise_e,
            bits=model.bits,
            black=round(model.black),
            gain=one.gain_dn_per_e,
            full_well_e=None if one.saturation_dn is None else one.full_well_e,
            prnu=one.prnu or 0.0,
            dsnu_e=one.dsnu_e,
        )
    except UsageError as error:
        raise UsageError(f"{name} cannot be simulated: {error.cause}", error.remedy) from error


def response(camera: Camera) -> ColorResponse:
    """White balance for daylight (D65) and color matrix of a camera, green at 1.

    Camera RGB of linear sRGB is the published matrix times sRGB to XYZ. The sums of its rows are what a white surface
    gives: their reciprocals are the white balance, and without them the inverse is the color matrix (Brooks et al.,
    CVPR 2019, normalise in the same way).
    """
    to_camera = np.array(camera.from_xyz) @ SRGB_TO_XYZ
    white = to_camera.sum(axis=1)
    matrix = np.linalg.inv(to_camera / white[:, None])
    return ColorResponse(
        _triple(white[1] / white), (_triple(matrix[0]), _triple(matrix[1]), _triple(matrix[2]))
    )


def _triple(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])
