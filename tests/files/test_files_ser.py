"""SER video: byte order, depth, colors, frames, times."""

from __future__ import annotations

import datetime

import numpy as np
import picture_makers as make
import pytest
import science_makers

from dualcam.camera import sensor
from dualcam.errors import InputError, UsageError
from dualcam.files.metadata import camera_facts
from dualcam.files.probe import probe
from dualcam.files.read import read, read_frames


def film(count=3, dtype=np.uint16, top=60000):
    """A smooth picture with noise: which byte comes first can be seen in it."""
    rng = np.random.default_rng(1)
    unit = make.gray(40, 56, dtype=np.float64)
    return [
        np.clip(unit * top * 0.9 + rng.normal(0, top / 200, unit.shape) + i, 0, top).astype(dtype)
        for i in range(count)
    ]


@pytest.fixture
def file(tmp_path):
    def write_bytes(data):
        path = tmp_path / "a.ser"
        path.write_bytes(data)
        return path

    return write_bytes


@pytest.mark.parametrize("flag", [0, 1])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("top", [60000, 3000])
def test_byte_order_is_seen_whatever_the_header_says(file, flag, big, top):
    frames = film(top=top)
    frame = read(file(science_makers.ser(frames, flag=flag, big=big)), "mono", white=65535)
    np.testing.assert_allclose(frame.pixels[..., 0], frames[0] / 65535, rtol=1e-6)
    said = any("-endian, whatever" in note for note in frame.origin.notes)
    assert said == ((flag == 1) != big)


def test_a_dark_first_frame_does_not_mislead(file):
    frames = [np.full((40, 56), 1000, np.uint16), *film()]
    frame = read(file(science_makers.ser(frames, flag=1)), "mono", frame=2, white=65535)
    np.testing.assert_allclose(frame.pixels[..., 0], frames[2] / 65535, rtol=1e-6)


@pytest.mark.parametrize("flag", [0, 1])
def test_without_a_sign_the_habit_decides(file, flag):
    """Noise over all bits looks the same both ways: 0 is little-endian, as most programs write it."""
    noise = np.random.default_rng(0).integers(0, 65536, (40, 56)).astype(np.uint16)
    frame = read(file(science_makers.ser([noise], flag=flag)), "mono")
    wanted = noise if flag == 0 else noise.byteswap()
    np.testing.assert_allclose(frame.pixels[..., 0], wanted / 65535, rtol=1e-6)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_depth(file, bits):
    frames = film(top=2**bits - 1)
    frame = read(file(science_makers.ser(frames, bits=bits)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], frames[0] / (2**bits - 1), rtol=1e-6)
    assert frame.origin.bits == bits and frame.origin.curve == "linear"


@pytest.mark.parametrize("stated", [12, 16])
def test_twelve_bits_at_the_upper_end(file, stated):
    frames = [frame << 4 for frame in film(top=4095)]
    frame = read(file(science_makers.ser(frames, bits=stated)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], frames[0] / 65520, rtol=1e-6)
    assert frame.origin.bits == 12


@pytest.mark.parametrize(("color", "pattern"), [(8, "RGGB"), (9, "GRBG"), (10, "GBRG"), (11, "BGGR")])
def test_mosaics(file, color, pattern):
    scene = make.rgb(40, 56, dtype=np.float32) * 0.5 + 0.2
    stored = np.rint(sensor.mosaic(scene, pattern) * 65535)
    path = file(science_makers.ser([stored], color=color))
    frame = read(path, "color", balance="none")
    assert frame.mosaic.pattern == pattern
    np.testing.assert_allclose(frame.pixels[4:-4, 4:-4], scene[4:-4, 4:-4], atol=0.03)
    with pytest.raises(InputError, match="color sensor"):
        read(path, "mono")
    facts = probe(path)
    assert (facts.format, facts.sensor.pattern, facts.role_guess) == ("SER", pattern, "color")


@pytest.mark.parametrize(("color", "order"), [(100, [0, 1, 2]), (101, [2, 1, 0])])
@pytest.mark.parametrize("bits", [8, 16])
def test_three_planes(file, color, order, bits):
    picture = make.rgb(40, 56, dtype=np.uint8 if bits == 8 else np.uint16)
    frame = read(file(science_makers.ser([picture[..., order]], color=color, bits=bits)), "color")
    np.testing.assert_allclose(frame.pixels, picture / (2.0**bits - 1), rtol=1e-6)


def test_frames_and_their_times(file):
    frames = film(4)
    start = datetime.datetime(2024, 5, 1, 22, 10, 3)
    ticks = [
        (start - datetime.datetime(1, 1, 1)) // datetime.timedelta(microseconds=1) * 10 + i * 10**7
        for i in range(4)
    ]
    path = file(science_makers.ser(frames, stamps=ticks))
    last = read(path, "mono", frame=3)
    np.testing.assert_allclose(last.pixels[..., 0], frames[3] / 65535, rtol=1e-6)
    assert "frame 3 of 4" in last.origin.notes
    assert camera_facts(last.origin.exif).date == "2024:05:01 22:10:06"
    assert camera_facts(last.origin.exif).model == "ZWO ASI178MC"
    assert "frame 0 of 4" in read(path, "mono").origin.notes
    with pytest.raises(InputError, match="no frame 4") as caught:
        read(path, "mono", frame=4)
    assert "4, counted from 0" in caught.value.remedy
    with pytest.raises(UsageError, match="frame is -1"):
        read(path, "mono", frame=-1)


def test_one_after_the_other(file):
    frames = film(5)
    path = file(science_makers.ser(frames))
    read_back = list(read_frames(path, "mono", start=1, stop=4))
    assert len(read_back) == 3
    for frame, stored in zip(read_back, frames[1:4], strict=True):
        np.testing.assert_allclose(frame.pixels[..., 0], stored / 65535, rtol=1e-6)


def test_a_film_does_not_flicker(file):
    """White and white balance are those of its first frame, even where another frame alone would say otherwise."""
    scene = make.rgb(40, 56, dtype=np.float32) * 0.5 + 0.2
    first = np.rint(sensor.mosaic(scene * np.float32([0.5, 1, 0.7]), "RGGB") * 60000)
    second = np.rint(sensor.mosaic(scene * np.float32([1, 1, 1]) * np.float32(0.05), "RGGB") * 60000)
    path = file(science_makers.ser([first, second], color=8))
    a, b = read_frames(path, "color")
    np.testing.assert_array_equal(a.mosaic.white_balance, b.mosaic.white_balance)
    alone = read(path, "color", frame=1).mosaic.white_balance
    assert abs(alone[0] - b.mosaic.white_balance[0]) > 0.3
    np.testing.assert_allclose(b.mosaic.samples, second / 65535, rtol=1e-6)


def test_only_the_frame_is_read(file, monkeypatch):
    """A film may be larger than the memory."""
    path = file(science_makers.ser(film(3)))
    with path.open("r+b") as stream:
        stream.truncate(178 + 40 * 56 * 2 * 2)
    assert read(path, "mono", frame=1).pixels.max() > 0
    with pytest.raises(InputError, match="2 of its 3 frames are there"):
        read(path, "mono", frame=2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: science_makers.ser(film(1), color=16), "other filters"),
        (lambda: science_makers.ser(film(1), bits=20), "truncated or corrupt"),
        (lambda: science_makers.ser(film(1), count=0), "truncated or corrupt"),
        (lambda: science_makers.ser(film(1))[:100], "truncated or corrupt"),
        (lambda: science_makers.ser(film(1))[:500], "cut off"),
        (lambda: science_makers.ser([np.zeros((8, 8))]), "too small"),
    ],
)
def test_refused(file, data, words):
    for step in (lambda p: read(p, "mono"), probe):
        with pytest.raises(InputError, match=words) as caught:
            step(file(data()))
        assert caught.value.remedy
