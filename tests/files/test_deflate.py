"""Deflate by ISA-L and by zlib: both are unpacked by either."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from dualcam.files import deflate


@pytest.fixture(params=["ISA-L", "zlib"])
def engine(request, monkeypatch):
    if request.param == "zlib":
        monkeypatch.setattr(deflate, "fast", None)
    elif deflate.fast is None:
        pytest.skip("no ISA-L for this processor")
    return request.param


@pytest.fixture
def noise():
    """Differences between samples of a picture, most of them small."""
    return np.random.default_rng(0).normal(0, 9, 300_000).astype(np.int8).view(np.uint8)


def test_a_whole_stream(engine, noise):
    packed = deflate.packed(noise.data)
    assert zlib.decompress(packed) == noise.tobytes()
    assert len(packed) < 0.75 * noise.nbytes


def test_parts_make_a_stream(engine, noise):
    parts = [deflate.packed_part(half.data) for half in np.array_split(noise, 3)]
    end = b"\x03\x00" + deflate.adler32(noise.data).to_bytes(4, "big")
    stream = b"".join([b"\x78\x01", *parts, end])
    assert zlib.decompress(stream) == noise.tobytes()
    unpacker = deflate.unpacker()
    assert unpacker.decompress(stream[:1000]) + unpacker.decompress(stream[1000:]) == noise.tobytes()
    assert unpacker.eof


def test_streams_of_zlib_are_unpacked(engine, noise):
    for data in (noise.tobytes(), bytes(noise.nbytes), np.random.default_rng(1).bytes(noise.nbytes)):
        for level in (0, 1, 6, 9):
            packed, unpacker = zlib.compress(data, level), deflate.unpacker()
            pieces = [packed[start : start + 1000] for start in range(0, len(packed), 1000)]
            assert b"".join(map(unpacker.decompress, pieces)) == data
            assert unpacker.eof


def test_damage_is_seen(engine, noise):
    packed = bytearray(deflate.packed(noise.data))
    packed[-1] ^= 1
    with pytest.raises(deflate.ERRORS):
        deflate.unpacker().decompress(bytes(packed))
    with pytest.raises(deflate.ERRORS):
        deflate.unpacker().decompress(b"\xff" + bytes(packed[1:]))


def test_checksums_are_zlibs(engine, noise):
    first, rest = noise[:1000].data, noise[1000:].data
    assert deflate.crc32(rest, deflate.crc32(first)) == zlib.crc32(noise.data)
    assert deflate.adler32(rest, deflate.adler32(first)) == zlib.adler32(noise.data)
