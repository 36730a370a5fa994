"""``dualcam evaluate``: what it prints, writes and refuses. What a run does is tested in tests/evaluation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import dualcam.evaluation.run
from dualcam.cli import evaluate
from dualcam.evaluation.case import CaseId
from dualcam.evaluation.methods import METHODS, unavailable
from dualcam.evaluation.results import Results, Row

CONFIG = {
    "schema": 1,
    "packages": {},
    "scenes": {"A": "0"},
    "methods": {"gray": {"title": "Mono alone", "uses_truth": False, "source": "habit"}},
}


@pytest.fixture
def bench(monkeypatch):
    """Replace the run; the request and the watcher are kept."""
    seen = {}

    def run(request, watcher):
        seen["request"] = request
        if "fail" in seen:
            raise seen["fail"]
        watcher.begin("outputs", 2, 2000)
        watcher.done("A, night, scale 2", 1000)
        return Results(
            CONFIG, (Row(CaseId("A", "night", 2, "file"), "gray", {"psnr": 20.0, "de00": 9.0}),), ()
        )

    monkeypatch.setattr(dualcam.evaluation.run, "run", run)
    return seen


def make_pack(root: Path) -> Path:
    rng = np.random.default_rng(3)
    for name in ("A", "B"):
        (root / name).mkdir(parents=True)
        for view in ("left", "right"):
            cv2.imwrite(str(root / name / f"{view}.png"), rng.integers(0, 255, (96, 128, 3), np.uint8))
    return root


def test_options_become_a_request(call, bench, tmp_path):
    done = call(
        "evaluate", "scenes", "--methods", "chroma,gray", "--levels", "night,dusk", "--scales", "3",
        "--tracks", "raw", "--scenes", "midd03/*", "--outputs", "mine=a=b", "--out", "run", "--jobs", "3",
        "--restart",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    request = bench["request"]
    assert (request.data, request.run, request.jobs) == (Path("scenes"), Path("run"), 3)
    assert request.restart and not request.rescore
    choice = request.choice
    assert choice.methods == ("gray", "chroma")
    assert (choice.levels, choice.scales, choice.tracks) == (("night", "dusk"), (3,), ("raw",))
    assert choice.scenes == ("midd03/*",) and choice.elsewhere == (("mine", Path("a=b")),)
    assert done.stdout == "run\n"
    assert "20.00" in done.stderr and "Mono alone" in done.stderr


def test_the_default_is_everything(call, bench):
    call("evaluate", "scenes")
    choice = bench["request"].choice
    assert choice.methods == tuple(name for name in METHODS if unavailable(name) is None)
    assert (choice.levels, choice.scales, choice.tracks, choice.scenes) == (None, None, None, None)
    assert bench["request"].jobs == evaluate._cores() >= 1


def test_files_are_written_together(call, bench, tmp_path):
    done = call("evaluate", "scenes", "--json", "r.json", "--markdown", "r.md", "-q")
    assert done.exit_code == 0, done.stderr
    assert (done.stdout, done.stderr) == ("r.json\nr.md\n", "")
    assert json.loads((tmp_path / "r.json").read_text())["rows"][0]["scores"] == {"psnr": 20.0, "de00": 9.0}
    assert "20.00" in (tmp_path / "r.md").read_text("utf-8")
    again = call("evaluate", "scenes", "--json", "r.json")
    assert again.exit_code == 6 and "exists" in again.stderr
    assert call("evaluate", "scenes", "--json", "r.json", "--overwrite").exit_code == 0


def test_verbose_shows_every_capture(call, bench):
    assert "outputs      1/2" in call("evaluate", "scenes", "-v").stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--methods", "magic"], "no method 'magic'"),
        (["--scales", "2,x"], "'x' is not a whole number"),
        (["--scales", "-2"], "'-2' is not a whole number"),
        (["--levels", ","], "--levels is empty"),
        (["--outputs", "mine"], "'mine' is not NAME=FOLDER"),
        (["--outputs", "=folder"], "is not NAME=FOLDER"),
        (["--weights", "a=b"], "--weights means nothing"),
    ],
)
def test_wrong_options_are_explained(call, bench, arguments, told):
    done = call("evaluate", "scenes", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr and "remedy: " in done.stderr
    assert "request" not in bench


def test_without_the_extra_nothing_is_begun(call, bench, monkeypatch):
    monkeypatch.setattr(evaluate, "find_spec", lambda name: None if name == "skimage" else object())
    done = call("evaluate", "scenes")
    assert done.exit_code == 3
    assert "skimage" in done.stderr and 'pip install "dualcam[eval]"' in done.stderr
    assert "onnxruntime" not in done.stderr and "request" not in bench


def test_an_interrupted_run_says_how_to_go_on(call, bench, tmp_path):
    bench["fail"] = KeyboardInterrupt()
    done = call("evaluate", "scenes", "--out", "run", "--json", "r.json")
    assert done.exit_code == 130
    assert "goes on from what is in run" in done.stderr
    assert not list(tmp_path.iterdir())


def test_bad_data_is_explained(call, tmp_path):
    make_pack(tmp_path / "scenes")
    (tmp_path / "scenes" / "A" / "right.png").unlink()
    done = call("evaluate", "scenes", "--jobs", 0)
    assert done.exit_code == 4
    assert "scenes/A has no right picture" in done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"scenes"}


def test_a_bar_shows_work_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with evaluate.Watcher() as watcher:
        watcher.begin("outputs", 2, 2_000_000)
        watcher.done("A", 500_000)
        watcher.begin("scores", 0, 0)
    shown = capsys.readouterr().err
    assert "outputs" in shown and "scores" not in shown


def evaluate_in_a_process(folder, *arguments, **options):
    command = [sys.executable, "-m", "dualcam", "evaluate", "scenes", *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_at_any_point_ends_with_the_same_rows(tmp_path, kill):
    make_pack(tmp_path / "scenes")
    rows = {}
    wanted = ["--methods", "brightened,gray", "--levels", "night", "--jobs", "2"]
    outputs = tmp_path / "stopped" / "outputs"
    with evaluate_in_a_process(tmp_path, *wanted, "--out", "stopped") as process:
        while process.poll() is None and len(list(outputs.rglob("*.png"))) < 3:
            time.sleep(0.01)
        process.send_signal(kill)
        _, told = process.communicate(timeout=60)
    assert process.returncode == (130 if kill == signal.SIGINT else -kill), told
    done = {path: path.stat().st_mtime_ns for path in outputs.rglob("*.json")}
    assert done
    for out in ("stopped", "whole"):
        files = ["--out", out, "--json", f"{out}.json"]
        with evaluate_in_a_process(tmp_path, *wanted, *files) as process:
            _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
        rows[out] = json.loads((tmp_path / f"{out}.json").read_text())["rows"]
    assert rows["stopped"] == rows["whole"]
    assert all(path.stat().st_mtime_ns == before for path, before in done.items())
    assert not [p for p in (tmp_path / "stopped").rglob(".*")]
