"""``dualcam train``: what is refused and how, and a run from pictures to a trained network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dualcam.cli import train
from training_helpers import SMOKE, pictures


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["refhdr", "--config", SMOKE, "--out", "run"], 2, "refhdr"),
        (["refec", "--out", "run"], 2, "--config"),
        (["refec", "--config", SMOKE], 2, "Name one with --out"),
        (["refec", "--config", "gone.toml", "--out", "run"], 2, "gone.toml"),
        (["refec", "--config", SMOKE, "--out", "run", "--set", "optimizer.step=3"], 2, "'step'"),
        (["refec", "--config", SMOKE, "--out", "run", "--set", "optimizer.steps=few"], 2, "'few'"),
        (["refec", "--config", SMOKE, "--out", "run", "--set", "optimizer.steps"], 2, "names no value"),
        (["refec", "--config", SMOKE, "--out", "run", "--photos", "nowhere"], 4, "nowhere"),
        (["refec", "--config", SMOKE, "--out", "run", "--refsr", "run"], 2, "stage refec has no refsr"),
        (["refec", "--config", SMOKE, "--out", "run", "--count", "3"], 2, "dualcam train samples"),
        (["joint", "--config", SMOKE, "--out", "run", "--refec", "nowhere"], 4, "refec.safetensors"),
        (["samples", "--config", SMOKE], 2, "--samples"),
        (["samples", "--config", SMOKE, "--samples", "s", "--out", "run"], 2, "--out"),
        (["samples", "--config", SMOKE, "--samples", "s", "--part", "3/2"], 2, "'3/2'"),
        (["samples", "--config", SMOKE, "--samples", "s"], 4, "--photos"),
    ],
)
def test_refusals(call, monkeypatch, arguments, code, told):
    # What is wrong with the call is found with and without torch, but for what needs it.
    monkeypatch.setattr(train, "need_extra", lambda: None)
    if train.find_spec("torch") is None and "nowhere" in arguments:
        pytest.skip("torch is not installed")
    done = call("train", *arguments)
    assert done.exit_code == code, done.stderr
    assert told in done.stderr and "Traceback" not in done.stderr
    assert not Path("run").exists()


def test_without_torch_nothing_is_begun(call, monkeypatch):
    monkeypatch.setattr(train, "find_spec", lambda name: None if name == "torch" else object())
    done = call("train", "refec", "--config", SMOKE, "--out", "run")
    assert done.exit_code == 3
    assert "training needs torch" in done.stderr and 'pip install "dualcam[train]"' in done.stderr
    assert not Path("run").exists()


def test_samples_in_parts_are_all_samples(call, tmp_path):
    photos, stereo = pictures(tmp_path)
    options = ["--config", SMOKE, "--photos", photos, "--stereo", stereo, "--samples", "s", "--count", "2"]
    assert call("train", "samples", *options, "--part", "1/2").exit_code == 0
    first = {path.name for path in Path("s").rglob("*.npz")}
    done = call("train", "samples", *options, "--part", "2/2")
    assert done.exit_code == 0 and "samples, 0 s left" in done.stderr and done.stdout == "s\n"
    made = {f"{path.parent.name}/{path.name}" for path in Path("s").rglob("*.npz")}
    assert made == {f"{split}/{n:06d}.npz" for split in ("train", "val") for n in range(2)}
    assert len(first) == 1 or len(first) == 2
    assert call("train", "samples", *options).exit_code == 0
    other = call("train", "samples", *options, "--set", "data.seed=5")
    assert other.exit_code == 2 and "another seed" in other.stderr


def test_a_run_from_pictures_to_a_network(call, tmp_path):
    pytest.importorskip("torch")
    photos, stereo = pictures(tmp_path, photos=2, pairs=1)
    quick = ["--set", "optimizer.steps=2", "--set", "data.pool=2", "--set", "data.batch=2", "--device", "cpu"]
    options = ["--config", SMOKE, "--photos", photos, "--stereo", stereo, "--out", "run", *quick]
    done = call("train", "refec", *options)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "run\n" and "step 2/2" in done.stderr and "dualcam export run" in done.stderr
    assert Path("run/refec.safetensors").exists() and "all" in json.loads(Path("run/scores.json").read_text())
    again = call("train", "refec", *options)
    assert again.exit_code == 2 and "--resume" in again.stderr
    # The samples are enough to go on.
    more = ["--out", "run", "--config", SMOKE, *quick[2:], "--set", "optimizer.steps=3", "--resume"]
    gone_on = call("train", "refec", *more)
    assert gone_on.exit_code == 0, gone_on.stderr
    assert "step 3/3" in gone_on.stderr and "optimizer.steps: 2 -> 3" in gone_on.stderr
