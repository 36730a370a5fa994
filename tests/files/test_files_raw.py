"""Raw files as frames: what was photographed comes out, whatever pattern, turn, level and color it was stored with."""

from __future__ import annotations

import numpy as np
import picture_makers as make
import pytest
import raw_makers
from raw_makers import CFA, LINEAR_RAW

from dualcam.camera import sensor
from dualcam.camera.develop import develop
from dualcam.camera.sensor import PATTERNS
from dualcam.errors import InputError, UsageError
from dualcam.files.dng import encode_dng, write_dng
from dualcam.files.ifd import BYTE, LONG, RATIONAL, SHORT, Tag
from dualcam.files.metadata import CameraFacts, camera_facts, orientation
from dualcam.files.probe import SensorFacts, probe
from dualcam.files.read import read

MATRIX = np.array([[1.6, -0.4, -0.2], [-0.2, 1.5, -0.3], [0.05, -0.55, 1.5]])
GAINS = (2.0, 1.0, 1.6)
CAMERA = CameraFacts("Maker", "Model 7", 0.01, 1600, 2.8, 35.0, "2024:05:01 22:10:03")


def samples(height=32, width=48, low=0, high=4096):
    return np.random.default_rng(height * width).integers(low, high, (height, width)).astype(np.uint16)


@pytest.fixture
def file(tmp_path):
    def write(data, name="a.dng"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [(32, 48), (33, 47), (32, 47), (33, 48)])
def test_turned_upright_with_its_pattern(file, pattern, size):
    upright = samples(*size)
    letters = np.tile(np.array(list(pattern)).reshape(2, 2), (24, 24))[: size[0], : size[1]]
    reference = read(file(encode_dng(upright, pattern=pattern, white=4095)), "color")
    assert reference.mosaic.pattern == pattern
    for way in range(2, 9):
        stored = "".join(make.stored_as(letters, way)[:2, :2].ravel())
        data = encode_dng(make.stored_as(upright, way), pattern=stored, white=4095, orientation=way)
        frame = read(file(data), "color")
        assert frame.mosaic.pattern == pattern
        np.testing.assert_array_equal(frame.mosaic.samples, reference.mosaic.samples)
        np.testing.assert_array_equal(frame.pixels, reference.pixels)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("way", [1, 2, 6])
def test_levels_by_place(file, pattern, way):
    """A black level for each place of the pattern, noise under it included, goes with its place."""
    black = (60, 70, 80, 90)
    stored = samples(33, 48, 40, 1024)
    data = encode_dng(stored, pattern=pattern, black=black, white=1023, orientation=way)
    frame = read(file(data), "color")
    wanted = np.empty(stored.shape)
    for place, level in enumerate(black):
        at = (slice(place // 2, None, 2), slice(place % 2, None, 2))
        wanted[at] = (stored[at] - float(level)) / (1023 - level)
    got = make.stored_as(frame.mosaic.samples, way)
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    assert got.min() < 0
    assert (frame.origin.bits, frame.origin.curve, frame.origin.format) == (10, "linear", "DNG")


def test_values_over_white_are_clipped(file):
    stored = samples(high=5000)
    frame = read(file(encode_dng(stored, pattern="RGGB", white=4095)), "color")
    np.testing.assert_allclose(frame.mosaic.samples, np.minimum(stored / 4095, 1), rtol=1e-6)


@pytest.mark.parametrize("top", [2, 3])
@pytest.mark.parametrize("left", [4, 5])
def test_active_area(file, top, left):
    """The pattern and the black levels begin at the active area. At odd margins LibRaw leaves out a row or column."""
    stored, black = samples(64, 80, 100), np.array([[10.5, 20], [30, 40]])
    area = stored[top:61, left:78]
    data = raw_makers.dng(
        stored,
        Tag(50829, LONG, [top, left, 61, 78]),
        Tag(50713, SHORT, [2, 2]),
        Tag(50714, RATIONAL, black.ravel()),
    )
    frame = read(file(data), "color")
    rows, columns = top % 2, left % 2
    levels = np.tile(black, (32, 40))[: area.shape[0], : area.shape[1]]
    wanted = ((area - levels) / (4095 - levels))[rows:, columns:]
    np.testing.assert_allclose(frame.mosaic.samples, wanted, atol=1e-6)
    letters = np.tile([["R", "G"], ["G", "B"]], (2, 2))[rows:, columns:]
    assert frame.mosaic.pattern == "".join(letters[:2, :2].ravel())


def test_fractions_of_black_are_kept(file):
    data = raw_makers.dng(samples(), Tag(50714, RATIONAL, [63.75]))
    np.testing.assert_allclose(
        read(file(data), "color").mosaic.samples, (samples() - 63.75) / (4095 - 63.75), atol=1e-6
    )


def test_unusual_black_levels_are_left_to_libraw(file):
    places = [Tag(50713, SHORT, [2, 2]), Tag(50714, SHORT, [10, 20, 30, 40])]
    by_place = raw_makers.dng(samples(), *places, Tag(50716, RATIONAL, [0.0] * 32))
    assert probe(file(by_place)).sensor.black == (10, 20, 30, 40)
    rows = raw_makers.dng(samples(), Tag(50714, SHORT, [100]), Tag(50716, RATIONAL, [2.0] * 32))
    assert probe(file(rows)).sensor.black == (102,)
    large = raw_makers.dng(samples(), Tag(50713, SHORT, [4, 4]), Tag(50714, SHORT, [7] * 16))
    assert probe(file(large)).sensor.black == (7,)


def test_colors_come_out(file):
    color = np.array([0.35, 0.25, 0.3])
    camera = np.linalg.solve(MATRIX, color) / GAINS
    flat = np.broadcast_to(camera, (40, 52, 3)).astype(np.float32)
    stored = np.rint(sensor.mosaic(flat, "GRBG") * (16383 - 512) + 512).astype(np.uint16)
    data = encode_dng(stored, pattern="GRBG", black=512, white=16383, white_balance=GAINS, matrix=MATRIX)
    frame = read(file(data), "color")
    np.testing.assert_allclose(frame.mosaic.white_balance, GAINS, rtol=1e-6)
    np.testing.assert_allclose(frame.mosaic.matrix, MATRIX, atol=3e-4)
    np.testing.assert_allclose(frame.mosaic.matrix.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(frame.pixels, np.broadcast_to(color, frame.pixels.shape), atol=3e-4)


def test_by_default_camera_color_is_linear_srgb(file):
    picture = make.rgb(40, 52, dtype=np.float32)
    stored = np.rint(sensor.mosaic(picture) * 65535).astype(np.uint16)
    frame = read(file(encode_dng(stored, pattern="RGGB", white=65535)), "color")
    np.testing.assert_allclose(sensor.mosaic(frame.pixels), sensor.mosaic(picture), atol=1e-5)
    np.testing.assert_allclose(frame.pixels[4:-4, 4:-4], picture[4:-4, 4:-4], atol=0.02)
    np.testing.assert_array_equal(frame.pixels, develop(frame.mosaic))


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ([50728], ["no white balance in the file: daylight assumed"]),
        ([50721], ["the camera's colors are unknown: taken as sRGB"]),
    ],
)
def test_missing_colors_are_replaced_and_noted(file, without, words):
    frame = read(file(raw_makers.dng(samples(), without=without)), "color")
    assert list(frame.origin.notes) == words
    np.testing.assert_allclose(frame.mosaic.white_balance, 1, atol=1e-3)
    np.testing.assert_allclose(frame.mosaic.matrix, np.eye(3), atol=1e-3)


def test_daylight_white_balance_comes_from_the_matrix(file):
    data = encode_dng(samples(), pattern="RGGB", white=4095, white_balance=GAINS, matrix=MATRIX)
    # The tag is made unknown instead of being cut out.
    hidden = data.replace(
        (50728).to_bytes(2, "little") + b"\5\0\3\0", (50999).to_bytes(2, "little") + b"\5\0\3\0"
    )
    assert hidden != data
    np.testing.assert_allclose(read(file(hidden), "color").mosaic.white_balance, GAINS, rtol=1e-3)


@pytest.mark.parametrize("way", range(1, 9))
def test_monochrome(file, way):
    stored = samples(33, 48, 50)
    frame = read(file(encode_dng(stored, pattern=None, black=64, white=4095, orientation=way)), "mono")
    np.testing.assert_allclose(make.stored_as(frame.pixels[..., 0], way), (stored - 64.0) / 4031, atol=1e-6)
    assert frame.pixels.min() < 0
    assert frame.mosaic is None
    assert frame.pixels.dtype == np.float32


def test_linear_dng_is_read_as_it_was_demosaiced(file):
    stored = np.dstack([samples(), samples() // 2 + 1, samples() // 3 + 2])
    tags = (
        Tag(262, SHORT, [LINEAR_RAW]),
        Tag(50714, SHORT, [10, 20, 30]),
        Tag(50728, RATIONAL, [0.5, 1, 1]),
        Tag(274, SHORT, [6]),
    )
    frame = read(file(raw_makers.dng(stored, *tags, without=[33421, 33422])), "color")
    black = np.array([10, 20, 30])
    wanted = (stored - black) / (4095.0 - black) * (2, 1, 1)
    quiet = wanted.max(axis=2) < 0.9
    np.testing.assert_allclose(make.stored_as(frame.pixels, 6)[quiet], wanted[quiet], atol=1e-5)
    assert frame.mosaic is None
    with pytest.raises(InputError, match="looks like a color picture"):
        read(file(raw_makers.dng(stored, *tags, without=[33421, 33422])), "mono")


def test_preview_first_and_mosaic_in_a_sub_directory(file):
    """The way Adobe's converter and many cameras store it; the name does not matter."""
    data = raw_makers.dng_with_preview(samples(), make.rgb(16, 20))
    frame = read(file(data, "a.tif"), "color")
    np.testing.assert_allclose(frame.mosaic.samples, (samples() - 64.5) / (4095 - 64.5), atol=1e-6)
    assert frame.mosaic.pattern == "BGGR"
    np.testing.assert_allclose(frame.mosaic.white_balance, (2, 1, 1.5), rtol=1e-6)
    assert camera_facts(frame.origin.exif).make == "Maker"


def test_role_is_checked(file):
    with pytest.raises(InputError, match="color sensor") as caught:
        read(file(encode_dng(samples(), pattern="RGGB", white=4095)), "mono")
    assert "--mono-pattern none" in caught.value.remedy
    unfiltered = read(file(encode_dng(samples(), pattern="RGGB", white=4095)), "mono", pattern="none")
    assert unfiltered.mosaic is None
    np.testing.assert_allclose(unfiltered.pixels[..., 0], samples() / 4095, atol=1e-6)
    with pytest.raises(InputError, match="holds no color"):
        read(file(encode_dng(samples(), pattern=None, white=4095)), "color")


def test_exif_is_kept(file):
    data = encode_dng(samples(), pattern="RGGB", white=4095, orientation=6, camera=CAMERA)
    frame = read(file(data), "color")
    assert camera_facts(frame.origin.exif) == CAMERA
    assert orientation(frame.origin.exif) == 1


def test_white_and_curve_options(file):
    path = file(encode_dng(samples(), pattern="RGGB", black=96, white=4095))
    frame = read(path, "color", white=2144, curve="linear")
    np.testing.assert_allclose(frame.mosaic.samples, np.minimum((samples() - 96.0) / 2048, 1), atol=1e-6)
    assert frame.origin.notes == ("values over the white of 2144 clipped",)
    assert frame.origin.bits == 12
    with pytest.raises(UsageError, match="black at 96"):
        read(path, "color", white=96)
    with pytest.raises(UsageError, match="are linear"):
        read(path, "color", curve="srgb")


@pytest.mark.parametrize(("pattern", "channels"), [("GBRG", 3), (None, 1)])
def test_probe(file, pattern, channels):
    black = 16 if pattern is None else (16, 17, 18, 19)
    gains = (1, 1, 1) if pattern is None else GAINS
    data = encode_dng(
        samples(), pattern=pattern, black=black, white=1023, white_balance=gains, orientation=6, camera=CAMERA
    )
    facts = probe(file(data))
    assert (facts.format, facts.width, facts.height, facts.channels) == ("DNG", 32, 48, channels)
    assert (facts.bits, facts.white, facts.curve, facts.orientation) == (10, 1023, "linear", 6)
    assert facts.role_guess == ("mono" if pattern is None else "color")
    assert facts.camera == CAMERA
    assert facts.sensor == SensorFacts(
        pattern or "", (16,) if pattern is None else black, () if pattern is None else pytest.approx(GAINS)
    )


X_TRANS = "GGRGGB GGBGGR BRGRBG GGBGGR GGRGGB RBGBRG".replace(" ", "")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ([Tag(33421, SHORT, [6, 6]), Tag(33422, BYTE, ["RGB".index(c) for c in X_TRANS])], "X-Trans"),
        ([Tag(33421, SHORT, [4, 4]), Tag(33422, BYTE, [0, 0, 1, 1] * 2 + [1, 1, 2, 2] * 2)], "RRGG"),
        ([Tag(33422, BYTE, [0, 1, 2, 1])], "RGBG"),
        ([Tag(33422, BYTE, [3, 4, 1, 5]), Tag(50710, BYTE, [3, 4, 1, 5])], "no Bayer"),
        ([Tag(50718, RATIONAL, [1, 2])], "not square"),
        ([Tag(50711, SHORT, [2])], "45 degrees"),
        ([Tag(259, SHORT, [52546])], "LibRaw cannot decode"),
        ([Tag(259, SHORT, [7])], "corrupt"),
        ([Tag(50714, SHORT, [4095])], "black is 4095"),
        ([Tag(256, LONG, [30000]), Tag(257, LONG, [30000])], "too large"),
        ([Tag(256, LONG, [300]), Tag(257, LONG, [300])], "corrupt"),
    ],
)
def test_other_layouts_are_refused(file, capfd, tags, words):
    path = file(raw_makers.dng(samples(64, 80), *tags))
    for step in (lambda: read(path, "color"), lambda: probe(path)):
        with pytest.raises(InputError, match=words) as caught:
            step()
        assert str(path) in caught.value.cause
        assert caught.value.remedy
    assert capfd.readouterr().err == ""


def test_four_channels_are_refused(file):
    stored = np.dstack([samples()] * 4)
    with pytest.raises(InputError, match="holds no mosaic"):
        read(file(raw_makers.dng(stored, Tag(262, SHORT, [LINEAR_RAW]), without=[33421, 33422])), "color")


def test_black_frame_is_refused(file):
    with pytest.raises(InputError, match="every sample is 7"):
        read(file(raw_makers.dng(np.full((32, 48), 7, np.uint16), Tag(262, SHORT, [CFA]))), "color")


def test_phase_one_and_foveon_are_named(file):
    for data, name in ((b"II*\0\x08\0\0\0IIII", "a.tif"), (raw_makers.dng(samples()), "a.iiq")):
        with pytest.raises(InputError, match="Phase One"):
            read(file(data, name), "color")
    with pytest.raises(InputError, match="Foveon"):
        read(file(b"FOVb" + bytes(100), "a.x3f"), "color")


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3, 0.6, 0.95, 1.0])
@pytest.mark.parametrize("kind", ["bayer", "monochrome", "preview"])
def test_truncated(file, capfd, kind, share):
    whole = {
        "bayer": encode_dng(samples(), pattern="RGGB", white=4095),
        "monochrome": encode_dng(samples(), pattern=None, white=4095),
        "preview": raw_makers.dng_with_preview(samples(), make.rgb(16, 20)),
    }[kind]
    path = file(whole[: min(int(len(whole) * share), len(whole) - 4)])
    with pytest.raises(InputError, match="truncated or corrupt"):
        read(path, "mono" if kind == "monochrome" else "color")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["bayer", "preview"])
def test_random_damage_never_escapes(file, capfd, kind):
    whole = {
        "bayer": encode_dng(samples(), pattern="RGGB", white=4095, camera=CAMERA),
        "preview": raw_makers.dng_with_preview(samples(), make.rgb(16, 20)),
    }[kind]
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 8))):
            data[int(rng.integers(len(data) - 3000 if rng.random() < 0.8 else len(data)))] = int(
                rng.integers(256)
            )
        path = file(bytes(data))
        try:
            frame = read(path, "color")
            assert np.isfinite(frame.pixels).all()
        except InputError:
            refused += 1
    assert refused > 5
    assert capfd.readouterr().err == ""


def test_write_then_read(tmp_path):
    path = write_dng(tmp_path / "a.dng", samples(), pattern="BGGR", white=4095)
    assert read(path, "color").origin.path == path
