"""Spectral responses of both cameras."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.simulation import cameras
from dualcam.simulation.settings import ColorResponse, MonoResponse
from dualcam.simulation.spectrum import camera_rgb, mixed, mono_signal, near_infrared
from synthetic import scene


def flat(*color):
    return np.full((4, 5, 3), color, np.float32)


def test_weights():
    signal = mono_signal(flat(0.2, 0.4, 0.8), MonoResponse((0.5, 0.25, 0.25)))
    assert signal.shape == (4, 5) and signal.dtype == np.float32
    np.testing.assert_allclose(signal, 0.5 * 0.2 + 0.25 * 0.4 + 0.25 * 0.8, rtol=1e-6)


@pytest.mark.parametrize("infrared", [0, 0.3, 2])
@pytest.mark.parametrize("level", [0.02, 0.5, 1])
def test_gray_stays_as_it_is(infrared, level):
    np.testing.assert_allclose(
        mono_signal(flat(level, level, level), MonoResponse(infrared=infrared)), level, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "color", "expected"),
    [
        ("grass", (0.1, 0.2, 0.05), 0.5),
        ("sky", (0.2, 0.35, 0.7), 0.095),
        ("red paint", (0.6, 0.05, 0.03), 0.6),
        ("bright leaves", (0.4, 0.9, 0.1), 1.0),
        ("deep blue", (0.0, 0.0, 1.0), 0.0),
    ],
)
def test_near_infrared(name, color, expected):
    np.testing.assert_allclose(near_infrared(flat(*color)), expected, atol=1e-6)


def test_leak_turns_contrast_around():
    grass, sky = flat(0.1, 0.2, 0.05), flat(0.2, 0.35, 0.7)
    visible, leaking = MonoResponse(), MonoResponse(infrared=2)
    assert mono_signal(grass, visible).mean() < mono_signal(sky, visible).mean()
    assert mono_signal(grass, leaking).mean() > mono_signal(sky, leaking).mean()


def test_a_plain_color_camera_changes_nothing():
    picture = scene(20, 30)
    assert camera_rgb(picture, ColorResponse()) is picture


@pytest.mark.parametrize("camera", cameras.CAMERAS, ids=lambda camera: camera.name)
def test_balance_and_matrix_undo_the_camera(camera):
    response = cameras.response(camera)
    picture = scene(20, 30)
    raw = camera_rgb(picture, response)
    np.testing.assert_allclose(raw, raw.clip(-0.5, 1.5))
    back = mixed(raw * np.float32(response.white_balance), np.array(response.matrix))
    np.testing.assert_allclose(back, picture, atol=1e-5)


def test_white_gives_the_reciprocal_balance():
    response = ColorResponse((2.0, 1.0, 1.6), ((1.5, -0.3, -0.2), (-0.2, 1.4, -0.2), (0.0, -0.5, 1.5)))
    np.testing.assert_allclose(camera_rgb(flat(1, 1, 1), response)[0, 0], [0.5, 1, 0.625], rtol=1e-6)
