"""Large files part by part: the same pixels as in one piece, little memory, and nothing left of what fails halfway."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import picture_makers as make
import pytest
import tifffile

from dualcam import parallel
from dualcam.camera import curves
from dualcam.errors import InputError, OutputError
from dualcam.files import decode, linearise, png_rows, strips, tiff, tiff_write
from dualcam.files.read import read
from dualcam.files.samples import Header
from dualcam.files.write import write, write_gray

_COLOR_TYPE = {1: 0, 3: 2, 4: 6}


def random_codes(height, width, channels, kind, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(kind).max, (height, width, channels), kind, endpoint=True)


def paeth(left, above, corner):
    guess = left + above - corner
    return min(
        (abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner)
    )[2]


def filtered(codes, filters):
    """Rows of a PNG, each with its filter, after the specification and one byte at a time."""
    rows = codes.astype(codes.dtype.newbyteorder(">")).view(np.uint8).reshape(len(codes), -1).astype(int)
    beside = codes[0, 0].nbytes
    before = np.zeros_like(rows[0])
    out = bytearray()
    for row, kind in zip(rows, filters, strict=True):
        out.append(kind)
        for i, value in enumerate(row):
            left, corner = (row[i - beside], before[i - beside]) if i >= beside else (0, 0)
            guess = (0, left, before[i], (left + before[i]) // 2, paeth(left, before[i], corner))[kind % 5]
            out.append((value - guess) % 256)
        before = row
    return bytes(out)


def png_of(codes, filters, piece=1000, packed=None):
    """A PNG whose stream is cut into chunks of ``piece`` bytes."""
    height, width, channels = codes.shape
    head = struct.pack(">IIBBBBB", width, height, 8 * codes.itemsize, _COLOR_TYPE[channels], 0, 0, 0)
    stream = zlib.compress(filtered(codes, filters)) if packed is None else packed
    pieces = [stream[i : i + piece] for i in range(0, len(stream), piece)]
    parts = [make.png_chunk(b"IDAT", part) for part in pieces]
    body = make.png_chunk(b"IHDR", head) + b"".join(parts) + make.png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def stored(path):
    loaded, header = decode.open_header(path)
    return decode.open_samples(path, loaded, header)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("strip", [1, 777, 1 << 20])
def test_every_filter_across_the_seams_of_strips(tmp_path, monkeypatch, channels, kind, strip):
    monkeypatch.setattr(png_rows, "_STRIP", strip)
    codes = random_codes(43, 19, channels, kind)
    filters = np.random.default_rng(1).integers(0, 5, 43)
    (tmp_path / "a.png").write_bytes(png_of(codes, filters, piece=97))
    np.testing.assert_array_equal(stored(tmp_path / "a.png"), codes[..., : min(channels, 3)])


def test_an_unknown_filter_is_damage(tmp_path):
    codes = random_codes(40, 20, 1, np.uint8)
    (tmp_path / "a.png").write_bytes(png_of(codes, [0] * 39 + [5]))
    with pytest.raises(InputError, match=r"truncated or corrupt.*unknown way"):
        read(tmp_path / "a.png", "mono")


@pytest.mark.parametrize("cut", [1, 30, 700])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_short_stream_in_whole_chunks(tmp_path, monkeypatch, cut, threads):
    monkeypatch.setattr(png_rows, "_STRIP", 100)
    monkeypatch.setattr(parallel, "threads", lambda: threads)
    codes = random_codes(40, 20, 3, np.uint16)
    rows = filtered(codes, [1] * 40)
    (tmp_path / "a.png").write_bytes(png_of(codes, [1] * 40, packed=zlib.compress(rows[:-cut])))
    with pytest.raises(InputError, match=r"truncated or corrupt.*too short"):
        read(tmp_path / "a.png", "color")


def test_damage_inside_the_stream(tmp_path):
    codes = random_codes(40, 20, 3, np.uint16)
    packed = bytearray(zlib.compress(filtered(codes, [1] * 40)))
    packed[2] |= 0b110  # a kind of block that does not exist
    (tmp_path / "a.png").write_bytes(png_of(codes, [1] * 40, packed=bytes(packed)))
    with pytest.raises(InputError, match=r"truncated or corrupt.*damaged"):
        read(tmp_path / "a.png", "color")


@pytest.mark.parametrize("part", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_file_that_ends_early(tmp_path, part, suffix):
    path = write(tmp_path / f"a{suffix}", np.random.default_rng(0).random((300, 400, 3), np.float32))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match="truncated or corrupt"):
        read(path, "color")


LAYOUTS = {
    "one strip": {},
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (16, 32)},
    "zlib strips": {"rowsperstrip": 5, "compression": "zlib"},
    "zlib tiles": {"tile": (32, 16), "compression": "zlib"},
    "lzma strips": {"rowsperstrip": 9, "compression": "lzma"},
    "planes": {"planarconfig": "separate"},
    "zlib planes": {"planarconfig": "separate", "compression": "zlib", "rowsperstrip": 6},
    "tiles of planes": {"planarconfig": "separate", "tile": (16, 16), "compression": "zlib"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_tiff_of_any_layout(tmp_path, layout, order, kind, channels):
    options = dict(LAYOUTS[layout])
    if channels == 1:
        options.pop("planarconfig", None)
    codes = make.scaled(np.random.default_rng(0).random((45, 37, channels)), kind)
    tifffile.imwrite(
        tmp_path / "a.tif",
        codes[..., 0] if channels == 1 else np.moveaxis(codes, 2, 0) if "planarconfig" in options else codes,
        byteorder=order,
        photometric="minisblack" if channels == 1 else "rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
        metadata=None,
        **options,
    )
    wanted = codes[..., : min(channels, 3)]
    np.testing.assert_array_equal(stored(tmp_path / "a.tif"), wanted)
    frame = read(tmp_path / "a.tif", "mono" if channels == 1 else "color")
    level = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
    scaled = wanted.astype(np.float64) / level
    whole = curves.decode(scaled) if kind in (np.uint8, np.uint16) else scaled.astype(np.float32)
    np.testing.assert_array_equal(frame.pixels, whole)


def test_white_is_zero(tmp_path):
    codes = random_codes(45, 37, 1, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", codes[..., 0], photometric="miniswhite", compression="zlib")
    np.testing.assert_array_equal(stored(tmp_path / "a.tif"), 65535 - codes)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float16, np.float32])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_pixels_take_the_place_of_their_samples(monkeypatch, kind, threads):
    monkeypatch.setattr(linearise, "_BAND", 200)
    monkeypatch.setattr(parallel, "threads", lambda: threads)
    codes = make.scaled(np.random.default_rng(0).random((101, 23, 3)), kind)
    room = linearise.Room(Header("TIFF", 23, 101, 3, 16, np.dtype(kind).name, 1.0))
    room.samples[...] = codes
    level = float(np.iinfo(kind).max) if np.issubdtype(kind, np.integer) else 1.0
    pixels, _ = linearise.linearise(room.samples, 0.02 * level, level, "srgb", False, None, [], room.pixels)
    assert pixels is room.pixels
    apart, _ = linearise.linearise(codes, 0.02 * level, level, "srgb", False, None, [])
    np.testing.assert_array_equal(pixels, apart)
    whole = (codes.astype(np.float64) - 0.02 * level) / (level - 0.02 * level)
    np.testing.assert_array_equal(pixels, curves.decode(whole))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm", ".dng", ".jpg"])
@pytest.mark.parametrize("strip", [1, 1000])
def test_strips_do_not_show(tmp_path, monkeypatch, suffix, strip):
    linear = np.random.default_rng(0).normal(0.4, 0.4, (67, 41, 3)).astype(np.float32)
    whole = read(write(tmp_path / f"whole{suffix}", linear), "color").pixels
    monkeypatch.setattr(strips, "_STRIP", strip)
    parts = read(write(tmp_path / f"parts{suffix}", linear), "color").pixels
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm", ".dng"])
def test_a_strip_that_fails_leaves_no_file(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(strips, "_STRIP", 1000)
    linear = np.full((67, 41, 3), 0.5, np.float32)
    linear[-2:, 3] = np.nan
    with pytest.raises(OutputError, match="6 values that are NaN or infinite; nothing was written"):
        write(tmp_path / f"a{suffix}", linear)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_stopped_halfway(tmp_path, monkeypatch, suffix, error):
    monkeypatch.setattr(strips, "_STRIP", 1000)
    (tmp_path / f"a{suffix}").write_bytes(b"old")
    rows = strips.Picture.rows

    def stopped(self, start, stop):
        if start > 30:
            raise error
        return rows(self, start, stop)

    monkeypatch.setattr(strips.Picture, "rows", stopped)
    with pytest.raises(error):
        write(tmp_path / f"a{suffix}", np.full((67, 41, 3), 0.5, np.float32), overwrite=True)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(f"a{suffix}", b"old")]


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_a_tiff_over_4_gb_is_a_bigtiff(tmp_path, monkeypatch, bits):
    monkeypatch.setattr(tiff_write, "_LARGEST", 1000)
    linear = np.random.default_rng(0).random((67, 41, 3), np.float32)
    path = write(tmp_path / "big.tif", linear, bits=bits)
    assert path.read_bytes()[:4] == b"II+\0"
    monkeypatch.undo()
    small = write(tmp_path / "small.tif", linear, bits=bits)
    np.testing.assert_array_equal(read(path, "color").pixels, read(small, "color").pixels)
    np.testing.assert_array_equal(tifffile.imread(path), tifffile.imread(small))


def peak(call):
    """Most memory that a call had in use at a time, in bytes, and what it gave back."""
    tracemalloc.start()
    try:
        found = call()
        return tracemalloc.get_traced_memory()[1], found
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packing", [{}, {"compression": "zlib", "rowsperstrip": 64}, {"tile": (256, 256)}])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_reading_needs_hardly_more_than_the_pixels(tmp_path, monkeypatch, packing, kind):
    # The parts themselves are of a fixed size, which would be much for a small picture.
    monkeypatch.setattr(tiff, "_BUFFER", 1 << 18)
    monkeypatch.setattr(png_rows, "_STRIP", 1 << 18)
    codes = make.scaled(np.random.default_rng(0).random((2500, 3000)), kind)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="minisblack", **packing)
    most, frame = peak(lambda: read(tmp_path / "a.tif", "mono"))
    assert most < 1.2 * frame.pixels.nbytes
    if kind is not np.float32:
        cv2.imwrite(str(tmp_path / "a.png"), codes)
        most, frame = peak(lambda: read(tmp_path / "a.png", "mono"))
        assert most < 1.2 * frame.pixels.nbytes


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ppm", "a.dng"])
def test_writing_needs_little_memory(tmp_path, name):
    linear = np.random.default_rng(0).random((2000, 1500, 3), np.float32)
    most, _ = peak(lambda: write(tmp_path / name, linear))
    assert most < 0.5 * linear.nbytes


def test_pages_that_need_other_codecs_still_say_so(tmp_path):
    stream = io.BytesIO()
    tifffile.imwrite(stream, make.gray(dtype=np.uint16), compression="zlib")
    data = bytearray(stream.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        struct.pack_into("<H", data, file.pages[0].tags["Compression"].valueoffset, 34887)  # LERC
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="packed with LERC"):
        read(tmp_path / "a.tif", "mono")


def test_holes_of_a_stage_picture_are_black(tmp_path):
    values = np.random.default_rng(0).random((40, 30), np.float32)
    values[3:5, 7] = np.nan
    path = write_gray(tmp_path / "a.png", values, holes=True)
    filled = np.nan_to_num(values, nan=0.0)
    np.testing.assert_array_equal(stored(path), stored(write_gray(tmp_path / "b.png", filled)))
