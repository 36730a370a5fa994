"""Profiles, white levels and roles: the color promises of reading."""

from __future__ import annotations

import struct

import numpy as np
import picture_makers as make
import pytest
from PIL import Image, ImageCms

from dualcam.errors import InputError
from dualcam.files import icc
from dualcam.files.channels import has_color, is_gray
from dualcam.files.probe import probe
from dualcam.files.read import read

CURVES = {
    "gamma 2.2": (make.curve_gamma(2.19921875), lambda x: x ** (1 / 2.19921875)),
    "para 0": (make.curve_para(0, 1.8), lambda x: x ** (1 / 1.8)),
    "para 3": (make.SRGB_PARA, make.to_display),
    "identity": (b"curv" + bytes(8), lambda x: x),
    "table": (
        make.curve_table([round(65535 * v) for v in make.to_linear(np.linspace(0, 1, 4096))]),
        make.to_display,
    ),
}


def stored_in(linear_srgb, primaries, curve_name):
    """The 16-bit codes of a linear sRGB picture in another space, and its profile."""
    tag, encode = CURVES[curve_name]
    to_space = np.linalg.inv(make.rgb_to_xyz(primaries)) @ make.rgb_to_xyz(make.SRGB_XY)
    values = linear_srgb @ to_space.T
    assert values.min() >= -1e-9
    return make.scaled(encode(np.clip(values, 0, 1)), np.uint16), make.matrix_icc(primaries, tag)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("primaries", [make.P3_XY, make.ADOBE_XY, make.SRGB_XY])
@pytest.mark.parametrize("container", ["png", "tiff"])
def test_wide_gamut_equals_srgb(tmp_path, curve, primaries, container):
    linear = make.to_linear(0.1 + 0.8 * make.rgb(dtype=np.float64))
    codes, profile = stored_in(linear, primaries, curve)
    if container == "png":
        import zlib

        data = make.png(codes, extra=make.png_chunk(b"iCCP", b"p\0\0" + zlib.compress(profile)))
    else:
        data = make.tiff(codes, iccprofile=profile)
    (tmp_path / "wide").write_bytes(data)
    frame = read(tmp_path / "wide", "color")
    np.testing.assert_allclose(frame.pixels, linear, atol=1e-3)
    np.testing.assert_allclose(make.to_display(frame.pixels), make.to_display(linear), atol=1e-3)
    assert (frame.origin.curve, frame.origin.profile) == ("icc", "Test")


def test_profile_agrees_with_littlecms(tmp_path):
    codes, profile = stored_in(make.to_linear(0.1 + 0.8 * make.rgb(dtype=np.float64)), make.P3_XY, "para 3")
    eight = (codes >> 8).astype(np.uint8)
    (tmp_path / "p3.jpg").write_bytes(
        make.pillow(eight, "JPEG", quality=100, subsampling=0, icc_profile=profile)
    )
    ours = make.to_display(read(tmp_path / "p3.jpg", "color").pixels) * 255
    picture = Image.open(tmp_path / "p3.jpg")
    theirs = ImageCms.profileToProfile(
        picture, ImageCms.ImageCmsProfile(_stream(profile)), _stream(icc.srgb_profile())
    )
    assert np.abs(ours - np.asarray(theirs)).max() < 1.5


def _stream(data):
    import io

    return io.BytesIO(data)


def test_srgb_profile_is_valid_deterministic_and_neutral():
    for gray in (False, True):
        data = icc.srgb_profile(gray)
        assert data == icc.srgb_profile.__wrapped__(gray)
        opened = ImageCms.ImageCmsProfile(_stream(data))
        assert opened.profile.xcolor_space.strip() == ("GRAY" if gray else "RGB")
        parsed = icc.parse(data)
        x = np.linspace(0, 1, 100)
        np.testing.assert_allclose(parsed.curves[0](x), make.to_linear(x), atol=2e-5)
    np.testing.assert_array_equal(icc.parse(icc.srgb_profile()).matrix, np.eye(3))
    # LittleCMS's own sRGB is recognised as sRGB too, so that its data stay untouched.
    foreign = icc.parse(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    np.testing.assert_array_equal(foreign.matrix, np.eye(3))


def test_neutrals_stay_neutral():
    for primaries in (make.P3_XY, make.ADOBE_XY):
        matrix = icc.parse(make.matrix_icc(primaries, make.SRGB_PARA)).matrix
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "values", "function"),
    [
        (1, (2.0, 0.9, 0.1), lambda x: np.where(x >= -1 / 9, (0.9 * x + 0.1) ** 2, 0)),
        (2, (2.0, 0.8, 0.1, 0.05), lambda x: (0.8 * x + 0.1) ** 2 + 0.05),
        (4, (2.4, 0.9, 0.05, 0.07, 0.04, 0.01, 0.002), None),
    ],
)
def test_parametric_curves(kind, values, function):
    curve = icc.parse(make.gray_icc(make.curve_para(kind, *values))).curves[0]
    x = np.linspace(0, 1, 50)
    if function is None:
        g, a, b, c, d, e, f = values
        wanted = np.where(x >= d, (a * x + b) ** g + e, c * x + f)
    else:
        wanted = function(x)
    np.testing.assert_allclose(curve(x), wanted, atol=1e-3)


def test_adobe_rgb_named_in_exif(tmp_path):
    linear = make.to_linear(0.2 + 0.6 * make.rgb(dtype=np.float64))
    codes, profile = stored_in(linear, make.ADOBE_XY, "gamma 2.2")
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    eight = np.round(codes / 257).astype(np.uint8)
    for name, options in {
        "exif": {"exif": exif.tobytes()},
        "icc": {"icc_profile": profile},
        "none": {},
    }.items():
        (tmp_path / name).write_bytes(make.pillow(eight, "JPEG", quality=100, subsampling=0, **options))
    by_exif, by_icc = read(tmp_path / "exif", "color"), read(tmp_path / "icc", "color")
    np.testing.assert_allclose(by_exif.pixels, by_icc.pixels, atol=1e-4)
    assert by_exif.origin.profile == probe(tmp_path / "exif").profile == "Adobe RGB (by EXIF)"
    assert np.abs(read(tmp_path / "none", "color").pixels - by_icc.pixels).max() > 0.02


def test_gray_profiles(tmp_path):
    codes = make.gray(dtype=np.uint16)
    (tmp_path / "g.tif").write_bytes(make.tiff(codes, iccprofile=make.gray_icc(make.curve_gamma(1.5))))
    frame = read(tmp_path / "g.tif", "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], (codes / 65535) ** 1.5, atol=1e-6)
    (tmp_path / "l.tif").write_bytes(make.tiff(codes, iccprofile=make.gray_icc(b"curv" + bytes(8), b"Lab ")))
    star = codes / 65535 * 100
    wanted = np.where(star > 8, ((star + 16) / 116) ** 3, star * 27 / 24389)
    np.testing.assert_allclose(read(tmp_path / "l.tif", "mono").pixels[..., 0], wanted, atol=1e-6)
    # An RGB profile on a gray file lends its curve.
    (tmp_path / "r.tif").write_bytes(
        make.tiff(codes, iccprofile=make.matrix_icc(make.P3_XY, make.curve_gamma(1.5)))
    )
    np.testing.assert_allclose(
        read(tmp_path / "r.tif", "mono").pixels[..., 0], (codes / 65535) ** 1.5, atol=1e-6
    )


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "curve"])
def test_broken_profile_means_srgb_and_a_note(tmp_path, damage):
    profile = make.matrix_icc(make.P3_XY, make.curve_para(9, 1.0) if damage == "curve" else make.SRGB_PARA)
    profile = {"cut": profile[:300], "noise": b"\x55" * 600, "empty": b"\0" * 8, "curve": profile}[damage]
    picture = make.rgb()
    (tmp_path / "a.tif").write_bytes(make.tiff(picture, iccprofile=profile))
    frame = read(tmp_path / "a.tif", "color")
    np.testing.assert_allclose(frame.pixels, make.linear_of(picture), atol=1e-6)
    assert any("sRGB assumed" in note for note in frame.origin.notes)
    assert frame.origin.curve == "srgb"


def test_gray_profile_in_rgb_file_is_noted(tmp_path):
    (tmp_path / "a.tif").write_bytes(make.tiff(make.rgb(), iccprofile=make.gray_icc(make.curve_gamma(1.0))))
    assert any("gray ICC profile" in n for n in read(tmp_path / "a.tif", "color").origin.notes)


def test_lut_profile_goes_through_littlecms(tmp_path):
    # An 8-bit lookup table with a 2-point grid that maps RGB to Lab: not exact, but enough to see it used.
    def lut():
        head = b"mft1" + bytes(4) + bytes([3, 3, 2, 0])
        matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
        ramp = bytes(range(256)) * 3
        grid = bytes(v for i in range(8) for v in (255 * (bin(i).count("1")) // 3, 128, 128))
        return head + matrix + ramp + grid + ramp

    profile = make.icc({b"A2B0": lut()}, pcs=b"Lab ")
    assert not icc.parse(profile).exact
    (tmp_path / "a.tif").write_bytes(make.tiff(make.rgb(), iccprofile=profile))
    # Every color becomes a neutral of its mean, so the picture has to be refused as color and pass as mono.
    frame = read(tmp_path / "a.tif", "mono")
    assert any("lookup table" in n for n in frame.origin.notes)
    lightness = make.rgb().mean(axis=2) / 255 * 100
    wanted = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness * 27 / 24389)
    np.testing.assert_allclose(frame.pixels[..., 0], wanted, atol=0.03)


def test_explicit_curve_keeps_the_primaries(tmp_path):
    codes, profile = stored_in(make.to_linear(0.1 + 0.8 * make.rgb(dtype=np.float64)), make.P3_XY, "para 3")
    (tmp_path / "a.tif").write_bytes(make.tiff(codes, iccprofile=profile))
    auto, srgb = read(tmp_path / "a.tif", "color"), read(tmp_path / "a.tif", "color", curve="srgb")
    np.testing.assert_allclose(auto.pixels, srgb.pixels, atol=1e-4)
    assert srgb.origin.curve == "srgb"


@pytest.mark.parametrize(("bits", "top"), [(10, 1023), (12, 4095), (14, 16383)])
@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("role", ["mono", "color"])
def test_clipped_values_reveal_the_depth(tmp_path, bits, top, kind, role):
    unit = np.clip(make.rgb(dtype=np.float64) * 1.3, 0, 1)
    codes = np.round((unit if role == "color" else unit[..., 0]) * top).astype(np.uint16)
    (tmp_path / "a").write_bytes(make.png(codes) if kind == "png" else make.tiff(codes))
    frame = read(tmp_path / "a", role)
    np.testing.assert_allclose(frame.pixels, make.to_linear(codes / top).reshape(32, 40, -1), atol=1e-6)
    assert frame.origin.bits == bits
    (note,) = frame.origin.notes
    assert note.startswith(f"values end at {top}: read as {bits} bits; --{role}-white overrides")


def test_dark_values_without_clipping(tmp_path):
    codes = np.round(make.rgb(dtype=np.float64) * 3000).astype(np.uint16)
    (tmp_path / "mono.png").write_bytes(make.png(codes[..., 0]))
    (tmp_path / "color.png").write_bytes(make.png(codes))
    assert read(tmp_path / "mono.png", "mono").origin.bits == 12
    assert read(tmp_path / "color.png", "color").origin.bits == 12
    # A linear color file may simply be dark: full scale is kept.
    frame = read(tmp_path / "color.png", "color", curve="linear")
    assert frame.origin.bits == 16
    np.testing.assert_allclose(frame.pixels, codes / 65535, atol=1e-6)
    assert read(tmp_path / "mono.png", "mono", white=65535).pixels.max() < 0.01


def test_ordinary_16_bit_is_left_alone(tmp_path):
    codes = make.gray(dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(make.png(codes))
    frame = read(tmp_path / "a.png", "mono")
    assert (frame.origin.bits, frame.origin.notes) == (16, ())
    codes = np.minimum(codes, 16382)
    codes[5, 5] = 16383  # one sample at 16383 is chance, not clipping
    (tmp_path / "a.png").write_bytes(make.png(codes))
    assert read(tmp_path / "a.png", "mono").origin.bits == 16


@pytest.mark.parametrize(
    ("top", "white"),
    [(1.0, 1.0), (1.4, 1.0), (200.0, 200.0), (3000.0, 4095.0), (60000.0, 65535.0), (1e6, 1e6)],
)
def test_float_scale(tmp_path, top, white):
    picture = (make.gray(dtype=np.float64) / make.gray(dtype=np.float64).max() * top).astype(np.float32)
    (tmp_path / "a.tif").write_bytes(make.tiff(picture))
    frame = read(tmp_path / "a.tif", "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], picture / white, rtol=1e-5)
    assert bool(frame.origin.notes) == (white != 1.0)


def noisy(linear, sigma, seed=0):
    """8-bit display codes of a linear picture with noise of sigma DN in every channel."""
    noise = np.random.default_rng(seed).normal(0, sigma, linear.shape)
    return np.clip(np.round(make.to_display(linear) * 255 + noise), 0, 255).astype(np.uint8)


def scene(height=160, width=192, saturation=1.0):
    """A colored scene as a linear picture, with its colors drawn towards gray."""
    linear = make.to_linear(make.rgb(height, width, dtype=np.float64))
    luma = linear @ [0.3, 0.5, 0.2]
    return luma[..., None] + saturation * (linear - luma[..., None])


def test_gray_as_rgb_passes_as_mono_and_not_as_color(tmp_path):
    same = np.repeat(make.gray(160, 192)[..., None], 3, axis=2)
    rounded = same.astype(int)
    rounded[..., 0] += (rounded[..., 1] % 3 == 0) & (
        rounded[..., 1] < 255
    )  # a color-managed gray is off by one
    cases = {
        "png": make.png(same),
        "rounded": make.png(rounded.astype(np.uint8)),
        "420": make.pillow(same, "JPEG", quality=60, subsampling=2),
        "rounded 420": make.pillow(rounded.astype(np.uint8), "JPEG", quality=40, subsampling=2),
        "webp": make.pillow(same, "WEBP", quality=50),
        "dark 420": make.pillow(same // 8, "JPEG", quality=60, subsampling=2),
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        assert read(tmp_path / name, "mono").pixels.shape[2] == 1, name
        with pytest.raises(InputError, match=r"holds no color.*swapped"):
            read(tmp_path / name, "color")


def test_noise_in_three_channels_is_not_color():
    gray = np.repeat(scene(saturation=0.0)[..., :1], 3, axis=2)
    for sigma in (1, 3, 8):
        picture = make.linear_of(noisy(gray, sigma)).astype(np.float32)
        assert not has_color(picture)
        assert not is_gray(picture)  # so it passes as a (colorless) color picture too


def test_real_color_is_refused_as_mono_even_dim_pale_and_noisy(tmp_path):
    for exposure, saturation, sigma in [
        (1, 1, 0),
        (1, 0.15, 2),
        (1 / 8, 0.4, 2),
        (1 / 16, 1, 4),
        (1 / 30, 0.5, 1),
    ]:
        codes = noisy(scene(saturation=saturation) * exposure, sigma)
        for name, data in {
            "a.png": make.png(codes),
            "a.jpg": make.pillow(codes, "JPEG", subsampling=2),
        }.items():
            (tmp_path / name).write_bytes(data)
            with pytest.raises(InputError, match=r"looks like a color picture.*Swap"):
                read(tmp_path / name, "mono")
            read(tmp_path / name, "color")


def test_gray_file_is_no_color(tmp_path):
    (tmp_path / "a.png").write_bytes(make.png(make.gray()))
    with pytest.raises(InputError, match="holds no color"):
        read(tmp_path / "a.png", "color")
