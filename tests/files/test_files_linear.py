"""Linear outputs come back as they were: in dualcam, in LibRaw, and for programs that know profiles."""

from __future__ import annotations

import io
import struct

import numpy as np
import picture_makers as make
import pytest
import rawpy
import tifffile
from PIL import Image, ImageCms

from dualcam.errors import OutputError
from dualcam.files import icc
from dualcam.files.lineardng import linear_dng_head
from dualcam.files.metadata import CameraFacts, camera_facts
from dualcam.files.probe import probe
from dualcam.files.read import read
from dualcam.files.write import write, write_gray

STEP = 1 / 65535


def picture(height=40, width=56):
    """Colors from black to white, also dark ones, whose maximum is far from white."""
    return make.rgb(height, width, dtype=np.float32)


def origin(tmp_path):
    (tmp_path / "mono.jpg").write_bytes(make.pillow(make.gray(), "JPEG", exif=make.exif_block()))
    return read(tmp_path / "mono.jpg", "mono").origin


@pytest.mark.parametrize("exposure", [1.0, 0.3, 0.02])
def test_libraw_develops_a_dng_to_the_same_picture(tmp_path, exposure):
    path = write(tmp_path / "out.dng", picture() * np.float32(exposure))
    with rawpy.imread(str(path)) as raw:
        developed = raw.postprocess(
            gamma=(1, 1), no_auto_bright=True, use_camera_wb=True, output_bps=16, adjust_maximum_thr=0.0
        )
        np.testing.assert_allclose(raw.camera_whitebalance[:3], raw.camera_whitebalance[1], rtol=1e-6)
    np.testing.assert_allclose(developed / 65535, picture() * exposure, atol=2.5 * STEP)


def test_libraw_default_rendering_is_srgb(tmp_path):
    """As a viewer would show it, but for automatic brightness."""
    path = write(tmp_path / "out.dng", picture())
    with rawpy.imread(str(path)) as raw:
        shown = raw.postprocess(no_auto_bright=True, use_camera_wb=True, gamma=(2.4, 12.92))
    np.testing.assert_allclose(shown / 255, make.to_display(picture()), atol=1.5 / 255)


def test_dualcam_reads_its_own_dng(tmp_path):
    path = write(tmp_path / "out.dng", picture(), origin=origin(tmp_path), provenance="made of a and b")
    frame = read(path, "color")
    inside = picture().max(axis=2) < 0.94  # beyond, highlights are limited to the clipped channel
    np.testing.assert_allclose(frame.pixels[inside], picture()[inside], atol=STEP)
    assert frame.mosaic is None
    assert frame.origin.bits == 16 and frame.origin.format == "DNG"
    facts = camera_facts(frame.origin.exif)
    assert (facts.model, facts.exposure_s, facts.iso, facts.f_number) == ("Model 7", 0.01, 1600, 2.8)
    assert facts.date == "2024:05:01 22:10:03"
    assert (probe(path).role_guess, probe(path).white) == ("color", 65535)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].tags[270].value == "made of a and b"
        assert file.pages[0].tags[274].value == 1


def test_highlights_of_a_dng_are_clipped(tmp_path):
    path = write(tmp_path / "out.dng", picture() * 3 - 0.5)
    with tifffile.TiffFile(path) as file:
        stored = file.pages[0].asarray()
    np.testing.assert_array_equal(stored, np.rint(np.clip(picture() * 3 - 0.5, 0, 1) * 65535))


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_linear_with_a_profile_that_says_so(tmp_path, suffix):
    path = write(tmp_path / f"out{suffix}", picture(), curve="linear", origin=origin(tmp_path))
    frame = read(path, "color")
    np.testing.assert_allclose(frame.pixels, picture(), atol=STEP)
    assert (frame.origin.curve, frame.origin.profile) == ("icc", "sRGB, linear")
    assert camera_facts(frame.origin.exif).model == "Model 7"
    gray = write(tmp_path / f"gray{suffix}", picture()[..., 0], curve="linear")
    np.testing.assert_allclose(read(gray, "mono").pixels[..., 0], picture()[..., 0], atol=STEP)


@pytest.mark.parametrize("gray", [False, True])
def test_littlecms_shows_the_linear_profile_right(gray):
    display = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(display if gray else np.dstack([display, display // 2, 255 - display]))
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc.srgb_profile(gray, linear=True)))
    shown = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    stored = np.asarray(image)[..., None] if gray else np.asarray(image)
    wanted = np.broadcast_to(make.to_display(stored / 255) * 255, (16, 16, 3))
    # LittleCMS has too few places for the steep beginning of a gray curve at 8 bits.
    bright = np.broadcast_to(stored >= (10 if gray else 0), (16, 16, 3))
    np.testing.assert_allclose(np.asarray(shown)[bright], wanted[bright], atol=1.5)
    parsed = icc.parse(icc.srgb_profile(gray, linear=True))
    np.testing.assert_allclose(parsed.curves[0](np.linspace(0, 1, 9)), np.linspace(0, 1, 9), atol=1e-6)


def test_the_usual_profile_is_the_same_as_before():
    assert icc.parse(icc.srgb_profile()).description == "sRGB"
    assert icc.srgb_profile() != icc.srgb_profile(linear=True)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.png", {"curve": "linear", "bits": 8}, "cannot be linear"),
        ("a.jpg", {"curve": "linear"}, "cannot be linear"),
        ("a.ppm", {"curve": "linear"}, "cannot be linear"),
        ("a.dng", {"curve": "srgb"}, "no place for the sRGB curve"),
        ("a.tif", {"curve": "srgb", "bits": 32}, "no place for the sRGB curve"),
        ("a.png", {"curve": "log"}, "no output curve"),
        ("a.dng", {"bits": 8}, "cannot hold 8 bits"),
    ],
)
def test_what_a_format_does_not_hold(tmp_path, name, options, words):
    with pytest.raises(OutputError, match=words):
        write(tmp_path / name, picture(), **options)
    assert list(tmp_path.iterdir()) == []


def test_a_map_is_no_dng(tmp_path):
    with pytest.raises(OutputError, match="cannot hold"):
        write_gray(tmp_path / "a.dng", picture()[..., 0], bits=16)
    with pytest.raises(OutputError, match="too large for DNG"):
        linear_dng_head(30_000, 30_000, CameraFacts())


def test_the_same_picture_gives_the_same_dng():
    data = linear_dng_head(*picture().shape[:2], CameraFacts("Maker", "Model 7", 0.01))
    assert data == linear_dng_head(*picture().shape[:2], CameraFacts("Maker", "Model 7", 0.01))
    assert struct.unpack_from("<2sH", data) == (b"II", 42)
