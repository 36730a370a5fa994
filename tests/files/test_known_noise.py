"""NoiseProfile of a DNG, and pictures read with what is known of their sensor."""

from __future__ import annotations

import numpy as np
import pytest
import rawpy
import tifffile
from raw_makers import dng

from dualcam.camera.sensor_model import Channel, SensorModel
from dualcam.errors import InputError, OutputError, UsageError
from dualcam.files.dng import encode_dng, write_dng
from dualcam.files.ifd import DOUBLE, Tag
from dualcam.files.metadata import CameraFacts
from dualcam.files.probe import probe
from dualcam.files.rawtags import noise_profile
from dualcam.files.read import read
from dualcam.files.sensor_file import to_json
from dualcam.frame import NoiseModel

ONE = NoiseModel(2.5e-4, 1.5e-7)
THREE = (NoiseModel(3e-4, 1e-7), NoiseModel(2e-4, 0.0), NoiseModel(0.0, 4e-7))


def samples(seed=3, top=4096):
    return np.random.default_rng(seed).integers(0, top, (32, 48)).astype(np.uint16)


@pytest.mark.parametrize(("pattern", "noise"), [(None, (ONE,)), ("RGGB", (ONE,)), ("RGGB", THREE)])
def test_a_noise_profile_comes_back_to_the_bit(tmp_path, pattern, noise):
    path = write_dng(tmp_path / "a.dng", samples(), pattern=pattern, black=64, white=4095, noise=noise)
    found = read(path, "mono" if pattern is None else "color").noise
    expected = noise if len(noise) == (3 if pattern else 1) else noise * 3
    assert found.models == expected
    assert found.source == "the NoiseProfile in a.dng"
    assert probe(path).sensor.noise == expected
    with rawpy.imread(str(path)) as raw:
        np.testing.assert_array_equal(raw.raw_image, samples())


def test_the_tag_is_that_of_the_specification(tmp_path):
    path = write_dng(tmp_path / "a.dng", samples(), pattern="RGGB", white=4095, noise=THREE)
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[51041]
        value = tag.value
    assert (int(tag.dtype), tag.count) == (12, 6)
    assert value == tuple(number for model in THREE for number in (model.shot, model.read))


def test_without_a_profile_nothing_is_known(tmp_path):
    path = write_dng(tmp_path / "a.dng", samples(), pattern="RGGB", white=4095)
    assert read(path, "color").noise is None
    assert probe(path).sensor.noise == ()


def test_another_white_rescales_the_profile(tmp_path):
    path = write_dng(tmp_path / "a.dng", samples(), pattern=None, black=95, white=4095, noise=[ONE])
    (found,) = read(path, "mono", white=2095).noise.models
    assert found == NoiseModel(pytest.approx(ONE.shot * 2), pytest.approx(ONE.read * 4))


@pytest.mark.parametrize(
    "numbers",
    [[1e-4], [1e-4, 1e-7, 1e-4, 1e-7], [-1e-4, 1e-7], [np.nan, 1e-7], [0.0, 0.0], [1e-4, 1e-7, 0, 0, 1, 1]],
)
def test_profiles_that_make_no_sense_are_passed_over(numbers):
    assert noise_profile(dng(samples(), Tag(51041, DOUBLE, numbers)), 3) == ()


def test_broken_files_have_no_profile():
    data = encode_dng(samples(), pattern=None, white=4095, noise=[ONE])
    assert noise_profile(data, 1) == (ONE,)
    assert noise_profile(data[:100], 1) == () and noise_profile(b"", 1) == ()


@pytest.mark.parametrize(
    ("pattern", "noise"),
    [
        (None, THREE),
        ("RGGB", (ONE, ONE)),
        (None, ()),
        (None, [NoiseModel(-1, 1)]),
        (None, [NoiseModel(0, 0)]),
    ],
)
def test_noise_that_cannot_be_stored_is_refused(pattern, noise):
    with pytest.raises(OutputError, match="cannot be stored as DNG"):
        encode_dng(samples(), pattern=pattern, white=4095, noise=noise)


def sensor(pattern=None, iso=None, saturation=4000.0, black=100.0):
    channel = Channel(2.0, 5.0, 2.45, 0.0, 1000.0, saturation, None, 0.0, None, 0.01)
    names = ("mono",) if pattern is None else ("R", "G", "B")
    return SensorModel(48, 32, 12, pattern, (black,), dict.fromkeys(names, channel), channel, iso=iso)


def test_a_sensor_goes_before_the_profile(tmp_path):
    path = write_dng(tmp_path / "a.dng", samples(), pattern="RGGB", black=100, white=4095, noise=THREE)
    (tmp_path / "s.json").write_text(to_json(sensor("RGGB")))
    found = read(path, "color", sensor=tmp_path / "s.json").noise
    assert found.source == "s.json" and len(found.models) == 3
    assert found.models[0].shot == pytest.approx(2 / 3995)
    assert found.models[0].read == pytest.approx(25 / 3995**2)
    assert read(path, "color", sensor=sensor("RGGB")).noise.models == found.models


def test_a_plain_mono_file_gets_black_and_white_of_its_sensor(tmp_path):
    dn = samples(top=4000)
    tifffile.imwrite(tmp_path / "a.tif", dn)
    frame = read(tmp_path / "a.tif", "mono", curve="linear", sensor=sensor())
    np.testing.assert_allclose(frame.pixels[..., 0], (dn - 100.0) / 3900, atol=1e-6)
    assert frame.noise.models[0].shot == pytest.approx(2 / 3900)
    assert frame.origin.bits == 12 and any("black 100 and white 4000" in note for note in frame.origin.notes)
    frame = read(tmp_path / "a.tif", "mono", curve="linear", white=2100, sensor=sensor())
    assert frame.pixels.max() == 1 and frame.noise.models[0].shot == pytest.approx(2 / 2000)
    assert any("clipped" in note for note in frame.origin.notes)
    unsaturated = read(tmp_path / "a.tif", "mono", curve="linear", sensor=sensor(saturation=None))
    assert unsaturated.noise.models[0].shot == pytest.approx(2 / 3995)


def test_a_mosaic_in_a_gray_file_gets_them_too(tmp_path):
    dn = samples(top=4000)
    tifffile.imwrite(tmp_path / "a.tif", dn)
    frame = read(tmp_path / "a.tif", "color", pattern="RGGB", balance="none", sensor=sensor("RGGB"))
    np.testing.assert_allclose(frame.mosaic.samples, (dn - 100.0) / 3900, atol=1e-6)
    assert len(frame.noise.models) == 3 and frame.noise.models[1].shot == pytest.approx(2 / 3900)


def test_a_sensor_is_refused_where_it_cannot_hold(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", samples())
    tifffile.imwrite(tmp_path / "f.tif", samples().astype(np.float32))
    tifffile.imwrite(
        tmp_path / "c.tif", np.random.default_rng(0).integers(0, 4000, (32, 48, 3)).astype(np.uint16)
    )
    raw = write_dng(tmp_path / "r.dng", samples(), pattern=None, white=4095, camera=CameraFacts(iso=400))
    with pytest.raises(UsageError, match=r"a\.tif has a transfer curve"):
        read(tmp_path / "a.tif", "mono", sensor=sensor())
    with pytest.raises(UsageError, match=r"f\.tif has floats"):
        read(tmp_path / "f.tif", "mono", sensor=sensor())
    with pytest.raises(UsageError, match=r"c\.tif holds finished colors"):
        read(tmp_path / "c.tif", "color", curve="linear", sensor=sensor("RGGB"))
    with pytest.raises(UsageError, match="black is 100, but white"):
        read(tmp_path / "a.tif", "mono", curve="linear", white=90, sensor=sensor())
    with pytest.raises(InputError, match=r"describes a Bayer sensor, but .*a\.tif"):
        read(tmp_path / "a.tif", "mono", curve="linear", sensor=sensor("RGGB"))
    with pytest.raises(InputError, match=r"ISO 800, but .*ISO 400"):
        read(raw, "mono", sensor=sensor(iso=800))
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read(raw, "mono", sensor=tmp_path / "none.json")
