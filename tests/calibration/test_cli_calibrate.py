"""``dualcam target``, ``calibrate``, ``rig`` and ``fuse --rig``, as a user types them."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from dualcam.camera.curves import encode
from dualcam.cli.app import build
from dualcam.rig.rigfile import read_rig, to_json
from rig_rendering import Room, pinhole_pair


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(build(), [str(a) for a in arguments], prog_name="dualcam")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A rig and a pair taken by it, as files; and the same with the color camera turned."""
    folder, rig, rng = tmp_path_factory.mktemp("room"), pinhole_pair(), np.random.default_rng(5)
    scene = Room(rng)
    truth = scene.mono(rig)[0]
    mono = np.clip(truth @ np.array([0.3, 0.5, 0.2], np.float32) + rng.normal(0, 0.01, rig.mono.size), 0, 1)
    color = np.clip(scene.color(rig) / 4 + rng.normal(0, 0.005, (*rig.color.size, 3)), 0, 1)
    cv2.imwrite(str(folder / "mono.png"), np.rint(encode(mono) * 65535).astype(np.uint16))
    cv2.imwrite(str(folder / "color.png"), np.rint(encode(color)[..., ::-1] * 255).astype(np.uint8))
    (folder / "rig.json").write_text(to_json(rig))
    return folder


def test_a_board_is_made_and_never_replaced_silently(call, tmp_path):
    done = call("target", "board.pdf", "--paper", "a3")
    assert done.exit_code == 0
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF-1.4")
    assert "--board 11x7,35,26,5x5_100" in done.stderr
    assert call("target", "board.pdf").exit_code == 6
    assert call("target", "board.png").exit_code == 6
    assert call("target", "other.pdf", "--board", "20x20,30,20").exit_code == 2


def test_calibrate_writes_a_rig_and_a_strip(call, tmp_path, pinhole_folder):
    options = ("--mono-lens", "pinhole", "--color-lens", "pinhole")
    done = call(
        "calibrate", pinhole_folder / "mono", pinhole_folder / "color", *options, "--strip", "strip.png"
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == "rig.json"
    assert "12 pairs by the same number" in done.stderr
    assert "12 of 12 pictures used" in done.stderr
    found = read_rig(tmp_path / "rig.json")
    assert found.mono.matrix[0, 0] == pytest.approx(570, rel=0.005)
    assert found.facts["epipolar_px"] < 0.3
    strip = cv2.imread(str(tmp_path / "strip.png"))
    assert strip.shape[1] > strip.shape[0]
    assert rows_meet(strip)
    again = call("calibrate", pinhole_folder / "mono", pinhole_folder / "color", *options)
    assert again.exit_code == 6


def rows_meet(strip):
    """Whether what is left and right of the middle lies at the same height: their row profiles are alike unshifted."""
    half = strip.shape[1] // 2
    gray = cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY).astype(np.float32)
    middle = slice(half // 4, 3 * half // 4)
    left, right = (cv2.Sobel(part[:, middle], cv2.CV_32F, 0, 1) for part in (gray[:, :half], gray[:, half:]))
    left, right = (np.abs(part).sum(axis=1) for part in (left, right))

    def alike(shift):
        return np.corrcoef(left[10:-10], np.roll(right, shift)[10:-10])[0, 1]

    return max(range(-8, 9), key=alike) == 0


def test_too_few_pictures_leave_nothing_behind(call, tmp_path, pinhole_folder):
    for name in ("mono", "color"):
        (tmp_path / name).mkdir()
        for path in sorted((pinhole_folder / name).iterdir())[:3]:
            shutil.copy(path, tmp_path / name)
    done = call("calibrate", "mono", "color")
    assert done.exit_code == 4
    assert "only 3 of 3" in done.stderr
    assert not (tmp_path / "rig.json").exists()


def test_folders_are_checked_first(call, tmp_path):
    (tmp_path / "empty").mkdir()
    assert call("calibrate", "nowhere", "empty").exit_code == 4
    assert "no pictures" in call("calibrate", "empty", "empty").stderr


def test_a_rig_is_shown(call, room):
    done = call("rig", "show", room / "rig.json")
    assert done.exit_code == 0
    assert "600 x 450" in done.stdout
    assert "50." in done.stdout


def test_a_rig_that_stands_is_told_from_one_that_moved(call, room, tmp_path):
    done = call("rig", "check", room / "rig.json", room / "mono.png", room / "color.png")
    assert done.exit_code == 0, done.stdout
    assert "as calibrated" in done.stdout
    found = json.loads((room / "rig.json").read_text())
    turn = cv2.Rodrigues(np.radians([0.5, 0.0, 0.0]))[0]
    found["rotation"] = (turn @ np.array(found["rotation"])).tolist()
    (tmp_path / "moved.json").write_text(json.dumps(found))
    done = call("rig", "check", "moved.json", room / "mono.png", room / "color.png")
    assert done.exit_code == 1
    assert "turned" in done.stdout
    assert call("rig", "check", room / "rig.json", room / "mono.png").exit_code == 2


def test_an_import_says_what_it_needs(call, tmp_path):
    store = cv2.FileStorage(str(tmp_path / "stereo.yml"), cv2.FILE_STORAGE_WRITE)
    for key in ("M1", "M2"):
        store.write(key, np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]))
    for key, value in (
        ("D1", np.zeros(5)),
        ("D2", np.zeros(5)),
        ("R", np.eye(3)),
        ("T", np.array([-60.0, 0, 0])),
    ):
        store.write(key, value)
    store.release()
    assert call("rig", "import", "stereo.yml").exit_code == 2
    done = call(
        "rig", "import", "stereo.yml", "--unit", "mm", "--mono-size", "640x480", "--color-size", "640x480"
    )
    assert done.exit_code == 0, done.stderr
    assert read_rig(tmp_path / "rig.json").baseline == pytest.approx(0.06)


def test_fuse_takes_a_rig(call, room, tmp_path):
    done = call(
        "fuse", room / "mono.png", room / "color.png", "-o", "out.png", "--rig", room / "rig.json",
        "--method", "classical", "--report", "report.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    placed = json.loads((tmp_path / "report.json").read_text())["placement"]
    assert placed["method"] == "rig"
    assert cv2.imread(str(tmp_path / "out.png")).shape == (450, 600, 3)
    assert (
        call("fuse", room / "mono.png", room / "color.png", "-o", "b.png", "--distance", "2").exit_code == 2
    )
    wrong = call("fuse", room / "color.png", room / "mono.png", "-o", "b.png", "--rig", room / "rig.json")
    assert wrong.exit_code == 4
    assert not (tmp_path / "b.png").exists()
