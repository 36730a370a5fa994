"""refSR: mono's luminance to the last bit, colors that a display can show, highlights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dualcam.classical import upsample
from dualcam.frame import Colored, Tone
from dualcam.rig import warp
from synthetic import WEIGHTS, color_error, scene, to_display, to_linear


def colored_of(linear, height, width, weights=WEIGHTS):
    """What refColor would hand on if it made no error."""
    small = warp.resize(np.ascontiguousarray(linear, np.float32), height, width)
    mono = to_display(small @ np.float32(weights)).astype(np.float32)
    ones = np.ones((height, width), np.float32)
    tone = Tone(1.0, 1.0, np.asarray(weights, np.float32))
    return Colored(mono, to_display(small).astype(np.float32), ones, np.full(ones.shape, 2, np.uint8), tone)


@pytest.mark.parametrize(
    ("size", "apart"), [((60, 80), 0.035), ((75, 100), 0.03), ((37, 53), 0.05), ((150, 200), 0.015)]
)
def test_luminance_is_that_of_mono(size, apart):
    truth = scene(150, 200, 4)
    mono = (truth @ WEIGHTS).astype(np.float32)
    out = upsample.upsample(colored_of(truth, *size), mono)
    assert out.shape == (150, 200, 3) and out.dtype == np.float32
    assert out.min() >= 0 and out.max() <= 1
    np.testing.assert_allclose(out @ WEIGHTS, mono, atol=1e-3)
    assert color_error(to_display(out), to_display(truth)) < apart


def test_dark_and_wild_colors_keep_the_luminance_too():
    rng = np.random.default_rng(0)
    truth = scene(60, 80, 4) * np.float32(0.004)
    colored = colored_of(truth, 30, 40)
    wild = replace(colored, color=rng.uniform(-0.3, 1.3, colored.color.shape).astype(np.float32))
    mono = (truth @ WEIGHTS).astype(np.float32)
    for given_color in (colored, wild):
        out = upsample.upsample(given_color, mono)
        np.testing.assert_allclose(out @ WEIGHTS, mono, atol=1e-3)


def test_black_stays_black_and_gray_stays_gray():
    mono = np.zeros((40, 40), np.float32)
    mono[:, 20:] = 0.5
    out = upsample.upsample(colored_of(np.repeat(mono[..., None], 3, -1), 20, 20), mono)
    assert not out[:, :16].any()
    assert np.abs(out - mono[..., None]).max() < 1e-3


@pytest.mark.parametrize("size", [(50, 70), (100, 140)])
def test_strips_equal_the_whole(size, monkeypatch):
    truth = scene(100, 140, 6)
    colored, mono = colored_of(truth, *size), (truth @ WEIGHTS).astype(np.float32)
    outs = []
    for strip in (1000, 64, 7, 1):
        monkeypatch.setattr(upsample, "_STRIP", strip)
        outs.append(upsample.upsample(colored, mono))
    for out in outs[1:]:
        np.testing.assert_allclose(out, outs[0], atol=1e-5)


weights = st.tuples(*[st.floats(0.05, 1)] * 3).map(lambda w: np.float32(w) / np.float32(sum(w)))


@given(hnp.arrays(np.float32, (5, 3), elements=st.floats(0, 4, width=32)), weights)
def test_fit_gamut(linear, weights):
    out = upsample.fit_gamut(linear, weights)
    assert out.min() >= 0 and out.max() <= 1
    luminance = np.clip(linear @ weights, 0, 1)
    np.testing.assert_allclose(out @ weights, luminance, atol=2e-5)
    # Paler, but no other hue: the distance from gray shrinks by one factor for all channels.
    before, after = linear - luminance[:, None], out - luminance[:, None]
    shown = (linear @ weights) <= 1
    factor = (before * after).sum(-1) / np.maximum((before * before).sum(-1), 1e-12)
    np.testing.assert_allclose(after[shown], (factor[:, None] * before)[shown], atol=2e-5)
    assert (factor[shown] <= 1 + 1e-4).all() and (factor >= -1e-6).all()
    inside = linear.max(-1) <= 1
    np.testing.assert_allclose(out[inside], linear[inside], atol=1e-6)


def test_colors_are_left_as_they_are_where_that_is_asked_for():
    rng = np.random.default_rng(1)
    linear = rng.uniform(0, 1, (20, 30, 3)).astype(np.float32)
    mono = rng.uniform(0.5, 1, (20, 30)).astype(np.float32)
    asked = rng.random((20, 30)) < 0.3
    fitted = upsample.with_luminance(linear, mono, WEIGHTS)
    out = upsample.with_luminance(linear, mono, WEIGHTS, asked)
    assert np.array_equal(out[~asked], fitted[~asked])
    assert out[asked].max() > 1.2
    np.testing.assert_allclose((out @ WEIGHTS)[asked], mono[asked], rtol=1e-4)


def test_planes_and_a_place_for_the_result_are_taken():
    rng = np.random.default_rng(2)
    planes = rng.uniform(0, 1.2, (3, 20, 30)).astype(np.float32)
    mono = rng.uniform(0, 1, (20, 30)).astype(np.float32)
    linear = np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    large = np.full((24, 40, 3), 7, np.float32)
    upsample.with_luminance(np.moveaxis(planes, 0, -1), mono, WEIGHTS, out=large[2:22, 5:35])
    np.testing.assert_array_equal(large[2:22, 5:35], upsample.with_luminance(linear, mono, WEIGHTS))
    large[2:22, 5:35] = 7
    assert (large == 7).all()


def test_one_color_that_does_not_fit_changes_no_other():
    fitting = np.random.default_rng(3).uniform(0, 1, (50, 3)).astype(np.float32)
    odd = np.vstack([fitting, np.float32([[1.5, 0.2, 0.1]])])
    np.testing.assert_array_equal(upsample.fit_gamut(fitting, WEIGHTS), fitting)
    out = upsample.fit_gamut(odd, WEIGHTS)
    np.testing.assert_allclose(out[:-1], fitting, atol=2e-7)
    assert out[-1].max() <= 1 and out[-1] @ WEIGHTS == pytest.approx(odd[-1] @ WEIGHTS, abs=1e-6)


def test_the_curve_of_the_tests_is_used_consistently():
    assert to_linear(to_display(0.3)) == pytest.approx(0.3, abs=1e-9)
