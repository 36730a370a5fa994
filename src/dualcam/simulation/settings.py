"""What there is to choose about a simulated capture: a tree of frozen values whose default is the NIGHT protocol.

Every class checks itself, so that settings that exist make sense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import UsageError

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
MOST_SCALE = 16.0


@dataclass(frozen=True, slots=True)
class SceneLight:
    """How much light there is. The default is NIGHT's level "night".

    Attributes:
        electrons: what a white surface gives in a mono pixel.
        exposure_ratio: how many times less light the color camera gets for the same area.
        most_area: a color pixel is larger than a mono pixel by scale^2, but not by more than this.
    """

    electrons: float = 1000.0
    exposure_ratio: float = 8.0
    most_area: float = 4.0

    def __post_init__(self) -> None:
        _within("the electrons at white", self.electrons, 1, 1e7)
        _within("the exposure ratio", self.exposure_ratio, 1 / 64, 1024)
        _within("the largest pixel area", self.most_area, 1, 256)


@dataclass(frozen=True, slots=True)
class MonoResponse:
    """How the mono camera weighs the spectrum.

    Attributes:
        weights: response to linear sRGB red, green and blue; not negative, sum 1.
        infrared: response to the near-infrared picture, relative to that to visible light.
    """

    weights: Triple = (0.30, 0.50, 0.20)
    infrared: float = 0.0

    def __post_init__(self) -> None:
        if len(self.weights) != 3 or min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise UsageError(
                f"the mono weights are {self.weights}.", "Use three numbers from 0 on that sum to 1."
            )
        _within("the near-infrared leak", self.infrared, 0, 10)


@dataclass(frozen=True, slots=True)
class ColorResponse:
    """How the color camera sees color.

    Attributes:
        white_balance: what camera red, green and blue are multiplied with to make white surfaces gray; the
            reciprocal is the sensitivity of each.
        matrix: white-balanced camera RGB to linear sRGB, rows sum to 1.
    """

    white_balance: Triple = (1.0, 1.0, 1.0)
    matrix: Matrix = IDENTITY

    def __post_init__(self) -> None:
        for factor in self.white_balance:
            _within("a white balance factor", factor, 1 / 16, 16)
        matrix = np.array(self.matrix, np.float64)
        if matrix.shape != (3, 3) or np.abs(matrix.sum(axis=1) - 1).max() > 1e-3:
            raise UsageError(
                f"the color matrix is {self.matrix}.", "Use 3 x 3 numbers, every row with sum 1."
            )
        if abs(np.linalg.det(matrix)) < 1e-6:
            raise UsageError("the color matrix cannot be inverted.", "Use one that keeps colors apart.")


@dataclass(frozen=True, slots=True)
class Lens:
    """What the lens does beside forming the picture.

    Attributes:
        blur_px: standard deviation of the Gaussian point spread, in the camera's own pixels.
        vignetting: share of the light that the corners lose, falling off like cos^4.
    """

    blur_px: float = 0.0
    vignetting: float = 0.0

    def __post_init__(self) -> None:
        _within("the blur in pixels", self.blur_px, 0, 50)
        _within("the vignetting", self.vignetting, 0, 0.95)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the color camera is turned against the mono camera, beside the parallax that the views hold.

    Attributes:
        rotation_deg: turn of the color camera, clockwise as seen in the picture.
        zoom: magnification of the color camera; over 1 its field is narrower.
        shift_px: where its center looks, to the right and down, in mono pixels.
        distortion: radial: a color pixel at the radius r (1 in the corners) looks at r (1 + distortion r^2).
            Positive is a barrel.
        skew_px: how far the camera pans to the right while its rows are read from top to bottom, in mono pixels.
    """

    rotation_deg: float = 0.0
    zoom: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    distortion: float = 0.0
    skew_px: float = 0.0

    def __post_init__(self) -> None:
        _within("the rotation in degrees", self.rotation_deg, -180, 180)
        _within("the zoom", self.zoom, 0.25, 8)
        _within("the radial distortion", self.distortion, -0.3, 0.3)
        for number in (*self.shift_px, self.skew_px):
            _within("a shift or skew in pixels", number, -1e5, 1e5)


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor and its converter, in the terms of EMVA 1288.

    Attributes:
        read_noise_e: electrons rms.
        row_noise_e: electrons rms, one offset a row.
        dark_e: dark signal in electrons; it is not subtracted.
        bits: of the converter.
        black: DN without light.
        gain: system gain K, DN an electron; None sets it so that white in a full exposure reaches the largest DN.
        full_well_e: electrons that a pixel holds; None for as many as the converter can count.
        prnu: photo response nonuniformity: standard deviation of the pixels' sensitivity, relative.
        dsnu_e: dark signal nonuniformity, electrons rms.
    """

    read_noise_e: float = 2.0
    row_noise_e: float = 0.0
    dark_e: float = 0.0
    bits: int = 12
    black: int = 0
    gain: float | None = None
    full_well_e: float | None = None
    prnu: float = 0.0
    dsnu_e: float = 0.0

    def __post_init__(self) -> None:
        for number in (self.read_noise_e, self.row_noise_e, self.dark_e, self.dsnu_e):
            _within("a noise or dark signal in electrons", number, 0, 1e6)
        _whole("the bits of the converter", self.bits, 8, 16)
        _whole("the black level", self.black, 0, self.top // 2)
        if self.gain is not None:
            _within("the gain in DN an electron", self.gain, 1e-6, 1e6)
        _within("the photo response nonuniformity", self.prnu, 0, 0.5)
        if self.full_well_e is not None:
            _within("the full well in electrons", self.full_well_e, 1, 1e9)
            if self.gain is None:
                raise UsageError("a full well needs a gain.", "State the gain in DN an electron, too.")

    @property
    def white(self) -> int:
        """The DN of saturation: the largest one, unless the pixels are full before."""
        top = 2**self.bits - 1
        if self.full_well_e is None or self.gain is None:
            return top
        return min(top, max(self.black + 1, round(self.black + self.gain * self.full_well_e)))

    @property
    def top(self) -> int:
        """The largest DN of the converter."""
        return 2**self.bits - 1


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone-like JPEG instead of a raw file and a plain picture.

    Attributes:
        brighten: factor on the linear signal.
        chroma_px: standard deviation of the chroma smoothing, in color pixels.
        contrast: share of the S-shaped tone curve, 0 to 1.
        quality: of the JPEG.
    """

    brighten: float = 1.0
    chroma_px: float = 2.0
    contrast: float = 0.5
    quality: int = 90

    def __post_init__(self) -> None:
        _within("the phone's brightening", self.brighten, 0.1, 100)
        _within("the chroma smoothing in pixels", self.chroma_px, 0, 50)
        _within("the contrast", self.contrast, 0, 1)
        _whole("the JPEG quality", self.quality, 1, 100)


@dataclass(frozen=True, slots=True)
class MonoCamera:
    """The mono camera."""

    response: MonoResponse = field(default_factory=MonoResponse)
    lens: Lens = field(default_factory=Lens)
    sensor: Sensor = field(default_factory=Sensor)


@dataclass(frozen=True, slots=True)
class ColorCamera:
    """The color camera.

    Attributes:
        response: how it sees color.
        lens: what the lens does.
        geometry: how it is turned against the mono camera.
        pattern: color filters of the first two rows.
        sensor: the sensor.
        phone: settings of a phone-like JPEG, or None for a raw file and a plain picture.
    """

    response: ColorResponse = field(default_factory=ColorResponse)
    lens: Lens = field(default_factory=Lens)
    geometry: Geometry = field(default_factory=Geometry)
    pattern: str = "RGGB"
    sensor: Sensor = field(default_factory=lambda: Sensor(read_noise_e=3.0))
    phone: Phone | None = None

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise UsageError(f"there is no Bayer pattern {self.pattern!r}.", f"Use {', '.join(PATTERNS)}.")


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole capture. The default is NIGHT at level "night" and scale 2.

    Attributes:
        light: how much light there is.
        scale: mono pixels per color pixel before any zoom, 1 to 16.
        mono: the mono camera.
        color: the color camera.
    """

    light: SceneLight = field(default_factory=SceneLight)
    scale: float = 2.0
    mono: MonoCamera = field(default_factory=MonoCamera)
    color: ColorCamera = field(default_factory=ColorCamera)

    def __post_init__(self) -> None:
        _within("the scale", self.scale, 1, MOST_SCALE)

    @property
    def is_straight(self) -> bool:
        """Whether the color camera is not turned, zoomed, shifted or distorted, so that disparities hold."""
        return self.color.geometry == Geometry()

    @property
    def mono_electrons(self) -> float:
        """Electrons that a white surface gives in a mono pixel."""
        return self.light.electrons

    @property
    def color_electrons(self) -> float:
        """Electrons that a white surface gives in a green color pixel of full sensitivity."""
        return self.light.electrons * min(self.scale**2, self.light.most_area) / self.light.exposure_ratio

    @property
    def mono_saturation_e(self) -> float:
        """Electrons that the mono camera's largest DN stands for."""
        return _saturation(self.mono.sensor, self.mono_electrons)

    @property
    def color_saturation_e(self) -> float:
        """Electrons that the color camera's largest DN stands for; by default white stays under it by the ratio."""
        return _saturation(self.color.sensor, self.color_electrons * self.light.exposure_ratio)


def _saturation(sensor: Sensor, full_exposure_e: float) -> float:
    return full_exposure_e if sensor.gain is None else (sensor.white - sensor.black) / sensor.gain


def _within(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise UsageError(f"{name} is {value:g}.", f"Use a number from {least:g} to {most:g}.")


def _whole(name: str, value: int, least: int, most: int) -> None:
    if value != int(value) or not least <= value <= most:
        raise UsageError(f"{name} is {value}.", f"Use a whole number from {least} to {most}.")
