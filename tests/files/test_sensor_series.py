"""Flats and darks on disk: read in DN, checked against each other, measured."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from dualcam.errors import InputError, UsageError
from dualcam.files.dn import read_dn
from dualcam.files.dng import write_dng
from dualcam.files.metadata import CameraFacts
from dualcam.files.sensor_series import characterise, gather
from dualcam.simulation.settings import Sensor
from flats import series

SENSOR = Sensor(2.5, bits=12, black=64, gain=0.4)
CAMERA = CameraFacts("Maker", "Model 7", 0.01, 800)


def samples(height=64, width=80, top=4096):
    return np.random.default_rng(3).integers(0, top, (height, width)).astype(np.uint16)


def test_a_raw_file_is_read_as_stored(tmp_path):
    dn = samples()
    path = write_dng(
        tmp_path / "a.dng", dn, pattern="GRBG", black=300, white=4095, white_balance=(2, 1, 1.5),
        orientation=6, camera=CAMERA,
    )  # fmt: skip
    found = read_dn(path)
    np.testing.assert_array_equal(found.samples, dn)
    assert (found.pattern, found.white, found.camera) == ("GRBG", 4095, CAMERA)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_plain_files_are_read_as_stored(tmp_path, suffix):
    dn = samples(top=65536)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), dn)
    found = read_dn(tmp_path / f"a{suffix}", "RGGB")
    np.testing.assert_array_equal(found.samples, dn)
    assert found.pattern == "RGGB"


def test_a_saturated_raw_flat_is_no_damage(tmp_path):
    path = write_dng(tmp_path / "a.dng", np.full((64, 64), 4095, np.uint16), pattern=None, white=4095)
    assert (read_dn(path).samples == 4095).all()


def test_what_holds_no_dn_is_refused(tmp_path):
    gray = samples(top=256).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.jpg"), gray)
    with pytest.raises(InputError, match=r"a\.jpg is a JPEG picture"):
        read_dn(tmp_path / "a.jpg")
    cv2.imwrite(str(tmp_path / "b.png"), np.dstack([gray] * 3))
    with pytest.raises(InputError, match=r"b\.png holds red, green and blue"):
        read_dn(tmp_path / "b.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(gray).save(tmp_path / "c.png", icc_profile=profile)
    with pytest.raises(InputError, match=r"c\.png carries the profile"):
        read_dn(tmp_path / "c.png")
    with pytest.raises(UsageError, match="no Bayer pattern 'XX'"):
        read_dn(tmp_path / "c.png", "XX")
    path = write_dng(tmp_path / "d.dng", samples(), pattern="RGGB", white=4095)
    with pytest.raises(UsageError, match=r"d\.dng states RGGB, not the pattern BGGR"):
        read_dn(path, "BGGR")


def stored(folder, *, pattern=None, camera=CAMERA, raw=True, **options):
    """A series as files: (flats, darks)."""
    groups = []
    for kind, pictures in zip(("flats", "darks"), series(SENSOR, pattern, **options), strict=True):
        (folder / kind).mkdir(parents=True)
        paths = []
        for name, dn, time in pictures:
            path = folder / kind / f"{name}.{'dng' if raw else 'png'}"
            if raw:
                facts = CameraFacts(camera.make, camera.model, time or 0.01, camera.iso)
                write_dng(path, dn, pattern=pattern, black=0, white=4095, camera=facts)
            else:
                cv2.imwrite(str(path), dn)
            paths.append(path)
        groups.append(paths)
    return groups


@pytest.mark.parametrize("raw", [True, False])
def test_a_series_of_files_is_measured(tmp_path, raw):
    flats, darks = stored(tmp_path, pattern="RGGB", raw=raw, most=3)
    model, transfer = characterise(flats, darks, pattern=None if raw else "RGGB")
    assert model.pooled.gain_dn_per_e == pytest.approx(0.4, rel=0.03)
    assert model.pooled.read_noise_e == pytest.approx(2.5, rel=0.03)
    assert (model.width, model.height, model.bits, model.pattern) == (320, 240, 12, "RGGB")
    assert model.flats[0] == flats[0].name and len(model.darks) == 4
    assert model.notes == transfer.notes
    if raw:
        assert (model.make, model.model, model.iso) == ("Maker", "Model 7", 800)
        assert model.pooled.linearity_error < 0.01


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("small"), size=(96, 128), levels=4)


def test_the_odd_file_is_named(tmp_path, small):
    flats, darks = small
    odd = tmp_path / "odd.dng"

    def refused(match, dn=None, **changes):
        options = {"pattern": None, "white": 4095, "camera": CAMERA, "overwrite": True} | changes
        write_dng(odd, samples(96, 128) if dn is None else dn, **options)
        with pytest.raises(InputError, match=rf"odd\.dng.*{match}"):
            characterise([*flats, odd], darks)

    refused("128 x 90 pixels, the others 128 x 96", samples(90, 128))
    refused("comes from RGGB, the others from a monochrome", pattern="RGGB")
    refused("taken by Other Cam, the others by Maker Model 7", camera=CameraFacts("Other", "Cam"))
    refused("ISO 1600, the others at ISO 800", camera=CameraFacts("Maker", "Model 7", 0.01, 1600))
    refused("another white level", white=16383)
    refused("too few to measure", samples(40, 50))


def test_a_file_is_flat_or_dark(small):
    flats, darks = small
    with pytest.raises(UsageError, match="given as flat and as dark"):
        characterise([*flats, darks[0]], darks)


def test_memory_is_bounded(small, monkeypatch):
    flats, darks = small
    kept = characterise(flats, darks)[0]
    monkeypatch.setattr("dualcam.files.sensor_series._KEPT_BYTES", 0)
    assert characterise(flats, darks)[0] == kept


def test_files_folders_and_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("empty")
    os.mkdir("in")
    for name in ("in/b.dng", "in/a.dng", "in/.hidden", "c.dng"):
        (tmp_path / name).touch()

    def names(*given):
        return [str(path) for path in gather(given, "--flats")]

    assert names("in") == ["in/a.dng", "in/b.dng"]
    assert names("in/*.dng", "c.dng", "in/a.dng") == ["in/a.dng", "in/b.dng", "c.dng"]
    assert names("missing.dng") == ["missing.dng"]  # reading says best what is wrong with it
    for given in ((), ("empty",), ("x*.dng",)):
        with pytest.raises(UsageError, match="--flats"):
            names(*given)
