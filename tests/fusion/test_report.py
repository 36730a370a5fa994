"""The report: facts, JSON, and a page that is complete in itself."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.frame import Frame, Fusion, Hop, Origin, Pair, Placement
from dualcam.fusion import report, report_page

HEIGHT, WIDTH = 60, 90
VOID = {"meta", "link", "img", "input", "br", "hr"}


def make_fusion(height: int = HEIGHT, width: int = WIDTH, shift: float = 0.0, **changes: object) -> Fusion:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 1, (height, width, 3)).astype(np.float32)
    mono = Frame(
        truth.mean(-1, keepdims=True), "mono", Origin(Path("/home/ann/night.png"), "PNG", 16, "srgb")
    )
    color = Frame(
        cv2.resize(truth, (width // 2, height // 2), interpolation=cv2.INTER_AREA) / 8,
        "color",
        Origin(Path("/home/ann/dark.jpg"), "JPEG", 8, "icc", "Display P3", None, ("alpha channel ignored",)),
    )
    matrix = np.array([[0.5, 0, shift], [0, 0.5, 0], [0, 0, 1]])
    provenance = np.full((height, width), 2, np.uint8)
    provenance[: height // 4] = 1
    provenance[:, : width // 3] = 0
    fusion = Fusion(
        pixels=truth,
        confidence=np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width),
        provenance=provenance,
        pair=Pair(mono, color, Placement(matrix, 2.0, 0.97, 0.93, 311, 12.5, "features")),
        method="classical",
        hops=(
            Hop("read", 0.1, {"mono size": "90 x 60"}),
            Hop("place", 0.5, {"matches": np.int64(311), "blur": float("nan"), "sure": True}),
        ),
        notes=("low light",),
    )
    return replace(fusion, **changes)


class Page(HTMLParser):
    """Checks that tags nest, and collects attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag: str, key: str = "") -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag and (not key or key in attrs)]

    def layer(self, name: str) -> np.ndarray:
        found = [img["src"] for img in self.all("img", "data-layer") if img["data-layer"] == name]
        return decode(found[0])


def decode(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.split(",", 1)[1], validate=True)
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_facts_are_plain_and_name_no_folder():
    known = report.facts(make_fusion())
    assert known["inputs"]["mono"] == {
        "file": "night.png",
        "format": "PNG",
        "bits": 16,
        "curve": "srgb",
        "profile": "",
        "width": WIDTH,
        "height": HEIGHT,
        "notes": [],
    }
    assert list(known["provenance"]) == ["measured", "propagated", "neutral"]
    assert known["provenance"]["measured"] == pytest.approx(0.5)
    assert sum(known["provenance"].values()) == pytest.approx(1)
    assert known["confidence"]["mean"] == pytest.approx(0.5)
    assert known["seconds"] == pytest.approx(0.6)
    assert known["placement"]["matrix"][0] == [0.5, 0, 0]
    assert "home" not in json.dumps(known)


def test_json_is_strict():
    def refuse(word: str) -> None:
        raise AssertionError(word)

    text = report.to_json(make_fusion())
    known = json.loads(text, parse_constant=refuse)
    assert known == report.facts(make_fusion())
    assert known["hops"][1]["facts"] == {"matches": 311, "blur": None, "sure": True}
    assert text.endswith("}\n")


def test_page_is_complete_in_itself():
    text = report.to_html(make_fusion(stages={"mono_small": np.zeros((20, 30), np.float32)}))
    page = Page(text)
    assert not re.search(r"https?:|//cdn|@import|url\(|fetch\(|XMLHttp|import\(", text)
    assert "{{" not in text
    for _, attrs in page.tags:
        for key in ("src", "href", "action", "srcset", "poster", "data"):
            assert (attrs.get(key) or "data:").startswith("data:")
    policy = [m["content"] for m in page.all("meta", "http-equiv")]
    assert "default-src 'none'" in policy[0]


def test_page_shows_names_numbers_and_notes():
    words = " ".join(" ".join(Page(report.to_html(make_fusion())).words).split())
    for expected in (
        "night.png",
        "dark.jpg",
        "90 × 60 pixels, mono view · classical method",
        "50.0 % measured",
        "0.93",
        "feature matches",
        "97.0 % of the mono picture",
        "12.5 mono pixels",
        "low light",
        "color: alpha channel ignored",
        "icc · Display P3",
        "311",
    ):
        assert expected in words
    assert "/home/ann" not in words


def test_everything_is_escaped():
    nasty = '<script>alert("1")</script>\'&{{version}}'
    base = make_fusion()
    mono = replace(
        base.pair.mono, origin=Origin(Path(nasty.replace("/", "_")), nasty, 8, nasty, nasty, None, (nasty,))
    )
    fusion = replace(
        base,
        pair=replace(base.pair, mono=mono),
        method=nasty,
        hops=(Hop(nasty, 0.1, {nasty: nasty}),),
        stages={nasty: np.zeros((8, 8), np.float32)},
        notes=(nasty,),
    )
    page = Page(report.to_html(fusion))
    assert len(page.all("script")) == 1
    assert sum(nasty in word for word in page.words) >= 4, "shown as text, template marks included"


def test_layers_lie_on_one_grid():
    page = Page(report.to_html(make_fusion()))
    assert [img["data-layer"] for img in page.all("img", "data-layer")] == [
        "shot",
        "bright",
        "mono",
        "result",
    ]
    for name in ("shot", "bright", "mono", "result"):
        assert page.layer(name).shape[:2] == (HEIGHT, WIDTH)
    assert page.layer("mono").ndim == 2
    assert page.layer("shot").mean() < 0.5 * page.layer("bright").mean()


def test_result_keeps_its_color_and_brightness():
    flat = np.broadcast_to(np.float32([0.5, 0.2, 0.05]), (HEIGHT, WIDTH, 3)).copy()
    blue, green, red = Page(report.to_html(make_fusion(pixels=flat))).layer("result").mean(axis=(0, 1))
    assert (red, green, blue) == pytest.approx((188, 124, 63), abs=1.5)


def test_maps_are_exact():
    fusion = make_fusion()
    maps = {img["id"]: decode(img["src"]) for img in Page(report.to_html(fusion)).all("img", "id")}
    assert np.array_equal(maps["provenance-map"], fusion.provenance)
    assert np.abs(maps["confidence-map"] / 255 - fusion.confidence).max() <= 0.5 / 255 + 1e-6


def test_places_that_the_color_camera_missed_are_striped():
    shot = Page(report.to_html(make_fusion(shift=-WIDTH / 4))).layer("shot")
    outside = shot[:, : WIDTH // 4]
    assert np.ptp(outside.astype(int), axis=2).max() < 12, "gray"
    assert 40 < outside.mean() < 75 and outside.std() > 4
    gone = make_fusion(shift=-10 * WIDTH)
    assert Page(report.to_html(gone)).layer("bright").mean() > 40


def test_large_pictures_are_reduced_together(monkeypatch):
    monkeypatch.setattr(report_page, "LAYER_SIDE", 45)
    text = report.to_html(make_fusion())
    page = Page(text)
    assert {page.layer(name).shape[:2] for name in ("shot", "mono", "result")} == {(30, 45)}
    maps = [decode(img["src"]) for img in page.all("img", "id")]
    assert {m.shape for m in maps} == {(30, 45)}
    assert "45 × 30 pixels, reduced from 90 × 60" in " ".join(page.words)
    assert "width: 90, height: 60" in text


def test_stage_pictures():
    stage = np.full((20, 30, 3), 0.5, np.float32)
    stage[:5] = np.nan
    page = Page(report.to_html(make_fusion(stages={"match_flow": stage})))
    assert [b["class"] for b in page.all("button", "class")] == ["thumb"]
    assert "1. match flow" in page.words
    assert "Stage pictures were not kept" in " ".join(Page(report.to_html(make_fusion())).words)


def test_black_picture_and_array_inputs():
    fusion = make_fusion(pixels=np.zeros((HEIGHT, WIDTH, 3), np.float32), hops=(), notes=())
    pair = fusion.pair
    bare = Pair(Frame(pair.mono.pixels * 0, "mono"), Frame(pair.color.pixels * 0, "color"), pair.placement)
    words = " ".join(Page(report.to_html(replace(fusion, pair=bare))).words)
    assert "mono array" in words and "color array" in words
