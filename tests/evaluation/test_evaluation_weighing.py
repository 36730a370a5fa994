"""Folders of weights against each other, with a stand-in for the networks that is as good as its file says."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from packs import make_pack

from dualcam.errors import PlacementError, UsageError
from dualcam.evaluation import dataset, weighing


class Watch:
    def __init__(self):
        self.finished = []

    def begin(self, step, tasks, work):
        pass

    def done(self, name, work):
        self.finished.append(name)


class StandIn:
    """Mono in gray, with the added brightness that its weights name."""

    def __init__(self, method, weights):
        assert method == "neural"
        self.text = (weights / "refec.onnx").read_text()

    def fuse(self, mono, color):
        if self.text == "refuses":
            raise PlacementError("no way", "none")
        pixels = np.repeat(mono.pixels, 3, axis=2) + np.float32(self.text)
        return SimpleNamespace(pixels=pixels, confidence=np.ones(pixels.shape[:2], np.float32))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(weighing, "Fuser", StandIn)
    found = {}
    for name, text in (("separate", "0.2"), ("joint", "0.0"), ("none", "refuses")):
        found[name] = tmp_path / "weights" / name
        found[name].mkdir(parents=True)
        (found[name] / "refec.onnx").write_text(text)
    return found


def run(tmp_path, folders, **changes):
    watch = Watch()
    scenes = dataset.find(make_pack(tmp_path / "pack"))
    options = {"levels": ("dusk", "night"), "scales": (2,), "jobs": 0} | changes
    result = weighing.run(scenes, tmp_path / "run", weights=folders, watcher=watch, **options)
    return result, sorted(watch.finished)


def test_every_folder_is_scored_and_compared_with_the_first(tmp_path, folders):
    result, finished = run(tmp_path, folders)
    assert len(finished) == len(result["rows"]) == 2 * 2 * 3
    assert str(tmp_path) not in json.dumps(result)
    scores = {(r["method"], r["level"], r["scene"]): r["scores"] for r in result["rows"]}
    assert scores["joint", "dusk", "B"]["psnr"] > scores["separate", "dusk", "B"]["psnr"] + 1
    # What a refusal leaves is mono in gray, which is what the stand-in gives without an offset.
    assert scores["none", "dusk", "B"] == scores["joint", "dusk", "B"]
    assert {r["refused"] for r in result["rows"] if r["method"] == "none"} == {"no way"}
    text = weighing.markdown(result)
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["weights", "dusk", "night"] in lines
    apart = [
        np.mean([scores["joint", "dusk", s][k] - scores["separate", "dusk", s][k] for s in ("B", "plane/A")])
        for k in ("psnr", "de00")
    ]
    gain = next(line for line in reversed(lines) if line[:1] == ["joint"])
    assert gain[1] == f"{apart[0]:+.2f} / {apart[1]:+.2f} (2 of 2)"
    assert "none (captures refused: 4)" in text


def test_other_weights_under_the_same_name_are_noticed(tmp_path, folders):
    before, _ = run(tmp_path, folders)
    assert run(tmp_path, folders) == (before, [])
    (folders["joint"] / "refec.onnx").write_text("0.1")
    after, finished = run(tmp_path, folders)
    assert finished == sorted(
        f"{s}, {n}, scale 2, joint" for s in ("B", "plane/A") for n in ("dusk", "night")
    )
    changed = [(a["method"], a != b) for a, b in zip(before["rows"], after["rows"], strict=True)]
    assert {name for name, differs in changed if differs} == {"joint"}


@pytest.mark.parametrize(
    ("name", "told"), [("a/b", "named 'a/b'"), ("..", "named"), ("gone", "not a folder")]
)
def test_names_and_folders_that_cannot_be_used(tmp_path, folders, name, told):
    with pytest.raises(UsageError, match=told):
        run(tmp_path, {name: folders["joint"].with_name("gone" if name == "gone" else "joint")})


def test_nothing_to_compare(tmp_path):
    with pytest.raises(UsageError, match="no weights"):
        run(tmp_path, {})
