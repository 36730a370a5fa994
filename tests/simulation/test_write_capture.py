"""The folder of a capture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.errors import InputError, OutputError, UsageError
from dualcam.files.read import read
from dualcam.simulation import cameras
from dualcam.simulation import settings as tree
from dualcam.simulation.capture import shoot
from dualcam.simulation.record import Record, facts, source
from dualcam.simulation.write import disparity_codes, write_capture
from synthetic import scene, to_bits

FILES = {"mono.png", "color.png", "color.dng", "truth.png", "capture.json"}


def taken(settings):
    codes = to_bits(scene(48, 64))
    return shoot(codes, codes, settings, np.random.default_rng(0), np.random.default_rng(1))


def record(settings, **changes):
    return Record(settings, **({"scene": "a/b", "level": "night"} | changes))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_files_hold_the_capture(tmp_path):
    settings = tree.Settings()
    capture = taken(settings)
    written = write_capture(tmp_path / "deep" / "folder", capture, record(settings))
    assert names(tmp_path / "deep" / "folder") == FILES == {path.name for path in written}
    stored = {
        path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in written if path.suffix == ".png"
    }
    assert np.array_equal(stored["mono.png"], capture.mono)
    assert np.array_equal(stored["color.png"][..., ::-1], capture.color)
    assert np.array_equal(stored["truth.png"][..., ::-1], capture.truth)


@pytest.mark.parametrize("camera", ["nikon-d850", "sony-imx686"])
@pytest.mark.parametrize("pattern", ["RGGB", "GBRG"])
def test_the_raw_file_says_how_to_read_it(camera, pattern, tmp_path):
    settings = cameras.equipped(tree.Settings(scale=1), color=camera)
    settings = replace(settings, color=replace(settings.color, pattern=pattern))
    capture = taken(settings)
    write_capture(tmp_path, capture, record(settings))
    raw = read(tmp_path / "color.dng", "color").mosaic
    sensor = settings.color.sensor
    dn = np.rint(raw.samples * (sensor.white - sensor.black) + sensor.black)
    assert np.array_equal(dn, capture.mosaic)
    assert raw.pattern == pattern
    np.testing.assert_allclose(raw.white_balance, settings.color.response.white_balance, rtol=2e-3)
    np.testing.assert_allclose(raw.matrix, settings.color.response.matrix, atol=5e-3)


def test_facts_are_enough_to_do_it_again(tmp_path):
    settings = cameras.equipped(tree.Settings(scale=2.5), color="sony-a7s2")
    (tmp_path / "left.png").write_bytes(b"left")
    sources = (source(tmp_path / "left.png"),)
    write_capture(tmp_path / "out", taken(settings), record(settings, seed=7, inputs=sources, parallax=0.1))
    stored = json.loads((tmp_path / "out" / "capture.json").read_text("utf-8"))
    assert stored == json.loads(json.dumps(facts(record(settings, seed=7, inputs=sources, parallax=0.1))))
    assert (stored["scene"], stored["level"], stored["scale"], stored["seed"]) == ("a/b", "night", 2.5, 7)
    assert stored["protocol"] is None and stored["parallax"] == 0.1 and stored["dualcam"]
    assert stored["inputs"] == [
        {"name": "left.png", "sha256": "360f84035942243c6a36537ae2f8673485e6c04455a0a85a0db19690f2541480"}
    ]
    assert stored["electrons_at_white"] == {"mono": 1000, "color": 500}
    color = stored["settings"]["color"]
    again = tree.ColorCamera(
        response=tree.ColorResponse(
            tuple(color["response"]["white_balance"]), tuple(map(tuple, color["response"]["matrix"]))
        ),
        sensor=tree.Sensor(**color["sensor"]),
    )
    assert again == settings.color
    assert isinstance(facts(record(tree.Settings()))["scale"], int)


def test_disparity(tmp_path):
    settings = tree.Settings()
    disparity = np.full((48, 64), 3.5, np.float32)
    disparity[0, :5] = [np.nan, 0, -2, 300, 255.99]
    write_capture(tmp_path, taken(settings), record(settings), disparity=disparity)
    stored = cv2.imread(str(tmp_path / "disparity.png"), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16 and stored[0, :5].tolist() == [0, 0, 0, 0, 65533]
    assert (stored[1:] == 3.5 * 256).all()
    assert np.array_equal(stored, disparity_codes(disparity))
    with pytest.raises(UsageError, match="64 x 48"):
        write_capture(tmp_path / "x", taken(settings), record(settings), disparity=disparity.T)
    assert not (tmp_path / "x").exists()


def test_a_phone_writes_a_jpeg(tmp_path):
    settings = tree.Settings(color=tree.ColorCamera(phone=tree.Phone()))
    capture = taken(settings)
    write_capture(tmp_path, capture, record(settings))
    assert names(tmp_path) == {"mono.png", "color.jpg", "truth.png", "capture.json"}
    assert (tmp_path / "color.jpg").read_bytes() == capture.jpeg


def test_nothing_is_replaced_by_itself(tmp_path):
    settings = tree.Settings()
    (tmp_path / "truth.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"truth\.png exists"):
        write_capture(tmp_path, taken(settings), record(settings))
    assert names(tmp_path) == {"truth.png"} and (tmp_path / "truth.png").read_bytes() == b"mine"
    write_capture(tmp_path, taken(settings), record(settings), overwrite=True)
    assert names(tmp_path) == FILES


def test_captures_are_not_mixed(tmp_path):
    settings = tree.Settings(color=tree.ColorCamera(phone=tree.Phone()))
    write_capture(tmp_path, taken(tree.Settings()), record(tree.Settings()))
    with pytest.raises(OutputError, match="another capture"):
        write_capture(tmp_path, taken(settings), record(settings), overwrite=True)
    assert names(tmp_path) == FILES


def test_a_source_that_is_not_there():
    with pytest.raises(InputError, match="gone"):
        source(Path("gone.png"))
