"""``dualcam evaluate --protocol``: all beside NIGHT. What they compute is tested in tests/evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.evaluation import ccs, either_view, modules, twisted, weighing

ROW = {
    "module": "chain",
    "scene": "A",
    "level": "night",
    "scale": 2,
    "method": "classical",
    "scores": {"psnr": 31.25, "ssim": 0.9, "de00": 2.5, "psnr_yuv": 33.5},
    "refused": None,
    "uses_truth": False,
    "rig": "straight",
    "arrangement": "color view",
    "size": [40, 32],
}


@pytest.fixture
def pack(tmp_path):
    rng = np.random.default_rng(3)
    (tmp_path / "scenes" / "A").mkdir(parents=True)
    for view in ("left", "right"):
        samples = rng.integers(0, 255, (32, 40, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "scenes" / "A" / f"{view}.png"), samples)
    return tmp_path / "scenes"


@pytest.fixture(autouse=True)
def bench(monkeypatch):
    """Replace the runs; what they are called with is kept."""
    seen = {}

    def run(scenes, folder, *, watcher, **options):
        seen.update(options, scenes=[scene.name for scene in scenes], folder=folder)
        if "fail" in seen:
            raise seen["fail"]
        rows = [ROW, ROW | {"rig": "twisted"}]
        return {
            "schema": 1,
            "protocol": "x",
            "methods": {"classical": "Ours"},
            "weights": ["classical"],
            "rows": rows,
        }

    for module in (modules, ccs, twisted, either_view, weighing):
        monkeypatch.setattr(module, "run", run)
    return seen


def test_modules(call, pack, bench, tmp_path):
    table, data = tmp_path / "t.md", tmp_path / "r.json"
    done = call(
        "evaluate", pack, "--protocol", "modules", "--levels", "night", "--scales", "4", "--jobs", "0",
        "--markdown", table, "--json", data, "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert bench == {
        "scenes": ["A"], "folder": tmp_path / "run", "levels": ("night",), "scales": (4,), "methods": None,
        "jobs": 0,
    }  # fmt: skip
    assert "**31.25**" in table.read_text() and "**31.25**" in done.stderr
    assert json.loads(data.read_text())["rows"][0] == ROW
    assert set(done.stdout.split()) == {str(table), str(data)}


def test_defaults(call, pack, bench):
    done = call("evaluate", pack, "--protocol", "modules", "-q")
    assert done.exit_code == 0 and done.stderr == ""
    assert (bench["levels"], bench["scales"]) == (("dusk", "night", "dark"), (2, 4))
    # Another folder than that of NIGHT, which keeps other files.
    assert bench["folder"] == Path("dualcam-benchmark-modules") and done.stdout == f"{bench['folder']}\n"


def test_ccs(call, pack, bench, tmp_path):
    done = call("evaluate", pack, "--protocol", "ccs", "--methods", "gray,chroma", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert bench["methods"] == ("gray", "chroma")
    assert "Ours" in done.stderr and "**33.50**" in done.stderr


def test_views(call, pack, bench, tmp_path):
    done = call("evaluate", pack, "--protocol", "views", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert (bench["levels"], bench["scales"], bench["methods"]) == (("night",), (2,), None)
    assert "color view" in done.stderr


def test_twisted(call, pack, bench, tmp_path):
    done = call("evaluate", pack, "--protocol", "twisted", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert (bench["levels"], bench["scales"], bench["methods"]) == (("night",), (2,), None)
    assert "31.25 / 2.50" in done.stderr and "**+0.00**" in done.stderr
    call("evaluate", pack, "--protocol", "twisted", "--levels", "dusk", "--scales", "2,4", "--methods", "dis")
    assert (bench["levels"], bench["scales"], bench["methods"]) == (("dusk",), (2, 4), ("dis",))


def test_weights(call, pack, bench, tmp_path):
    given = ["--weights", "separate=a", "--weights", "joint=b=c"]
    done = call("evaluate", pack, "--protocol", "weights", *given, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert bench["weights"] == {"separate": Path("a"), "joint": Path("b=c")}
    assert (bench["levels"], bench["scales"]) == (("dusk", "night", "dark"), (2, 4))
    assert "**31.25**" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--protocol", "noon"], "noon"),
        (["--protocol", "twisted", "--weights", "a=b"], "--weights"),
        (["--protocol", "weights", "--methods", "classical"], "--methods"),
        (["--protocol", "weights", "--weights", "a"], "NAME=FOLDER"),
        (["--protocol", "weights", "--weights", "a=b", "--weights", "a=c"], "twice"),
        (["--protocol", "modules", "--html", "x.html"], "--html"),
        (["--protocol", "modules", "--tracks", "raw"], "--tracks"),
        (["--protocol", "ccs", "--restart"], "--restart"),
        (["--protocol", "ccs", "--outputs", "a=b"], "--outputs"),
        (["--protocol", "ccs", "--levels", "night"], "levels"),
        (["--protocol", "ccs", "--scenes", "Z"], "'Z'"),
    ],
)
def test_what_makes_no_sense(call, pack, bench, arguments, named):
    done = call("evaluate", pack, *arguments)
    assert done.exit_code == 2 and named in done.stderr and "rows" not in done.stdout
    assert bench == {}


def test_a_folder_of_night_is_not_written_to(call, pack, bench, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    done = call("evaluate", pack, "--protocol", "ccs", "--out", tmp_path / "run")
    assert done.exit_code == 6 and "another protocol" in done.stderr and bench == {}


def test_interruption_leaves_no_files_and_says_how_to_go_on(call, pack, bench, tmp_path):
    bench["fail"] = KeyboardInterrupt()
    done = call(
        "evaluate", pack, "--protocol", "ccs", "--json", tmp_path / "r.json", "--out", tmp_path / "run"
    )
    assert done.exit_code == 130 and "goes on" in done.stderr
    assert not list(tmp_path.glob("*.json"))
