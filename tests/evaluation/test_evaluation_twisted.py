"""The twisted rig: drawn once for a scene, undone by who places the pictures, and shown with what it costs."""

from __future__ import annotations

import json
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from packs import make_pack

from dualcam.errors import PlacementError, UnavailableError, UsageError
from dualcam.evaluation import attempts, dataset, fingerprint, methods, protocol, twisted
from dualcam.evaluation.case import Output
from dualcam.evaluation.methods import Entry
from dualcam.fusion.fuser import Fuser
from synthetic import psnr, scene, to_bits, to_display, to_linear


class Watch:
    def __init__(self):
        self.finished, self.tasks = [], 0

    def begin(self, step, tasks, work):
        self.tasks = tasks

    def done(self, name, work):
        self.finished.append(name)


def test_a_rig_belongs_to_its_scene_and_stays_within_the_limits():
    drawn = [twisted.rig(f"scene {i}", 400) for i in range(200)]
    assert drawn[3] == twisted.rig("scene 3", 400) != twisted.rig("scene 4", 400)
    turns = np.array([r.geometry.rotation_deg for r in drawn])
    zooms = np.array([r.geometry.zoom for r in drawn])
    shifts = np.array([r.geometry.shift_px for r in drawn])
    weights = np.array([r.response.weights for r in drawn])
    for values, low, high in ((turns, -1.2, 1.2), (zooms, 0.97, 1.05), (shifts, -4, 4)):
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high
    assert np.allclose(weights.sum(1), 1) and 0.04 < weights.std(0).max() < 0.2
    # Shifts grow with the picture, nothing else does.
    large = twisted.rig("scene 3", 800)
    assert large.geometry.shift_px == pytest.approx(2 * shifts[3]) and large.response == drawn[3].response


@pytest.fixture(scope="module")
def views():
    wide = to_bits(scene(240, 326, 3))
    return wide[:, :320], wide[:, 6:]


def test_straight_is_the_night_protocol_and_twisted_another_rig_in_the_same_light(views):
    options = {"scene": "s", "level": "night", "scale": 2}
    straight, truth = twisted.capture(*views, **options, how="straight")
    shot = protocol.capture(*views, **options)
    assert np.array_equal(np.rint(to_display(straight.mono.pixels[..., 0]) * 65535), shot.mono)
    assert np.array_equal(np.rint(to_display(straight.color.pixels) * 255), shot.color)
    assert np.array_equal(truth.picture, views[0])
    other, _ = twisted.capture(*views, **options, how="twisted")
    assert other.mono.pixels.shape == straight.mono.pixels.shape
    assert other.color.pixels.mean() == pytest.approx(straight.color.pixels.mean(), rel=0.03)
    assert psnr(to_display(other.color.pixels), to_display(straight.color.pixels)) < 33
    # The mono camera weighs the colors differently.
    drawn = twisted.rig("s", 320)
    signal = to_linear(views[0] / 255) @ np.array(drawn.response.weights)
    assert np.abs((other.mono.pixels[..., 0] - signal).mean()) < 1e-3


def test_placement_undoes_the_twist(views):
    options = {"scene": "s", "level": "dusk", "scale": 2}
    shown = []
    for how in twisted.RIGS:
        inputs, truth = twisted.capture(*views, **options, how=how)
        fused = Fuser("classical").fuse(inputs.mono, inputs.color).pixels
        shown.append(psnr(to_display(fused), truth.picture / 255))
    assert shown[1] > shown[0] - 1.5


@pytest.fixture
def known(monkeypatch):
    """One method that is right, one that needs luck with the rig, and one with weights."""
    counts = SimpleNamespace(network=0, lucky=0)

    def perfect(_inputs, truth):
        return Output(to_linear(truth.picture / 255).astype(np.float32))

    def network(inputs, truth):
        counts.network += 1
        return perfect(inputs, truth)

    def lucky(inputs, truth):
        counts.lucky += 1
        if counts.lucky % 2 == 0:  # the straight capture comes first
            raise PlacementError("no way", "none")
        return perfect(inputs, truth)

    entries = {
        "perfect": Entry("Perfect", perfect, "-", "-"),
        "lucky": Entry("Lucky", lucky, "-", "-"),
        "network": Entry("Network", network, "-", "-", has_weights=True),
    }
    for module in (methods, twisted):
        monkeypatch.setattr(module, "METHODS", MappingProxyType(entries))
    monkeypatch.setattr(methods, "unavailable", lambda name: None)
    return counts


@pytest.fixture
def package(tmp_path, monkeypatch):
    root = tmp_path / "package"
    for name in ("rig/warp.py", "weights/refec.onnx", "training/loop.py", "networks/refec.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1")
    monkeypatch.setattr(fingerprint, "PACKAGE", root)
    return root


def test_runs_score_both_rigs_and_say_what_the_twist_costs(tmp_path, known, package):
    scenes = dataset.find(make_pack(tmp_path / "pack"))
    options = {"methods": ("perfect", "lucky"), "jobs": 0, "watcher": Watch()}
    first, second = (twisted.run(scenes, tmp_path / name, **options) for name in ("one", "two"))
    assert json.dumps(first) == json.dumps(second)
    rows = {(r["scene"], r["method"], r["rig"]): r for r in first["rows"]}
    assert len(rows) == len(first["rows"]) == 2 * 2 * 2
    refused = rows["B", "lucky", "twisted"]
    assert refused["refused"] == "no way" and refused["scores"]["psnr"] < 40
    assert rows["B", "lucky", "straight"]["scores"]["psnr"] == 100
    table = [[c.strip() for c in line.split("|")[1:-1]] for line in twisted.markdown(first).splitlines()]
    perfect, lucky = (
        next(line for line in table if len(line) == 7 and title in line) for title in ("Perfect", "Lucky")
    )
    assert perfect[:5] == ["night × 2", "Perfect", "100.00 / 0.00", "100.00 / 0.00", "**+0.00**"]
    means = [
        np.mean([rows[s, "lucky", how]["scores"]["psnr"] for s in ("B", "plane/A")]) for how in twisted.RIGS
    ]
    assert lucky[4] == f"**{means[0] - means[1]:+.2f}**"
    assert "lucky on B, night × 2, twisted: no way" in twisted.markdown(first)
    drawn = twisted.rig("B", 96).geometry
    line = next(line for line in table if line and line[0] == "B, night × 2")
    assert line[1:3] == [f"{drawn.rotation_deg:+.2f}", f"{drawn.zoom:.3f}"]


def test_new_weights_are_noticed_and_cost_only_the_rows_that_use_them(tmp_path, known, package):
    scenes = dataset.find(make_pack(tmp_path / "pack"))
    options = {"methods": ("perfect", "network"), "jobs": 0}

    def run():
        watch = Watch()
        twisted.run(scenes, tmp_path / "run", watcher=watch, **options)
        return sorted(watch.finished)

    names = [f"{scene}, night, scale 2" for scene in ("B", "plane/A")]
    networks = [f"{name}, network" for name in names]
    assert run() == sorted(names + networks) and run() == []
    for name in ("training/loop.py", "networks/refec.py", "weights/refec.md"):
        (package / name).write_text("2")
    assert run() == []
    (package / "weights" / "refec.onnx").write_text("2")
    assert run() == networks and known.network == 2 * 2 * 2
    (package / "rig" / "warp.py").write_text("2")
    assert run() == sorted(names + networks)


def test_what_cannot_run(tmp_path, monkeypatch):
    for changes, told in (({"methods": ("oracle",)}, "oracle"), ({"levels": ("noon",)}, "noon")):
        with pytest.raises(UsageError, match=told):
            twisted.run((), tmp_path, jobs=0, watcher=Watch(), **({"methods": ("gray",)} | changes))
    error = UnavailableError("no weights", "none")
    monkeypatch.setattr(methods, "unavailable", lambda name: error if name == "neural" else None)
    assert attempts.available(twisted.METHOD_NAMES) == ("dis", "levin", "classical")
    with pytest.raises(UnavailableError, match="no weights"):
        twisted.run((), tmp_path, methods=("neural",), jobs=0, watcher=Watch())
