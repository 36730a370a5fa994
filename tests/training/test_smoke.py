"""Every stage, from generated pictures to a network that is better than before."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dualcam.training import batches, loop  # noqa: E402
from dualcam.training import config as configs  # noqa: E402
from dualcam.training.config import STAGES  # noqa: E402
from dualcam.training.sources import find  # noqa: E402
from dualcam.training.store import Store  # noqa: E402
from training_helpers import SMOKE, pictures  # noqa: E402


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smoke")
    photos, stereo = pictures(folder)
    return tuple(Store(folder, 0, find([photos], [stereo], split), split) for split in ("train", "val"))


def trained_loss(config, nets, store):
    """Mean loss on batches of the training pool that training does not draw."""
    held_back = [batches.batch(store, config.stage, config.data, 10_000, step) for step in range(4)]
    return loop.score(nets, held_back, config)["loss"]


@pytest.fixture(scope="module")
def runs(stores, tmp_path_factory):
    """Train every stage as ``configs/smoke.toml`` says: loss before and after, by stage."""
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for stage in STAGES:
        config = configs.read(SMOKE, stage)
        starts = (
            {name: folder / name / f"{name}.safetensors" for name in STAGES[:3]} if stage == "joint" else {}
        )
        before = loop.prepare(config, torch.device("cpu"), starts)
        first = trained_loss(config, before.nets, stores[0])
        assert loop.train(
            config, *stores, folder / stage, starts=starts, device="cpu", tell=lambda line: None
        )
        after = loop.prepare(config, torch.device("cpu"), {
            name: folder / stage / f"{name}.safetensors" for name in before.nets
        })  # fmt: skip
        found[stage] = first, trained_loss(config, after.nets, stores[0])
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_training_lowers_the_loss(runs, stage):
    before, after = runs[stage]
    assert np.isfinite(before) and after < (0.97 if stage == "joint" else 0.9) * before
