"""The simulated sensor against theory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dualcam.camera import sensor
from synthetic import scene, to_display, to_linear


@pytest.mark.parametrize(
    ("signal", "electrons", "read_e", "dark_e"),
    [
        (0.5, 100, 0, 0),
        (0.02, 50, 3, 0),
        (1.0, 4000, 2, 0),
        (0, 500, 5, 0),
        (0, 200, 0, 40),
        (0.3, 80, 2, 30),
    ],
)
def test_mean_and_variance_of_an_exposure(signal, electrons, read_e, dark_e):
    flat = np.full((500, 400), signal, np.float32)
    out = sensor.expose(flat, electrons, read_e, np.random.default_rng(0), dark_e=dark_e).astype(np.float64)
    mean = signal + dark_e / electrons
    variance = (signal * electrons + dark_e + read_e**2) / electrons**2
    # 200 000 samples: five standard errors of the mean; the variance has one of 0.3 % (more for few electrons).
    assert abs(out.mean() - mean) < 5 * np.sqrt(variance / out.size)
    assert out.var() == pytest.approx(variance, rel=0.02)


def test_row_noise_is_one_offset_a_row():
    rows, columns = 20_000, 16
    out = sensor.expose(
        np.zeros((rows, columns), np.float32), 100, 2, np.random.default_rng(3), row_noise_e=5
    ).astype(np.float64)
    # The variance of 20 000 row means has a standard error of 1 %.
    assert out.mean(axis=1).var() == pytest.approx((5**2 + 2**2 / columns) / 100**2, rel=0.03)
    within = (out - out.mean(axis=1, keepdims=True)).var() * columns / (columns - 1)
    assert within == pytest.approx(2**2 / 100**2, rel=0.02)
    assert abs(out.mean()) < 5 * 5 / 100 / np.sqrt(rows)


def test_row_noise_of_a_color_picture_is_the_same_across():
    out = sensor.row_noise((50, 40, 3), 2.0, np.random.default_rng(0))
    assert out.shape == (50, 1, 1) and out.std() > 1


def test_the_single_noises():
    rng = np.random.default_rng(5)
    shot = sensor.shot_noise(np.full(200_000, 7.5), rng)
    assert np.array_equal(shot, np.rint(shot)) and shot.dtype == np.float64
    assert (shot.mean(), shot.var()) == pytest.approx((7.5, 7.5), rel=0.02)
    read = sensor.read_noise((500, 400), 3.0, rng)
    assert abs(read.mean()) < 5 * 3 / np.sqrt(read.size) and read.var() == pytest.approx(9, rel=0.02)


def test_rounding_adds_a_twelfth():
    signal = np.random.default_rng(0).uniform(0.2, 0.8, 200_000).astype(np.float32)
    error = sensor.digitise(signal, 8, 16) - (16 + signal.astype(np.float64) * (255 - 16))
    assert error.var() == pytest.approx(1 / 12, rel=0.02) and abs(error.mean()) < 5 * np.sqrt(
        1 / 12 / 200_000
    )


def test_black_level_keeps_noise_below_black():
    noise = sensor.read_noise((400, 500), 0.01, np.random.default_rng(1)).astype(np.float32)
    kept = sensor.to_linear(sensor.digitise(noise, 12, 256), 12, 256)
    cut = sensor.to_linear(sensor.digitise(noise, 12, 0), 12, 0)
    assert abs(kept.mean()) < 5 * 0.01 / np.sqrt(noise.size)
    assert kept.std() == pytest.approx(0.01, rel=0.02)
    assert cut.mean() == pytest.approx(0.01 / np.sqrt(2 * np.pi), rel=0.02)  # half a Gaussian


def test_photon_transfer_gives_the_gain_back():
    rng = np.random.default_rng(1)
    levels = np.linspace(0.05, 1, 12)
    flat = [sensor.expose(np.full((200, 200), v, np.float32), 800, 2, rng) for v in levels]
    slope, _ = np.polyfit([f.mean() for f in flat], [f.var() for f in flat], 1)
    assert 1 / slope == pytest.approx(800, rel=0.02)


def test_expose_is_a_function_of_its_random_numbers():
    picture = scene(20, 30)
    first, second, other = (sensor.expose(picture, 100, 2, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert first.dtype == np.float32 and first.shape == picture.shape


def test_negative_light_counts_as_none():
    assert not sensor.expose(np.full((8, 8), -0.5, np.float32), 100, 0, np.random.default_rng(0)).any()


@given(
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-1, 2, width=32)),
    st.sampled_from([8, 10, 12, 14, 16]),
    st.sampled_from([0, 64]),
)
def test_digitise_rounds_clips_and_comes_back(picture, bits, black):
    dn = sensor.digitise(picture, bits, black)
    assert dn.dtype == np.uint16 and dn.max() <= 2**bits - 1
    step = 1 / (2**bits - 1 - black)
    back = sensor.to_linear(dn, bits, black)
    assert np.abs(back - np.clip(picture, -black * step, 1)).max() <= 0.5 * step + 1e-6
    assert np.array_equal(sensor.digitise(back, bits, black), dn)


@pytest.mark.parametrize("pattern", sensor.PATTERNS)
def test_mosaic_takes_the_colors_of_its_pattern(pattern):
    value = {"R": 0.1, "G": 0.2, "B": 0.3}
    rgb = np.stack([np.full((3, 5), v, np.float32) for v in value.values()], -1)
    expected = np.float32([[value[pattern[y % 2 * 2 + x % 2]] for x in range(5)] for y in range(3)])
    np.testing.assert_array_equal(sensor.mosaic(rgb, pattern), expected)
    if pattern == "RGGB":
        np.testing.assert_array_equal(sensor.mosaic(rgb), expected)


def test_gray_survives_the_mosaic():
    gray = np.repeat(np.linspace(0.1, 0.8, 64, dtype=np.float32)[None, :, None], 48, 0)
    out = sensor.demosaic(sensor.mosaic(np.repeat(gray, 3, -1)))
    assert np.abs(out - gray)[2:-2, 2:-2].max() < 2e-4


@pytest.mark.parametrize("pattern", sensor.PATTERNS)
@pytest.mark.parametrize("color", [(0.6, 0.2, 0.1), (0.1, 0.5, 0.3), (0.05, 0.1, 0.9)])
def test_flat_colors_survive_the_mosaic(color, pattern):
    out = sensor.demosaic(sensor.mosaic(np.full((32, 40, 3), color, np.float32), pattern), pattern)
    assert out.shape == (32, 40, 3) and out.dtype == np.float32
    assert np.abs(out - np.float32(color)).max() < 1e-4


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40))
def test_demosaic_keeps_any_size(height, width):
    assert sensor.demosaic(np.full((height, width), 0.5, np.float32)).shape == (height, width, 3)


def test_bin_average_value_and_ragged_edge():
    picture = np.arange(5 * 7, dtype=np.float32).reshape(5, 7, 1)
    out = sensor.bin_average(picture, 2)
    assert out.shape == (2, 3, 1) and out.dtype == np.float32
    np.testing.assert_array_equal(out[..., 0], [[4, 6, 8], [18, 20, 22]])
    np.testing.assert_array_equal(sensor.bin_average(picture, 1), picture)


def test_bin_average_keeps_the_mean_of_large_pictures():
    picture = np.full((1000, 1000, 3), 0.1, np.float32)
    assert sensor.bin_average(picture, 1000) == pytest.approx(np.full((1, 1, 3), 0.1), rel=1e-6)


def test_the_test_curve_is_the_standard_curve():
    assert to_display(0.21404114) == pytest.approx(0.5, abs=1e-6)
    assert to_linear(0.5) == pytest.approx(0.21404114, abs=1e-6)
