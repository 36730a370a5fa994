"""Blur and vignetting."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.simulation.lens import blurred, falloff, vignetted
from synthetic import scene


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.3, 4.0])
def test_width_and_energy_of_the_point_spread(sigma):
    point = np.zeros((61, 61), np.float32)
    point[30, 30] = 1
    spread = blurred(point, sigma).astype(np.float64)
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    away = np.arange(61) - 30
    assert (spread.sum(axis=0) * away**2).sum() == pytest.approx(sigma**2, rel=1e-3)
    assert (spread.sum(axis=1) * away**2).sum() == pytest.approx(sigma**2, rel=1e-3)


def test_borders_lose_no_light():
    bright = np.zeros((40, 50, 3), np.float32)
    bright[:, 0] = 1
    assert blurred(bright, 2.0).sum() == pytest.approx(bright.sum(), rel=1e-4)


@pytest.mark.parametrize("loss", [0.1, 0.5, 0.9])
def test_falloff_is_cos_to_the_fourth(loss):
    height, width = 301, 401
    factors = falloff(height, width, loss)
    assert factors[150, 200] == pytest.approx(1, abs=1e-6)
    tangent = np.sqrt((1 - loss) ** -0.5 - 1)  # of the angle of the corner
    for y, x in ((0, 0), (150, 30), (40, 380)):
        radius = np.hypot(y + 0.5 - height / 2, x + 0.5 - width / 2) / np.hypot(height / 2, width / 2)
        assert factors[y, x] == pytest.approx(np.cos(np.arctan(radius * tangent)) ** 4, rel=1e-4)
    assert factors[0, 0] == pytest.approx(1 - loss, rel=0.03)
    np.testing.assert_allclose(factors, factors[::-1, ::-1], rtol=1e-5)


def test_nothing_to_do_is_nothing_done():
    picture = scene(20, 30)
    assert blurred(picture, 0) is picture and vignetted(picture, 0) is picture


def test_vignetting_of_one_and_three_planes():
    picture = scene(20, 30)
    np.testing.assert_array_equal(
        vignetted(picture, 0.4)[..., 1], vignetted(np.ascontiguousarray(picture[..., 1]), 0.4)
    )
