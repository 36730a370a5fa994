"""What is written reads back, tagged, described, and complete or not at all."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import picture_makers as make
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from dualcam._version import __version__
from dualcam.errors import OutputError
from dualcam.files import metadata, png, png_write
from dualcam.files.probe import probe
from dualcam.files.read import read
from dualcam.files.strips import ready
from dualcam.files.write import SUFFIXES, write, write_gray
from dualcam.frame import Origin

COLOR = make.to_linear(make.rgb(dtype=np.float64)).astype(np.float32)
GRAY = COLOR[..., 0]
EXACT = [
    (".png", None, 16),
    (".png", 8, 8),
    (".tif", None, 16),
    (".tiff", 8, 8),
    (".tif", 32, 32),
    (".ppm", None, 16),
    (".ppm", 8, 8),
]


@pytest.mark.parametrize(("suffix", "bits", "depth"), EXACT)
def test_roundtrip(tmp_path, suffix, bits, depth):
    path = write(tmp_path / f"a{suffix}", COLOR, bits=bits)
    frame = read(path, "color")
    assert frame.origin.bits == depth
    assert frame.origin.notes == ()
    step = 1e-7 if depth == 32 else 0.51 / (2**depth - 1) + 2e-6
    tight = COLOR if depth == 32 else make.to_display(COLOR)
    back = frame.pixels if depth == 32 else make.to_display(np.clip(frame.pixels, 0, 1))
    np.testing.assert_allclose(back, tight, atol=step)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm", ".jpg"])
def test_roundtrip_gray(tmp_path, suffix):
    frame = read(write(tmp_path / f"a{suffix}", GRAY[..., None]), "mono")
    tolerance = 0.05 if suffix == ".jpg" else 3e-5
    np.testing.assert_allclose(make.to_display(frame.pixels[..., 0]), make.to_display(GRAY), atol=tolerance)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".JPG"])
def test_lossy_roundtrip(tmp_path, suffix):
    frame = read(write(tmp_path / f"a{suffix}", COLOR), "color")
    assert np.abs(make.to_display(np.clip(frame.pixels, 0, 1)) - make.to_display(COLOR)).mean() < 0.02


def test_jpeg_has_full_chroma(tmp_path):
    from PIL import JpegImagePlugin

    with Image.open(write(tmp_path / "a.jpg", COLOR)) as image:
        assert JpegImagePlugin.get_sampling(image) == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31),
    height=st.integers(16, 40),
    width=st.integers(16, 40),
    kind=st.sampled_from([(".png", 8), (".png", 16), (".tif", 16), (".tif", 8), (".tif", 32)]),
)
def test_write_then_read_is_the_identity(tmp_path, seed, height, width, kind):
    suffix, bits = kind
    rng = np.random.default_rng(seed)
    if bits == 32:
        linear = rng.normal(0.4, 0.3, (height, width, 3)).astype(np.float32)
        linear = np.minimum(linear, 1.4)  # beyond 1.5 a float file is taken as camera numbers
        back = read(write(tmp_path / f"x{suffix}", linear, bits=bits, overwrite=True), "color").pixels
        np.testing.assert_array_equal(back, linear)
        return
    codes = rng.integers(0, 2**bits, (height, width, 3))
    linear = make.to_linear(codes / (2**bits - 1)).astype(np.float32)
    path = write(tmp_path / f"x{suffix}", linear, bits=bits, overwrite=True)
    back = read(path, "color").pixels
    np.testing.assert_allclose(back, linear, atol=2e-5)
    np.testing.assert_array_equal(np.round(make.to_display(np.clip(back, 0, 1)) * (2**bits - 1)), codes)


def test_other_programs_agree(tmp_path):
    codes = np.round(make.to_display(COLOR) * 65535)
    ours = cv2.imread(str(write(tmp_path / "a.png", COLOR)), cv2.IMREAD_UNCHANGED)[..., ::-1]
    tif = tifffile.imread(write(tmp_path / "a.tif", COLOR))
    assert ours.dtype == tif.dtype == np.uint16
    np.testing.assert_allclose(ours, codes, atol=1)
    np.testing.assert_array_equal(ours, tif)
    with Image.open(tmp_path / "a.png") as image:
        image.load()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("gray", [False, True])
def test_profile_is_embedded(tmp_path, suffix, gray):
    path = write(tmp_path / f"a{suffix}", GRAY if gray else COLOR)
    with Image.open(path) as image:
        data = image.info["icc_profile"]
    space = ImageCms.ImageCmsProfile(io.BytesIO(data)).profile.xcolor_space.strip()
    assert space == ("GRAY" if gray and suffix != ".webp" else "RGB")
    assert probe(path).profile


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_exif_survives(tmp_path, suffix):
    thumbnail = make.pillow(make.rgb(), "JPEG")
    source = tmp_path / "in.jpg"
    block = make.exif_block(6, thumbnail)
    source.write_bytes(make.pillow(make.rgb(48, 32), "JPEG", exif=block))
    frame = read(source, "color")
    assert frame.pixels.shape == (32, 48, 3)
    assert thumbnail[:50] not in frame.origin.exif
    assert b"MAKERNOTE" not in frame.origin.exif
    path = write(tmp_path / f"out{suffix}", COLOR, origin=frame.origin, provenance="made by a test")
    facts = probe(path)
    assert (facts.orientation, facts.width, facts.height) == (1, 40, 32)
    camera = facts.camera
    assert (camera.make, camera.model, camera.iso) == ("Maker", "Model 7", 1600)
    assert camera.exposure_s == pytest.approx(0.01)
    assert camera.f_number == pytest.approx(2.8)
    assert camera.focal_mm == pytest.approx(35)
    assert camera.date == "2024:05:01 22:10:03"
    data = path.read_bytes()
    assert thumbnail[:50] not in data
    with Image.open(path) as image:
        exif = image.getexif()
        inner = exif.get_ifd(0x8769)
        assert exif[0x0112] == 1
        assert exif[0x0131] == f"dualcam {__version__}"
        assert (inner[0xA002], inner[0xA003], inner[0xA001]) == (40, 32, 1)
        assert exif.get_ifd(0x8825)[1] == "N"
    # And through a second generation.
    again = write(tmp_path / f"again{suffix}", COLOR, origin=read(path, "color").origin)
    assert probe(again).camera == camera


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".ppm"])
def test_provenance_is_stored(tmp_path, suffix):
    data = write(tmp_path / f"a{suffix}", COLOR, provenance="fused by a test").read_bytes()
    assert b"fused by a test" in data


def test_output_is_deterministic(tmp_path):
    for suffix in SUFFIXES:
        picture = GRAY if suffix == ".pgm" else COLOR
        first = write(tmp_path / f"a{suffix}", picture, provenance="p").read_bytes()
        assert write(tmp_path / f"b{suffix}", picture, provenance="p").read_bytes() == first


def test_out_of_range_is_clipped_but_not_in_float(tmp_path):
    wild = COLOR * 3 - 1
    np.testing.assert_array_equal(
        np.clip(read(write(tmp_path / "a.png", wild), "color").pixels, 0, 1) == 1, np.clip(wild, 0, 1) == 1
    )
    np.testing.assert_array_equal(tifffile.imread(write(tmp_path / "a.tif", wild, bits=32)), wild)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_nan_writes_nothing(tmp_path, bad, suffix):
    picture = COLOR.copy()
    picture[3, 3, 1] = bad
    with pytest.raises(OutputError, match=r"1 values that are NaN .* nothing was written"):
        write(tmp_path / f"a{suffix}", picture)
    assert list(tmp_path.iterdir()) == []


def test_refusals(tmp_path):
    for name, options, word in [
        ("a.bmp", {}, r"\.png, \.tif"),
        ("a", {}, "no suffix"),
        ("a.jpg", {"bits": 16}, "16 bits"),
        ("a.png", {"bits": 32}, "32 bits"),
        ("a.pgm", {}, "PPM"),
        ("none/a.png", {}, "does not exist"),
    ]:
        with pytest.raises(OutputError, match=word):
            write(tmp_path / name, COLOR, **options)
    with pytest.raises(OutputError, match="shape"):
        write(tmp_path / "a.png", np.zeros((4, 4, 2)))
    with pytest.raises(OutputError, match="too large"):
        write(tmp_path / "a.webp", np.zeros((2, 16384, 3), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_existing_file_is_kept(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists"):
        write(path, COLOR)
    assert path.read_bytes() == b"precious"
    write(path, COLOR, overwrite=True)
    assert read(path, "color").pixels.shape == (32, 40, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".ppm", ".dng"])
def test_disk_full_leaves_nothing(tmp_path, monkeypatch, suffix):
    from pathlib import Path

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    def open_full(self, mode):
        return Full(self, mode)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(OutputError, match="No space left"):
        write(tmp_path / f"a{suffix}", COLOR)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_write_gray_has_no_curve(tmp_path, suffix):
    values = np.linspace(0, 1, 32 * 40, dtype=np.float32).reshape(32, 40)
    path = write_gray(tmp_path / f"map{suffix}", values)
    frame = read(path, "mono", curve="linear")
    assert frame.origin.bits == 8
    assert frame.origin.profile == ""
    np.testing.assert_allclose(frame.pixels[..., 0], values, atol=0.51 / 255)


def test_write_gray_takes_stages_and_float(tmp_path):
    picture = make.rgb(dtype=np.float32)
    with Image.open(write_gray(tmp_path / "stage.png", picture)) as image:
        np.testing.assert_allclose(np.asarray(image) / 255, picture, atol=0.51 / 255)
    np.testing.assert_array_equal(tifffile.imread(write_gray(tmp_path / "m.tif", GRAY, bits=32)), GRAY)


def test_broken_exif_does_not_stop_anything(tmp_path):
    rng = np.random.default_rng(0)
    whole = make.exif_block(3)
    for seed in range(40):
        block = bytearray(whole)
        for _ in range(6):
            block[int(rng.integers(6, len(block)))] = int(rng.integers(256))
        if seed % 3 == 0:
            block = block[: int(rng.integers(7, len(block)))]
        path = tmp_path / "a.jpg"
        path.write_bytes(make.pillow(make.rgb(), "JPEG", exif=bytes(block)))
        frame = read(path, "color")
        probe(path)
        write(tmp_path / "b.jpg", COLOR, origin=frame.origin, overwrite=True)
        write(tmp_path / "b.tif", COLOR, origin=frame.origin, overwrite=True)
    broken = Origin(exif=b"\x55" * 40)
    write(tmp_path / "c.png", COLOR, origin=broken)
    assert metadata.sanitise(b"\x55" * 40) is None
    assert metadata.sanitise(None) is None


def test_probe(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(make.pillow(make.rgb(64, 96), "JPEG", exif=make.exif_block(6)))
    facts = probe(path)
    assert (facts.format, facts.width, facts.height, facts.channels) == ("JPEG", 64, 96, 3)
    assert (facts.orientation, facts.bits, facts.sample, facts.white) == (6, 8, "uint8", 255.0)
    assert (facts.profile, facts.curve, facts.role_guess, facts.has_alpha) == ("", "srgb", "color", False)
    same = np.repeat(make.gray()[..., None], 3, axis=2)
    for data, role in [
        (make.png(make.gray(dtype=np.uint16)), "mono"),
        (make.png(same), "mono"),
        (make.tiff(make.rgb(dtype=np.float32)), "color"),
        # The header is whole, the pixels are not.
        (
            make.tiff(make.rgb(), compression="zlib").replace(b"x\x9c", b"xx").replace(b"x\xda", b"xx"),
            "unknown",
        ),
    ]:
        (tmp_path / "b").write_bytes(data)
        assert probe(tmp_path / "b").role_guess == role


@pytest.mark.parametrize("shape", [(1, 1), (129, 3), (300, 1, 3), (257, 40, 3), (128, 7)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_png_of_any_size_in_strips(shape, kind):
    codes = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    stream = io.BytesIO()
    png_write.write(stream, ready(codes), [(b"tEXt", b"Software\0x")])
    data = stream.getvalue()
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found if codes.ndim == 2 else found[..., ::-1], codes)
    kinds = [kind for kind, _ in png.chunks(io.BytesIO(data))]
    assert kinds[:2] == [b"IHDR", b"tEXt"] and kinds[-1] == b"IEND"
    # OpenCV does not look at the stream's own checksum.
    packed = b"".join(body for kind, body in png.chunks(io.BytesIO(data)) if kind == b"IDAT")
    assert len(zlib.decompress(packed)) == shape[0] * (1 + codes[0].nbytes)
