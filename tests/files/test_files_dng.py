"""DNG files as LibRaw sees them: samples, pattern, levels and colors come back as they were given."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rawpy
import tifffile

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import OutputError
from dualcam.files.dng import encode_dng, write_dng
from dualcam.files.ifd import fraction
from dualcam.files.metadata import CameraFacts

MATRIX = np.array([[1.6, -0.4, -0.2], [-0.2, 1.5, -0.3], [0.05, -0.55, 1.5]])
CAMERA = CameraFacts("Maker", "Model 7", 0.01, 1600, 2.8, 35.0, "2024:05:01 22:10:03")


def samples(height=33, width=47, top=4096):
    return np.random.default_rng(3).integers(0, top, (height, width)).astype(np.uint16)


def libraw(data):
    return rawpy.imread(io.BytesIO(data))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_libraw_reads_the_mosaic_bit_exactly(pattern, size):
    stored = samples(*size, top=65536)
    with libraw(encode_dng(stored, pattern=pattern, black=(10, 20, 30, 40), white=65535)) as raw:
        np.testing.assert_array_equal(raw.raw_image, stored)
        assert "".join(raw.color_desc.decode()[i] for i in raw.raw_pattern.ravel()) == pattern
        by_place = [raw.black_level_per_channel[i] for i in raw.raw_pattern.ravel()]
        assert by_place == [10, 20, 30, 40]
        assert raw.white_level == 65535


def test_libraw_reads_a_monochrome_sensor_bit_exactly():
    stored = samples()
    with libraw(encode_dng(stored, pattern=None, black=64, white=4095)) as raw:
        np.testing.assert_array_equal(raw.raw_image, stored)
        assert raw.num_colors == 1
        assert raw.raw_type is rawpy.RawType.Flat
        assert (set(raw.black_level_per_channel), raw.white_level) == ({64}, 4095)


def test_libraw_finds_the_colors():
    gains = (2.1, 1.0, 1.4)
    with libraw(encode_dng(samples(), pattern="RGGB", white=4095, white_balance=gains, matrix=MATRIX)) as raw:
        np.testing.assert_allclose(raw.camera_whitebalance[:3], gains, rtol=1e-6)
        # LibRaw's own constants of sRGB are rounded in the fourth digit.
        np.testing.assert_allclose(raw.color_matrix[:, :3], MATRIX, atol=3e-4)


def test_white_and_identity_by_default():
    with libraw(encode_dng(samples(), pattern="RGGB", white=4095)) as raw:
        np.testing.assert_allclose(raw.camera_whitebalance[:3], 1, rtol=1e-6)
        np.testing.assert_allclose(raw.color_matrix[:, :3], np.eye(3), atol=1e-6)


def test_libraw_develops_the_colors():
    """A flat patch developed by LibRaw itself is the linear sRGB color that the file was made from."""
    gains, color = np.array([2.0, 1.0, 1.6]), np.array([0.5, 0.25, 0.3])
    red, green, blue = np.linalg.solve(MATRIX, color) / gains * 60000
    stored = np.full((64, 64), green, np.uint16)
    stored[::2, ::2], stored[1::2, 1::2] = red, blue
    data = encode_dng(stored, pattern="RGGB", white=60000, white_balance=gains, matrix=MATRIX)
    with libraw(data) as raw:
        linear = raw.postprocess(gamma=(1, 1), no_auto_bright=True, use_camera_wb=True, output_bps=16)
    np.testing.assert_allclose(linear[32, 32] / 65535, color, atol=2e-3)


def test_neutral_has_green_one():
    with libraw(encode_dng(samples(), pattern="RGGB", white=4095, white_balance=(3.0, 1.5, 2.4))) as raw:
        np.testing.assert_allclose(raw.camera_whitebalance[:3], (2.0, 1.0, 1.6), rtol=1e-6)


@pytest.mark.parametrize("pattern", ["GBRG", None])
def test_tags_of_the_specification(pattern):
    with tifffile.TiffFile(
        io.BytesIO(encode_dng(samples(), pattern=pattern, white=4095, camera=CAMERA))
    ) as file:
        tags = {tag.code: tag.value for tag in file.pages[0].tags}
        np.testing.assert_array_equal(file.pages[0].asarray(), samples())
    assert tags[50706] == bytes([1, 4, 0, 0])
    assert tags[50708] == "Maker Model 7"
    assert tags[262] == (34892 if pattern is None else 32803)
    assert (tags[50714], tags[50717]) == (0, 4095)
    assert (33422 in tags, 50721 in tags, 50728 in tags) == (pattern is not None,) * 3
    assert list(tags) == sorted(tags)
    assert tags[34665]["ExposureTime"] == (1, 100)
    assert tags[34665]["ISOSpeedRatings"] == 1600


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_stored(orientation):
    data = encode_dng(samples(), pattern="RGGB", white=4095, orientation=orientation)
    with libraw(data) as raw:
        np.testing.assert_array_equal(raw.raw_image, samples())
        # Bits of LibRaw's flip: 1 mirrors, 2 turns upside down, 4 swaps rows and columns.
        assert raw.sizes.flip == {1: 0, 2: 1, 3: 3, 4: 2, 5: 4, 6: 6, 7: 7, 8: 5}[orientation]


def test_same_arguments_same_bytes():
    arguments = {"pattern": "RGGB", "white": 4095, "white_balance": (1.9, 1, 1.3), "camera": CAMERA}
    assert encode_dng(samples(), **arguments) == encode_dng(samples(), **arguments)


def test_fractions():
    assert fraction(0.01) == (1, 100)
    assert fraction(0) == (0, 1)
    for value in (np.pi, -1e-3 * np.pi, 1e6 * np.pi, 65535.25):
        above, below = fraction(value)
        assert abs(above) < 2**31 and 0 < below < 2**31
        assert above / below == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"samples": samples().astype(np.float32)}, "float32"),
        ({"samples": samples()[..., None]}, "shape"),
        ({"pattern": "RGBG"}, "RGBG"),
        ({"pattern": "XTRANS"}, "XTRANS"),
        ({"black": 4095}, r"black \[4095\]"),
        ({"black": (0, 0)}, "2 black levels"),
        ({"black": (0, 0, 0, 5000)}, "5000"),
        ({"pattern": None, "black": (0, 0, 0, 0)}, "4 black levels"),
        ({"white": 65536}, "65536"),
        ({"white_balance": (1, 1)}, "white balance"),
        ({"white_balance": (1, 0, 1)}, "white balance"),
        ({"white_balance": (1, float("nan"), 1)}, "white balance"),
        ({"matrix": np.ones((3, 3)) / 3}, "matrix"),
        ({"matrix": 2 * np.eye(3)}, "keep white"),
        ({"orientation": 9}, "orientation 9"),
    ],
)
def test_nonsense_is_refused(tmp_path, wrong, word):
    arguments = {"samples": samples(), "pattern": "RGGB", "white": 4095} | wrong
    with pytest.raises(OutputError, match=word) as caught:
        write_dng(tmp_path / "a.dng", arguments.pop("samples"), **arguments)
    assert caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_write_is_complete_or_not_at_all(tmp_path):
    path = write_dng(tmp_path / "a.dng", samples(), pattern="RGGB", white=4095)
    with pytest.raises(OutputError, match="exists"):
        write_dng(path, samples(), pattern=None, white=4095)
    before = path.read_bytes()
    assert before == encode_dng(samples(), pattern="RGGB", white=4095)
    write_dng(path, samples(), pattern=None, white=4095, overwrite=True)
    assert path.read_bytes() != before
    with pytest.raises(OutputError, match="suffix"):
        write_dng(tmp_path / "a.tif", samples(), pattern=None, white=4095)
    assert [p.name for p in tmp_path.iterdir()] == ["a.dng"]
