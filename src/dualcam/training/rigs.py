"""Random cameras and light for training: the simulator's whole range, and what the program cannot know exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dualcam.simulation import cameras
from dualcam.simulation.settings import (
    ColorCamera,
    ColorResponse,
    Geometry,
    Lens,
    MonoCamera,
    MonoResponse,
    Phone,
    SceneLight,
    Sensor,
    Settings,
)

# Under this many electrons at white in a color pixel there is no color left to learn from.
_LEAST_COLOR_ELECTRONS = 8.0


def settings(size: int, rng: np.random.Generator) -> Settings:
    """Draw the settings of one capture.

    Args:
        size: width of the views in pixels, which shifts are a share of.
        rng: the source of randomness.
    """
    scale = float(rng.choice([1, 2, 2, 2, 2, 3, 4, 4])) if rng.random() < 0.75 else float(rng.uniform(1, 5))
    electrons = float(np.exp(rng.uniform(np.log(100), np.log(10_000))))
    ratio = float(np.exp(rng.uniform(np.log(1), np.log(40))))
    area = min(scale * scale, 4.0)
    ratio = max(1.0, min(ratio, electrons * area / _LEAST_COLOR_ELECTRONS))
    return Settings(
        light=SceneLight(electrons, ratio),
        scale=scale,
        mono=MonoCamera(_mono_response(rng), _lens(rng), _sensor(rng, 1.0, 3.0)),
        color=_color_camera(size, rng),
    )


def _mono_response(rng: np.random.Generator) -> MonoResponse:
    usual = np.array([0.30, 0.50, 0.20])
    weights = 0.4 * usual + 0.6 * rng.dirichlet([6, 10, 4])
    leak = float(rng.uniform(0, 0.8)) if rng.random() < 0.15 else 0.0
    red, green = float(weights[0]), float(weights[1])
    return MonoResponse((red, green, 1.0 - red - green), leak)


def _color_camera(size: int, rng: np.random.Generator) -> ColorCamera:
    # Most cameras begin with red; the others keep the networks from relying on it where the file does not say.
    pattern = "RGGB" if rng.random() < 0.7 else str(rng.choice(["BGGR", "GRBG", "GBRG"]))
    camera = ColorCamera(
        response=_color_response(rng),
        lens=_lens(rng),
        geometry=_geometry(size, rng),
        pattern=pattern,
        sensor=_sensor(rng, 1.5, 4.5),
    )
    if rng.random() < 0.12:
        phone = Phone(
            brighten=float(np.exp(rng.uniform(0, np.log(3)))),
            chroma_px=float(rng.uniform(0, 2.5)),
            contrast=float(rng.uniform(0, 0.8)),
            quality=int(rng.integers(75, 98)),
        )
        camera = replace(camera, phone=phone)
    return camera


def _color_response(rng: np.random.Generator) -> ColorResponse:
    if rng.random() < 0.6:
        return ColorResponse()
    known = cameras.response(cameras.CAMERAS[rng.integers(len(cameras.CAMERAS))])
    # Other light than daylight: red and blue gains move against each other.
    warm = float(np.exp(rng.normal(0, 0.2)))
    red, _, blue = known.white_balance
    return replace(known, white_balance=(red / warm, 1.0, blue * warm))


def _lens(rng: np.random.Generator) -> Lens:
    return Lens(blur_px=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.35 else 0.0)


def _sensor(rng: np.random.Generator, least: float, most: float) -> Sensor:
    row = float(rng.uniform(0, 1.5)) if rng.random() < 0.1 else 0.0
    bits = int(rng.choice([10, 12, 12, 12, 14]))
    return Sensor(read_noise_e=float(rng.uniform(least, most)), row_noise_e=row, bits=bits)


def _geometry(size: int, rng: np.random.Generator) -> Geometry:
    if rng.random() < 0.5:
        return Geometry()
    return Geometry(
        rotation_deg=float(rng.normal(0, 1.0)),
        zoom=float(rng.uniform(0.95, 1.06)),
        shift_px=(float(rng.normal(0, 0.008) * size), float(rng.normal(0, 0.008) * size)),
        distortion=float(rng.normal(0, 0.005)) if rng.random() < 0.3 else 0.0,
    )
