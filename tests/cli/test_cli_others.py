"""``dualcam info``, ``doctor`` and ``demo``."""

from __future__ import annotations

import getpass
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_helpers import left_in

import untrained
from dualcam.cli import doctor, selftest
from dualcam.neural import devices, manifest


def test_info_shows_the_facts_of_several_files(call, pair):
    done = call("info", *pair)
    assert done.exit_code == 0, done.stderr
    for words in ("night.png", "dark.png", "PNG, gray, uint16, 16 bits", "64 x 48", "32 x 24", "srgb"):
        assert words in done.stdout


def test_info_goes_on_after_a_bad_file(call, pair, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    done = call("info", bad, pair[0], tmp_path / "gone.png", pair[1])
    assert done.exit_code == 1
    assert "night.png" in done.stdout and "dark.png" in done.stdout
    assert done.stderr.count("error: ") == 2
    assert "Traceback" in call("info", bad, "-v").stderr


def test_info_of_one_bad_file_has_its_own_code(call, tmp_path):
    done = call("info", tmp_path / "gone.png")
    assert done.exit_code == 4
    assert done.stderr.startswith("error: ")


def test_info_shows_the_camera(call, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Maker One"
    exif.get_ifd(0x8769).update({0x829A: 0.004, 0x829D: 2.8, 0x8827: 1600, 0x920A: 35.0})
    Image.new("RGB", (64, 48), (90, 40, 10)).save(tmp_path / "a.jpg", exif=exif)
    assert "Maker One, 1/250 s, f/2.8, ISO 1600, 35 mm" in call("info", "a.jpg").stdout


def test_doctor_passes_and_names_nobody(call):
    done = call("doctor")
    assert done.exit_code == 0, done.stdout
    for words in (
        "dualcam",
        "python",
        "numpy",
        "OpenCV",
        "onnxruntime",
        "memory",
        "cpus",
        "weights",
        "torch",
        "self-test    ok",
    ):
        assert words in done.stdout
    assert str(Path.home()) not in done.stdout
    assert str(Path.cwd()) not in done.stdout
    if getpass.getuser() != "root":
        assert getpass.getuser() not in done.stdout


def test_doctor_checks_the_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(manifest, "SHIPPED", tmp_path)
    assert dict(doctor.facts())["weights"] == "none: classical method"
    folder = untrained.weights(tmp_path / "w")
    monkeypatch.setattr(manifest, "SHIPPED", folder)
    assert dict(doctor.facts())["weights"].startswith("untrained (2026-01-31), checksums")
    (folder / "refsr.onnx").write_bytes(b"x")
    found = dict(doctor.facts())["weights"]
    assert found.startswith("CANNOT BE USED") and "refsr.onnx" in found and str(tmp_path) not in found


@pytest.mark.parametrize(
    ("version", "cuda", "said"),
    [
        (None, None, "not installed"),
        ("2.9.0+cpu", None, "2.9.0+cpu, for --engine torch: cpu"),
        ("2.9.0", True, "2.9.0, for --engine torch: cpu, cuda"),
        ("2.9.0+cu128", False, "2.9.0+cu128, for --engine torch: cpu"),
    ],
)
def test_doctor_imports_torch_only_where_it_may_find_a_gpu(monkeypatch, version, cuda, said):
    def imported():
        assert cuda is not None
        return SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: cuda))

    monkeypatch.setattr(devices, "torch_version", lambda: version)
    monkeypatch.setattr(devices, "torch", imported)
    assert dict(doctor.facts())["torch"] == said


@pytest.mark.parametrize(
    "failure", [RuntimeError(f"broken in {Path.home()}/lib"), ImportError("no cv2"), MemoryError()]
)
def test_doctor_fails_with_code_1(call, fuser, failure):
    fuser.fail = failure
    done = call("doctor")
    assert done.exit_code == 1
    assert "self-test    FAILED" in done.stdout and type(failure).__name__ in done.stdout
    assert str(Path.home()) not in done.stdout


def test_self_test_notices_a_wrong_result(fuser):
    verdict = selftest.check()
    assert not verdict.passed
    assert "scale" in verdict.text  # the fake fuser says 2


def test_self_test_bound_lies_well_under_a_gray_picture():
    import numpy as np

    from dualcam.camera.curves import encode

    mono, color, truth = selftest.make_pair()
    assert np.abs(encode(mono)[..., None] - encode(truth)).mean() * 255 > 1.7 * selftest.BOUND
    assert color.mean() < truth.mean() / 5


def test_packages_that_are_not_there(monkeypatch):
    assert doctor._package("no_such_package", needed=False) == "not installed"
    assert doctor._package("no_such_package", needed=True).startswith("CANNOT BE IMPORTED")


def test_demo_fills_a_folder(call, tmp_path, fuser):
    done = call("demo", "-o", "try me")
    assert done.exit_code == 0, done.stderr
    assert left_in(tmp_path) == {
        "try me",
        *(f"try me/{n}" for n in ("mono.png", "color.png", "fused.png", "confidence.png", "report.html")),
    }
    assert "dualcam fuse 'try me/mono.png' 'try me/color.png'" in done.stderr
    assert 'class="thumb"' in (tmp_path / "try me" / "report.html").read_text("utf-8")
    assert call("demo", "-o", "try me").exit_code == 6
    again = call("demo", "-o", "try me", "--overwrite", "-q")
    assert again.exit_code == 0
    assert again.stdout.split("\n") == [str(Path("try me/fused.png")), ""] and not again.stderr


def test_demo_without_its_pictures(call, tmp_path, monkeypatch):
    monkeypatch.setattr("dualcam.cli.demo.files", lambda _: tmp_path)
    done = call("demo")
    assert done.exit_code == 3
    assert left_in(tmp_path) == set()
