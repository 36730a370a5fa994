"""Settings of a run: the recipe, overrides, refusals, there and back."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from dualcam.errors import UsageError
from dualcam.training import config as configs
from dualcam.training.config import STAGES

FOLDER = Path(__file__).parents[2] / "configs"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_files_are_read_and_written_back(path, stage, written):
    config = configs.read(path, stage)
    assert config.stage == stage
    assert configs.read(written(configs.write(config)), stage) == config


def test_every_setting_survives_writing(written):
    config = configs.Config(
        "refsr",
        seed=3,
        refsr=configs.Network((8, 16), (1, 2), 4),
        data=configs.Data(1, 2, 3, 64, 5, 6, 0.5, 0.75, ("trust", "raw")),
        loss=configs.Loss(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
        optimizer=configs.Optimizer(7, 1e-7, 1e-8, 9, 0.0, 2.0, 0.5, 0.25, "none"),
        threads=2,
        checkpoint_minutes=0.25,
    )
    assert configs.read(written(configs.write(config)), "refsr") == config


def test_a_stage_s_table_and_a_change_override(written):
    path = written("seed = 4\n[optimizer]\nsteps = 10\nrate = 1e-3\n[stage.joint.optimizer]\nrate = 2e-4\n")
    assert configs.read(path, "refec").optimizer.rate == 1e-3
    joint = configs.read(path, "joint", ["optimizer.steps=20", "optimizer.amp=none", "data.hidden=['raw']"])
    assert (joint.optimizer.rate, joint.optimizer.steps, joint.seed) == (2e-4, 20, 4)
    assert (joint.optimizer.amp, joint.data.hidden) == ("none", ("raw",))


def test_whole_numbers_do_where_fractions_are_meant(written):
    read = configs.read(written("[optimizer]\nclip = 1\n"), "refec")
    assert read.optimizer.clip == 1.0 and isinstance(read.optimizer.clip, float)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sead = 1", "'sead'"),
        ("[optimiser]\nsteps = 1", "'optimiser'"),
        ("[optimizer]\nstep = 1", "'step'"),
        ("[optimizer]\nsteps = 1.5", "steps is 1.5"),
        ("[optimizer]\nsteps = 0", "optimizer.steps is 0"),
        ("[optimizer]\nsteps = true", "steps is True"),
        ("[optimizer]\namp = 'float16'", "float16"),
        ("[optimizer]\nema = 1.5", "optimizer.ema is 1.5"),
        ("[optimizer]\nstay = -0.5", "optimizer.stay is -0.5"),
        ("[data]\ncrop = 128", "32 to 96"),
        ("[data]\nhidden = ['depth']", "'depth'"),
        ("[loss]\ncolor = -1", "loss.color"),
        ("[refec]\nchannels = 'many'", "'many'"),
        ("refec = 3", "refec is 3"),
        ("seed = [1]", "seed is"),
        ("stage = 'refec'", "stage is no table"),
        ("[stage.refhdr]\nseed = 1", "refhdr"),
        ("[stage.refec]\nsead = 1", "'sead'"),
        ("seed 1", "cannot be read"),
    ],
)
def test_wrong_files_are_refused(written, text, told):
    with pytest.raises(UsageError) as caught:
        configs.read(written(text), "refec")
    assert told in caught.value.cause + caught.value.remedy


def test_differences_name_the_key():
    old = configs.Config("refec")
    new = replace(old, seed=1, optimizer=replace(old.optimizer, steps=9))
    assert configs.differences(old, new) == ["seed: 0 -> 1", "optimizer.steps: 30000 -> 9"]
    assert configs.differences(old, old) == []


def test_the_page_on_training_lists_every_setting_with_its_default():
    lines = (FOLDER.parent / "docs" / "training.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines if line.startswith("| `")]
    listed = {name.strip("`"): value for name, value in cells}
    shapes = ("refec.", "refcolor.", "refsr.", "stage")
    for name, value in configs._flat(configs.Config("refec")).items():
        if not name.startswith(shapes):
            shown = tomllib.loads(f"value = {listed[name]}")["value"]
            assert shown == (list(value) if isinstance(value, tuple) else value), name
    assert {"refec.channels`, `.blocks", "refsr.stride"} <= listed.keys()
