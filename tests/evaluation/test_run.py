"""Runs on a tiny pack, in this process: what is done once, what is done again, what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from packs import HEIGHT, WIDTH, add_capture, add_pair, make_pack

from dualcam.camera.curves import decode
from dualcam.errors import InputError, OutputError, PlacementError, UnavailableError, UsageError
from dualcam.evaluation import fingerprint, methods, scoring
from dualcam.evaluation.case import CaseId, Output
from dualcam.evaluation.layout import RunFolder
from dualcam.evaluation.methods import Entry
from dualcam.evaluation.plan import Choice
from dualcam.evaluation.results import read, to_json
from dualcam.evaluation.run import Request, run
from dualcam.evaluation.summary import groups
from dualcam.evaluation.workers import WorkError

CASE = CaseId("plane/A", "night", 2, "file")


class Watch:
    """Counts what a run does."""

    def __init__(self):
        self.steps = {}

    def begin(self, step, tasks, work):
        self.steps[step] = tasks

    def done(self, name, work):
        assert name and work > 0


class Bench:
    """A pack, a run folder and made-up methods; ``asked`` lists what the methods were called for."""

    def __init__(self, root: Path):
        self.data, self.folder = make_pack(root / "pack"), RunFolder(root / "run")
        self.asked: list[tuple[str, str]] = []
        self.watch = Watch()

    def entry(self, name, make, **more):
        def method(inputs, truth):
            self.asked.append((name, inputs.color.origin.path.name))
            return make(inputs, truth)

        return Entry(name, method, "test", "test", **more)

    def run(self, *names, data=None, restart=False, rescore=False, **choice):
        """One condition on the file track, unless the test says otherwise."""
        choice = {"levels": ("night",), "scales": (2,), "tracks": ("file",)} | choice
        request = Request(
            data or self.data,
            self.folder.root,
            Choice(names, **choice),
            jobs=0,
            restart=restart,
            rescore=rescore,
        )
        self.asked.clear()
        self.watch = Watch()
        return run(request, self.watch)

    def files(self):
        """Everything in the run folder, with its time of change and its content."""
        return {
            path.relative_to(self.folder.root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
            for path in self.folder.root.rglob("*")
            if path.is_file()
        }


def truth_of(_inputs, truth):
    return Output(decode(truth.picture / np.float32(255)))


def gray(inputs, _truth):
    return Output(np.repeat(inputs.mono.pixels, 3, axis=2))


def sure(inputs, truth):
    return Output(truth_of(inputs, truth).pixels, np.full(truth.picture.shape[:2], 0.75, np.float32))


def swapped(inputs, truth):
    return Output(np.ascontiguousarray(truth_of(inputs, truth).pixels[..., ::-1]))


def shifted_color(inputs, truth):
    """True brightness with a color that lies three pixels beside it."""
    picture = truth.picture.astype(np.float32) / 255
    luma = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    chroma = np.roll(picture - luma[..., None], 3, axis=1)
    return Output(decode(np.clip(luma[..., None] + chroma, 0, 1)))


def refuse(inputs, _truth):
    raise PlacementError(f"no match in {inputs.color.origin.path}.", "Take another picture.")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    made = {
        "true": bench.entry("true", truth_of),
        "gray": bench.entry("gray", gray),
        "sure": bench.entry("sure", sure),
        "swapped": bench.entry("swapped", swapped),
        "shifted": bench.entry("shifted", shifted_color),
        "refuses": bench.entry("refuses", refuse),
        "network": bench.entry("network", sure, has_weights=True),
        "oracle": bench.entry("oracle", truth_of, needs_disparity=True),
    }
    monkeypatch.setattr(methods, "unavailable", lambda name: None)
    monkeypatch.setattr(methods, "METHODS", made)
    # Stands for dualcam's code, which somebody may be editing while the tests run.
    package = tmp_path / "package"
    (package / "rig").mkdir(parents=True)
    (package / "rig" / "warp.py").write_text("1")
    (package / "evaluation" / "metrics").mkdir(parents=True)
    (package / "weights").mkdir()
    (package / "weights" / "refec.onnx").write_text("1")
    (package / "evaluation" / "metrics" / "psnr.py").write_text("1")
    monkeypatch.setattr(fingerprint, "PACKAGE", package)
    bench.package = package
    return bench


def mean(results, method, key):
    return groups(results)[0].mean(method, key).value


def test_methods_get_files_and_are_scored_from_files(bench):
    results = bench.run("true", "sure")
    assert bench.watch.steps == {"captures": 2, "outputs": 2, "scores": 2}
    assert {(r.case.scene, r.method) for r in results.rows} == {
        (scene, method) for scene in ("B", "plane/A") for method in ("true", "sure")
    }
    stored = cv2.imread(str(bench.folder.picture(CASE, "true")), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint8
    assert np.array_equal(stored, cv2.imread(str(bench.data / "plane" / "A" / "left.png")))
    certain = cv2.imread(str(bench.folder.confidence(CASE, "sure")), cv2.IMREAD_UNCHANGED)
    assert certain.dtype == np.uint16 and np.all(certain == round(0.75 * 65535))
    scores = {r.method: r.scores for r in results.rows if r.case == CASE}
    assert scores["true"]["ssim"] == 1.0 and scores["true"]["de00"] < 1e-3
    assert "confidence_error" in scores["sure"] and "confidence_error" not in scores["true"]
    assert not (bench.folder.root / "working").exists()


def test_the_same_numbers_again_and_nothing_done_twice(bench):
    first = bench.run("true", "gray")
    before = bench.files()
    assert sorted(bench.asked) == [("gray", "color.png")] * 2 + [("true", "color.png")] * 2
    second = bench.run("true", "gray")
    assert bench.asked == [] and bench.watch.steps == {"captures": 0, "outputs": 0, "scores": 0}
    after = bench.files()
    assert {k: v for k, v in after.items() if k != "config.json"} == {
        k: v for k, v in before.items() if k != "config.json"
    }
    assert second.rows == first.rows
    bench.folder = RunFolder(bench.folder.root.parent / "other")
    elsewhere = bench.run("true", "gray")
    assert len(bench.asked) == 4
    assert json.loads(to_json(elsewhere))["rows"] == json.loads(to_json(first))["rows"]
    assert elsewhere.config == first.config


def test_a_killed_run_goes_on(bench):
    whole = bench.run("true", "sure")
    # What a kill leaves behind: missing and half-written files, hidden files, marks of workers.
    bench.folder.picture(CASE, "true").unlink()
    picture = bench.folder.picture(CaseId("B", "night", 2, "file"), "sure")
    picture.write_bytes(picture.read_bytes()[:-20])
    bench.folder.score(CASE, "sure").write_text('{"scores"')
    hidden = [
        picture.with_name(".nightx2-file.12ab34cd.part.png"),
        bench.folder.root / "captures" / "B" / ".nightx2.12ab34cd.part" / "mono.png",
        bench.folder.root / ".config.12ab34cd.part.json",
        bench.folder.root / "working" / "123",
    ]
    for path in hidden:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    again = bench.run("true", "sure")
    assert sorted(bench.asked) == [("sure", "color.png"), ("true", "color.png")]
    assert bench.watch.steps == {"captures": 0, "outputs": 2, "scores": 2}
    assert again.rows == whole.rows
    assert not any(path.exists() for path in hidden)


def test_a_removed_confidence_or_capture_is_made_again(bench):
    whole = bench.run("sure")
    bench.folder.confidence(CASE, "sure").unlink()
    (bench.folder.capture("B", "night", 2) / "mono.png").unlink()
    again = bench.run("sure")
    assert bench.watch.steps == {"captures": 1, "outputs": 1, "scores": 1}
    assert again.rows == whole.rows


def test_a_run_can_grow(bench):
    bench.run("true")
    add_pair(bench.data / "C", 5)
    grown = bench.run("true", "gray", levels=("dark", "night"))
    assert len(grown.rows) == 3 * 2 * 2
    assert bench.asked.count(("true", "color.png")) == 4
    # What is asked for is shown, not what else lies in the folder.
    assert len(bench.run("gray", scenes=("plane/*",)).rows) == 1
    assert bench.run("true").config["scenes"].keys() == {"B", "C", "plane/A"}
    assert bench.asked == []


def test_other_code_is_not_mixed_in(bench):
    bench.run("true")
    before = bench.files()
    (bench.package / "rig" / "warp.py").write_text("2")
    with pytest.raises(UsageError, match="code of rig") as caught:
        bench.run("true")
    assert "--restart" in caught.value.remedy and "--out" in caught.value.remedy
    assert bench.files() == before
    bench.run("true", restart=True)
    assert len(bench.asked) == 2
    assert bench.run("true") and bench.asked == []


def test_new_weights_ask_only_the_methods_that_use_them_again(bench):
    before = bench.run("true", "network")
    (bench.package / "weights" / "refec.onnx").write_text("2")
    after = bench.run("true", "network")
    assert {name for name, _ in bench.asked} == {"network"} and len(bench.asked) == 2
    assert after.rows == before.rows and after.config["neural"] != before.config["neural"]
    bench.run("true", "network")
    assert bench.asked == []
    # A run without these methods leaves none of their old results behind either.
    (bench.package / "weights" / "refec.onnx").write_text("3")
    bench.run("true")
    assert bench.asked == [] and not bench.folder.picture(CASE, "network").exists()


def test_weights_that_change_meanwhile_spoil_the_run(bench, monkeypatch):
    def edit(inputs, truth):
        (bench.package / "weights" / "refec.onnx").write_text("4")
        return truth_of(inputs, truth)

    monkeypatch.setitem(methods.METHODS, "edits", bench.entry("edits", edit))
    with pytest.raises(UsageError, match="neural weights changed while"):
        bench.run("edits")


def test_a_method_that_is_not_installed_is_refused_before_any_work(bench, monkeypatch):
    error = UnavailableError("no weights are here.", "Get some.")
    monkeypatch.setattr(methods, "unavailable", lambda name: error if name == "network" else None)
    with pytest.raises(UnavailableError, match="no weights"):
        bench.run("true", "network")
    assert bench.asked == [] and not bench.folder.root.exists()


def test_the_calibration_curve_is_kept_beside_the_scores(bench):
    bench.run("true", "sure")
    curve = scoring.read_reliability(bench.folder, CASE, "sure")
    scores = scoring.read_scores(bench.folder, CASE, "sure")
    # 0.75 lies in the twelfth of fifteen bins, and a true picture is right everywhere.
    assert (
        curve.weight[11] == 1
        and curve.share[11] == 1
        and curve.confidence[11] == pytest.approx(0.75, abs=1e-4)
    )
    assert curve.error == pytest.approx(scores["confidence_error"]) == pytest.approx(0.25, abs=1e-4)
    assert scoring.read_reliability(bench.folder, CASE, "true") is None


def test_code_that_changes_meanwhile_spoils_the_run(bench, monkeypatch):
    warp = bench.package / "rig" / "warp.py"

    def edit(inputs, truth):
        warp.write_text("2")
        return gray(inputs, truth)

    monkeypatch.setitem(methods.METHODS, "edits", bench.entry("edits", edit))
    with pytest.raises(UsageError, match="code of rig changed while") as caught:
        bench.run("true", "edits")
    assert "--restart" in caught.value.remedy
    # Taking the change back does not make the results whole again.
    warp.write_text("1")
    with pytest.raises(UsageError, match="changed during the run"):
        bench.run("true")
    assert bench.run("true", restart=True)


def test_another_picture_of_a_scene_is_not_mixed_in(bench):
    bench.run("true")
    add_pair(bench.data / "B", 9, disparity=False)
    with pytest.raises(UsageError, match="scene B"):
        bench.run("true")


def test_other_metrics_only_ask_for_new_scores(bench):
    bench.run("true")
    (bench.package / "evaluation" / "metrics" / "psnr.py").write_text("2")
    with pytest.raises(UsageError, match="scores of other metrics") as caught:
        bench.run("true")
    assert "--rescore" in caught.value.remedy
    bench.run("true", rescore=True)
    assert bench.asked == [] and bench.watch.steps == {"captures": 0, "outputs": 0, "scores": 2}
    assert bench.run("true") and bench.watch.steps["scores"] == 0


def test_restart_deletes_only_what_a_run_made(bench):
    bench.run("true")
    mine = bench.folder.root / "notes.txt"
    mine.write_text("mine")
    bench.run("true", restart=True)
    assert mine.read_text() == "mine" and len(bench.asked) == 2


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("name", ["photo.png", "config.json"])
def test_a_folder_that_is_no_run_is_left_alone(bench, restart, name):
    bench.folder.root.mkdir()
    (bench.folder.root / name).write_text("{}")
    (bench.folder.root / "outputs").mkdir()
    with pytest.raises(OutputError, match="not the folder of a benchmark run"):
        bench.run("true", restart=restart)
    assert {p.name for p in bench.folder.root.iterdir()} == {name, "outputs"}


def test_two_runs_do_not_share_a_folder(bench):
    fcntl = pytest.importorskip("fcntl")
    bench.run("true")
    handle = os.open(bench.folder.root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another run is at work"):
            bench.run("true")
    finally:
        os.close(handle)
    assert bench.run("true")


def test_a_refusal_is_scored_as_the_mono_picture(bench):
    results = bench.run("gray", "refuses")
    rows = {(r.method, r.case.scene): r for r in results.rows}
    for scene in ("B", "plane/A"):
        assert rows["refuses", scene].scores == rows["gray", scene].scores
        # The reason names the file, not the machine's folders.
        assert rows["refuses", scene].refused == "no match in color.png."
        assert rows["gray", scene].refused is None
    assert len(groups(results)[0].refused("refuses")) == 2


def test_an_oracle_is_asked_only_where_there_is_a_disparity(bench):
    results = bench.run("true", "oracle")
    assert [r.case.scene for r in results.rows if r.method == "oracle"] == ["plane/A"]
    assert results.ceilings == {"oracle"}


def test_a_broken_method_is_caught_by_the_metric_meant_for_it(bench):
    # Misregistration looks at windows of 128 pixels.
    wide = add_pair(bench.data.parent / "wide", height=224, width=352)
    results = bench.run("true", "swapped", "shifted", data=wide)
    de00 = {method: mean(results, method, "de00") for method in results.methods}
    beside = {method: mean(results, method, "misregistration") for method in results.methods}
    assert de00["true"] < 1e-3 and beside["true"] < 0.3
    # Wrong color lies at the right place; right color at the wrong place is half right.
    assert de00["swapped"] > 8 and beside["swapped"] < 0.6
    assert de00["shifted"] < de00["swapped"] / 2
    assert beside["shifted"] == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda i, t: Output(np.full((HEIGHT, WIDTH, 3), np.nan, np.float32)), "NaN"),
        (lambda i, t: Output(np.zeros((4, 4, 3), np.float32)), "instead of"),
        (lambda i, t: Output(gray(i, t).pixels, np.zeros((4, 4), np.float32)), "confidence"),
        (lambda i, t: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_fault_of_a_method_names_the_case(bench, monkeypatch, broken, told):
    monkeypatch.setitem(methods.METHODS, "broken", bench.entry("broken", broken))
    with pytest.raises(WorkError, match=told) as caught:
        bench.run("true", "broken")
    assert "night, scale 2, file track, broken: " in str(caught.value)
    assert not (bench.folder.root / "working").exists()
    # What was done before the fault is kept.
    monkeypatch.delitem(methods.METHODS, "broken")
    bench.run("true")
    assert len(bench.asked) == 1


def test_pictures_made_elsewhere_are_scored_like_a_method(bench, tmp_path):
    mine = tmp_path / "mine"
    for name in ("plane/A", "B"):
        (mine / name).mkdir(parents=True)
        left = cv2.imread(str(bench.data / name / "left.png"))
        cv2.imwrite(str(mine / name / "nightx2-file.png"), left.astype(np.uint16) * 257)
        cv2.imwrite(str(mine / name / "nightx2-file-confidence.png"), np.full((HEIGHT, WIDTH), 255, np.uint8))
    results = bench.run("true", elsewhere=(("mine", mine),))
    assert mean(results, "mine", "de00") < 1e-3 and mean(results, "mine", "confidence_error") is not None
    assert list(results.methods) == ["true", "mine"]
    assert {item.method for item in results.timing} == {"true"}
    bench.run("true", elsewhere=(("mine", mine),))
    assert bench.watch.steps == {"captures": 0, "outputs": 0, "scores": 0}
    # A picture that has changed is taken anew, and scored anew.
    cv2.imwrite(str(mine / "B" / "nightx2-file.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    changed = bench.run("true", elsewhere=(("mine", mine),))
    assert bench.watch.steps == {"captures": 0, "outputs": 1, "scores": 1}
    assert mean(changed, "mine", "de00") > 5


def test_pictures_made_elsewhere_that_cannot_be_compared_are_refused(bench, tmp_path):
    mine = tmp_path / "mine"
    (mine / "B").mkdir(parents=True)
    with pytest.raises(InputError, match="no picture of mine") as caught:
        bench.run("true", elsewhere=(("mine", mine),))
    assert "nightx2-file.png" in caught.value.remedy
    cv2.imwrite(str(mine / "B" / "nightx2-file.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match=r"mine lacks .*plane/A"):
        bench.run("true", elsewhere=(("mine", mine),))
    with pytest.raises(InputError, match="is 20 x 20, but the mono picture is 96 x 80"):
        bench.run("true", elsewhere=(("mine", mine),), scenes=("B",))
    with pytest.raises(UsageError, match="'true' is taken"):
        bench.run("true", elsewhere=(("true", mine),))
    with pytest.raises(UsageError, match="cannot name a method"):
        bench.run("true", elsewhere=(("../mine", mine),))


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"levels": ("noon",)}, "no light level 'noon'"),
        ({"scales": (0,)}, "scale"),
        ({"tracks": ("tape",)}, "no track 'tape'"),
        ({"scenes": ("Z*",)}, "no scene is named 'Z\\*'"),
    ],
)
def test_what_does_not_exist_is_named(bench, choice, told):
    with pytest.raises(UsageError, match=told) as caught:
        bench.run("true", **choice)
    assert caught.value.remedy
    assert not bench.folder.root.exists()
    with pytest.raises(UsageError, match="no method 'other'"):
        bench.run("other")


def test_prepared_captures_are_used_as_they_are(bench, tmp_path):
    data = tmp_path / "captures"
    add_capture(data / "A" / "duskx3", "dusk", 3)
    results = bench.run("gray", data=data, levels=None, scales=None, tracks=None)
    assert [(r.case.scene, r.case.level, r.case.scale, r.case.track) for r in results.rows] == [
        ("A", "dusk", 3, "file")
    ]
    copied = bench.folder.capture("A", "dusk", 3)
    assert (copied / "mono.png").read_bytes() == (data / "A" / "duskx3" / "mono.png").read_bytes()


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"levels": ("night",), "scales": None, "tracks": None}, "no capture has the level night"),
        ({"levels": None, "scales": (2, 3), "tracks": None}, "no capture has the scale 2"),
        ({"levels": None, "scales": None, "tracks": ("raw",)}, "no capture has the track raw"),
    ],
)
def test_prepared_captures_do_not_have_everything(bench, tmp_path, choice, told):
    add_capture(tmp_path / "captures" / "A", "dusk", 3)
    with pytest.raises(UsageError, match=told) as caught:
        bench.run("gray", data=tmp_path / "captures", **choice)
    assert "dusk, scale 3" in caught.value.remedy or "track" in told


def test_a_damaged_picture_is_named_before_any_method_runs(bench):
    path = bench.data / "B" / "right.png"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError) as caught:
        bench.run("true")
    assert str(path) in caught.value.cause
    assert bench.asked == []
    assert not list(bench.folder.root.rglob("*.part*"))


def test_results_survive_being_written(bench, tmp_path):
    results = bench.run("true", "sure", "refuses")
    path = tmp_path / "results.json"
    path.write_text(to_json(results), encoding="utf-8")
    again = read(path)
    assert again.rows == results.rows and again.config == results.config
    assert [t.method for t in again.timing] == [t.method for t in results.timing]
    for words in (str(tmp_path), "NaN", "Infinity"):
        assert words not in path.read_text()
    values = json.loads(path.read_text())
    assert set(values) == {"schema", "config", "rows", "timing"}
    assert set(values["rows"][0]) == {"scene", "level", "scale", "track", "method", "scores", "refused"}
    assert all(
        score is None or round(score, 6) == score
        for row in values["rows"]
        for score in row["scores"].values()
    )
    with pytest.raises(InputError, match="no benchmark results"):
        path.write_text("[]")
        read(path)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "gone.json")
