"""FITS: levels, row order, color filter, what is refused, what is kept, and what is written."""

from __future__ import annotations

import io
import sys

import numpy as np
import picture_makers as make
import pytest
import science_makers

from dualcam.camera import sensor
from dualcam.camera.sensor import PATTERNS
from dualcam.errors import InputError, OutputError, UnavailableError
from dualcam.files.metadata import camera_facts
from dualcam.files.probe import probe
from dualcam.files.read import read, read_frames
from dualcam.files.write import write, write_gray

astropy_fits = pytest.importorskip("astropy.io.fits")


def noise(height=32, width=48, low=0, high=65536, seed=0):
    return np.random.default_rng(seed).integers(low, high, (height, width))


@pytest.fixture
def file(tmp_path):
    def write_bytes(data, name="a.fits"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_bytes


@pytest.mark.parametrize(
    ("kind", "white"),
    [
        ("uint8", 255),
        ("uint16", 65535),
        ("int16", 32767),
        ("uint32", 65535),
        ("int32", 65535),
        ("float32", 65535),
    ],
)
def test_sample_types(file, kind, white):
    """Rows from the bottom up, as the standard recommends; no guess at a dark picture's bits."""
    stored = (noise() if white > 255 else noise(high=256)).astype(kind)
    frame = read(file(science_makers.fits(stored)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored[::-1] / float(white), rtol=2e-6)
    assert frame.pixels.dtype == np.float32
    assert (frame.origin.format, frame.origin.curve) == ("FITS", "linear")


def test_unit_floats_stay(file):
    stored = make.gray(dtype=np.float64) * 1.2 - 0.1
    frame = read(file(science_makers.fits(stored, SATURATE=65535, DATAMAX=65535)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored[::-1], atol=1e-6)


def test_full_scale_of_32_bits(file):
    stored = (noise().astype(np.uint32) << 16) + 7
    frame = read(file(science_makers.fits(stored)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored[::-1] / (2.0**32 - 1), rtol=1e-6)


def test_dark_pictures_are_not_taken_for_fewer_bits(file):
    frame = read(file(science_makers.fits(noise(high=900).astype(np.uint16))), "mono")
    assert frame.origin.bits == 16 and frame.pixels.max() < 0.02


@pytest.mark.parametrize("compressed", ["RICE_1", "GZIP_1", "HCOMPRESS_1"])
def test_compressed_and_behind_other_parts(file, compressed):
    stored = noise(high=40000).astype(np.uint16)
    frame = read(file(science_makers.fits(stored, compressed, ROWORDER="TOP-DOWN")), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored / 65535, atol=1e-6)


def test_first_picture_behind_a_table(file):
    stored = noise().astype(np.uint16)
    frame = read(file(science_makers.fits(stored, first_table=True)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored[::-1] / 65535, atol=1e-6)


@pytest.mark.parametrize(("stated", "white"), [({"SATURATE": 50000}, 50000), ({"DATAMAX": 60000}, 60000)])
def test_stated_white(file, stated, white):
    stored = noise(high=49999).astype(np.uint16)
    frame = read(file(science_makers.fits(stored, **stated)), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored[::-1] / white, rtol=1e-6)
    assert probe(file(science_makers.fits(stored, SATURATE=50000))).white == 50000


def test_the_brightest_sample_is_not_white(file):
    """DATAMAX is often written for that."""
    stored = noise(high=30000).astype(np.uint16)
    frame = read(file(science_makers.fits(stored, DATAMAX=int(stored.max()))), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], stored[::-1] / 65535, rtol=1e-6)


@pytest.mark.parametrize("height", [32, 33])
@pytest.mark.parametrize("order", ["TOP-DOWN", "BOTTOM-UP", None])
@pytest.mark.parametrize("offset", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_filter_and_row_order(file, height, order, offset):
    """The picture comes out upright, its filter where it was; as Siril understands these keywords."""
    scene = make.rgb(height, 48, dtype=np.float32) * 0.5 + 0.2
    for pattern in PATTERNS:
        # What the camera writes as BAYERPAT begins at the offset.
        letters = np.roll(np.array(list(pattern)).reshape(2, 2), offset[::-1], (0, 1))
        upright = sensor.mosaic(scene, pattern)
        cards = {"XBAYROFF": offset[0], "YBAYROFF": offset[1], "BAYERPAT": "".join(letters.ravel())}
        stored = upright if order == "TOP-DOWN" else upright[::-1]
        if order:
            cards["ROWORDER"] = order
        elif height % 2 == 0:
            # Without ROWORDER it counts from the first stored row.
            cards["BAYERPAT"] = "".join(letters[::-1].ravel())
        path = file(science_makers.fits(np.ascontiguousarray(stored), **cards))
        frame = read(path, "color", balance="none")
        assert frame.mosaic.pattern == pattern
        np.testing.assert_allclose(frame.mosaic.samples, upright, atol=1e-6)
        np.testing.assert_allclose(frame.pixels[4:-4, 4:-4], scene[4:-4, 4:-4], atol=0.03)
        assert any("no ROWORDER" in note for note in frame.origin.notes) == (order is None)
        assert probe(path).sensor.pattern == pattern
        assert probe(path).role_guess == "color"


def test_filter_by_option_counts_like_that_of_the_file(file):
    upright = sensor.mosaic(make.rgb(32, 48, dtype=np.float32), "RGGB")
    path = file(science_makers.fits(upright[::-1].copy(), ROWORDER="BOTTOM-UP"))
    assert read(path, "color", pattern="rggb").mosaic.pattern == "RGGB"
    path = file(science_makers.fits(upright[::-1].copy()))
    assert read(path, "color", pattern="GBRG").mosaic.pattern == "RGGB"


@pytest.mark.parametrize("key", ["COLORTYP", "CFATYPE", "CFA-PAT"])
def test_other_names_of_the_filter(file, key):
    stored = sensor.mosaic(make.rgb(32, 48, dtype=np.float32), "GRBG")
    path = file(science_makers.fits(stored, ROWORDER="TOP-DOWN", **{key: " grbg "}))
    assert read(path, "color").mosaic.pattern == "GRBG"
    if key == "COLORTYP":
        for word in ("MONO", "GREY", "OSC", ""):
            assert read(file(science_makers.fits(stored, COLORTYP=word)), "mono").mosaic is None


def test_what_is_guessed_is_said(file):
    stored = noise().astype(np.uint16)
    notes = read(file(science_makers.fits(stored, PEDESTAL=-100)), "mono").origin.notes
    assert "rows counted from the bottom up" in notes[0] and "PEDESTAL -100 is not subtracted" in notes[1]
    assert read(file(science_makers.fits(stored, ROWORDER="TOP-DOWN", PEDESTAL=0)), "mono").origin.notes == ()
    notes = read(file(science_makers.fits(stored, ROWORDER="sideways")), "mono").origin.notes
    assert "ROWORDER is 'SIDEWAYS'" in notes[0]


def test_rgb_cube(file):
    picture = make.rgb(dtype=np.float32)
    for stored in (np.moveaxis(picture[::-1], -1, 0), picture[::-1]):
        frame = read(file(science_makers.fits(np.ascontiguousarray(stored), BAYERPAT="RGGB")), "color")
        np.testing.assert_allclose(frame.pixels, picture, atol=1e-6)
        assert frame.mosaic is None


def test_planes_of_a_cube(file):
    cube = noise(96).reshape(4, 24, 48).astype(np.uint16)
    path = file(science_makers.fits(cube, ROWORDER="TOP-DOWN"))
    with pytest.raises(InputError, match="4 planes") as caught:
        read(path, "mono")
    assert "--mono-frame" in caught.value.remedy
    frame = read(path, "mono", frame=2)
    np.testing.assert_allclose(frame.pixels[..., 0], cube[2] / 65535, atol=1e-6)
    assert "plane 2 of 4" in frame.origin.notes
    assert len(list(read_frames(path, "mono", start=1))) == 3
    with pytest.raises(InputError, match="no frame 4"):
        read(path, "mono", frame=4)


def test_missing_pixels_are_refused(file):
    stored = noise(high=900).astype(np.int16)
    with pytest.raises(InputError, match=r"pixels without a value \(BLANK\)"):
        read(file(science_makers.fits(stored, BLANK=int(stored[3, 3]))), "mono")
    assert read(file(science_makers.fits(stored, BLANK=-32768)), "mono").pixels.max() > 0
    floats = make.gray(dtype=np.float32)
    floats[2, 3] = np.nan
    with pytest.raises(InputError, match="1 values that are NaN"):
        read(file(science_makers.fits(floats)), "mono")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: science_makers.fits(noise().astype(np.uint16), BAYERPAT="CYYM"), "CYYM"),
        (lambda: science_makers.fits(noise().astype(np.uint16), BAYERPAT="GGRGGB" * 6), "no Bayer pattern"),
        (lambda: science_makers.fits(np.zeros((2, 2, 3, 32), np.float32)), "4 dimensions"),
        (lambda: science_makers.fits(np.zeros((8, 8), np.float32)), "too small"),
        (lambda: science_makers.fits(np.zeros(500, np.float32)), "without a picture"),
        (lambda: science_makers.fits(noise().astype(np.uint16))[:4000], "truncated or corrupt"),
        (lambda: b"SIMPLE  =                    T", "truncated or corrupt"),
    ],
)
def test_refused(file, data, words):
    with pytest.raises(InputError, match=words) as caught:
        read(file(data()), "color")
    assert caught.value.remedy


def test_random_damage_never_escapes(file):
    whole = science_makers.fits(noise().astype(np.uint16), "RICE_1", BAYERPAT="RGGB")
    rng = np.random.default_rng(3)
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 8))):
            data[int(rng.integers(0, len(data)))] = int(rng.integers(0, 256))
        try:
            read(file(bytes(data)), "color")
        except InputError as error:
            assert error.cause


def test_a_mosaic_is_not_mono(file):
    path = file(science_makers.fits(noise().astype(np.uint16), BAYERPAT="RGGB"))
    with pytest.raises(InputError, match="color sensor") as caught:
        read(path, "mono")
    assert "--mono-pattern none" in caught.value.remedy
    assert read(path, "mono", pattern="none").mosaic is None


def test_without_astropy(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "astropy.io", None)
    with pytest.raises(UnavailableError, match="astropy is not installed") as caught:
        read(file(science_makers_free()), "mono")
    assert 'pip install "dualcam[astro]"' in caught.value.remedy
    with pytest.raises(UnavailableError):
        write(file(b"").with_name("b.fits"), make.rgb(dtype=np.float32))
    assert not file(b"").with_name("b.fits").exists()


def science_makers_free():
    """A FITS file by hand."""
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
    ]
    cards += ["NAXIS1  =                   32", "NAXIS2  =                   32", "END"]
    return "".join(card.ljust(80) for card in cards).ljust(2880).encode() + bytes(2880)


def test_a_file_by_hand_agrees(file):
    data = (
        science_makers_free()[:2880] + noise(32, 32, high=256).astype(np.uint8).tobytes() + bytes(2880 - 1024)
    )
    frame = read(file(data), "mono")
    np.testing.assert_allclose(frame.pixels[..., 0], noise(32, 32, high=256)[::-1] / 255, atol=1e-6)


CARDS = {
    "EXPTIME": 2.5,
    "INSTRUME": "ZWO ASI1600MM Pro",
    "GAIN": 139,
    "EGAIN": 0.93,
    "FOCALLEN": 530.0,
    "DATE_OBS": "2024-05-01T22:10:03.125",
    "OBJECT": "M 31",
    "CRPIX1": 24.5,
    "CRVAL1": 10.68,
    "COMMENT": "first light",
}


def test_capture_facts_are_kept(file):
    path = file(science_makers.fits(noise().astype(np.uint16), **CARDS))
    facts = camera_facts(read(path, "mono").origin.exif)
    assert (facts.model, facts.exposure_s, facts.focal_mm) == ("ZWO ASI1600MM Pro", 2.5, 530)
    assert facts.date == "2024:05:01 22:10:03"
    assert probe(path).camera == facts


@pytest.mark.parametrize("order", ["TOP-DOWN", "BOTTOM-UP", None])
def test_written_again(file, tmp_path, order):
    """The header goes with the picture, and rows stay where coordinates expect them."""
    stored = noise().astype(np.uint16)
    cards = {**CARDS, "BAYERPAT": "RGGB", **({"ROWORDER": order} if order else {})}
    origin = read(file(science_makers.fits(stored, **cards)), "color").origin
    picture = make.rgb(32, 48, dtype=np.float32) * 1.5 - 0.1  # highlights and noise are kept
    path = write(tmp_path / "out.fits", picture, origin=origin, provenance="made of a and b")
    with astropy_fits.open(path) as out:
        out.verify("exception")
        header, data = out[0].header, out[0].data
        np.testing.assert_array_equal(
            data, np.moveaxis(picture if order == "TOP-DOWN" else picture[::-1], -1, 0)
        )
        for key, value in CARDS.items():
            assert str(header[key.replace("_", "-")]) == str(value)
        assert header["ROWORDER"] == (order or "BOTTOM-UP")
        assert "BAYERPAT" not in header and "BZERO" not in header
        assert header["PROGRAM"].startswith("dualcam")
        assert "made of a and b" in str(header["HISTORY"])
    back = read(path, "color")
    np.testing.assert_array_equal(back.pixels, picture)
    assert back.origin.cards.count("EXPTIME") == 1


def test_integer_and_gray_outputs(tmp_path):
    picture = make.rgb(32, 48, dtype=np.float32)
    path = write(tmp_path / "out.fit", picture, bits=16)
    np.testing.assert_allclose(read(path, "color").pixels, picture, atol=1 / 65535)
    with astropy_fits.open(path) as out:
        assert out[0].header["BITPIX"] == 16 and out[0].header["BZERO"] == 32768
    path = write_gray(tmp_path / "sure.fts", picture[..., 0], bits=32)
    np.testing.assert_array_equal(read(path, "mono").pixels[..., 0], picture[..., 0])
    with pytest.raises(OutputError, match="no place for the sRGB curve"):
        write(tmp_path / "b.fits", picture, curve="srgb")


def test_facts_of_other_files_become_cards(tmp_path):
    (tmp_path / "mono.jpg").write_bytes(make.pillow(make.gray(), "JPEG", exif=make.exif_block()))
    origin = read(tmp_path / "mono.jpg", "mono").origin
    path = write(tmp_path / "out.fits", make.rgb(dtype=np.float32), origin=origin)
    header = astropy_fits.getheader(io.BytesIO(path.read_bytes()))
    assert (header["INSTRUME"], header["EXPTIME"], header["FOCRATIO"]) == ("Maker Model 7", 0.01, 2.8)
    assert header["DATE-OBS"] == "2024-05-01T22:10:03"
