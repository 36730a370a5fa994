"""The NIGHT protocol: its numbers, its randomness, and every sample of a small capture."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from dualcam.camera import sensor
from dualcam.errors import UsageError
from dualcam.evaluation import protocol
from dualcam.files.read import read
from dualcam.simulation.settings import Geometry, Settings
from dualcam.simulation.write import write_capture
from synthetic import scene, to_bits, to_linear


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


def test_capture_is_the_one_the_first_numbers_were_made_with():
    # The values of the version before the arithmetic became the same on all machines; its float32 rounding moved
    # 16-bit codes by one.
    left = np.full((64, 64, 3), (200, 120, 60), np.uint8)
    out = protocol.capture(left, left, scene="golden", level="night", scale=2)
    mono = [[36843, 38537, 34450, 37169], [36933, 35858, 37710, 35517]]
    color = [[[80, 42, 19], [78, 41, 19], [75, 42, 18]], [[78, 41, 20], [78, 39, 16], [77, 44, 17]]]
    np.testing.assert_allclose(out.mono[:2, :4].astype(int), mono, atol=1)
    np.testing.assert_array_equal(out.color[10:12, 10:13], color)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"level": "noon"}, "noon"),
        ({"scale": 0}, "0"),
        ({"scale": -2}, "-2"),
        ({"scale": 17}, "17"),
        ({"scale": 2.5}, "2.5"),
        ({"seed": -1}, "-1"),
        ({"right": np.zeros((96, 127, 3), np.uint8)}, "127"),
        ({"left": np.zeros((96, 128), np.uint8)}, "shape"),
        (
            {"left": np.zeros((20, 24, 3), np.uint8), "right": np.zeros((20, 24, 3), np.uint8), "scale": 16},
            "24 x 20",
        ),
    ],
)
def test_capture_refuses(change, named):
    left, right = views()
    options = {"left": left, "right": right, "scene": "a", "level": "night", "scale": 2} | change
    with pytest.raises(UsageError, match=named) as caught:
        protocol.capture(**options)
    assert caught.value.remedy


def test_the_default_settings_are_the_protocol():
    assert Settings() == protocol.settings("night", 2)
    assert protocol.is_night(Settings()) and protocol.is_night(protocol.settings("dark", 4))
    assert not protocol.is_night(protocol.settings("dark", 2.5))


def test_other_settings_are_not_the_protocol():
    from dataclasses import replace

    changed = Settings()
    turned = replace(changed, color=replace(changed.color, geometry=Geometry(rotation_deg=0.1)))
    dimmer = replace(changed, light=replace(changed.light, electrons=999.0))
    assert not protocol.is_night(turned) and not protocol.is_night(dimmer)


def test_electrons_and_darkness_of_the_protocol():
    settings = protocol.settings("dark", 4)
    assert (settings.mono_electrons, settings.mono_saturation_e) == (250, 250)
    assert (settings.color_electrons, settings.color_saturation_e) == (250 * 4 / 16, 250 * 4)


def test_seeds():
    mono, color = protocol.generators("midd05/Art", "dusk", 2)
    # Seed 0 adds nothing, so that captures stay those of the first version.
    assert mono.integers(1 << 30) == np.random.default_rng([CRC_ART, 0, 2, 0]).integers(1 << 30)
    assert color.integers(1 << 30) == np.random.default_rng([CRC_ART, 0, 2, 1]).integers(1 << 30)
    other, _ = protocol.generators("midd05/Art", "dusk", 2, seed=7)
    assert other.integers(1 << 30) == np.random.default_rng([CRC_ART, 0, 2, 0, 7]).integers(1 << 30)
    fraction, _ = protocol.generators("midd05/Art", "dusk", 2.5)
    assert fraction.integers(1 << 30) == np.random.default_rng([CRC_ART, 0, 2_500_000, 0]).integers(1 << 30)


CRC_ART = 3000553579


def test_another_seed_is_another_capture_of_the_same_scene():
    left, right = views()
    first, other = (
        protocol.capture(left, right, scene="a", level="night", scale=2, seed=seed) for seed in (0, 1)
    )
    assert (first.mono != other.mono).mean() > 0.9 and (first.mosaic != other.mosaic).mean() > 0.5
    assert np.array_equal(first.truth, other.truth)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_the_tracks_hold_the_same_samples(scale):
    left, right = views(97, 131)
    out = protocol.capture(left, right, scene="a", level="night", scale=scale)
    assert out.mosaic.shape == (97 // scale, 131 // scale) and out.mosaic.dtype == np.uint16
    assert out.mosaic.max() <= 4095
    again = sensor.demosaic(sensor.to_linear(out.mosaic, 12))
    np.testing.assert_array_equal(to_bits(again), out.color)


def stones(height, width, seed):
    """A color picture of whole numbers only, so that no machine rounds it differently."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.integers(0, 200, (height // 13 + 1, width // 13 + 1, 3)), np.ones((13, 13, 1), int))
    return (coarse[:height, :width] + rng.integers(0, 56, (height, width, 3))).astype(np.uint8)


def checksum(samples):
    samples = np.ascontiguousarray(samples)
    return hashlib.sha256(repr((samples.shape, samples.dtype.str)).encode() + samples.tobytes()).hexdigest()[
        :16
    ]


# mono, color, mosaic; by level and scale
CHECKSUMS = {
    ("dusk", 2): ("d3b7894c88e5e719", "18cd72de271cd02a", "b55bb2545539c185"),
    ("dusk", 4): ("f52b146ab83190db", "5f98fd22ab60a978", "218fe483cb25beaa"),
    ("night", 2): ("83ba78d024c23cc3", "042ccee128e6e26e", "a0bf1a71dff61487"),
    ("night", 4): ("88bbfba4688c455c", "f1e9d01c396fe38f", "ab03399ac76820a2"),
    ("dark", 2): ("9cf3fc38030f9140", "73ff0244f80fd316", "a06ee266dadf206e"),
    ("dark", 4): ("37822fc26c534335", "c8963c06129818fc", "324b612da8c98863"),
}


@pytest.mark.parametrize(
    ("level", "scale"), [(level, scale) for level in protocol.LEVELS for scale in (2, 4)]
)
def test_every_sample_of_a_capture_and_of_its_files(level, scale, tmp_path):
    left, right = stones(97, 131, 1), stones(97, 131, 2)
    out = protocol.capture(left, right, scene="stones", level=level, scale=scale)
    expected = CHECKSUMS[level, scale]
    assert tuple(map(checksum, (out.mono, out.color, out.mosaic))) == expected

    write_capture(tmp_path, out, protocol.record(scene="stones", level=level, scale=scale))

    def stored(name):
        samples = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        return samples if samples.ndim == 2 else samples[..., ::-1]

    raw = read(tmp_path / "color.dng", "color").mosaic
    dn = np.rint(raw.samples * 4095).astype(np.uint16)
    assert tuple(map(checksum, (stored("mono.png"), stored("color.png"), dn))) == expected
    assert np.array_equal(stored("truth.png"), left)
    assert raw.pattern == "RGGB"
    assert raw.white_balance.tolist() == [1, 1, 1]
    np.testing.assert_allclose(raw.matrix, np.eye(3), atol=1e-3)
