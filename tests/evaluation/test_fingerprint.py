"""What results depend on, and how two such descriptions are told apart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from packs import add_pair, make_pack

from dualcam.evaluation import fingerprint, protocol
from dualcam.evaluation.dataset import find
from dualcam.neural import manifest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three files instead of dualcam, so that nobody else changes it meanwhile."""
    root = tmp_path / "package"
    for name in ("frame.py", "rig/warp.py", "evaluation/metrics/psnr.py", "cli/app.py", "weights/a.onnx"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.setattr(fingerprint, "PACKAGE", root)
    return root


@pytest.fixture
def scenes(tmp_path):
    return find(make_pack(tmp_path / "pack"))


def changes(before, scenes):
    return fingerprint.differences(before, fingerprint.config(scenes))


def test_the_same_things_give_the_same_description(package, scenes):
    before = fingerprint.config(scenes)
    assert changes(before, scenes) == ()
    # It survives being written down.
    assert fingerprint.differences(json.loads(json.dumps(before)), before) == ()
    assert set(before["scenes"]) == {"B", "plane/A"}
    assert str(package) not in json.dumps(before)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("frame.py", ("code of dualcam",)),
        ("rig/warp.py", ("code of rig",)),
        ("weights/a.onnx", ("neural weights",)),
        ("weights/manifest.toml", ("neural weights",)),
        ("weights/refec.md", ()),
        ("neural/engine.py", ("neural code",)),
        ("networks/refec.py", ()),
        ("training/loop.py", ()),
        ("evaluation/metrics/psnr.py", ("scoring",)),
        ("cli/app.py", ()),
        ("rig/__pycache__/warp.pyc", ()),
    ],
)
def test_a_changed_file_is_told_by_its_room(package, scenes, name, told):
    before = fingerprint.config(scenes)
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("changed")
    assert changes(before, scenes) == told


def test_a_new_file_and_a_renamed_one_count(package, scenes):
    before = fingerprint.config(scenes)
    (package / "rig" / "warp.py").rename(package / "rig" / "warp2.py")
    assert changes(before, scenes) == ("code of rig",)
    (package / "neural").mkdir()
    (package / "neural" / "net.py").write_text("")
    assert changes(before, scenes) == ("code of rig", "neural code")


def test_a_folder_of_weights_is_what_the_networks_are_and_how_they_run(package):
    folder = package / "weights"
    shipped = fingerprint.networks(folder)
    (folder / "manifest.toml").write_text("[networks.a]\ntile = 512\n[run.a]\nscores = 1\n")
    before = fingerprint.networks(folder)
    assert before["weights"] != shipped["weights"] and before["code"] == shipped["code"]
    # Scores are written there when the benchmark is done: they must not ask for another one.
    (folder / "manifest.toml").write_text("[networks.a]\ntile = 512\n[run.a]\nscores = 2\n")
    assert fingerprint.networks(folder) == before
    (folder / "manifest.toml").write_text("[networks.a]\ntile = 256\n[run.a]\nscores = 2\n")
    assert fingerprint.networks(folder)["weights"] != before["weights"]
    (folder / "manifest.toml").write_text("no TOML")
    assert fingerprint.networks(folder)["weights"] != before["weights"]
    assert fingerprint.networks(folder / "none")["code"] == before["code"]


def test_a_changed_scene_is_named_and_a_new_one_is_fine(package, scenes, tmp_path):
    before = fingerprint.config(scenes)
    add_pair(tmp_path / "pack" / "C", 7)
    assert changes(before, find(tmp_path / "pack")) == ()
    add_pair(tmp_path / "pack" / "B", 8, disparity=False)
    assert changes(before, find(tmp_path / "pack")) == ("scene B",)


def test_protocol_and_packages_are_named(package, scenes, monkeypatch):
    before = fingerprint.config(scenes)
    darker = {**protocol.LEVELS, "dark": replace(protocol.LEVELS["dark"], electrons=200.0)}
    monkeypatch.setattr(protocol, "LEVELS", darker)
    monkeypatch.setitem(before["packages"], "numpy", "0.1")
    assert changes(before, scenes) == ("version of numpy", "protocol levels")


def test_the_weights_are_those_that_the_program_uses():
    assert fingerprint.PACKAGE / fingerprint.WEIGHTS == manifest.SHIPPED


def test_the_real_package_has_all_rooms_but_those_that_only_present():
    described = fingerprint.config(())
    assert {"camera", "classical", "dualcam", "evaluation", "files", "fusion", "rig"} <= set(
        described["code"]
    )
    assert "cli" not in described["code"]
    assert described["packages"]["numpy"] and described["packages"]["opencv"]
