"""One capture in every kind of file that sensors' samples come in: all of them fuse to the same picture."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rawpy
from typer.testing import CliRunner

import dualcam
from dualcam.camera import sensor
from dualcam.cli.app import build
from dualcam.files.dng import write_dng
from dualcam.files.read import read
from synthetic import WEIGHTS, Light, Rig, psnr, to_display, world

sys.path.insert(0, str(Path(__file__).parents[1] / "files"))
import science_makers

LIGHT = Light()
TOP = 4095
SIZES = ("320x240", "160x120")


def pgm(dn):
    return f"P5\n{dn.shape[1]} {dn.shape[0]}\n{TOP}\n".encode() + dn.astype(">u2").tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A mono and a GBRG camera of 12 bits."""
    pytest.importorskip("astropy")
    view, path, rng = (
        world(Rig(parallax=(9, 0)), 240, 320),
        tmp_path_factory.mktemp("kinds"),
        np.random.default_rng(5),
    )
    mono = sensor.digitise(sensor.expose(view.truth @ WEIGHTS, LIGHT.mono_electrons, LIGHT.read, rng), 12)
    dark = sensor.expose(
        sensor.mosaic(view.color.astype(np.float32), "GBRG"),
        LIGHT.color_electrons / LIGHT.ratio,
        LIGHT.read,
        rng,
    )
    color = sensor.digitise(dark / np.float32(LIGHT.ratio), 12)
    write_dng(path / "mono.dng", mono, pattern=None, white=TOP)
    write_dng(path / "color.dng", color, pattern="GBRG", white=TOP)
    kinds = {"SATURATE": TOP, "INSTRUME": "ZWO ASI1600MM", "EXPTIME": 0.5, "OBJECT": "Old town"}
    for name, dn in (("mono", mono), ("color", color)):
        pattern = {"BAYERPAT": "GBRG"} if name == "color" else {}
        bottom_up = np.ascontiguousarray(dn[::-1])
        (path / f"{name}.fits").write_bytes(
            science_makers.fits(bottom_up, ROWORDER="BOTTOM-UP", **kinds, **pattern)
        )
        (path / f"{name}.fits.fz").write_bytes(
            science_makers.fits(dn, "RICE_1", ROWORDER="TOP-DOWN", **kinds, **pattern)
        )
        other = np.full_like(dn, 1000)
        (path / f"{name}.ser").write_bytes(
            science_makers.ser([other, dn], color=10 if pattern else 0, bits=12, flag=1)
        )
        (path / f"{name}.raw").write_bytes(bytes(16) + dn.astype("<u2").tobytes())
        (path / f"{name}.packed").write_bytes(science_makers.packed_mipi(dn, 12, 512))
        (path / f"{name}.pgm").write_bytes(pgm(dn))
        (path / f"{name}16.pgm").write_bytes(pgm(dn << 4).replace(b"\n4095\n", b"\n65535\n", 1))
    return path


KINDS = {
    "fits": ("mono.fits", "color.fits"),
    "compressed fits": ("mono.fits.fz", "color.fits.fz"),
    "ser": ("mono.ser", "color.ser", "--mono-frame", "1", "--color-frame", "1"),
    "flat": (
        "mono.raw",
        "color.raw",
        "--mono-raw",
        f"{SIZES[0]}x12:skip=16",
        "--color-raw",
        f"{SIZES[1]}x12:GBRG:skip=16",
    ),
    "packed": (
        "mono.packed",
        "color.packed",
        "--mono-raw",
        f"{SIZES[0]}x12:mipi:row=512",
        "--color-raw",
        f"{SIZES[1]}x12:mipi:row=512",
        "--color-pattern",
        "GBRG",
    ),
    "pgm": ("mono.pgm", "color.pgm", "--mono-curve", "linear", "--color-pattern", "gbrg"),
    "upper end": ("mono16.pgm", "color16.pgm", "--mono-curve", "linear", "--color-pattern", "GBRG"),
    "mixed": ("mono.fits", "color.raw", "--color-raw", f"{SIZES[1]}x12:GBRG:skip=16"),
}


def fuse(*arguments):
    return CliRunner().invoke(build(), ["fuse", *map(str, arguments)])


@pytest.fixture(scope="module")
def reference(folder):
    out = folder / "reference.tif"
    options = ["-o", out, "--bits", "32", "--method", "classical", "--color-balance", "none"]
    done = fuse(folder / "mono.fits", folder / "color.fits", *options)
    assert done.exit_code == 0, done.stderr
    return read(out, "color").pixels


def test_it_is_the_picture_of_the_dngs(folder, reference):
    fusion = dualcam.fuse(folder / "mono.dng", folder / "color.dng", method="classical")
    assert psnr(to_display(fusion.pixels), to_display(reference)) > 50


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_picture(folder, tmp_path, reference, kind):
    """To the bit among themselves; a DNG's rounded color matrix is not quite the identity."""
    mono, color, *options = KINDS[kind]
    out = tmp_path / "out.tif"
    options += ["--color-balance", "none", "--method", "classical", "--bits", "32"]
    done = fuse(folder / mono, folder / color, "-o", out, *options)
    assert done.exit_code == 0, done.stderr
    np.testing.assert_allclose(read(out, "color").pixels, reference, atol=1e-6)
    if kind == "ser":
        assert "frame 1 of 2" in done.stderr


def test_the_mosaic_reaches_the_networks(folder, reference):
    """By networks, too, and only for these is the mosaic itself of use."""
    results = [
        dualcam.fuse(
            read(folder / mono, "mono", curve="linear"),
            read(folder / color, "color", balance="none", **options),
            method="neural",
        )
        for mono, color, options in (
            ("mono.dng", "color.dng", {}),
            ("mono.fits", "color.fits", {}),
            ("mono.pgm", "color.pgm", {"pattern": "GBRG"}),
        )
    ]
    assert [fusion.pair.color.mosaic.pattern for fusion in results] == ["GBRG"] * 3
    np.testing.assert_array_equal(results[1].pixels, results[2].pixels)
    assert psnr(to_display(results[0].pixels), to_display(results[1].pixels)) > 45
    assert psnr(to_display(results[1].pixels), to_display(reference)) > 20


def test_a_white_balance_changes_colors_and_is_noted(folder, tmp_path):
    done = fuse(
        folder / "mono.fits", folder / "color.fits", "-o", tmp_path / "a.png", "--method", "classical"
    )
    assert done.exit_code == 0, done.stderr
    assert "--color-balance overrides" in done.stderr and "no color matrix" in done.stderr
    by_hand = read(folder / "color.fits", "color", balance="2,1,0.5").pixels
    plain = read(folder / "color.fits", "color", balance="none").pixels
    ratio = by_hand.mean((0, 1)) / plain.mean((0, 1))
    np.testing.assert_allclose(ratio, [2, 1, 0.5], rtol=0.02)


@pytest.mark.parametrize("suffix", [".fits", ".dng", ".tif"])
def test_linear_outputs(folder, tmp_path, reference, suffix):
    out, sure = tmp_path / f"out{suffix}", tmp_path / "sure.png"
    options = ["--color-balance", "none", "--method", "classical", "--confidence", sure]
    options += ["--output-curve", "linear"] if suffix == ".tif" else []
    done = fuse(folder / "mono.fits", folder / "color.fits", "-o", out, *options)
    assert done.exit_code == 0, done.stderr
    frame = read(out, "color")
    inside = reference.max(axis=2) < 0.94
    np.testing.assert_allclose(frame.pixels[inside], reference[inside], atol=1e-4)
    assert read(sure, "mono").pixels.shape == (240, 320, 1)
    if suffix == ".fits":
        assert "Old town" in frame.origin.cards and "BAYERPAT" not in frame.origin.cards
    if suffix == ".dng":
        with rawpy.imread(str(out)) as raw:
            developed = raw.postprocess(
                gamma=(1, 1), no_auto_bright=True, use_camera_wb=True, output_bps=16, adjust_maximum_thr=0.0
            )
        np.testing.assert_allclose(developed / 65535, np.clip(reference, 0, 1), atol=1e-4)


def test_a_film(folder):
    """Frames of two SER files, one pair after the other."""
    pairs = zip(
        dualcam.read_frames(folder / "mono.ser", "mono", start=1),
        dualcam.read_frames(folder / "color.ser", "color", start=1, balance="none"),
        strict=True,
    )
    results = list(dualcam.Fuser(method="classical").stream(pairs))
    assert len(results) == 1
    assert results[0].pixels.shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mono.pgm", "color.pgm"), 4, "--color-pattern RGGB"),
        (("mono.raw", "color.dng"), 4, "--mono-raw 1280x1024x8"),
        (("mono.raw", "color.dng", "--mono-raw", "320x240x12"), 4, "after a header of 16 bytes"),
        (("mono.raw", "color.dng", "--mono-raw", "320x240"), 2, "WIDTHxHEIGHTxBITS"),
        (("mono.ser", "color.ser", "--mono-frame", "7"), 4, "It holds 2"),
        (("mono.pgm", "color.dng", "--mono-frame", "0"), 2, "Leave the choice out"),
        (("color.fits", "mono.fits"), 4, "--mono-pattern none"),
        (("mono.dng", "color.dng", "--color-balance", "1,2"), 2, "1.9,1,1.6"),
        (
            ("mono.dng", "color.dng", "-o", "a.png", "--bits", "8", "--output-curve", "linear"),
            6,
            "TIFF or PNG",
        ),
        (("mono.dng", "color.dng", "-o", "a.fits", "--output-curve", "srgb"), 6, "linear"),
        (("mono.dng", "color.dng", "--confidence", "a.dng"), 6, "holds 16 bits"),
    ],
)
def test_what_is_wrong_is_said(folder, monkeypatch, arguments, code, words):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    done = fuse(*arguments)
    assert done.exit_code == code, done.stderr
    assert words in done.stderr.split("remedy:")[1]
    assert sorted(folder.iterdir()) == before


def test_info(folder):
    files = [str(folder / name) for name in ("mono.fits", "color.fits", "color.ser")]
    done = CliRunner().invoke(build(), ["info", *files])
    assert done.exit_code == 0
    mono, color, film = done.stdout.split(str(folder))[1:]
    assert "FITS, gray, uint16, 16 bits" in mono and "white       4095" in mono
    assert "ZWO ASI1600MM, 0.5 s" in mono and "rows from the bottom up" in mono
    assert (
        "FITS, RGB, uint16, 16 bits" in color and "mosaic      GBRG" in color and "looks like  color" in color
    )
    assert "SER, RGB, uint16, 12 bits" in film and "frame 0 of 2" in film
    done = CliRunner().invoke(
        build(), ["info", str(folder / "color.raw"), "--raw", "160x120x12:GBRG:skip=16"]
    )
    assert "flat, RGB, uint16, 12 bits" in done.stdout and "mosaic      GBRG" in done.stdout


def test_a_cut_off_film_is_refused_before_the_work(folder, tmp_path):
    short = tmp_path / "short.ser"
    short.write_bytes((folder / "mono.ser").read_bytes()[:-100])
    done = fuse(short, folder / "color.ser", "--mono-frame", "1", "-o", tmp_path / "a.png")
    assert done.exit_code == 4 and "cut off" in done.stderr
    assert struct.calcsize("<14s7i40s40s40s2q") == 178


def test_the_example_of_the_recipes(folder, tmp_path):
    """It stores a capture in kinds that dualcam reads as they were meant."""
    capture, kinds = tmp_path / "capture", tmp_path / "kinds"
    capture.mkdir()
    mono = read(folder / "mono.dng", "mono")
    dualcam.write(capture / "mono.png", mono.pixels)
    (capture / "color.dng").write_bytes((folder / "color.dng").read_bytes())
    script = Path(__file__).parents[2] / "examples" / "capture_kinds.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", script, capture, kinds], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"mono: {SIZES[0]}x12", f"color: {SIZES[1]}x12:GBRG"]
    original = read(folder / "color.dng", "color").mosaic
    for name, options in (
        ("OSC.fits", {}),
        ("OSC.ser", {}),
        ("color.raw", {"raw": f"{SIZES[1]}x12:GBRG"}),
        ("color.pgm", {"pattern": "GBRG"}),
    ):
        mosaic = read(kinds / name, "color", **options).mosaic
        assert mosaic.pattern == "GBRG"
        np.testing.assert_allclose(mosaic.samples, original.samples, atol=1e-6)
    assert len(list(dualcam.read_frames(kinds / "L.ser", "mono"))) == 2
