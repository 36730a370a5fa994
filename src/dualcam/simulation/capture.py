"""The chain: two clean views of a scene -> what the files of a mono and a color camera hold.

photons -> spectral response -> lens -> geometry -> noise -> mosaic -> converter -> file. Training calls the steps, or
``shoot``, with random settings; NIGHT (``evaluation.protocol``) calls ``shoot`` with the default ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dualcam.camera import sensor as steps
from dualcam.errors import UsageError
from dualcam.frame import FloatArray
from dualcam.simulation import phone as phones
from dualcam.simulation.codes import Codes8, Codes16, display8, display16, light
from dualcam.simulation.geometry import color_size, integrate
from dualcam.simulation.lens import blurred, vignetted
from dualcam.simulation.settings import ColorCamera, MonoCamera, Sensor, Settings
from dualcam.simulation.spectrum import camera_rgb, mixed, mono_signal


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """A simulated capture as the files hold it.

    Attributes:
        mono: (H, W) uint16, display (sRGB curve).
        color: (h, w, 3) uint8, display, RGB, dark as shot.
        mosaic: (h, w) uint16, DN of the color sensor, the samples behind ``color``.
        truth: (H, W, 3) uint8, display, RGB, the mono camera's view.
        jpeg: the file behind ``color`` where a phone made it, else None.
        mono_dn: (H, W) uint16, DN of the mono sensor, the samples behind ``mono``.
    """

    mono: Codes16
    color: Codes8
    mosaic: Codes16
    truth: Codes8
    jpeg: bytes | None = None
    mono_dn: Codes16 | None = None


def shoot(
    left: Codes8 | FloatArray,
    right: Codes8 | FloatArray,
    settings: Settings,
    mono_rng: np.random.Generator,
    color_rng: np.random.Generator,
) -> Capture:
    """Take both pictures of a scene.

    Args:
        left: (H, W, 3), the mono camera's view: uint8 display codes, or linear sRGB floats in [0, 1].
        right: the same size, the color camera's view before its own geometry.
        settings: what to simulate.
        mono_rng: randomness of the mono camera.
        color_rng: randomness of the color camera.

    Returns:
        The capture; its truth is ``left`` in 8 bits.

    Raises:
        UsageError: views of another shape or of different size, or a scale too large for them.
    """
    for view in (left, right):
        if view.ndim != 3 or view.shape[2] != 3:
            raise UsageError(f"a view has the shape {view.shape}.", "Use color pictures: (height, width, 3).")
    if left.shape != right.shape:
        raise UsageError(
            f"the views differ in size: {left.shape} and {right.shape}.", "Use views of one size."
        )
    color_size(left.shape[0], left.shape[1], settings.scale)
    mono_dn = mono_samples(as_light(left), settings, mono_rng)
    color_dn = color_samples(as_light(right), settings, color_rng)
    color, jpeg = color_file(color_dn, settings.color)
    return Capture(mono_file(mono_dn, settings.mono), color, color_dn, as_codes(left), jpeg, mono_dn)


def as_light(view: Codes8 | FloatArray) -> NDArray[np.floating]:
    """8-bit display codes -> linear float64; floats are linear already and stay."""
    return light(cast(Codes8, view)) if view.dtype == np.uint8 else cast(FloatArray, view)


def as_codes(view: Codes8 | FloatArray) -> Codes8:
    """Linear floats in [0, 1] -> 8-bit display codes; codes stay."""
    if view.dtype == np.uint8:
        return cast(Codes8, view)
    return display8(steps.to_16_bits(cast(FloatArray, view)))


def mono_samples(view: NDArray[np.floating], settings: Settings, rng: np.random.Generator) -> Codes16:
    """The mono sensor's DN: (H, W, 3) linear sRGB view -> (H, W) uint16."""
    camera = settings.mono
    signal = mono_view(view, camera)
    return read_out(signal, camera.sensor, settings.mono_electrons, settings.mono_saturation_e, rng)


def mono_view(view: NDArray[np.floating], camera: MonoCamera) -> FloatArray:
    """What reaches the mono sensor, without noise: (H, W, 3) linear view -> (H, W) linear."""
    signal = mono_signal(view, camera.response)
    return vignetted(blurred(signal, camera.lens.blur_px), camera.lens.vignetting)


def color_samples(view: NDArray[np.floating], settings: Settings, rng: np.random.Generator) -> Codes16:
    """The color sensor's mosaic in DN: (H, W, 3) linear sRGB view -> (h, w) uint16."""
    camera = settings.color
    return read_out(
        steps.mosaic(color_signal(view, settings), camera.pattern),
        camera.sensor,
        settings.color_electrons,
        settings.color_saturation_e,
        rng,
    )


def color_signal(view: NDArray[np.floating], settings: Settings) -> FloatArray:
    """What reaches the color sensor behind its filters, without noise: (H, W, 3) linear view -> (h, w, 3) linear.

    The lens blurs before the pixels collect: its width in color pixels is scaled to pixels of the view.
    """
    camera = settings.color
    sharp = (
        view
        if camera.lens.blur_px <= 0
        else blurred(view.astype(np.float32), camera.lens.blur_px * settings.scale)
    )
    collected = integrate(sharp, settings.scale, camera.geometry)
    return camera_rgb(vignetted(collected, camera.lens.vignetting), camera.response)


def read_out(
    signal: FloatArray, sensor: Sensor, signal_e: float, saturation_e: float, rng: np.random.Generator
) -> Codes16:
    """Expose and convert: (H, W) linear signal -> DN.

    Args:
        signal: linear, white 1.
        sensor: noise and converter.
        signal_e: electrons that white gives.
        saturation_e: electrons that the DN of saturation stands for.
        rng: the source of randomness.
    """
    exposed = steps.expose(
        signal,
        signal_e,
        sensor.read_noise_e,
        rng,
        row_noise_e=sensor.row_noise_e,
        dark_e=sensor.dark_e,
        full_well_e=sensor.full_well_e,
        prnu=sensor.prnu,
        dsnu_e=sensor.dsnu_e,
    )
    return steps.digitise(
        exposed * np.float32(signal_e / saturation_e), sensor.bits, sensor.black, sensor.white
    )


def mono_file(dn: Codes16, camera: MonoCamera) -> Codes16:
    """DN of the mono sensor (H, W) -> 16-bit display codes; black and what lies under it becomes 0."""
    black, white = camera.sensor.black, camera.sensor.white
    return display16(np.clip(dn, black, white) - np.uint16(black), white - black)


def color_file(dn: Codes16, camera: ColorCamera) -> tuple[Codes8, bytes | None]:
    """DN of the color sensor (h, w) -> 8-bit display codes (h, w, 3), and the JPEG if a phone makes one."""
    developed = developed16(dn, camera)
    if camera.phone is None:
        return display8(developed), None
    data = phones.jpeg(
        phones.render(developed.astype(np.float32) / np.float32(65535), camera.phone), camera.phone.quality
    )
    return phones.decoded(data), data


def developed16(dn: Codes16, camera: ColorCamera) -> Codes16:
    """Develop a mosaic: black level, white balance, edge-aware demosaic, color matrix; nothing is denoised.

    Args:
        dn: (h, w) DN of the color sensor.
        camera: pattern, levels, white balance and matrix.

    Returns:
        (h, w, 3) linear sRGB, 0 .. 65535, as bright as the sensor was exposed.
    """
    linear = steps.to_linear(dn, camera.sensor.bits, camera.sensor.black, camera.sensor.white)
    balance = camera.response.white_balance
    if balance != (1.0, 1.0, 1.0):
        for site, letter in enumerate(camera.pattern):
            linear[site // 2 :: 2, site % 2 :: 2] *= np.float32(balance["RGB".index(letter)])
    rgb = steps.demosaic_dn(steps.to_16_bits(linear), camera.pattern)
    matrix = np.array(camera.response.matrix, np.float64)
    if np.array_equal(matrix, np.eye(3)):
        return rgb
    return steps.to_16_bits(mixed(rgb.astype(np.float32) / np.float32(65535), matrix))
