"""``dualcam adapt``: what is refused, that a refusal leaves nothing, and a run from files to weights."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.cli import adapt, train
from dualcam.files.dng import write_dng
from dualcam.neural import manifest
from dualcam.simulation import capture
from dualcam.simulation.settings import SceneLight, Settings
from dualcam.simulation.write import stated_noise
from synthetic import scene


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["m.png", "-o", "mine"], 2, "no partner"),
        ([".", "-o", "mine"], 4, "no mono.dng"),
        (["m.png", "c.png"], 2, "--output"),
        (["m.png", "c.png", "-o", "mine", "--steps", "0"], 2, "--steps"),
        (["m.png", "c.png", "-o", "mine"], 4, "m.png"),
    ],
)
def test_refusals(call, monkeypatch, arguments, code, told):
    monkeypatch.setattr(train, "find_spec", lambda name: object())
    pytest.importorskip("torch")
    done = call("adapt", *arguments)
    assert done.exit_code == code, done.stderr
    assert told in done.stderr and "Traceback" not in done.stderr
    assert not Path("mine").exists()


def test_pairs_are_named_as_folders_or_files(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    for name in ("mono.png", "color.png", "color.dng"):
        (folder / name).write_bytes(b"")
    named = adapt.pairs_of([Path("a.png"), Path("b.png"), folder, Path("c.png"), Path("d.png")])
    assert named == [
        (Path("a.png"), Path("b.png")),
        (folder / "mono.png", folder / "color.dng"),
        (Path("c.png"), Path("d.png")),
    ]


def test_without_torch_nothing_is_begun(call, monkeypatch):
    monkeypatch.setattr(train, "find_spec", lambda name: None if name == "torch" else object())
    done = call("adapt", "m.png", "c.png", "-o", "mine")
    assert done.exit_code == 3
    assert 'pip install "dualcam[train]"' in done.stderr and not Path("mine").exists()


def test_weights_that_exist_are_not_replaced(call):
    pytest.importorskip("torch")
    Path("mine").mkdir()
    (Path("mine") / manifest.NAME).write_text("schema = 1\n")
    done = call("adapt", "m.png", "c.png", "-o", "mine")
    assert done.exit_code == 6 and "--overwrite" in done.stderr
    Path("file").write_text("")
    assert call("adapt", "m.png", "c.png", "-o", "file").exit_code == 6


def shots(folder, count, light, stated=True):
    """Pairs of different scenes as files, named for the command line."""
    files = []
    for number in range(count):
        wide = scene(320, 420, seed=number, texture=0.1)
        rngs = (np.random.default_rng([number, camera]) for camera in (0, 1))
        settings = Settings(light=light)
        seen = capture.shoot(wide[:, 12:-8], wide[:, :-20], settings, *rngs)
        noise = (stated_noise(settings.color.sensor, settings.color_saturation_e),) * 3
        names = folder / f"m{number}.png", folder / f"c{number}.dng"
        cv2.imwrite(str(names[0]), seen.mono)
        write_dng(names[1], seen.mosaic, pattern="RGGB", white=4095, noise=noise if stated else None)
        files += names
    return files


GOOD = SceneLight(8000, 2)


@pytest.mark.parametrize(
    ("light", "stated", "told"),
    [(SceneLight(1000, 16), True, "better light"), (SceneLight(8000, 2), False, "--color-sensor")],
)
def test_pairs_that_teach_nothing_are_named_with_what_would_help(call, tmp_path, light, stated, told):
    pytest.importorskip("torch")
    files = shots(tmp_path, 2, light, stated)
    done = call("adapt", *files, "-o", "mine")
    assert done.exit_code == 4, done.stderr
    assert "left out" in done.stderr and "0 of 2 pairs" in done.stderr and told in done.stderr
    assert not Path("mine").exists()


def test_finished_colors_are_refused(call, tmp_path):
    pytest.importorskip("torch")
    files = shots(tmp_path, 1, GOOD)
    cv2.imwrite(str(tmp_path / "c.png"), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    done = call("adapt", files[0], tmp_path / "c.png", "-o", "mine")
    assert done.exit_code == 4 and "no raw file" in done.stderr


@pytest.fixture
def quick(monkeypatch):
    """Little of everything that takes time."""
    pytest.importorskip("torch")
    from dualcam.training import adapt as adapting

    monkeypatch.setattr(adapting, "_DRAWS", 1)
    monkeypatch.setattr(adapting, "_SCORED", 1)
    return adapting


def test_a_refusal_leaves_nothing_and_says_the_numbers(call, tmp_path, quick, monkeypatch):
    monkeypatch.setattr(quick, "STAYS", (0.5,))
    files = shots(tmp_path, 6, GOOD)
    done = call("adapt", *files, "-o", "mine/deep", "--steps", "1", "--json")
    assert done.exit_code == 1, done.stderr
    assert "not kept" in done.stderr and "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert told["kept"] is False and told["reasons"] and len(told["levels"]) == 3
    assert not Path("mine").exists()


@pytest.mark.slow
def test_from_files_to_weights_that_fuse_takes(call, tmp_path, quick, monkeypatch):
    from dualcam.training import verdict

    # Two steps make nothing better; here it is about what is written.
    monkeypatch.setattr(verdict.Verdict, "reasons", ())
    files = shots(tmp_path, 6, GOOD)
    done = call("adapt", *files, "-o", "mine", "--steps", "2", "--seed", "3")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "mine\n" and "held back: pair 3 of 3" in done.stderr
    entries = manifest.read(Path("mine"))
    shipped = manifest.read(manifest.SHIPPED)
    assert entries["refcolor"] == shipped["refcolor"] and entries["refsr"] == shipped["refsr"]
    made = entries["refec"]
    assert made.run.stage == "adapt" and made.run.step == 2 and made.run.seed == 3 and made.int8
    assert made.sha256 != shipped["refec"].sha256 and len(made.run.scores) == 3
    card = Path("mine/refec.md").read_text(encoding="utf-8")
    assert "owner's pictures" in card and "NIGHT" not in card
    fused = call("fuse", files[0], files[1], "--weights", "mine", "-o", "out.png")
    assert fused.exit_code == 0, fused.stderr
    assert cv2.imread("out.png").std() > 5
    again = call("adapt", *files, "-o", "mine")
    assert again.exit_code == 6


def test_seed_and_steps_decide_everything(quick):
    torch = pytest.importorskip("torch")
    from dualcam.networks.refec import RefEC
    from dualcam.training import adapting
    from dualcam.training.owned import Example

    torch.manual_seed(0)
    network = RefEC(channels=(8, 12), blocks=(1, 1))
    rng = np.random.default_rng(0)
    planes = rng.normal(0, 0.1, (11, 100, 104)).astype(np.float16)
    target = (planes[:3] + planes[3:4] + np.float16(0.05)).astype(np.float16)
    examples = [Example(planes, target, np.ones((1, 100, 104), bool))]
    before = [p.detach().clone() for p in network.parameters()]
    first, same, other = (adapting.learn(network, examples, 3, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), before, strict=True))
    half = adapting.between(first, network, 0.5)
    for a, b, c in zip(half.parameters(), first.parameters(), network.parameters(), strict=True):
        assert torch.allclose(a, (b + c) / 2)
    (out,) = adapting.Running(network, 4).over(list(planes[:, :99, :101]))
    assert out.shape == (99, 101, 3)


def test_places_that_are_clipped_teach_nothing(quick):
    torch = pytest.importorskip("torch")
    from dualcam.networks.refec import RefEC
    from dualcam.training import adapting
    from dualcam.training.owned import Example

    torch.manual_seed(0)
    network = RefEC(channels=(8, 12), blocks=(1, 1))
    planes = np.zeros((11, 100, 100), np.float16)
    hidden = Example(planes, np.ones((3, 100, 100), np.float16), np.zeros((1, 100, 100), bool))
    same = adapting.learn(network, [hidden], 2, 0)
    for a, b in zip(same.parameters(), network.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
