"""Tables against means worked out by hand."""

from __future__ import annotations

import pytest
from packs import results, row

from dualcam.evaluation.document import document
from dualcam.evaluation.summary import Mean, best_baseline, groups, is_better
from dualcam.evaluation.table import costs, losses, means, overview, per_scene, refusals, same_scenes, tables


def cells(text: str) -> dict[str, dict[str, str]]:
    """A Markdown table as {first cell: {heading: cell}}."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {line[0]: dict(zip(lines[0][1:], line[1:], strict=True)) for line in lines[2:]}


@pytest.fixture
def made():
    """Three scenes; the oracle ran on two of them, sgbm refused one."""
    return results(
        [
            row("chroma", "a", psnr=20.0, de00=5.0, psnr_visible=21.0, de00_visible=4.0),
            row("chroma", "b", psnr=22.0, de00=7.0, psnr_visible=25.0, de00_visible=6.0),
            row("chroma", "c", psnr=30.0, de00=9.0),
            row("sgbm", "a", psnr=26.0, de00=4.0, psnr_visible=30.0, de00_visible=3.0),
            row("sgbm", "b", "too few matches", psnr=10.0, de00=20.0, psnr_visible=11.0, de00_visible=19.0),
            row("sgbm", "c", psnr=32.0, de00=8.0),
            row("classical", "a", psnr=28.0, de00=3.0, psnr_visible=29.0, de00_visible=2.0),
            row("classical", "b", psnr=29.0, de00=2.5, psnr_visible=31.0, de00_visible=2.5),
            row("classical", "c", psnr=29.5, de00=8.5, confidence_error=0.1, confidence_ause=None),
            row("oracle", "a", psnr=40.0, de00=1.0, psnr_visible=41.0, de00_visible=1.0),
            row("oracle", "b", psnr=50.0, de00=0.5, psnr_visible=51.0, de00_visible=0.5),
        ],
        timing=[(0.5, 300.0, 0.25), (1.0, None, 0.75)],
    )


def test_means_are_over_the_scenes_that_have_the_score(made):
    (group,) = groups(made)
    assert group.mean("chroma", "psnr") == Mean(24.0, 3)
    assert group.mean("chroma", "psnr_visible") == Mean(23.0, 2)
    assert group.mean("oracle", "psnr") == Mean(45.0, 2)
    assert group.mean("chroma", "psnr", ["a", "b"]) == Mean(21.0, 2)
    assert group.mean("classical", "confidence_ause") == Mean(None, 0)
    assert group.mean("classical", "confidence_error") == Mean(0.1, 1)
    assert group.scenes == ("a", "b", "c") and group.common_scenes == ("a", "b")


def test_the_table_of_a_condition(made):
    table = cells(means(made, groups(made)[0]))
    assert table["Chroma"]["PSNR ↑"] == "24.00"
    assert table["Sgbm"]["PSNR ↑"] == "22.67"
    assert table["Classical"]["PSNR ↑"] == "**28.83**"
    assert table["Classical"]["ΔE00 ↓"] == "**4.67**"
    assert table["Classical"]["visible: PSNR ↑ / ΔE00 ↓"] == "**30.00** / **2.25**"
    # The ceiling is not bold, and its mean over other scenes says so.
    assert table["Oracle (2 of 3 scenes)"]["PSNR ↑"] == "45.00"
    assert [table[m]["refused"] for m in ("Chroma", "Sgbm", "Classical")] == ["0", "1", "0"]
    # Scenes on which a method beats ours, by PSNR / by ΔE00.
    assert table["Chroma"]["beats classical"] == "1 / 0"
    assert table["Sgbm"]["beats classical"] == "1 / 1"
    assert table["Oracle (2 of 3 scenes)"]["beats classical"] == "2 / 2"
    assert [table[m]["best"] for m in ("Chroma", "Sgbm", "Classical")] == ["0 / 0", "1 / 1", "2 / 2"]
    # Columns that nobody has a number for are left out.
    assert not any("LPIPS" in heading or "occluded" in heading for heading in table["Chroma"])


def test_a_confidence_is_shown_as_far_as_it_is_known(made):
    table = cells(means(made, groups(made)[0]))
    assert table["Classical"]["confidence: error ↓ / AUSE ↓"] == "**0.100** / –"
    assert table["Chroma"]["confidence: error ↓ / AUSE ↓"] == "–"


def test_a_mean_of_fewer_scenes_than_the_others_says_so():
    made = results(
        [
            row("chroma", "a", psnr=20.0, misregistration=1.0),
            row("chroma", "b", psnr=20.0, misregistration=3.0),
            row("dis", "a", psnr=21.0, misregistration=0.25),
            row("dis", "b", psnr=21.0, misregistration=None),
        ]
    )
    table = cells(means(made, groups(made)[0]))
    # It was not measured where it is hard: that must not look like a win.
    assert table["Dis"]["misregistration ↓"] == "0.25 (1)"
    assert table["Chroma"]["misregistration ↓"] == "**2.00**"


def test_methods_of_fewer_scenes_are_compared_on_the_same_scenes(made):
    table = cells(same_scenes(made, groups(made)[0]))
    assert table["Chroma"]["PSNR ↑"] == "21.00"
    assert table["Sgbm"]["PSNR ↑"] == "18.00"
    assert table["Classical"]["PSNR ↑"] == "**28.50**"
    assert table["Oracle"]["PSNR ↑"] == "45.00"
    # Nothing to repeat where all methods ran on all scenes.
    everywhere = results([r for r in made.rows if r.method != "oracle"])
    assert same_scenes(everywhere, groups(everywhere)[0]) == ""


def test_losses_name_every_scene(made):
    (line,) = losses(groups(made)[0])
    assert line == "**classical is worse than chroma on:** c (-0.50 dB PSNR against chroma)."
    won = results([r for r in made.rows if r.case.scene != "c"])
    assert losses(groups(won)[0]) == ["classical is on no scene worse than chroma, by PSNR or by ΔE00."]
    alone = results([r for r in made.rows if r.method == "classical"])
    assert losses(groups(alone)[0]) == []


def test_refusals_are_named_with_their_reason(made):
    assert refusals(groups(made)[0]) == ["sgbm refused: b (too few matches)"]
    assert cells(per_scene(made, groups(made)[0]))["b"]["Sgbm"] == "10.00 / 20.00 (refused)"


def test_scene_by_scene_shows_the_best_baseline(made):
    (group,) = groups(made)
    assert best_baseline(group) == "sgbm"
    table = cells(per_scene(made, group))
    assert table["a"] == {
        "Chroma": "20.00 / 5.00",
        "Sgbm": "26.00 / 4.00",
        "Classical": "**28.00** / **3.00**",
        "Oracle": "40.00 / 1.00",
    }
    assert table["c"]["Sgbm"] == "**32.00** / **8.00**"
    assert table["c"]["Oracle"] == "–"


def test_the_overview_has_a_column_for_every_condition():
    made = results(
        [
            row("chroma", "a", psnr=20.0, de00=5.0),
            row("chroma", "a", level="dark", psnr=10.0, de00=9.0),
            row("classical", "a", psnr=21.0, de00=6.0),
        ]
    )
    table = cells(overview(made, groups(made)))
    assert table["Chroma"] == {"night × 2": "20.00 / **5.00**", "dark × 2": "**10.00** / **9.00**"}
    assert table["Classical"] == {"night × 2": "**21.00** / 6.00", "dark × 2": "–"}


def test_equal_numbers_are_both_bold():
    made = results([row("chroma", "a", psnr=20.001), row("dis", "a", psnr=20.002)])
    table = cells(means(made, groups(made)[0]))
    assert table["Chroma"]["PSNR ↑"] == table["Dis"]["PSNR ↑"] == "**20.00**"


def test_costs(made):
    assert cells(costs(made))["Chroma"] == {
        "processor seconds a megapixel": "1.50",
        "slowest capture, seconds": "1.00",
        "peak memory, MiB": "300",
    }


def test_which_way_is_better():
    assert is_better("psnr_visible", 2, 1) and is_better("ssim", 2, 1)
    assert not is_better("de00", 2, 1) and is_better("lpips", 1, 2) and is_better("misregistration", 1, 2)
    assert not is_better("psnr", 1, 1)


def test_the_page_holds_every_table_and_depends_on_results_alone(made):
    page = document(made)
    assert page == document(made)
    assert tables(made) in page
    for words in ("3 scenes, 2 of them with a true disparity", "make benchmark", "numpy 2.0", "| `sgbm` |"):
        assert words in page
    assert "\n\n\n" not in page
