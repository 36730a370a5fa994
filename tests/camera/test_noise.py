"""The noise estimate against noise of known strength, on pictures full of texture."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.camera import noise, sensor
from dualcam.camera.measure import measure
from dualcam.files.read import from_array
from dualcam.frame import Frame, NoiseModel, Origin
from synthetic import WEIGHTS, scene

HEIGHT, WIDTH = 400, 560


def luminance(seed=0, texture=1.0):
    return (scene(HEIGHT, WIDTH, seed, texture) @ WEIGHTS).astype(np.float32)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("electrons", "read_e"), [(4000, 2), (1000, 2), (1000, 10), (250, 2), (100, 2), (100, 5)]
)
def test_deviation_of_shot_and_read_noise(electrons, read_e, seed):
    noisy = sensor.expose(luminance(seed), electrons, read_e, np.random.default_rng(seed))
    found = noise.estimate(np.clip(noisy, 0, 1))
    true = NoiseModel(1 / electrons, (read_e / electrons) ** 2)
    assert found.shot == pytest.approx(true.shot, rel=0.25)
    for level in np.float32([0.05, 0.2, 0.6]):
        assert noise.sigma(found, level) == pytest.approx(float(noise.sigma(true, level)), rel=0.25)


@pytest.mark.parametrize("deviation", [0.01, 0.03, 0.06])
def test_read_noise_alone(deviation):
    rng = np.random.default_rng(3)
    noisy = np.clip(luminance() + rng.normal(0, deviation, (HEIGHT, WIDTH)), 0, 1).astype(np.float32)
    found = noise.estimate(noisy)
    assert found.read == pytest.approx(deviation**2, rel=0.25)
    assert noise.sigma(found, np.float32(0.3)) == pytest.approx(deviation, rel=0.25)


def test_read_noise_beside_shot_noise_where_it_matters():
    # At 100 electrons and 8 of read noise the read noise rules below 64 % of white.
    noisy = sensor.expose(luminance(), 100, 8, np.random.default_rng(0))
    assert noise.estimate(np.clip(noisy, 0, 1)).read == pytest.approx(0.08**2, rel=0.25)


@pytest.mark.parametrize("electrons", [100, 500])
def test_demosaiced_color(electrons):
    rng = np.random.default_rng(1)
    clean = scene(HEIGHT, WIDTH, 0, 0.3)
    mosaic = sensor.expose(sensor.mosaic(clean), electrons, 3, rng)
    color = sensor.demosaic(np.clip(mosaic, 0, 1))
    true = NoiseModel(1 / electrons, (3 / electrons) ** 2)
    plane = (np.ascontiguousarray(color[..., c]) for c in range(3))
    found = [noise.estimate(p, correlated=True) for p in plane]
    ratios = [float(noise.sigma(f, np.float32(0.2)) / noise.sigma(true, np.float32(0.2))) for f in found]
    # Interpolation smooths red and blue more than green, and one factor serves all.
    assert np.mean(ratios) == pytest.approx(1, abs=0.3), ratios
    assert min(ratios) > 0.6 and max(ratios) < 1.4


def test_clean_smooth_pictures_have_none():
    ramp = np.tile(np.linspace(0.05, 0.95, 200, dtype=np.float32), (100, 1))
    y, x = np.mgrid[0:100, 0:200].astype(np.float32)
    bowl = 0.5 + 0.3 * np.sin(x / 60) * np.cos(y / 40)
    for picture in (ramp, bowl.astype(np.float32), np.full((64, 64), 0.4, np.float32)):
        for correlated in (False, True):
            found = noise.estimate(picture, correlated=correlated)
            assert 0 <= found.shot < 1e-6 and 0 <= found.read < 1e-7


def test_fine_texture_is_not_taken_for_much_noise():
    # A clean textured picture: what is found stays under the noise of 20 000 electrons.
    assert noise.sigma(noise.estimate(luminance()), np.float32(0.3)) < np.sqrt(0.3 / 20_000)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (8, 8), (9, 17), (16, 16), (33, 31)])
@pytest.mark.parametrize("correlated", [False, True])
def test_small_pictures(shape, correlated):
    picture = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    found = noise.estimate(picture, correlated=correlated)
    assert np.isfinite([found.shot, found.read]).all() and found.shot >= 0 and found.read >= 0


@pytest.mark.parametrize("value", [0.0, 1.0, 1.5])
def test_all_black_or_clipped(value):
    assert noise.estimate(np.full((64, 64), value, np.float32)) == NoiseModel(0.0, 0.0)


def test_clipped_highlights_do_not_hide_the_noise():
    bright = luminance() * 2.2
    assert (bright > 1).mean() > 0.1
    noisy = np.clip(sensor.expose(bright, 500, 2, np.random.default_rng(0)), 0, 1)
    found, true = noise.estimate(noisy), NoiseModel(1 / 500, (2 / 500) ** 2)
    assert noise.sigma(found, np.float32(0.4)) == pytest.approx(
        float(noise.sigma(true, np.float32(0.4))), rel=0.25
    )


def test_sigma_follows_the_model():
    model = NoiseModel(0.01, 0.0004)
    np.testing.assert_allclose(
        noise.sigma(model, np.array([-1.0, 0.0, 0.5, 1.0])),
        np.sqrt([0.0004, 0.0004, 0.0054, 0.0104]),
        rtol=1e-6,
    )
    assert noise.sigma(model, np.zeros((2, 3, 4))).shape == (2, 3, 4)


def test_measure_reports_clipping():
    mono = np.full((64, 64), 0.4, np.float32)
    mono[:16] = 1.0
    color = np.full((64, 64, 3), 0.3, np.float32)
    color[:, :8, 2] = 0.99
    facts = measure(from_array(mono, "mono"), from_array(color, "color"))
    assert facts.mono_clipped == 0.25
    assert facts.color_clipped == 0.125
    assert facts.mono_clean.shape == (64, 64) and facts.mono_clean.dtype == np.float32
    assert len(facts.color_noise) == 3


@pytest.mark.parametrize(
    ("bits", "curve", "slope"), [(8, "srgb", 12.92), (8, "linear", 1), (16, "srgb", 12.92)]
)
def test_measure_adds_the_rounding_of_the_file(bits, curve, slope):
    mono = Frame(np.full((32, 32, 1), 0.5, np.float32), "mono")
    color = Frame(np.full((32, 32, 3), 0.2, np.float32), "color", Origin(bits=bits, curve=curve))
    for model in measure(mono, color).color_noise:
        assert model.read == pytest.approx((1 / (2**bits - 1) / slope) ** 2 / 12, rel=1e-6)


def test_float_files_have_no_rounding():
    color = Frame(np.full((32, 32, 3), 0.2, np.float32), "color")
    models = measure(Frame(color.pixels[..., :1], "mono"), color).color_noise
    assert max(m.read + m.shot for m in models) < 1e-15
