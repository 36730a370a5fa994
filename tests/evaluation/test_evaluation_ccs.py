"""The cross-camera synthesis test: sizes, darkness, and rows that can be compared."""

from __future__ import annotations

import json
from types import MappingProxyType

import cv2
import numpy as np
import pytest
from packs import make_pack

from dualcam.errors import PlacementError, UsageError
from dualcam.evaluation import ccs, dataset, methods, protocol
from dualcam.evaluation.case import Output
from dualcam.evaluation.methods import Entry
from synthetic import scene, to_bits, to_display, to_linear


class Watch:
    def begin(self, step, tasks, work):
        self.tasks = tasks

    def done(self, name, work):
        pass


@pytest.fixture(scope="module")
def views():
    wide = to_bits(scene(90, 130, 3))
    return wide[:, :120], wide[:, 10:]


def test_pictures_have_the_protocols_sizes_whatever_the_scenes_shape(views):
    for light in ccs.LIGHTS:
        inputs, truth = ccs.capture(*views, scene="s", light=light)
        assert inputs.mono.pixels.shape == (1024, 1024, 1)
        assert inputs.color.pixels.shape == (256, 256, 3)
        assert truth.picture.shape == (1024, 1024, 3)
    stretched = cv2.resize(truth.picture, (120, 90), interpolation=cv2.INTER_AREA)
    assert np.abs(stretched.astype(int) - views[0]).mean() < 2


def test_a_large_view_is_averaged():
    lines = np.zeros((16, 4096, 3), np.uint8)
    lines[:, ::2] = 200
    assert set(np.unique(ccs.resized(np.repeat(lines, 256, axis=0)))) == {100}


def test_clean_is_four_times_darker_and_has_no_noise(views):
    inputs, truth = ccs.capture(*views, scene="s", light="clean")
    right = to_linear(ccs.resized(views[1]) / 255).reshape(256, 4, 256, 4, 3).mean((1, 3))
    # Nothing but the rounding to 8 bits is left.
    shown = to_display(inputs.color.pixels)
    assert np.abs(shown - to_display(right / 4)).max() < 0.51 / 255
    luma = truth.picture @ np.array([0.299, 0.587, 0.114]) / 255
    assert np.abs(to_display(inputs.mono.pixels[..., 0]) - luma).max() < 2e-5


def test_night_is_the_night_protocol(views):
    inputs, truth = ccs.capture(*views, scene="s", light="night")
    left, right = (ccs.resized(view) for view in views)
    shot = protocol.capture(left, right, scene="s", level="night", scale=4)
    assert np.array_equal(np.rint(to_display(inputs.color.pixels) * 255), shot.color)
    assert np.array_equal(np.rint(to_display(inputs.mono.pixels[..., 0]) * 65535), shot.mono)
    assert np.array_equal(truth.picture, left)


def test_an_unknown_light(views):
    with pytest.raises(UsageError, match="dusk"):
        ccs.capture(*views, scene="s", light="dusk")


def refuse(inputs, truth):
    raise PlacementError("no way", "none")


@pytest.fixture
def known(monkeypatch):
    """Three methods: the truth itself, gray, and one that refuses; a smaller picture, so that it takes no time."""
    entries = {
        "perfect": Entry(
            "Perfect", lambda i, t: Output(to_linear(t.picture / 255).astype(np.float32)), "-", "-"
        ),
        "gray": methods.METHODS["gray"],
        "none": Entry("None", refuse, "-", "-"),
        "seer": Entry("Seer", refuse, "-", "-", needs_disparity=True),
    }
    for module in (ccs, methods):
        monkeypatch.setattr(module, "METHODS", MappingProxyType(entries))
    monkeypatch.setattr(ccs, "SIDE", 256)


def test_runs_score_and_give_the_same_rows(tmp_path, known):
    scenes = dataset.find(make_pack(tmp_path / "pack"))
    options = {"methods": ("perfect", "gray", "none"), "jobs": 0, "watcher": Watch()}
    first, second = (ccs.run(scenes, tmp_path / name, **options) for name in ("one", "two"))
    assert json.dumps(first) == json.dumps(second)
    rows = {(row["scene"], row["level"], row["method"]): row for row in first["rows"]}
    assert len(rows) == len(first["rows"]) == 2 * 2 * 3
    perfect, gray, none = (rows["B", "clean", name] for name in ("perfect", "gray", "none"))
    assert perfect["scores"] == {"psnr_yuv": 100, "psnr_uv": 100, "ssim_ms": 1}
    assert gray["scores"]["psnr_uv"] < gray["scores"]["psnr_yuv"] < 40
    # Without noise, gray and what a refusal leaves are the same picture.
    assert none["refused"] == "no way" and none["scores"]["psnr_uv"] == pytest.approx(
        gray["scores"]["psnr_uv"], abs=0.1
    )
    text = ccs.markdown(first)
    assert "| Perfect" in text and "clean × 4" in text and "**100.00** / **100.00** / **1.0000**" in text
    ccs.run(scenes, tmp_path / "one", **options)
    assert options["watcher"].tasks == 0


@pytest.mark.parametrize("name", ["seer", "magic"])
def test_methods_that_cannot_run(tmp_path, known, name):
    with pytest.raises(UsageError, match=name):
        ccs.run((), tmp_path, methods=(name,), jobs=0, watcher=Watch())
