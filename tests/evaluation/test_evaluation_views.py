"""Either view, either ratio: what is captured, who the rivals are, and what the tables say."""

from __future__ import annotations

import numpy as np
import pytest
from packs import make_pack

from dualcam.errors import UsageError
from dualcam.evaluation import dataset, either_view, protocol
from dualcam.evaluation.either_view import ARRANGEMENTS, capture, rival
from synthetic import psnr, scene, to_bits, to_display

OPTIONS = {"scene": "s", "level": "night", "scale": 2}


class Watch:
    def begin(self, step, tasks, work):
        pass

    def done(self, name, work):
        pass


@pytest.fixture(scope="module")
def views():
    wide = to_bits(scene(160, 246, 3))
    return wide[:, :240], wide[:, 6:]


def test_the_color_view_is_nights_capture_against_the_other_truth(views):
    inputs, truth = capture(*views, **OPTIONS, arrangement="color view")
    shot = protocol.capture(*views, **OPTIONS)
    assert np.array_equal(np.rint(to_display(inputs.color.pixels) * 255), shot.color)
    assert np.array_equal(truth.picture, views[1])


@pytest.mark.parametrize("arrangement", ["smaller mono", "smaller mono, color view"])
def test_mono_may_be_the_smaller_one(views, arrangement):
    inputs, truth = capture(*views, **OPTIONS, arrangement=arrangement)
    assert inputs.mono.pixels.shape == (80, 120, 1) and inputs.color.pixels.shape == (160, 240, 3)
    size = (80, 120) if arrangement == "smaller mono" else (160, 240)
    assert truth.picture.shape == (*size, 3)
    # Eight times darker than mono, as NIGHT has it.
    assert inputs.color.pixels.mean() == pytest.approx(inputs.mono.pixels.mean() / 8, rel=0.15)
    again, _ = capture(*views, **OPTIONS, arrangement=arrangement)
    assert np.array_equal(again.color.pixels, inputs.color.pixels)
    with pytest.raises(UsageError, match="sideways"):
        capture(*views, **OPTIONS, arrangement="sideways")


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_rivals_lie_where_the_truth_lies(views, arrangement):
    view, _ = ARRANGEMENTS[arrangement]
    inputs, truth = capture(*views, **OPTIONS, arrangement=arrangement)
    for name in either_view.RIVALS:
        shown = to_display(rival(name, inputs, truth.picture.shape[:2], view))
        assert shown.shape == truth.picture.shape and shown.min() >= 0 and shown.max() <= 1
        here = psnr(shown[:, 8:-8], truth.picture[:, 8:-8] / 255)
        if name == "luma" or view == "color":
            assert here > psnr(np.roll(shown, 4, 1)[:, 8:-8], truth.picture[:, 8:-8] / 255) + 2
        assert here > 15


def test_a_run_and_its_tables(tmp_path):
    scenes = dataset.find(make_pack(tmp_path / "pack"))
    chosen = {"methods": ("color", "luma", "classical"), "jobs": 0, "watcher": Watch()}
    result = either_view.run(scenes, tmp_path / "run", **chosen)
    rows = result["rows"]
    assert len(rows) == len(scenes) * len(ARRANGEMENTS) * 3
    assert {row["arrangement"] for row in rows} == set(ARRANGEMENTS)
    text = either_view.markdown(result)
    for words in ("Color alone, denoised", "Mono luma by DIS", "dualcam classical", "worse than a rival"):
        assert words in text
    # The margin is what the rows say.
    own = [r for r in rows if r["arrangement"] == "smaller mono"]
    margins = []
    for name in {r["scene"] for r in own}:
        score = {r["method"]: r["scores"]["psnr"] for r in own if r["scene"] == name}
        margins.append(score["classical"] - max(score["color"], score["luma"]))
    lines = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    line = next(cells for cells in lines if cells[2:4] == ["smaller mono", "dualcam classical"])
    assert f"**{np.mean(margins):+.2f}**" in line
    with pytest.raises(UsageError, match="levin"):
        either_view.run(scenes, tmp_path / "run", methods=("levin",), jobs=0, watcher=Watch())
