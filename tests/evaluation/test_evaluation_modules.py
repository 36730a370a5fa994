"""Modules by themselves: perfect modules are perfect, and every module is charged for its own faults only."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from packs import add_capture

from dualcam.errors import InputError, PlacementError, UsageError
from dualcam.evaluation import bench, dataset, module_tables, modules, resume, trials
from dualcam.evaluation.cross_table import cross_table
from dualcam.fusion.fuser import Fuser
from dualcam.fusion.method import choose
from dualcam.rig import warp
from synthetic import psnr, scene, to_bits, to_display, to_linear

HEIGHT, WIDTH, SHIFT = 121, 162, 6


def pair(seed=0):
    """A plane, the color camera's view shifted by ``SHIFT`` pixels; uint8 display."""
    wide = to_bits(scene(HEIGHT, WIDTH + SHIFT, seed))
    return wide[:, :WIDTH], wide[:, SHIFT:]


def put(left, right, level="dusk", scale=2, disparity=None):
    return bench.set_up(left, right, disparity, scene="plane", level=level, scale=scale)


def shown_psnr(trial):
    return psnr(to_display(np.clip(trial.picture, 0, 1)), to_display(trial.truth))


@pytest.fixture(scope="module")
def dusk():
    return put(*pair(), disparity=np.full((HEIGHT, WIDTH), SHIFT, np.float32))


def tried(bench):
    return {(t.module, t.method): t for t in (*trials.others(bench), *trials.own(bench, "classical"))}


@pytest.fixture(scope="module")
def found(dusk):
    return tried(dusk)


def test_grids_fit_together_and_the_ragged_edge_is_cut(dusk):
    assert dusk.whole.shape == (120, 162, 3) and dusk.mono.shape == (120, 162)
    assert dusk.color.shape == dusk.aligned.shape == (60, 81, 3) and dusk.small.shape == (60, 81)
    assert dusk.inputs.mono.pixels.shape == (120, 162, 1) and dusk.inputs.color.pixels.shape == (60, 81, 3)
    assert dusk.disparity.shape == (120, 162)


def test_truths_are_linear_means_of_the_views(dusk):
    left, right = pair()
    mean = to_linear(right[:120].astype(float) / 255).reshape(60, 2, 81, 2, 3).mean((1, 3))
    assert dusk.color == pytest.approx(mean, abs=1e-5)
    assert dusk.whole == pytest.approx(to_linear(left[:120] / 255), abs=1e-5)
    # The plane's color view is the mono view moved: aligned is color, moved back.
    assert dusk.aligned[:, SHIFT // 2 :] == pytest.approx(dusk.color[:, : -SHIFT // 2], abs=1e-5)


def test_the_camera_beside_sees_the_mono_view(dusk):
    assert np.array_equal(dusk.beside.mono.pixels, dusk.inputs.mono.pixels)
    seen = to_display(np.clip(4 * dusk.beside.color.pixels, 0, 1))
    assert psnr(seen, to_display(dusk.aligned)) > 22 > psnr(seen, to_display(dusk.color))


def test_perfect_modules_together_give_the_truth(dusk):
    colored = bench.perfect_colored(dusk, dusk.small)
    assert bench.perfect_detail(dusk, colored) == pytest.approx(dusk.whole, abs=1e-4)


def test_a_perfect_last_module_leaves_the_errors_of_color(dusk):
    colored = bench.perfect_colored(dusk, dusk.small)
    off = bench.replace(colored, color=colored.color * np.float32(0.9))
    error = to_display(bench.perfect_detail(dusk, off)) - to_display(dusk.whole)
    expected = -0.1 * to_display(dusk.aligned).mean()
    assert error.mean() == pytest.approx(expected, rel=0.02)


def test_the_clean_match_finds_the_plane(dusk):
    found = bench.clean_match(dusk)
    assert found.to_color.shape == (*dusk.small.shape, 2)
    moved = (found.to_color - warp.centers(*dusk.small.shape))[5:-5, 10:-10]
    assert np.median(moved[..., 0]) == pytest.approx(-SHIFT / 2, abs=0.1)
    assert np.median(moved[..., 1]) == pytest.approx(0, abs=0.1)


def test_an_unmoved_pair_needs_no_match(dusk):
    known = Fuser("classical").prepare(dusk.inputs.mono, dusk.inputs.color)
    here = bench.unmoved(dusk, known)
    assert here.match.inside.all() and not here.match.disagreement.any()
    assert here.pair.color is dusk.beside.color and here.pair.placement.scale == 2
    exposed = choose("classical").ref_ec(here.pair, here.measured, here.mono, here.match, here.tone)
    # Not moved: it fits the mono view, and not the color view.
    assert psnr(exposed.color, to_display(dusk.aligned)) > 27 > psnr(exposed.color, to_display(dusk.color))


def test_every_module_has_ours_and_others(found):
    named = {m: {method for module, method in found if module == m} for m in trials.MODULES}
    assert set(trials.EXPOSURE) | {"classical"} == named["refEC"]
    assert set(trials.ALIGNMENT) | {"classical"} <= named["refColor"]
    assert set(trials.UPSAMPLING) | {"classical"} < named["refSR"]
    assert len(named["chain"]) == len(trials.LADDER)
    assert {m for module, m in found if found[module, m].uses_truth} == {
        *(m for m in named["chain"] if "perfect" in m),
        *(named["refColor"] - set(trials.ALIGNMENT) - {"classical"}),
    }


def test_modules_do_what_they_are_for(found):
    for method in ("classical", "gain", "gain, non-local means"):
        assert shown_psnr(found["refEC", method]) > shown_psnr(found["refEC", "as shot"]) + 10
    ceiling = found["refColor", "true disparity"]
    assert ceiling.uses_truth and shown_psnr(ceiling) > shown_psnr(found["refColor", "DIS"]) - 0.5
    assert shown_psnr(found["refColor", "classical"]) > shown_psnr(found["refColor", "unaligned"]) + 3
    assert shown_psnr(found["refSR", "mono luma, bicubic chroma"]) > shown_psnr(found["refSR", "bicubic"]) + 1


def test_the_whole_chain_is_the_program(dusk, found):
    fused = Fuser("classical").fuse(dusk.inputs.mono, dusk.inputs.color)
    assert np.array_equal(found["chain", "classical"].picture, fused.pixels)


def test_perfect_modules_do_not_make_the_chain_worse(found):
    ours = shown_psnr(found["chain", "classical"])
    for perfect in trials.LADDER[1:]:
        name = f"classical, perfect {' + '.join(perfect)}"
        assert shown_psnr(found["chain", name]) > ours - 0.3, name
    both = shown_psnr(found["chain", "classical, perfect refEC + refColor"])
    assert both == shown_psnr(found["refSR", "classical"]) > ours + 1


def test_refusals_are_scored_as_what_is_left(dusk, monkeypatch):
    def refuse(*_):
        raise PlacementError("no way", "none")

    monkeypatch.setattr(bench, "clean_match", refuse)
    monkeypatch.setattr(Fuser, "prepare", refuse)
    found = tried(dusk)
    refused = {key for key, trial in found.items() if trial.refused == "no way"}
    assert {("refEC", "classical"), ("refColor", "classical"), ("chain", "classical")} < refused
    assert ("refSR", "classical") not in refused
    assert found["refEC", "classical"].picture is not None
    assert len({key for key in refused if key[0] == "chain"}) == len(trials.LADDER)
    gray = found["chain", "classical"].picture
    assert (gray[..., 0] == gray[..., 2]).all() and gray.shape == dusk.whole.shape


def job(tmp_path, name="a"):
    left, right = pair()
    folder = tmp_path / "pack" / name
    folder.mkdir(parents=True)
    for side, view in (("left", left), ("right", right)):
        cv2.imwrite(str(folder / f"{side}.png"), view[..., ::-1])
    return folder


class Watch:
    def __init__(self):
        self.begun, self.finished = [], []

    def begin(self, step, tasks, work):
        self.begun.append((step, tasks, work))

    def done(self, name, work):
        self.finished.append(name)


def count(job):
    """Stands for a protocol: one row a capture."""
    left, right, disparity = job.read()
    assert disparity is None
    return [{"scene": job.scene.name, "mean": round(float(left.mean() - right.mean()), 6)}]


def carry_out(tmp_path, watch=None, **changes):
    watch = watch or Watch()
    scenes = dataset.find(tmp_path / "pack")
    jobs = [resume.Job(scene, "night", 2, scene.pixels) for scene in scenes]
    options = {"code": [], "depends_on": {}, "processes": 0, "title": "counting"} | changes
    rows = resume.carry_out(count, jobs, folder=tmp_path / "run", watcher=watch, **options)
    return rows, watch


def test_work_is_done_once_and_again_when_something_changed(tmp_path):
    for name in "ab":
        job(tmp_path, name)
    rows, watch = carry_out(tmp_path)
    assert [row["scene"] for row in rows] == ["a", "b"] and len(watch.finished) == 2
    assert watch.begun == [("counting", 2, 2 * HEIGHT * WIDTH)]
    again, watch = carry_out(tmp_path)
    assert again == rows and watch.finished == []
    # A damaged file, other views, other options, other code: each is noticed, and nothing else is done again.
    (tmp_path / "run" / "a" / "nightx2.json").write_text('{"state": ')
    assert carry_out(tmp_path)[1].finished == ["a, night, scale 2"]
    cv2.imwrite(str(tmp_path / "pack" / "b" / "left.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    changed, watch = carry_out(tmp_path)
    assert watch.finished == ["b, night, scale 2"] and changed[0] == rows[0] and changed[1] != rows[1]
    assert len(carry_out(tmp_path, depends_on={"methods": ["x"]})[1].finished) == 2
    source = tmp_path / "own.py"
    source.write_text("1")
    assert len(carry_out(tmp_path, code=[source])[1].finished) == 2
    source.write_text("2")
    assert len(carry_out(tmp_path, code=[source])[1].finished) == 2


def test_what_changes_meanwhile_is_not_kept(tmp_path):
    job(tmp_path)
    source = tmp_path / "own.py"
    source.write_text("1")

    class Meddler(Watch):
        def done(self, name, work):
            source.write_text("2")

    with pytest.raises(UsageError, match="changed while"):
        carry_out(tmp_path, code=[source], watch=Meddler())
    assert len(carry_out(tmp_path, code=[source])[1].finished) == 1


def test_prepared_captures_are_refused(tmp_path):
    add_capture(tmp_path / "pack" / "c")
    with pytest.raises(InputError, match="prepared capture"):
        carry_out(tmp_path)


def test_scores_are_plain(tmp_path):
    assert resume.numbers({"a": np.float32(0.12345678), "b": float("inf"), "c": float("nan")}) == {
        "a": 0.123457,
        "b": None,
        "c": None,
    }


def test_runs_give_the_same_rows_and_tables(tmp_path):
    job(tmp_path)
    scenes = dataset.find(tmp_path / "pack")
    watch = Watch()
    options = {"levels": ("dusk",), "scales": (2,), "methods": ("classical",), "jobs": 0, "watcher": watch}
    first, second = (modules.run(scenes, tmp_path / name, **options) for name in ("one", "two"))
    assert json.dumps(first) == json.dumps(second)
    assert json.loads(resume.to_json(first)) == first
    row = next(r for r in first["rows"] if (r["module"], r["method"]) == ("chain", "classical"))
    assert set(row["scores"]) == {"psnr", "ssim", "de00"} and row["scene"] == "a"
    text = module_tables.markdown(first)
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        f"### {m}" for m in trials.MODULES
    ]
    assert f"{row['scores']['psnr']:.2f}" in text and "dusk × 2" in text
    # The methods that are not ours come first, and are not run again for another one of ours.
    assert watch.begun[0][1] == 2 and first["rows"][0]["method"] == "as shot"
    (tmp_path / "one" / "a" / "duskx2-classical.json").unlink()
    modules.run(scenes, tmp_path / "one", **options)
    assert watch.finished[-1] == "a, dusk, scale 2, classical" and watch.begun[-1][1] == 1


def test_unknown_names_are_refused_before_any_work(tmp_path):
    for changes, kind in (
        ({"methods": ("magic",)}, UsageError),
        ({"levels": ("noon",)}, UsageError),
        ({"scales": (0,)}, UsageError),
    ):
        with pytest.raises(kind):
            modules.run((), tmp_path, jobs=0, watcher=Watch(), **changes)


def line(method, value, scene="s", level="night", **more):
    return {
        "method": method,
        "scene": scene,
        "level": level,
        "scale": 2,
        "scores": {"psnr": value},
        "refused": None,
    } | more


def test_cross_table():
    rows = [line("a", 30.0), line("b", 31.0), line("a", 20.0, "t"), line("b", 20.0, "t", refused="no")]
    rows += [
        line("best", 50.0),
        line("told", 60.0, uses_truth=True),
        line("told", 60.0, "t", uses_truth=True),
    ]
    rows += [line("a", None, level="dark"), line("b", 1.0, level="dark")]
    cells = [
        [c.strip() for c in text.split("|")[1:-1]]
        for text in cross_table("PSNR", rows, {"psnr": 1}, {"a": "A"}).splitlines()
    ]
    assert cells[0] == ["PSNR", "night × 2", "dark × 2"]
    assert cells[2:] == [
        ["A", "25.0", "–"],
        ["b (captures refused: 1)", "**25.5**", "**1.0**"],
        ["best (1 of 2 scenes)", "50.0", "–"],
        ["told", "60.0", "–"],
    ]


def test_the_networks_are_tried_as_every_module(dusk):
    found = {(trial.module, trial.method): trial for trial in trials.own(dusk, "neural")}
    assert {module for module, method in found if method == "neural"} == set(trials.MODULES)
    assert not any(trial.refused for trial in found.values())
    assert shown_psnr(found["refColor", "neural"]) > 25
