"""The first table of the benchmark's page, against numbers worked out by hand."""

from __future__ import annotations

from packs import results, row

from dualcam.evaluation.document import document
from dualcam.evaluation.headline import headline
from dualcam.evaluation.summary import groups
from dualcam.evaluation.table import per_scene


def lines(text):
    return [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def made(more=()):
    """Two scenes, file and raw; "levin" leads by PSNR, "guided" by color difference, the oracle by both."""
    return results(
        [
            row("chroma", "a", psnr=20.0, de00=8.0),
            row("chroma", "b", psnr=33.0, de00=6.0),
            row("guided", "a", psnr=27.0, de00=4.0),
            row("guided", "b", psnr=29.0, de00=4.0),
            row("levin", "a", psnr=28.0, de00=5.0),
            row("levin", "b", psnr=30.0, de00=4.0),
            row("brovey", "a", psnr=50.0, de00=0.1),
            row("mine", "a", psnr=60.0, de00=0.1),
            row("mine", "b", psnr=60.0, de00=0.1),
            row("classical", "a", psnr=28.0, de00=4.5),
            row("classical", "b", psnr=28.0, de00=4.5),
            row("neural", "a", psnr=30.0, de00=5.0, confidence_error=0.02),
            row("neural", "b", psnr=32.0, de00=1.0, confidence_error=0.04),
            row("oracle", "a", psnr=90.0, de00=0.0),
            row("oracle", "b", psnr=90.0, de00=0.0),
            row("neural", "a", track="raw", psnr=31.0, de00=2.0),
            row("neural", "b", track="raw", psnr=34.0, de00=1.0),
            row("levin", "a", track="raw", psnr=28.0, de00=5.0),
            row("levin", "b", track="raw", psnr=30.0, de00=4.0),
            *more,
        ]
    )


def test_neural_stands_beside_the_best_of_each_column():
    table = lines(headline(made()))
    # Not brovey, which ran on one scene; not the oracle; not what was made elsewhere.
    assert table[2] == [
        "night × 2, file", "2", "31.00", "29.00 (levin)", "**+2.00**", "3.00", "4.00 (guided)", "**0.75**",
        "0 / 1 / 1", "1 / 0 / 1", "0.030",
    ]  # fmt: skip
    assert table[3][:5] == ["night × 2, raw", "2", "32.50", "29.00 (levin)", "**+3.50**"]
    assert table[3][8:] == ["–", "–", "–"]


def test_losses_are_named_and_raw_files_compared():
    text = headline(made())
    assert "- **night × 2, file, worse than classical:** a (+0.50 ΔE00)." in text
    assert "- **night × 2, file, worse than chroma:** b (-1.00 dB)." in text
    assert lines(text)[-1] == ["night × 2", "31.00", "32.50", "**+1.50**", "3.00", "1.50", "**0.50**"]


def test_a_clean_record_is_said_in_one_line():
    good = results([row("classical", "a", psnr=20.0, de00=8.0), row("neural", "a", psnr=21.0, de00=7.0)])
    assert "On no scene of any condition is it worse than classical, by PSNR or by ΔE00." in headline(good)
    assert "raw mosaic" not in headline(good)


def test_it_opens_the_page_and_is_left_out_where_it_says_nothing():
    page = document(made())
    assert page.index("## Neural against everything") < page.index("## What was measured")
    without = results([row("classical", "a", psnr=20.0, de00=8.0)])
    assert headline(without) == "" and "Neural against" not in document(without)
    assert headline(results([row("neural", "a", psnr=20.0, de00=8.0)])) == ""


def test_both_of_our_methods_stand_in_the_scene_tables():
    found = made()
    head = lines(per_scene(found, groups(found)[0]))[0]
    assert {"Classical", "Neural", "Chroma"} < set(head)
