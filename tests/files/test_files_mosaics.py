"""Mosaics in gray files of every kind, their white balance, and industrial depths."""

from __future__ import annotations

import io

import numpy as np
import picture_makers as make
import pytest

from dualcam.camera import sensor
from dualcam.camera.balance import estimate_white_balance
from dualcam.camera.sensor import PATTERNS
from dualcam.errors import InputError, UsageError
from dualcam.files.dng import encode_dng
from dualcam.files.encode import Extras, netpbm
from dualcam.files.read import read
from dualcam.files.strips import ready
from synthetic import scene

GAINS = np.array([1.9, 1.0, 1.6], np.float32)


def stored(pattern="RGGB", height=40, width=56, bits=16):
    picture = make.rgb(height, width, dtype=np.float32) * 0.5 + 0.2
    return picture, np.rint(sensor.mosaic(picture, pattern) * (2**bits - 1)).astype(np.uint16)


def pgm(dn, top):
    """A binary PGM: two bytes, the high one first, where the maximum needs them."""
    kind = ">u2" if top > 255 else "u1"
    return f"P5\n{dn.shape[1]} {dn.shape[0]}\n{top}\n".encode() + dn.astype(kind).tobytes()


@pytest.fixture
def file(tmp_path):
    def write_bytes(data, name="a"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_bytes


def netpbm_of(dn):
    stream = io.BytesIO()
    netpbm(stream, ready(dn), Extras())
    return stream.getvalue()


@pytest.mark.parametrize(
    "encode",
    [make.png, make.tiff, lambda dn: pgm(dn, 65535), netpbm_of],
    ids=["png", "tiff", "pgm", "pgm of our own"],
)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_gray_file_as_mosaic(file, encode, pattern):
    """The samples come straight from a sensor: linear, whatever a picture in such a file would be."""
    picture, dn = stored(pattern)
    frame = read(file(encode(dn)), "color", pattern=pattern, balance="none")
    assert frame.mosaic.pattern == pattern
    np.testing.assert_allclose(frame.mosaic.samples, dn / 65535, atol=1e-6)
    np.testing.assert_allclose(frame.pixels[4:-4, 4:-4], picture[4:-4, 4:-4], atol=0.03)
    assert frame.origin.curve == "linear"
    assert any("no color matrix" in note for note in frame.origin.notes)
    np.testing.assert_array_equal(frame.mosaic.matrix, np.eye(3))


@pytest.mark.parametrize("way", range(1, 9))
def test_turned_with_its_pattern(file, way):
    _, dn = stored("GRBG", 41, 56)
    letters = np.tile(np.array(list("GRBG")).reshape(2, 2), (21, 28))[:41]
    first = "".join(make.stored_as(letters, way)[:2, :2].ravel())
    data = make.tiff(make.stored_as(dn, way), extratags=[(274, 3, 1, way, True)])
    frame = read(file(data), "color", pattern=first)
    assert frame.mosaic.pattern == "GRBG"
    np.testing.assert_allclose(frame.mosaic.samples, dn / 65535, atol=1e-6)


def test_refused_without_a_pattern(file):
    path = file(make.png(stored()[1]))
    with pytest.raises(InputError, match="was given as color") as caught:
        read(path, "color")
    assert "--color-pattern RGGB" in caught.value.remedy
    with pytest.raises(UsageError, match="three channels"):
        read(file(make.png(make.rgb()), "rgb"), "color", pattern="RGGB")
    with pytest.raises(InputError, match="was given as mono"):
        read(path, "mono", pattern="RGGB")
    for name, value in (("pattern", "RGBG"), ("balance", "1,2"), ("balance", "1,0,1"), ("black", "dark")):
        with pytest.raises(UsageError, match=f"{name} is"):
            read(path, "color", **{name: value})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_white_balance_by_hand(file, pattern):
    picture, _ = stored()
    dn = np.rint(sensor.mosaic(picture / GAINS, pattern) * 65535).astype(np.uint16)
    for given in ("1.9,1,1.6", (1.9, 1.0, 1.6)):
        frame = read(file(make.png(dn)), "color", pattern=pattern, balance=given)
        np.testing.assert_allclose(frame.pixels[4:-4, 4:-4], picture[4:-4, 4:-4], atol=0.03)
        assert not any("white balance" in note for note in frame.origin.notes)


def test_balance_of_other_files(file):
    picture = make.rgb(dtype=np.float32)
    path = file(make.tiff(picture))
    np.testing.assert_allclose(read(path, "color", balance=GAINS.tolist()).pixels, picture * GAINS, rtol=1e-6)
    np.testing.assert_allclose(read(path, "color", balance="none").pixels, picture, rtol=1e-6)
    data = encode_dng(stored()[1], pattern="RGGB", white=65535, white_balance=(2, 1, 1.5))
    np.testing.assert_allclose(read(file(data), "color").mosaic.white_balance, (2, 1, 1.5), rtol=1e-6)
    np.testing.assert_array_equal(read(file(data), "color", balance="none").mosaic.white_balance, 1)
    np.testing.assert_allclose(
        read(file(data), "color", balance=(1.9, 1, 1.6)).mosaic.white_balance, GAINS, rtol=1e-6
    )
    assert read(file(data), "color", pattern="GBRG").mosaic.pattern == "GBRG"


def cast(picture, exposure, seed=0, electrons=4000):
    camera = (picture / GAINS * np.float32(exposure)).astype(np.float32)
    return sensor.expose(sensor.mosaic(camera), electrons, 3, np.random.default_rng(seed))


def far_from_white(gains):
    """Angle between the light that the factors assume and the true one, in degrees (Hordley and Finlayson 2006)."""
    light = (gains / GAINS).astype(np.float64)
    return float(np.degrees(np.arccos(min(1.0, light.sum() / np.linalg.norm(light) / np.sqrt(3)))))


@pytest.mark.parametrize("exposure", [1.0, 1 / 8, 1 / 32])
def test_estimated_white_balance(exposure):
    """A scene with something bright and gray in it, however dark: without a balance it would be 16 degrees off."""
    picture = scene(240, 320).copy()
    picture[20:80, 30:120] = 0.8
    assert far_from_white(np.ones(3)) > 15
    assert far_from_white(estimate_white_balance(cast(picture, exposure), "RGGB")) < 4


def test_a_colored_lamp_does_not_decide():
    picture = scene(240, 320).copy() * 0.4
    picture[20:80, 30:120] = 0.4
    picture[100:112, 100:112] = (0.9, 0.05, 0.02)
    lamp = estimate_white_balance(cast(picture, 1.0), "RGGB")
    assert far_from_white(lamp) < 5


def test_clipped_parts_do_not_count():
    picture = scene(240, 320).copy() * 0.4
    picture[20:80, 30:120] = 0.4
    plain = estimate_white_balance(cast(picture, 1.0), "RGGB")
    picture[120:, :] = 8.0
    clipped = np.minimum(cast(picture, 1.0), 1)
    assert far_from_white(estimate_white_balance(clipped, "RGGB")) < far_from_white(plain) + 2


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_nothing_to_tell_from(level):
    np.testing.assert_array_equal(estimate_white_balance(np.full((40, 56), level, np.float32), "RGGB"), 1)
    np.testing.assert_array_equal(estimate_white_balance(np.full((6, 6), 0.5, np.float32), "RGGB"), 1)


def test_the_estimate_is_said(file):
    picture, _ = stored()
    dn = np.rint(sensor.mosaic(picture / GAINS) * 65535).astype(np.uint16)
    frame = read(file(make.png(dn)), "color", pattern="RGGB")
    note = next(note for note in frame.origin.notes if "estimated" in note)
    assert f"{frame.mosaic.white_balance[0]:.2f},1,{frame.mosaic.white_balance[2]:.2f}" in note


@pytest.mark.parametrize("top", [255, 1023, 4095, 16383, 65535])
def test_pgm_of_any_depth(file, top):
    dn = np.random.default_rng(top).integers(0, top + 1, (32, 40))
    frame = read(file(pgm(dn, top)), "mono", curve="linear")
    np.testing.assert_allclose(frame.pixels[..., 0], dn / top, rtol=1e-6)
    assert frame.origin.bits == top.bit_length()


@pytest.mark.parametrize(
    "encode", [make.png, make.tiff, lambda dn: pgm(dn, 65535)], ids=["png", "tiff", "pgm"]
)
@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("dark", [1, 40])
def test_samples_at_the_upper_end(file, encode, bits, dark):
    """Also in a dark picture, which must not pass for one at the lower end."""
    dn = np.random.default_rng(bits).integers(0, 2**bits // dark, (32, 40)).astype(np.uint16)
    frame = read(file(encode(dn << (16 - bits))), "mono", curve="linear")
    np.testing.assert_allclose(frame.pixels[..., 0], dn / (2.0**bits - 1), rtol=1e-6)
    assert frame.origin.bits == bits
    assert f"{bits} bits at the upper end" in frame.origin.notes[0]


def test_stated_white_comes_first(file):
    dn = np.arange(32 * 40, dtype=np.uint16).reshape(32, 40) * 16
    frame = read(file(make.png(dn)), "mono", curve="linear", white=40000)
    np.testing.assert_allclose(frame.pixels[..., 0], dn / 40000, rtol=1e-6)


@pytest.mark.parametrize(("shift", "white"), [(0, 65535), (16, 2.0**32 - 1)])
def test_tiff_of_32_bits(file, shift, white):
    dn = np.random.default_rng(0).integers(0, 65536, (32, 40)).astype(np.uint32) << shift
    frame = read(file(make.tiff(dn)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], dn / white, rtol=1e-6)
    assert frame.origin.curve == "linear"


def test_black_level(file):
    dn = np.random.default_rng(0).integers(0, 4096, (32, 40)).astype(np.uint16)
    frame = read(file(pgm(dn, 4095)), "mono", curve="linear", black="64")
    np.testing.assert_allclose(frame.pixels[..., 0], (dn - 64.0) / 4031, atol=1e-6)
    data = encode_dng(dn, pattern=None, black=10, white=4095)
    frame = read(file(data), "mono", black=64)
    np.testing.assert_allclose(frame.pixels[..., 0], (dn - 64.0) / 4031, atol=1e-6)
    for black in (4095, 5000):
        with pytest.raises(UsageError, match="black"):
            read(file(pgm(dn, 4095)), "mono", black=black)
