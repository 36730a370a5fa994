"""Raw files through the whole program, alone and mixed with other files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import dualcam
from dualcam.camera import sensor
from dualcam.cli.app import build
from dualcam.files.dng import write_dng
from dualcam.files.metadata import CameraFacts, camera_facts
from dualcam.files.read import read
from synthetic import WEIGHTS, Light, Rig, psnr, to_bits, to_display, world

LIGHT = Light()
GAINS = np.array([1.9, 1.0, 1.5], np.float32)
MATRIX = np.array([[1.5, -0.4, -0.1], [-0.2, 1.4, -0.2], [0.05, -0.45, 1.4]], np.float32)
NIGHT = CameraFacts("Maker", "Night One", 0.02, 6400)


@pytest.fixture(scope="module")
def view():
    return world(Rig(parallax=(9, 0)), 240, 320)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, view):
    """One capture as mono.png, mono.dng, color.png, plain.dng (the same light) and color.dng (real filters)."""
    path, rng = tmp_path_factory.mktemp("raw"), np.random.default_rng(5)
    plane = sensor.expose(view.truth @ WEIGHTS, LIGHT.mono_electrons, LIGHT.read, rng)
    cv2.imwrite(str(path / "mono.png"), to_bits(np.clip(plane, 0, 1), 16))
    # Turned by 180 degrees, as a camera mounted head down stores it.
    dn = sensor.digitise(plane, 12, 256)[::-1, ::-1]
    write_dng(path / "mono.dng", dn, pattern=None, black=256, white=4095, orientation=3, camera=NIGHT)

    electrons = LIGHT.color_electrons / LIGHT.ratio
    camera = np.maximum(view.color @ np.linalg.inv(MATRIX * GAINS).T, 0)
    dark = [
        sensor.expose(sensor.mosaic(picture.astype(np.float32)), electrons, LIGHT.read, rng) / LIGHT.ratio
        for picture in (view.color, camera)
    ]
    color = to_bits(sensor.demosaic(np.clip(dark[0], 0, 1)), LIGHT.bits)
    cv2.imwrite(str(path / "color.png"), color[..., ::-1])
    write_dng(path / "plain.dng", sensor.digitise(dark[0], 14, 512), pattern="RGGB", black=512, white=16383)
    stored = sensor.digitise(dark[1], 14, 512)
    write_dng(
        path / "color.dng",
        stored,
        pattern="RGGB",
        black=512,
        white=16383,
        white_balance=GAINS,
        matrix=MATRIX,
    )
    return path


@pytest.mark.parametrize(("method", "most_lost"), [("classical", 0.4), ("neural", 1.0)])
def test_a_raw_pair_is_fused_at_least_as_well_as_pictures(folder, view, method, most_lost):
    truth = to_display(view.truth)
    scores = {}
    for name in ("color.png", "plain.dng", "color.dng"):
        fused = dualcam.fuse(folder / f"mono{name[-4:]}", folder / name, method=method)
        scores[name] = psnr(to_display(fused.pixels), truth)
    assert scores["plain.dng"] > scores["color.png"] - 0.1, scores
    # Real filters let less red and blue through, and the matrix raises the noise.
    assert scores["color.dng"] > scores["color.png"] - most_lost, scores


@pytest.mark.parametrize(("mono", "color"), [("png", "dng"), ("dng", "png")])
def test_raw_and_picture_mix(folder, view, mono, color):
    fused = dualcam.fuse(folder / f"mono.{mono}", folder / f"color.{color}")
    assert psnr(to_display(fused.pixels), to_display(view.truth)) > 26


def test_command_line(folder, tmp_path):
    out = tmp_path / "out.tif"
    arguments = ["fuse", str(folder / "mono.dng"), str(folder / "color.dng"), "-o", str(out)]
    done = CliRunner().invoke(build(), arguments, prog_name="dualcam")
    assert done.exit_code == 0, done.output
    fused = read(out, "color")
    assert fused.pixels.shape == (240, 320, 3)
    assert camera_facts(fused.origin.exif).model == "Night One"


def test_command_line_refuses_a_curve(folder, tmp_path):
    files = [str(folder / "mono.dng"), str(folder / "color.dng")]
    arguments = ["fuse", *files, "-o", str(tmp_path / "out.png"), "--color-curve", "srgb"]
    done = CliRunner().invoke(build(), arguments, prog_name="dualcam")
    assert done.exit_code == 2
    assert "color.dng is a raw file" in done.output.replace("\n", "")
    assert not list(tmp_path.iterdir())


def test_info(folder):
    done = CliRunner().invoke(build(), ["info", str(folder / "color.dng"), str(folder / "mono.dng")])
    assert done.exit_code == 0, done.output
    for words in ("DNG, RGB, uint16, 14 bits", "RGGB", "512", "16383", "R 1.900, G 1.000, B 1.500"):
        assert words in done.stdout
    for words in ("DNG, gray, uint16, 12 bits", "256", "Maker Night One, 1/50 s, ISO 6400"):
        assert words in done.stdout
