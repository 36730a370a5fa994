"""``dualcam advise``, and the options of ``dualcam fuse`` for lamps and for strictness."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import tifffile
from cli_helpers import left_in

from dualcam.camera.curves import encode
from dualcam.evaluation import protocol
from dualcam.files.read import read
from dualcam.simulation import capture
from dualcam.simulation.settings import SceneLight
from synthetic import scene


@pytest.fixture
def captured(tmp_path):
    """Write a capture: color electrons at white, and lamps far over white or none."""

    def make(electrons=500.0, lamps=False):
        wide = scene(240, 340, 2) * np.float32(0.8)
        if lamps:
            wide = wide.copy()
            cv2.circle(wide, (120, 100), 18, (6.0, 3.0, 1.5), -1, cv2.LINE_AA)
        night = protocol.settings("night", 2)
        dim = replace(night, light=SceneLight(electrons * 2, 8.0))
        rng = np.random.default_rng(0)
        mono = capture.mono_file(capture.mono_samples(wide[:, :320], night, rng), night.mono)
        color, _ = capture.color_file(capture.color_samples(wide[:, 12:332], dim, rng), dim.color)
        paths = tmp_path / "mono.png", tmp_path / "color.png"
        cv2.imwrite(str(paths[0]), mono)
        cv2.imwrite(str(paths[1]), color[..., ::-1])
        return paths

    return make


def test_a_good_capture(call, captured, tmp_path):
    done = call("advise", *captured())
    assert done.exit_code == 0, done.stderr
    assert "info: Color is 3." in done.stdout and "Nothing to worry about." in done.stdout
    assert left_in(tmp_path) == {"mono.png", "color.png"}


def test_findings_for_programs(call, captured):
    known = json.loads(call("advise", *captured(12.0), "--json").stdout)
    assert [known[0][k] for k in ("name", "severity", "unit")] == ["color-light", "serious", "signal/noise"]
    assert known[0]["value"] < 1.6 and "times the exposure" in known[0]["remedy"]


def test_strict_ends_with_an_error_and_writes_nothing(call, captured, tmp_path):
    paths = captured(12.0)
    assert call("advise", *paths).exit_code == 0
    done = call("advise", *paths, "--strict")
    assert done.exit_code == 4 and "error: the capture is refused: color is noisy" in done.stderr
    done = call("fuse", *paths, "--method", "classical", "--strict", "-o", "out.png")
    assert done.exit_code == 4 and "remedy: For the color camera" in done.stderr
    assert left_in(tmp_path) == {"mono.png", "color.png"}


def test_findings_reach_terminal_and_reports(call, captured, tmp_path):
    paths = captured(12.0)
    done = call("fuse", *paths, "--method", "classical", "--report", "r.html")
    assert "serious: Color is noisy" in done.stderr and "info: " not in done.stderr
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "The capture" in page and "Color is noisy" in page and "3." in page
    done = call("fuse", *paths, "--method", "classical", "--report", "r.json", "--overwrite", "-v")
    assert "info: " in done.stderr
    known = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert known["advice"][0]["severity"] == "serious"


def test_lamps_in_files_of_floats_with_headroom_and_off(call, captured, tmp_path):
    paths = captured(2000.0, lamps=True)
    common = ("fuse", *paths, "--method", "classical")
    for name, more in (
        ("float.tif", ("--bits", "32")),
        ("room.tif", ("--headroom", "3")),
        ("plain.tif", ()),
        ("off.tif", ("--highlights", "off", "--bits", "32")),
    ):
        done = call(*common, "-o", name, *more)
        assert done.exit_code == 0, done.stderr
    middle = np.s_[96:105, 116:125]
    light = tifffile.imread("float.tif")[middle].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(light, (6.0, 3.0, 1.5), rtol=0.25)
    room = read(tmp_path / "room.tif", "color").pixels[middle].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(room * 8, light, rtol=0.01)
    plain = read(tmp_path / "plain.tif", "color").pixels[middle].reshape(-1, 3).mean(0)
    assert plain.max() <= 1 and plain[2] < 0.75 * plain[0]
    off = tifffile.imread("off.tif")
    assert off.max() <= 1 and encode(off[middle]).min() > 0.9


@pytest.mark.parametrize("more", [("--bits", "8"), ("--bits", "32"), ("-o", "out.jpg")])
def test_headroom_is_for_16_bits(call, pair, fuser, tmp_path, more):
    done = call("fuse", *pair, "-o", "out.tif", "--headroom", "2", *more)
    assert done.exit_code == 2 and "--headroom" in done.stderr
    assert left_in(tmp_path) == {"night.png", "dark.png"}


def test_options_reach_the_fuser(call, pair, fuser):
    call("fuse", *pair, "--highlights", "off", "--strict")
    assert fuser.options["highlights"] == "off" and fuser.options["strict"] is True
