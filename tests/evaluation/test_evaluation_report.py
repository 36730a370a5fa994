"""The benchmark's report: numbers as in the results, pictures of the worst, and nothing from anywhere else."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from packs import results, row

from dualcam.evaluation import report
from dualcam.evaluation.layout import RunFolder, write_json
from dualcam.evaluation.sheet import LARGE, sheet, worst_rows

VOID = {"meta", "link", "img", "input", "br", "hr"}
HEIGHT, WIDTH = 60, 90


class Page(HTMLParser):
    """Checks that tags nest; collects them, and the text of every cell of the tables."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.tables = [], [], []
        self.text = text
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section" and "data-condition" in attrs:
            self.tables.append((attrs["data-condition"], []))
        if tag == "tr" and self.tables:
            self.tables[-1][1].append([])
        if tag in ("td", "th") and self.tables:
            self.tables[-1][1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.tables and {"td", "th"} & set(self.open):
            self.tables[-1][1][-1][-1] += data

    def table(self, condition):
        lines = dict(self.tables)[condition]
        return {line[0]: dict(zip(lines[0][1:], line[1:], strict=True)) for line in lines[1:]}

    @property
    def data(self):
        return json.loads(re.search(r'id="data">(.*?)</script>', self.text, re.S)[1])


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def save(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), samples)


def fill(run, rows, width=WIDTH):
    """Outputs and captures of the rows: flat, of a gray that tells the method; a truth for every scene."""
    scenes, methods = (
        [*dict.fromkeys(values)] for values in zip(*((r.case.scene, r.method) for r in rows), strict=True)
    )
    for r in rows:
        level = 20 + 30 * methods.index(r.method)
        save(run.picture(r.case, r.method), np.full((HEIGHT, width, 3), level, np.uint8))
        capture = run.capture(r.case.scene, r.case.level, r.case.scale)
        save(capture / "truth.png", np.full((HEIGHT, width, 3), 200 + scenes.index(r.case.scene), np.uint8))
        save(capture / "mono.png", np.full((HEIGHT, width), 30_000, np.uint16))
        save(capture / "color.png", np.full((HEIGHT // 2, width // 2, 3), 9, np.uint8))


def rows_of(errors, method="classical", **more):
    return [row(method, f"s{i}", de00=error, psnr=40 - error, **more) for i, error in enumerate(errors)]


def decoded(uri):
    kind, data = uri.split(",", 1)
    assert kind == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


def test_the_worst_are_the_worst_capture_of_each_scene():
    rows = [*rows_of([1, 7, 3, 2, 6, 5, 4]), row("classical", "s3", level="dark", de00=9.0, psnr=20.0)]
    rows += [row("classical", "s0", track="raw", de00=50.0)]
    worst = worst_rows(results(rows))["classical"]
    assert [(r.case.scene, r.case.level) for r in worst] == [
        ("s3", "dark"),
        ("s1", "night"),
        ("s4", "night"),
        ("s5", "night"),
        ("s6", "night"),
    ]


def test_without_a_file_track_the_raw_track_is_shown():
    rows = rows_of([1, 2], track="raw")
    assert [r.case.scene for r in worst_rows(results(rows))["classical"]] == ["s1", "s0"]


def test_pictures_are_shared_and_small(run):
    rows = [*rows_of([1, 2]), *rows_of([3, 4], method="gray"), row("gray", "s0", level="dark", de00=9.0)]
    fill(run, rows, width=2 * LARGE)
    found = sheet(results(rows), run)
    assert found.missing == ()
    own, gray = found.worst["classical"], found.worst["gray"]
    assert [s.row.case.scene for s in own] == ["s1", "s0"]
    # One truth a scene, one gray level a method; mono and color are the same everywhere here.
    assert {s.truth for s in own} == {s.truth for s in gray}
    assert len(found.pictures) == 2 + 2 + 2
    assert all(decoded(uri).shape[1] <= LARGE for uri in found.pictures.values())
    assert own[0].size == (LARGE, HEIGHT // 2)
    assert decoded(found.pictures[gray[0].result]).mean() == pytest.approx(50, abs=1)
    assert decoded(found.pictures[own[0].result]).mean() == pytest.approx(20, abs=1)
    assert [what for what, _ in own[0].inputs] == ["color as shot", "mono"]


def test_missing_and_damaged_pictures_are_named(run):
    rows = rows_of([1, 2, 3])
    fill(run, rows)
    run.picture(rows[0].case, "classical").unlink()
    run.picture(rows[1].case, "classical").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    found = sheet(results(rows), run)
    assert [s.row.case.scene for s in found.worst["classical"]] == ["s2"]
    assert len(found.missing) == 2
    assert not any(str(run.root) in cause for cause in found.missing)
    assert report.page(results(rows), run).count("could not be shown") == 2


def test_a_capture_of_the_raw_track_alone_has_no_color_to_show(run):
    rows = rows_of([1], track="raw")
    fill(run, rows)
    capture = run.capture("s0", "night", 2)
    (capture / "color.png").rename(capture / "color.dng")
    shown = sheet(results(rows), run).worst["classical"]
    assert [what for what, _ in shown[0].inputs] == ["mono"]


def test_means_best_and_ceilings(run):
    rows = [
        *rows_of([2, 4]),
        *rows_of([3, 6], method="gray"),
        *rows_of([1, 1], method="oracle"),
        row("part", "s0", de00=0.5),
    ]
    page = Page(report.page(results(rows, timing=[(3.0, 200.0, 1.0)] * 7), run))
    table = page.table("file night 2")
    own = next(line for head, line in table.items() if head.startswith("Classical"))
    assert own["ΔE00 ↓"] == "3.00" and own["PSNR, dB ↑"] == "37.00" and own["s / MP ↓"] == "3.00"
    assert any(head.startswith("Part") and "1 of 2 scenes" in head for head in table)
    # The oracle and the method of one scene have better numbers, and are no rivals.
    assert re.findall(r'data-v="([\d.]+)"><b>', page.text) == ["37", "3"]


def test_refusals_and_losses_are_told(run):
    rows = [
        row("classical", "s0", "too <few> matches", de00=9.0, psnr=10.0),
        row("chroma", "s0", de00=3.0, psnr=30.0),
    ]
    text = report.page(results(rows), run)
    assert "classical refused: s0 (too &lt;few&gt; matches)" in text
    assert "<b>classical is worse than chroma on:</b> s0" in text


def test_every_condition_has_a_table_and_data(run):
    rows = [
        row("gray", "s0", level=a, scale=b, track=c, psnr=30.0)
        for c in ("file", "raw")
        for a in ("dusk", "dark")
        for b in (2, 4)
    ]
    page = Page(report.page(results(rows), run))
    conditions = [name for name, _ in page.tables]
    assert len(conditions) == 8 and set(page.data["conditions"]) == set(conditions)
    chosen = {(a["name"], a["value"]) for t, a in page.tags if t == "input" and a["type"] == "radio"}
    assert {
        " ".join((t, light, s))
        for (a, t) in chosen
        if a == "track"
        for (b, light) in chosen
        if b == "level"
        for (c, s) in chosen
        if c == "scale"
    } == set(conditions)


def test_bars_hold_the_scores_of_every_scene(run):
    rows = [*rows_of([2, 4]), row("gray", "s1", psnr=30.0)]
    data = Page(report.page(results(rows), run)).data
    assert data["scenes"] == ["s0", "s1"]
    assert data["conditions"]["file night 2"]["psnr"] == [[38, 36], [None, 30]]
    assert "lpips" not in data["conditions"]["file night 2"]
    assert [score["key"] for score in data["scores"]] == ["psnr", "de00"]


def test_the_page_loads_nothing(run):
    rows = rows_of([1, 2])
    fill(run, rows)
    page = Page(report.page(results(rows), run))
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?://|@import|url\((?!data:)", page.text)
    assert all(a.get("src", "data:").startswith("data:") for _, a in page.tags)
    assert str(run.root) not in page.text


def test_names_cannot_break_the_page(run):
    odd = "</script><script>alert(1)</script>{{data}}\u2028"
    rows = [row("gray", odd, psnr=30.0, de00=2.0)]
    fill_name = results(rows)
    page = Page(report.page(fill_name, run))
    assert page.data["scenes"] == [odd]
    assert page.text.count("<script") == 2


def test_a_run_without_rows_gives_a_page(run):
    text = report.page(results([]), run)
    assert "no results" in text and Page(text).data["conditions"] == {}


def test_calibration_curves_are_drawn_where_there_is_a_confidence(run):
    rows = [row("classical", s, psnr=20.0, de00=5.0) for s in "ab"] + [row("gray", "a", psnr=10.0, de00=9.0)]
    fill(run, rows)
    for one, (claimed, share) in zip(rows, ((0.9, 0.7), (0.9, 0.9)), strict=False):
        bins = [None] * 13 + [claimed, None]
        curve = {"confidence": bins, "share": [None] * 13 + [share, None], "weight": [0.0] * 13 + [1.0, 0.0]}
        write_json(run.score(one.case, one.method), {"scores": {}, "reliability": {**curve, "error": 0.1}})
    text = report.page(results(rows), run)
    assert text.count("<svg") == text.count("<circle") == 1
    # Of both pictures together 0.8 are right where 0.9 is claimed: 30 + 200 * 0.9 to the right, 30 + 200 * 0.2 down.
    assert 'cx="210.0" cy="70.0"' in text and "2 scenes together; calibration error 0.100" in text
    Page(text)
    without = report.page(results(rows[2:]), run)
    assert "<svg" not in without
