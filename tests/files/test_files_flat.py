"""Flat files: every packing, what a wrong layout is told, and the short form of a layout."""

from __future__ import annotations

import numpy as np
import pytest
import science_makers
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.errors import InputError, UsageError
from dualcam.files import flat
from dualcam.files.flat import Layout, parse_layout
from dualcam.files.probe import probe
from dualcam.files.read import read, read_frames


def dn(bits, height=18, width=24, seed=0):
    values = np.random.default_rng(seed).integers(0, 2**bits, (height, width))
    values[0, 0] = 2**bits - 1
    return values.astype(np.uint16)


@pytest.fixture
def file(tmp_path):
    def write_bytes(data, name="a.raw"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_bytes


CASES = [
    ("x8", 8, lambda a: a.astype("u1").tobytes()),
    ("x7", 7, lambda a: a.astype("u1").tobytes()),
    ("x10", 10, lambda a: a.astype("<u2").tobytes()),
    ("x12", 12, lambda a: a.astype("<u2").tobytes()),
    ("x12:be", 12, lambda a: a.astype(">u2").tobytes()),
    ("x16:le", 16, lambda a: a.astype("<u2").tobytes()),
    ("x12:skip=100", 12, lambda a: bytes(100) + a.astype("<u2").tobytes()),
    ("x8:row=32", 8, lambda a: np.pad(a.astype("u1"), ((0, 0), (0, 32 - a.shape[1]))).tobytes()),
    ("x10:p", 10, lambda a: science_makers.packed_p(a, 10)),
    ("x12:p", 12, lambda a: science_makers.packed_p(a, 12)),
    ("x14:p", 14, lambda a: science_makers.packed_p(a, 14)),
    ("x11:p:row=40", 11, lambda a: b"".join(science_makers.packed_p(r, 11).ljust(40, b"\x55") for r in a)),
    ("x10:packed", 10, lambda a: science_makers.packed_gige(a, 10)),
    ("x12:packed:skip=3", 12, lambda a: b"abc" + science_makers.packed_gige(a, 12)),
    ("x10:mipi", 10, lambda a: science_makers.packed_mipi(a, 10)),
    ("x12:mipi", 12, lambda a: science_makers.packed_mipi(a, 12)),
    ("x14:mipi", 14, lambda a: science_makers.packed_mipi(a, 14)),
    ("x12:mipi:row=64", 12, lambda a: science_makers.packed_mipi(a, 12, 64)),
]


@pytest.mark.parametrize(("form", "bits", "pack"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("width", [24, 26])
def test_packings(file, form, bits, pack, width):
    stored = dn(bits, width=width)
    path = file(pack(stored))
    frame = read(path, "mono", raw=f"{width}x18{form}")
    np.testing.assert_allclose(frame.pixels[..., 0], stored / (2.0**bits - 1), rtol=1e-6)
    assert (frame.origin.format, frame.origin.bits, frame.origin.curve) == ("flat", bits, "linear")
    assert frame.origin.notes == ()


def test_known_bytes():
    """Written down by hand from the descriptions of the formats."""
    two = Layout(2, 1, 12, packing="packed")
    assert flat.samples(bytes([0xAB, 0x6C, 0xDE]), two, None).ravel().tolist() == [0xABC, 0xDE6]
    two = Layout(2, 1, 12, packing="p")
    assert flat.samples(bytes([0xBC, 0x6A, 0xDE]), two, None).ravel().tolist() == [0xABC, 0xDE6]
    two = Layout(2, 1, 12, packing="mipi")
    assert flat.samples(bytes([0xAB, 0xDE, 0x6C]), two, None).ravel().tolist() == [0xABC, 0xDE6]
    four = Layout(4, 1, 10, packing="mipi")
    assert flat.samples(bytes([1, 2, 3, 255, 0b11100100]), four, None).ravel().tolist() == [4, 9, 14, 1023]


@settings(max_examples=40, deadline=None)
@given(st.integers(9, 15), st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_any_size_packs_and_unpacks(bits, width, height, seed):
    stored = dn(bits, height, width, seed)
    data = science_makers.packed_p(stored, bits)
    layout = Layout(width, height, bits, packing="p")
    assert len(data) == layout.frame_bytes
    np.testing.assert_array_equal(flat.samples(data, layout, None)[..., 0], stored)


def test_mosaic(file):
    stored = dn(12)
    frame = read(file(stored.astype("<u2").tobytes()), "color", raw="24x18x12:grbg", balance="none")
    assert frame.mosaic.pattern == "GRBG"
    np.testing.assert_allclose(frame.mosaic.samples, stored / 4095, rtol=1e-6)
    option = read(
        file(stored.astype("<u2").tobytes()), "color", raw="24x18x12", pattern="GRBG", balance="none"
    )
    np.testing.assert_array_equal(option.pixels, frame.pixels)
    with pytest.raises(InputError, match="was given as color") as caught:
        read(file(stored.astype("<u2").tobytes()), "color", raw="24x18x12")
    assert "--color-pattern RGGB" in caught.value.remedy


def test_black_and_white(file):
    stored = dn(12)
    frame = read(file(stored.astype("<u2").tobytes()), "mono", raw="24x18x12", black=64, white=4000)
    wanted = np.minimum((stored - 64.0) / (4000 - 64), 1)
    np.testing.assert_allclose(frame.pixels[..., 0], wanted, atol=1e-6)
    assert frame.pixels.min() < 0


@pytest.mark.parametrize(
    ("size", "form", "words"),
    [
        (24 * 18 * 2, "24x18x8", "24x18x9 to 16"),
        (24 * 18, "24x18x12", "24x18x8"),
        (24 * 18 * 3 // 2, "24x18x12", "24x18x12:p, or 24x18x12:packed"),
        (24 * 18 * 5 // 4, "24x18x10", "24x18x10:p, or 24x18x10:mipi"),
        (24 * 18 * 3, "24x18x8", "3 such frames"),
        (1280 * 1024, "1024x1024x8", "1280x1024x8"),
        (24 * 18 * 2 + 512, "24x18x12", "skip=512"),
        (24 * 18 * 2 - 1, "24x18x12", "whether the file is whole"),
    ],
)
def test_another_size_says_what_would_fit(file, size, form, words):
    with pytest.raises(InputError, match=f"has {size} bytes, but") as caught:
        read(file(bytes(size)), "mono", raw=form)
    assert words in caught.value.remedy


def test_values_that_do_not_fit(file):
    stored = dn(12)
    with pytest.raises(InputError, match="do not fit into 12 bits") as caught:
        read(file(stored.astype(">u2").tobytes()), "mono", raw="24x18x12")
    assert ":be" in caught.value.remedy
    with pytest.raises(InputError, match="do not fit") as caught:
        read(file(stored.astype("<u2").tobytes()), "mono", raw="24x18x12:be")
    assert "leave out :be" in caught.value.remedy
    frame = read(file((stored << 4).astype("<u2").tobytes()), "mono", raw="24x18x12")
    np.testing.assert_allclose(frame.pixels[..., 0], stored / 4095, rtol=1e-6)
    assert "upper end" in frame.origin.notes[0]


def test_frames_one_after_the_other(file):
    frames = np.stack([dn(12, seed=i) for i in range(3)])
    path = file(frames.astype("<u2").tobytes())
    frame = read(path, "mono", raw="24x18x12", frame=2)
    np.testing.assert_allclose(frame.pixels[..., 0], frames[2] / 4095, rtol=1e-6)
    assert frame.origin.notes == ("frame 2 of 3",)
    assert len(list(read_frames(path, "mono", raw="24x18x12"))) == 3
    with pytest.raises(InputError, match="no frame 3"):
        read(path, "mono", raw="24x18x12", frame=3)


@pytest.mark.parametrize(
    "text",
    [
        "1280x1024", "x", "1280x1024x0", "1280x1024x17", "1280x1024x12:RGBG", "64x64x8:p", "64x64x14:packed",
        "64x64x12:row=50", "64x64x12:skip=-1", "64x64x12:skip", "64x64x12:be=1", "64 x 64 x 12",
    ],
)  # fmt: skip
def test_wrong_layouts(text):
    with pytest.raises(UsageError, match="no layout") as caught:
        parse_layout(text)
    assert "WIDTHxHEIGHTxBITS" in caught.value.remedy and "1280x1024x8" in caught.value.remedy


def test_layout():
    layout = parse_layout("1280x1024x12:bggr:be:skip=16:row=2600")
    assert layout == Layout(1280, 1024, 12, "BGGR", "", True, 16, 2600)
    assert (layout.row_bytes, layout.frame_bytes) == (2560, 2600 * 1024)


def test_sizes_that_are_refused(file):
    with pytest.raises(InputError, match="too small"):
        read(file(bytes(64)), "mono", raw="8x8x8")
    with pytest.raises(InputError, match="too large"):
        read(file(bytes(64)), "mono", raw="99999x99999x8")
    with pytest.raises(InputError, match="does not exist"):
        read("nowhere.raw", "mono", raw="8x8x8")


def test_an_unknown_file_is_told_about_layouts(file):
    with pytest.raises(InputError, match="not a picture") as caught:
        read(file(bytes(range(200))), "mono")
    assert "--mono-raw 1280x1024x8" in caught.value.remedy


def test_probe(file):
    facts = probe(file(dn(12).astype("<u2").tobytes()), raw="24x18x12:RGGB")
    assert (facts.format, facts.width, facts.bits, facts.sensor.pattern) == ("flat", 24, 12, "RGGB")
