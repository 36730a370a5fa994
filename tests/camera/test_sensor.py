"""The simulated sensor against theory, and the protocol that uses it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dualcam.camera import sensor
from dualcam.errors import UsageError
from dualcam.evaluation import protocol
from synthetic import scene, to_bits, to_display, to_linear


@pytest.mark.parametrize(
    ("signal", "electrons", "read_e"), [(0.5, 100, 0), (0.02, 50, 3), (1.0, 4000, 2), (0, 500, 5)]
)
def test_poisson_mean_and_variance(signal, electrons, read_e):
    out = sensor.expose(
        np.full((500, 400), signal, np.float32), electrons, read_e, np.random.default_rng(0)
    ).astype(np.float64)
    variance = signal / electrons + (read_e / electrons) ** 2
    # 200 000 samples: five standard errors of the mean, and of the variance (with room for Poisson's tails).
    assert abs(out.mean() - signal) < 5 * np.sqrt(variance / out.size)
    assert out.var() == pytest.approx(variance, rel=0.03)


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


def test_mosaic_takes_rggb():
    rgb = np.stack([np.full((3, 5), v, np.float32) for v in (0.1, 0.2, 0.3)], -1)
    expected = np.float32([[0.1, 0.2, 0.1, 0.2, 0.1], [0.2, 0.3, 0.2, 0.3, 0.2], [0.1, 0.2, 0.1, 0.2, 0.1]])
    np.testing.assert_array_equal(sensor.mosaic(rgb), expected)


def test_gray_survives_the_mosaic():
    gray = np.repeat(np.linspace(0.1, 0.8, 64, dtype=np.float32)[None, :, None], 48, 0)
    out = sensor.demosaic(sensor.mosaic(np.repeat(gray, 3, -1)))
    assert np.abs(out - gray)[2:-2, 2:-2].max() < 2e-4


@pytest.mark.parametrize("color", [(0.6, 0.2, 0.1), (0.1, 0.5, 0.3), (0.05, 0.1, 0.9)])
def test_flat_colors_survive_the_mosaic(color):
    out = sensor.demosaic(sensor.mosaic(np.full((32, 40, 3), color, np.float32)))
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


def views(height=96, width=128):
    wide = to_bits(scene(height, width + 8, 5))
    return wide[:, 8:], wide[:, :width]


@pytest.mark.parametrize("level", list(protocol.LEVELS))
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_capture_shapes_and_brightness(level, scale):
    left, right = views()
    out = protocol.capture(left, right, scene="a", level=level, scale=scale)
    assert out.mono.shape == (96, 128) and out.mono.dtype == np.uint16
    assert out.color.shape == (96 // scale, 128 // scale, 3) and out.color.dtype == np.uint8
    assert np.array_equal(out.truth, left)
    mono = to_linear(out.mono / 65535).mean()
    assert mono == pytest.approx((to_linear(left / 255) @ protocol.MONO_WEIGHTS).mean(), rel=0.03)
    color = to_linear(out.color / 255).mean((0, 1)) * protocol.LEVELS[level].exposure_ratio
    # Clipping the noise at black brightens dark pictures a little.
    assert color == pytest.approx(to_linear(right / 255).mean((0, 1)), rel=0.12)


def test_capture_is_always_the_same_and_depends_on_all_names():
    left, right = views()

    def color(**changes):
        options = {"scene": "a", "level": "night", "scale": 2} | changes
        return protocol.capture(left, right, **options)

    first, second = color(), color()
    assert np.array_equal(first.mono, second.mono) and np.array_equal(first.color, second.color)
    for change in ({"scene": "b"}, {"level": "dark"}, {"scale": 1}):
        other = color(**change)
        assert not np.array_equal(first.mono, other.mono)


def test_mono_and_color_noise_are_independent():
    flat = np.full((128, 128, 3), 128, np.uint8)
    out = protocol.capture(flat, flat, scene="a", level="dark", scale=1)
    mono, green = out.mono.ravel().astype(float), out.color[..., 1].ravel().astype(float)
    assert abs(np.corrcoef(mono, green)[0, 1]) < 0.05


def test_the_protocol_is_the_one_of_the_papers():
    levels = {v.name: (v.electrons, v.exposure_ratio) for v in protocol.LEVELS.values()}
    assert levels == {"dusk": (4000, 4), "night": (1000, 8), "dark": (250, 16)}
    assert list(protocol.LEVELS) == list(levels)
    assert (protocol.MONO_READ_E, protocol.COLOR_READ_E, protocol.BITS) == (2.0, 3.0, 12)
    assert protocol.MONO_WEIGHTS.tolist() == pytest.approx([0.3, 0.5, 0.2])


@pytest.mark.parametrize(("scale", "electrons"), [(1, 125), (2, 500), (4, 500)])
def test_the_color_pixels_noise(scale, electrons):
    flat = np.full((256, 256, 3), 160, np.uint8)
    level = float(to_linear(160 / 255))
    out = protocol.capture(flat, flat, scene="a", level="night", scale=scale)
    # Green of every second pixel of the mosaic is as measured; all others are interpolated and quieter.
    green = to_linear(out.color[..., 1] / 255) * 8
    measured = np.concatenate([green[0::2, 1::2].ravel(), green[1::2, 0::2].ravel()])
    expected = np.sqrt(level / electrons + (3 / electrons) ** 2 + 8**2 / 4095**2 / 12)
    rounding = (1 / 255 / 12.92 * 8 * 5) ** 2 / 12
    assert measured.std() == pytest.approx(np.sqrt(expected**2 + rounding), rel=0.1)
    assert measured.mean() == pytest.approx(level, rel=0.02)


GOLDEN_MONO = [[36843, 38537, 34450, 37169], [36933, 35858, 37710, 35517]]
GOLDEN_COLOR = [[[80, 42, 19], [78, 41, 19], [75, 42, 18]], [[78, 41, 20], [78, 39, 16], [77, 44, 17]]]


def test_capture_is_the_one_the_numbers_were_made_with():
    # Not a checksum of every sample: the last bit of a power differs between processors, and OpenCV's demosaic
    # may round differently one day. Changed seeds, steps or their order move these values far more.
    left = np.full((64, 64, 3), (200, 120, 60), np.uint8)
    out = protocol.capture(left, left, scene="golden", level="night", scale=2)
    np.testing.assert_allclose(out.mono[:2, :4], GOLDEN_MONO, atol=2)
    np.testing.assert_allclose(out.color[10:12, 10:13].astype(int), GOLDEN_COLOR, atol=2)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"level": "noon"}, "noon"),
        ({"scale": 0}, "0"),
        ({"scale": -2}, "-2"),
        ({"right": np.zeros((96, 127, 3), np.uint8)}, "127"),
    ],
)
def test_capture_refuses(change, named):
    left, right = views()
    options = {"left": left, "right": right, "scene": "a", "level": "night", "scale": 2} | change
    with pytest.raises(UsageError, match=named) as caught:
        protocol.capture(**options)
    assert caught.value.remedy


def test_the_test_curve_is_the_standard_curve():
    assert to_display(0.21404114) == pytest.approx(0.5, abs=1e-6)
    assert to_linear(0.5) == pytest.approx(0.21404114, abs=1e-6)
