"""``dualcam sensor``, and its file in ``fuse``, ``simulate`` and ``info``."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest
from cli_helpers import left_in

from dualcam.files.dng import write_dng
from dualcam.files.read import read
from dualcam.frame import NoiseModel
from dualcam.simulation.settings import Sensor
from flats import series
from synthetic import scene, to_bits

MONO = Sensor(2.5, bits=12, black=64, gain=0.4, full_well_e=9000, prnu=0.01)
COLOR = Sensor(3.0, row_noise_e=1.0, bits=14, black=512, gain=1.6, prnu=0.006)


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Folders with the series of a mono camera as PNG and of a color camera as DNG."""
    folder = tmp_path_factory.mktemp("shots")
    for name, sensor, pattern in (("mono", MONO, None), ("color", COLOR, "GRBG")):
        for kind, pictures in zip(("flats", "darks"), series(sensor, pattern, most=2, levels=7), strict=True):
            (folder / name / kind).mkdir(parents=True)
            for stem, dn, _ in pictures:
                if pattern is None:
                    cv2.imwrite(str(folder / name / kind / f"{stem}.png"), dn)
                else:
                    write_dng(
                        folder / name / kind / f"{stem}.dng", dn, pattern=pattern, black=500, white=16383
                    )
    return folder


@pytest.fixture
def sensors(call, shots, tmp_path):
    """mono.json and color.json in the current folder."""
    for name in ("mono", "color"):
        done = call(
            "sensor", "--flats", shots / name / "flats", "--darks", shots / name / "darks", "-o", f"{name}.json", "-q"
        )  # fmt: skip
        assert (done.exit_code, done.stdout) == (0, f"{name}.json\n"), done.stderr
    return tmp_path


def test_a_sensor_is_measured_and_drawn(call, shots, tmp_path):
    done = call(
        "sensor", "--flats", shots / "color" / "flats" / "*.dng", "--darks", shots / "color" / "darks",
        "--plot", "curve.svg",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "sensor.json\n"
    values = json.loads((tmp_path / "sensor.json").read_text())
    assert values["pattern"] == "GRBG" and values["bits"] == 14
    assert values["pooled"]["gain_e_per_dn"] == pytest.approx(1 / 1.6, rel=0.03)
    for text in ("e-/DN", "full well", "16383 DN", "PRNU", "GRBG", "curve.svg"):
        assert text in done.stderr
    ElementTree.parse(tmp_path / "curve.svg")
    assert left_in(tmp_path) == {"sensor.json", "curve.svg"}


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "no files for --flats"),
        (("--flats", "mono/flats"), 2, "no files for --darks"),
        (
            ("--flats", "mono/flats/flat_00.png", "mono/flats/flat_01.png", "--darks", "mono/darks"),
            2,
            "in quotes",
        ),
        (("--flats", "mono/flats", "--darks", "mono/darks", "--plot", "a.png"), 6, ".svg"),
        (("--flats", "mono/flats", "--darks", "mono/darks", "-o", "a.txt"), 6, ".json"),
        (("--flats", "mono/darks", "--darks", "mono/flats"), 4, "swapped"),
        (("--flats", "mono/flats", "--darks", "color/darks"), 4, "dark_0.dng"),
        (("--flats", "nothing.dng", "--darks", "mono/darks"), 4, "nothing.dng does not exist"),
    ],
)
def test_wrong_calls_say_so_and_leave_nothing(call, shots, tmp_path, monkeypatch, arguments, code, text):
    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.chdir(made)
    done = call("sensor", *(str(shots / a) if "/" in a else a for a in arguments))
    assert done.exit_code == code, done.stderr
    assert text in done.stderr and "remedy" in done.stderr
    assert not left_in(made)


def test_an_existing_file_stays(call, shots, tmp_path):
    (tmp_path / "sensor.json").write_text("mine")
    arguments = "sensor", "--flats", shots / "mono" / "flats", "--darks", shots / "mono" / "darks"
    assert call(*arguments).exit_code == 6
    assert (tmp_path / "sensor.json").read_text() == "mine"
    assert call(*arguments, "--overwrite").exit_code == 0


@pytest.fixture
def views(tmp_path):
    wide = to_bits(scene(96, 150, 5))
    cv2.imwrite(str(tmp_path / "left.png"), wide[:, 6:, ::-1])
    cv2.imwrite(str(tmp_path / "right.png"), wide[:, :144, ::-1])
    return "left.png", "right.png"


def test_a_measured_sensor_is_simulated_and_its_noise_known(call, sensors, views):
    done = call(
        "simulate", *views, "-o", "out", "--mono-sensor", "mono.json", "--color-sensor", "color.json",
        "--electrons", 4000,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "% of saturation" in done.stderr and "out/mono.dng out/color.dng" in done.stderr
    settings = json.loads((sensors / "out" / "capture.json").read_text())["settings"]
    assert settings["mono"]["sensor"]["full_well_e"] == pytest.approx(9000, rel=0.03)
    assert settings["color"]["pattern"] == "GRBG"
    for role, true in (("mono", MONO), ("color", COLOR)):
        sensor = settings[role]["sensor"]
        assert sensor["gain"] == pytest.approx(true.gain, rel=0.03)
        assert np.hypot(sensor["read_noise_e"], sensor["row_noise_e"]) == pytest.approx(
            np.hypot(true.read_noise_e, true.row_noise_e), rel=0.03
        )
        assert (sensor["bits"], sensor["black"]) == (true.bits, true.black)
        path = sensors / "out" / f"{role}.dng"
        stated = read(path, role).noise.models[0]
        known = read(path, role, sensor=f"{role}.json").noise.models[0]
        assert known.shot == pytest.approx(stated.shot, rel=0.03)
        assert known.read == pytest.approx(stated.read, rel=0.05)
    shown = call("info", "out/mono.dng").stdout
    assert "noise       variance " in shown
    done = call(
        "fuse", "out/mono.dng", "out/color.dng", "-o", "a.png", "--method", "classical", "--place", "identity", "-v",
        "--mono-sensor", "mono.json", "--color-sensor", "color.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "mono noise from mono.json, color noise from color.json" in done.stderr


def test_a_sensor_file_of_the_wrong_kind(call, sensors, views):
    for arguments, code, text in (
        (("simulate", *views, "--mono-sensor", "color.json"), 2, "describes a Bayer sensor"),
        (("simulate", *views, "--color-sensor", "mono.json"), 2, "describes a monochrome sensor"),
        (("simulate", *views, "--mono-sensor", "mono.json", "--mono-gain", 2), 2, "--mono-gain"),
        (
            ("simulate", *views, "--color-sensor", "color.json", "--color-camera", "sony-a7s2"),
            2,
            "--color-camera",
        ),
        (("fuse", *views, "--mono-sensor", "left.png"), 4, "left.png is not a sensor file"),
    ):
        done = call(*arguments)
        assert done.exit_code == code and text in done.stderr, done.stderr
    assert not (sensors / "capture").exists()


def test_info_shows_a_stated_noise_once_or_by_channel(call, tmp_path):
    dn = np.random.default_rng(0).integers(0, 4000, (32, 32)).astype(np.uint16)
    same, other = NoiseModel(2.5e-4, 1.5e-7), NoiseModel(3e-4, 0.0)
    write_dng(tmp_path / "a.dng", dn, pattern="RGGB", white=4095, noise=[same])
    write_dng(tmp_path / "b.dng", dn, pattern="RGGB", white=4095, noise=[other, same, same])
    assert "variance 0.00025 x + 1.5e-07\n" in call("info", "a.dng").stdout
    assert "variance R 0.0003 x + 0, G 0.00025 x + 1.5e-07, B " in call("info", "b.dng").stdout
