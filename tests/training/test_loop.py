"""The loop: resumed to the same bits, refusals, what it leaves behind, two processes as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training_helpers import Memory, small

torch = pytest.importorskip("torch")

from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from dualcam.errors import DualcamError, InputError, UsageError  # noqa: E402
from dualcam.training import batches, journal, loader, loop, stages  # noqa: E402
from dualcam.training import config as configs  # noqa: E402
from dualcam.training.config import STAGES  # noqa: E402
from dualcam.training.sources import Sources  # noqa: E402
from dualcam.training.store import Store  # noqa: E402


def train(config, out, **options):
    options = {"device": "cpu", "tell": lambda line: None} | options
    return loop.train(config, Memory(), Memory(9), out, **options)


def state(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def same(a, b):
    """Whether two nested states are equal to the bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


class StopAfter:
    """Stands for the user who presses Ctrl-C after so many looks."""

    def __init__(self, steps):
        self.left = steps

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __bool__(self):
        self.left -= 1
        return self.left <= 0


@pytest.mark.parametrize("stage", STAGES)
def test_three_steps_and_three_more_are_six(stage, tmp_path, monkeypatch):
    config = small(stage, steps=6)
    assert train(config, tmp_path / "whole") is True
    monkeypatch.setattr(loop, "Interrupt", lambda: StopAfter(3))
    assert train(config, tmp_path / "parts") is False
    assert state(tmp_path / "parts")["step"] == 3
    monkeypatch.undo()
    assert train(config, tmp_path / "parts", resume=True) is True
    whole, parts = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert whole["step"] == 6
    assert same(whole, parts)
    assert not same(whole["average"], whole["nets"])
    for name in stages.NETWORKS[stage]:
        file = f"{name}.safetensors"
        assert same(load_file(tmp_path / "whole" / file), load_file(tmp_path / "parts" / file))
    assert [row.step for row in journal.read(tmp_path / "parts" / "log.jsonl")] == [3, 6]


def test_other_seeds_give_other_networks(tmp_path):
    config = small("refec", steps=1)
    train(config, tmp_path / "a")
    train(replace(config, seed=1), tmp_path / "b")
    assert not same(state(tmp_path / "a")["nets"], state(tmp_path / "b")["nets"])


def test_what_a_run_leaves_behind(tmp_path):
    lines = []
    config = small("refcolor", steps=3)
    train(config, tmp_path / "run", tell=lines.append)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    wanted = {"config.toml", "state.pt", "refcolor.safetensors", "log.jsonl", "scores.json"}
    assert left - {"curves.svg"} == wanted
    assert configs.read(tmp_path / "run" / "config.toml", "refcolor") == config
    with safe_open(tmp_path / "run" / "refcolor.safetensors", "pt") as file:
        facts, weights = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
    assert (facts["network"], facts["step"]) == ("refcolor", "3")
    rebuilt = stages.build(facts["network"], json.loads(facts["config"]))
    rebuilt.load_state_dict(weights)
    averaged = {k.removeprefix("refcolor."): v for k, v in state(tmp_path / "run")["average"].items()}
    assert same(dict(rebuilt.state_dict()), averaged)
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["all"]["samples"] == 2 and 0 < scores["all"]["psnr"] < 60
    assert scores["night"] == scores["all"] and scores.keys() == {"all", "night"}
    assert any(line.startswith("step 3/3") and "psnr" in line for line in lines)


def test_curves_are_plotted(tmp_path):
    pytest.importorskip("matplotlib")
    train(small("refec", steps=2), tmp_path / "run")
    drawn = (tmp_path / "run" / "curves.svg").read_text()
    assert drawn.lstrip().startswith("<?xml") and "</svg>" in drawn


def test_a_folder_with_a_run_is_not_taken(tmp_path):
    config = small("refec", steps=2)
    train(config, tmp_path / "run")
    before = (tmp_path / "run" / "state.pt").read_bytes()
    with pytest.raises(UsageError, match="--resume"):
        train(config, tmp_path / "run")
    with pytest.raises(UsageError, match="refec, not of refsr"):
        train(small("refsr", steps=2), tmp_path / "run", resume=True)
    wider = replace(config, refec=configs.Network((8, 16), (1, 1)))
    with pytest.raises(UsageError, match="another shape"):
        train(wider, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "state.pt").read_bytes() == before


def test_a_longer_run_goes_on_and_says_what_is_new(tmp_path):
    lines = []
    train(small("refec", steps=2), tmp_path / "run")
    assert train(small("refec", steps=4), tmp_path / "run", resume=True, tell=lines.append)
    assert state(tmp_path / "run")["step"] == 4
    assert "note: other settings than before, optimizer.steps: 2 -> 4" in lines


def test_a_damaged_state_is_explained(tmp_path):
    train(small("refec", steps=2), tmp_path / "run")
    path = tmp_path / "run" / "state.pt"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"state\.pt is damaged"):
        train(small("refec", steps=2), tmp_path / "run", resume=True)


def test_joint_begins_from_the_three_runs(tmp_path):
    for stage in ("refec", "refcolor", "refsr"):
        train(small(stage, steps=2), tmp_path / stage)
    starts = {stage: tmp_path / stage / f"{stage}.safetensors" for stage in ("refec", "refcolor", "refsr")}
    begun = loop.prepare(small("joint"), torch.device("cpu"), starts)
    for stage in starts:
        averaged = state(tmp_path / stage)["average"]
        mine = {k: v for k, v in begun.nets.state_dict().items() if k.startswith(f"{stage}.")}
        assert same(averaged, mine)
    with pytest.raises(UsageError, match="another shape"):
        loop.prepare(small("joint"), torch.device("cpu"), {"refec": starts["refsr"]})
    with pytest.raises(InputError, match="cannot be read"):
        loop.prepare(small("joint"), torch.device("cpu"), {"refec": tmp_path / "gone.safetensors"})


def test_a_run_can_stay_near_what_it_began_with(tmp_path):
    start, out = tmp_path / "start" / "refec.safetensors", tmp_path / "run"
    train(small("refec", steps=2), start.parent)
    config = small("refec", steps=3)
    train(config, out, starts={"refec": start})
    plain, scores = load_file(out / "refec.safetensors"), (out / "scores.json").read_text()
    near = replace(config, optimizer=replace(config.optimizer, stay=0.25))
    with pytest.raises(UsageError, match="refec began with none"):
        train(near, out, resume=True)
    train(near, out, resume=True, starts={"refec": start})
    begun, left = load_file(start), load_file(out / "refec.safetensors")
    for name, value in left.items():
        torch.testing.assert_close(value, 0.25 * begun[name] + 0.75 * plain[name])
    assert any(not torch.equal(begun[name], plain[name]) for name in plain)
    assert (out / "scores.json").read_text() != scores
    assert configs.read(out / "config.toml", "refec").optimizer.stay == 0.25
    # What the run would go on from is its own average still.
    assert same({f"refec.{k}": v for k, v in plain.items()}, state(out)["average"])


def test_a_sick_loss_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    config = small("refec", steps=2)
    train(config, tmp_path / "run")
    before = (tmp_path / "run" / "state.pt").read_bytes()
    good = batches.batch

    def poisoned(*arguments):
        out = good(*arguments)
        out["ec_truth"][0, 0, 3, 3] = float("nan")
        return out

    monkeypatch.setattr(batches, "batch", poisoned)
    with pytest.raises(DualcamError, match="no number at step 2"):
        train(small("refec", steps=4), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "state.pt").read_bytes() == before


def test_signals_are_noted_once_and_then_as_before():
    earlier = signal.getsignal(signal.SIGTERM)
    with loop.Interrupt() as interrupt:
        assert not interrupt
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt
        assert signal.getsignal(signal.SIGTERM) == earlier
    assert signal.getsignal(signal.SIGTERM) == earlier


def test_workers_change_nothing(tmp_path):
    config = small("refec", steps=3)
    train(config, tmp_path / "none")
    train(replace(config, data=replace(config.data, workers=2)), tmp_path / "two")
    assert same(state(tmp_path / "none"), state(tmp_path / "two"))


def test_an_error_in_a_worker_is_the_user_s_to_read(tmp_path):
    store = Store(tmp_path / "samples", 0, Sources(), "train")
    config = small("refec", steps=2)
    with pytest.raises(InputError, match="--photos"):
        loop.train(
            replace(config, data=replace(config.data, workers=1)),
            store,
            Memory(),
            tmp_path / "run",
            device="cpu",
        )


def test_workers_outlive_signals_to_the_whole_group():
    """The training process needs their batches until it has saved."""
    earlier = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        loader._begin_worker(0)
        assert all(signal.getsignal(one) == signal.SIG_IGN for one in earlier)
    finally:
        for one, handler in earlier.items():
            signal.signal(one, handler)


def test_the_rate_rises_and_falls():
    settings = configs.Optimizer(steps=100, rate=1e-3, least=1e-5, warmup=10)
    rates = np.array([loop.rate(settings, step) for step in range(101)])
    assert rates[0] < 2e-4 and rates.argmax() in (9, 10) and rates[-1] == pytest.approx(1e-5)
    assert (np.diff(rates[10:]) < 0).all()
    assert loop.rate(configs.Optimizer(warmup=0), 0) == pytest.approx(configs.Optimizer().rate)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    from contextlib import contextmanager

    from dualcam.training.processes import Group

    @contextmanager
    def three(device):
        yield Group(0, 3, torch.device("cpu"))

    monkeypatch.setattr(loop, "joined", three)
    with pytest.raises(UsageError, match="3 processes"):
        train(small("refec"), tmp_path / "run")


def test_two_processes_are_one(tmp_path):
    """Gloo: both take half of every batch, and the weights are those of one process with all of it."""
    config = small("refec", steps=3, amp="none")
    train(config, tmp_path / "one")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom pathlib import Path\nfrom training_helpers import Memory, small\n"
        "from dualcam.training import loop\n"
        "loop.train(small('refec', steps=3, amp='none'), Memory(), Memory(9), Path(sys.argv[1]), device='cpu')\n"
    )
    paths = [Path(__file__).parents[1], *sys.path]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            program,
            tmp_path / "two",
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 3/3") == 1  # rank 0 alone speaks
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    for kind in ("nets", "average"):
        for name, value in one[kind].items():
            torch.testing.assert_close(two[kind][name], value, rtol=1e-4, atol=2e-5)
