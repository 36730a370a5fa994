"""Every format and depth reads back to the right linear values."""

from __future__ import annotations

import cv2
import numpy as np
import picture_makers as make
import pytest
import tifffile

from dualcam.errors import InputError
from dualcam.files.read import from_array, read


def put(folder, data, name="picture.bin"):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_png_color(tmp_path, dtype, alpha):
    picture = make.rgb(dtype=dtype)
    stored = np.dstack([picture, np.full(picture.shape[:2], 7, dtype)]) if alpha else picture
    frame = read(put(tmp_path, make.png(stored, color=6 if alpha else 2)), "color")
    assert frame.pixels.dtype == np.float32
    assert frame.pixels.flags.c_contiguous
    np.testing.assert_allclose(frame.pixels, make.linear_of(picture), atol=1e-6)
    assert (frame.origin.format, frame.origin.bits, frame.origin.curve) == (
        "PNG",
        dtype().itemsize * 8,
        "srgb",
    )
    assert ("alpha channel ignored" in frame.origin.notes) == alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_png_gray(tmp_path, dtype, alpha):
    picture = make.gray(dtype=dtype)
    stored = np.dstack([picture, np.full(picture.shape, 7, dtype)]) if alpha else picture
    frame = read(put(tmp_path, make.png(stored, color=4 if alpha else 0)), "mono")
    assert frame.pixels.shape == (32, 40, 1)
    np.testing.assert_allclose(frame.pixels, make.linear_of(picture), atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_few_bits_and_palette(tmp_path, depth):
    codes = (make.gray() >> (8 - depth)).astype(np.uint8)
    bits = (codes[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    packed = np.packbits(bits.reshape(32, -1).astype(np.uint8), axis=1)
    frame = read(put(tmp_path, make.png(codes, 0, depth, packed=packed)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], make.to_linear(codes / (2**depth - 1)), atol=1e-6)
    assert frame.origin.bits == depth
    palette = np.random.default_rng(1).integers(0, 256, (2**depth, 3)).astype(np.uint8)
    extra = make.png_chunk(b"PLTE", palette.tobytes()) + make.png_chunk(b"tRNS", b"\x10")
    frame = read(put(tmp_path, make.png(codes, 3, depth, extra, packed)), "color")
    np.testing.assert_allclose(frame.pixels, make.linear_of(palette[codes]), atol=1e-6)
    assert "alpha channel ignored" in frame.origin.notes


def test_png_interlaced(tmp_path):
    import struct
    import zlib

    picture = make.rgb(17, 19, dtype=np.uint16)
    rows = b""
    for x, y, dx, dy in [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]:
        for row in picture[y::dy, x::dx].astype(">u2"):
            rows += b"\0" + row.tobytes()
    head = struct.pack(">IIBBBBB", 19, 17, 16, 2, 0, 0, 1)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(make.png_chunk(k, d) for k, d in parts)
    np.testing.assert_allclose(read(put(tmp_path, data), "color").pixels, make.linear_of(picture), atol=1e-6)


def test_png_linear_gamma_chunk(tmp_path):
    import struct

    picture = make.gray(dtype=np.uint16)
    data = make.png(picture, extra=make.png_chunk(b"gAMA", struct.pack(">I", 100000)))
    frame = read(put(tmp_path, data), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], picture / 65535, atol=1e-6)
    assert frame.origin.curve == "linear"


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 95, "subsampling": 0}), ("WEBP", {"quality": 95})]
)
def test_lossy(tmp_path, kind, options):
    picture = make.rgb()
    frame = read(put(tmp_path, make.pillow(picture, kind, **options)), "color")
    assert np.abs(make.to_display(frame.pixels) * 255 - picture).mean() < 2.5
    assert frame.origin.format == {"JPEG": "JPEG", "WEBP": "WebP"}[kind]


def test_gray_and_progressive_jpeg(tmp_path):
    frame = read(put(tmp_path, make.pillow(make.gray(), "JPEG", quality=95, progressive=True)), "mono")
    assert np.abs(make.to_display(frame.pixels[..., 0]) * 255 - make.gray()).max() < 12


def test_webp_alpha(tmp_path):
    picture = np.dstack([make.rgb(), np.full((32, 40), 128, np.uint8)])
    frame = read(put(tmp_path, make.pillow(picture, "WEBP", lossless=True, exact=True)), "color")
    np.testing.assert_allclose(frame.pixels, make.linear_of(make.rgb()), atol=0.01)
    assert "alpha channel ignored" in frame.origin.notes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"tile": (16, 16)}])
@pytest.mark.parametrize("role", ["mono", "color"])
def test_tiff(tmp_path, dtype, options, role):
    picture = make.rgb(dtype=dtype) if role == "color" else make.gray(dtype=dtype)
    frame = read(put(tmp_path, make.tiff(picture, **options)), role)
    is_float = np.issubdtype(dtype, np.floating)
    wanted = picture.reshape(32, 40, -1).astype(np.float64) if is_float else make.linear_of(picture)
    np.testing.assert_allclose(frame.pixels, wanted, atol=1e-6)
    assert frame.origin.curve == ("linear" if is_float else "srgb")
    assert frame.origin.bits == dtype().itemsize * 8


def test_tiff_planar_alpha_and_pages(tmp_path):
    picture = make.rgb(dtype=np.uint16)
    planar = make.tiff(np.moveaxis(picture, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_allclose(
        read(put(tmp_path, planar), "color").pixels, make.linear_of(picture), atol=1e-6
    )
    alpha = np.dstack([picture, np.full((32, 40), 9, np.uint16)])
    frame = read(put(tmp_path, make.tiff(alpha, extrasamples=["unassalpha"])), "color")
    np.testing.assert_allclose(frame.pixels, make.linear_of(picture), atol=1e-6)
    assert "alpha channel ignored" in frame.origin.notes
    pages = make.tiff(np.stack([make.gray(seed=s) for s in range(3)]), photometric="minisblack")
    frame = read(put(tmp_path, pages), "mono")
    np.testing.assert_allclose(frame.pixels, make.linear_of(make.gray()), atol=1e-6)
    assert "first of 3 pages" in frame.origin.notes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_miniswhite(tmp_path, dtype):
    picture = make.gray(dtype=dtype)
    data = make.tiff(np.iinfo(dtype).max - picture, photometric="miniswhite")
    np.testing.assert_allclose(read(put(tmp_path, data), "mono").pixels, make.linear_of(picture), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("role", ["mono", "color"])
def test_tiff_lzw_without_imagecodecs(tmp_path, dtype, role):
    picture = make.rgb(dtype=dtype) if role == "color" else make.gray(dtype=dtype)
    bgr = picture[..., ::-1] if role == "color" else picture
    path = tmp_path / "lzw.tif"
    assert cv2.imwrite(str(path), np.ascontiguousarray(bgr), [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    wanted = picture.reshape(32, 40, -1) if dtype == np.float32 else make.linear_of(picture)
    np.testing.assert_allclose(read(path, role).pixels, wanted, atol=1e-6)


def test_tiff_lzw_alpha_is_not_multiplied(tmp_path):
    picture = np.dstack([make.rgb(), make.gray(seed=2)])
    frame = read(put(tmp_path, make.pillow(picture, "TIFF", compression="tiff_lzw")), "color")
    np.testing.assert_allclose(frame.pixels, make.linear_of(make.rgb()), atol=1e-6)


def test_tiff_float_predictor(tmp_path):
    # OpenCV writes LZW floats with predictor 3; deflate with predictor 3 takes the same road.
    path = tmp_path / "p3.tif"
    assert cv2.imwrite(str(path), make.gray(dtype=np.float32), [cv2.IMWRITE_TIFF_COMPRESSION, 8])
    np.testing.assert_allclose(read(path, "mono").pixels[..., 0], make.gray(dtype=np.float32), atol=1e-6)


def test_tiff_jpeg_palette_bilevel(tmp_path):
    smooth = make.rgb(64, 64)
    frame = read(put(tmp_path, make.pillow(smooth, "TIFF", compression="jpeg")), "color")
    assert np.abs(make.to_display(frame.pixels) * 255 - smooth).mean() < 6
    palette = np.random.default_rng(3).integers(0, 256, (3, 256)).astype(np.uint16)
    data = make.tiff(make.gray(), photometric="palette", colormap=palette * 257)
    np.testing.assert_allclose(
        read(put(tmp_path, data), "color").pixels,
        make.linear_of(palette.T[make.gray()].astype(np.uint8)),
        atol=1e-6,
    )
    bilevel = make.gray() > 100
    frame = read(put(tmp_path, make.pillow(bilevel, "TIFF")), "mono")
    np.testing.assert_array_equal(frame.pixels[..., 0], bilevel)


def pnm(array, maxval, plain=False, comment="# a comment\n"):
    magic = {(2, False): "P5", (3, False): "P6", (2, True): "P2", (3, True): "P3"}[(array.ndim, plain)]
    head = f"{magic}\n{comment}{array.shape[1]} {array.shape[0]}\n{maxval}\n".encode()
    if plain:
        return (
            head
            + b"# inside\n"
            + "\n".join(" ".join(map(str, row.ravel())) for row in array).encode()
            + b"\n"
        )
    return head + array.astype(">u2" if maxval > 255 else "u1").tobytes()


@pytest.mark.parametrize("maxval", [100, 255, 1000, 4095, 65535])
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("role", ["mono", "color"])
def test_netpbm(tmp_path, maxval, plain, role):
    unit = make.rgb(20, 24, dtype=np.float64)
    codes = np.round((unit if role == "color" else unit[..., 0]) * maxval).astype(int)
    frame = read(put(tmp_path, pnm(codes, maxval, plain)), role)
    np.testing.assert_allclose(frame.pixels, make.to_linear(codes / maxval).reshape(20, 24, -1), atol=1e-6)
    assert frame.origin.bits == maxval.bit_length()
    assert frame.origin.notes == ()


@pytest.mark.parametrize("order", ["<", ">"])
def test_pfm(tmp_path, order):
    picture = make.rgb(dtype=np.float32)
    head = f"PF\n40 32\n{'-1.0' if order == '<' else '1.0'}\n".encode()
    data = head + picture[::-1].astype(f"{order}f4").tobytes()
    np.testing.assert_array_equal(read(put(tmp_path, data), "color").pixels, picture)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "LZW", "LZW16"])
def test_orientation_is_applied_once(tmp_path, kind, orientation):
    picture = make.gray(32, 48, dtype=np.uint16 if kind == "LZW16" else np.uint8)
    stored = make.stored_as(picture, orientation)
    if kind == "JPEG":
        data = make.pillow(stored, "JPEG", quality=100, exif=make.exif_block(orientation))
    elif kind == "PNG":
        data = make.png(stored, extra=make.png_chunk(b"eXIf", make.exif_block(orientation)[6:]))
    elif kind == "TIFF":
        data = make.tiff(stored, extratags=[(274, 3, 1, orientation, True)])
    else:
        data = make.pillow(stored, "TIFF", compression="tiff_lzw", tiffinfo={274: orientation})
    frame = read(put(tmp_path, data), "mono")
    assert frame.pixels.shape == (32, 48, 1)
    np.testing.assert_allclose(frame.pixels, make.linear_of(picture), atol=0.02)
    if kind in ("JPEG", "PNG"):
        from dualcam.files.metadata import orientation as stored_orientation

        assert stored_orientation(frame.origin.exif) == 1


def test_content_decides_not_the_suffix(tmp_path):
    frame = read(put(tmp_path, make.png(make.rgb()), "really_png.jpg"), "color")
    assert frame.origin.format == "PNG"
    frame = read(put(tmp_path, make.tiff(make.gray()), "really_tiff.png"), "mono")
    assert frame.origin.format == "TIFF"


def test_explicit_curve_and_white(tmp_path):
    codes = (make.gray(dtype=np.uint16) // 64).astype(np.uint16)
    path = put(tmp_path, make.png(codes))
    frame = read(path, "mono", curve="linear", white=1000)
    np.testing.assert_allclose(frame.pixels[..., 0], np.minimum(codes / 1000, 1), atol=1e-6)
    assert "values over the white of 1000 clipped" in frame.origin.notes
    assert frame.origin.bits == 10
    floats = make.tiff(make.gray(dtype=np.float32))
    frame = read(put(tmp_path, floats), "mono", curve="srgb", white=2)
    np.testing.assert_allclose(
        frame.pixels[..., 0], make.to_linear(make.gray(dtype=np.float32) / 2), atol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_from_array(dtype):
    picture = make.rgb(dtype=dtype)
    wanted = picture if np.issubdtype(dtype, np.floating) else make.linear_of(picture)
    np.testing.assert_allclose(from_array(picture, "color").pixels, wanted, atol=1e-6)
    with_alpha = np.dstack([picture, picture[..., 0]])
    frame = from_array(with_alpha, "color")
    np.testing.assert_allclose(frame.pixels, wanted, atol=1e-6)
    assert frame.origin.notes == ("alpha channel ignored",)
    for gray in (picture[..., 1], picture[..., 1:2]):
        np.testing.assert_allclose(from_array(gray, "mono").pixels, wanted[..., 1:2], atol=1e-6)


def test_from_array_does_not_share_memory():
    picture = make.gray(dtype=np.float32)
    frame = from_array(picture, "mono")
    picture[:] = 0
    assert frame.pixels.max() > 0.5


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((20, 20, 2), np.uint8), "shape"),
        (np.zeros(20, np.uint8), "shape"),
        (np.zeros((8, 8), np.uint8), "too small"),
        (np.zeros((20, 20), np.int32), "type"),
        (np.full((20, 20), np.nan), "NaN"),
    ],
)
def test_from_array_refuses(array, word):
    with pytest.raises(InputError, match=word):
        from_array(array, "mono")


def test_tifffile_default_float_rgb(tmp_path):
    tifffile.imwrite(tmp_path / "f.tif", make.rgb(dtype=np.float32), photometric="rgb")
    np.testing.assert_array_equal(read(tmp_path / "f.tif", "color").pixels, make.rgb(dtype=np.float32))
