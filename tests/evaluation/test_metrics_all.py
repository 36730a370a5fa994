"""Outputs broken on purpose: each is caught by the metric meant for it, and not by chance by another."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from dualcam.errors import UnavailableError, UsageError
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.evaluation.metrics.all import prepare, score
from dualcam.evaluation.metrics.lpips import available
from dualcam.files.read import from_array
from synthetic import WEIGHTS, scene, to_bits, to_linear

SIZE = 256, 304
WHOLE = {"psnr", "ssim", "de00", "de00_p95"}


@cache
def case():
    linear = scene(*SIZE)
    signal = np.random.default_rng(1).poisson(linear @ WEIGHTS * 4000) / 4000
    mono = from_array(to_bits(np.clip(signal, 0, 1), 16), "mono")
    color = from_array(to_bits(linear[::2, ::2]), "color")
    disparity = np.full(SIZE, 4.0, np.float32)
    disparity[80:180, 120:220] = 60.0
    disparity[:, -30:] = np.nan
    return Truth(to_bits(linear), disparity), Inputs(mono, color)


@cache
def reference():
    return prepare(case()[0])


def scored(display, confidence=None):
    """Scores of a display picture with values from 0 to 255."""
    truth, inputs = case()
    shown = np.clip(np.asarray(display, np.float64), 0, 255)
    output = Output(to_linear(shown / 255).astype(np.float32), confidence)
    return score(output, truth, inputs, reference())


def plausible():
    """A fusion as good ones are: a little noise, color a little blurred."""
    noise = np.random.default_rng(2).normal(0, 3, (*SIZE, 3))
    return case()[0].picture + noise


@cache
def good():
    return scored(plausible())


def shifted(picture, x):
    matrix = np.float32([[1, 0, x], [0, 1, 0]])
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def test_keys():
    truth, inputs = case()
    regional = {f"{key}_{name}" for key in WHOLE for name in ("visible", "occluded")}
    expected = WHOLE | {"misregistration"} | ({"lpips"} if available() else set())
    assert set(good()) == expected | regional
    sure = np.full(SIZE, 0.5, np.float32)
    assert set(scored(plausible(), sure)) - set(good()) == {"confidence_error", "confidence_ause"}
    flat = score(Output(inputs.mono.pixels.repeat(3, 2)), replace(truth, disparity=None), inputs)
    assert set(flat) == expected
    assert all(type(value) is float for value in (good() | flat).values())


def test_the_truth_itself():
    perfect = scored(case()[0].picture, np.ones(SIZE, np.float32))
    assert perfect["psnr"] == 100 and perfect["ssim"] == 1 and perfect["lpips"] == 0
    assert perfect["de00"] == perfect["de00_p95_visible"] == 0
    assert perfect["misregistration"] < 0.25
    assert perfect["confidence_error"] == 0 and perfect["confidence_ause"] == 0


def test_a_plausible_picture_is_good_everywhere():
    assert good()["psnr"] > 37 and good()["ssim"] > 0.93 and good()["lpips"] < 0.1
    assert good()["de00"] < 2.5 and good()["misregistration"] < 0.3


def test_swapped_colors_show_in_color_and_not_in_registration():
    swapped = scored(plausible()[..., ::-1])
    assert swapped["de00"] > 5 * good()["de00"]
    assert swapped["misregistration"] < 0.35


def test_color_shifted_by_three_pixels_shows_in_registration():
    picture = plausible()
    luma = (picture @ np.array([0.299, 0.587, 0.114]))[..., None]
    result = scored(luma + shifted(picture - luma, 3))
    assert result["misregistration"] == pytest.approx(3, abs=0.4)
    assert result["ssim"] > 0.6  # the luma is where it was


def test_everything_shifted_by_three_pixels_shows_in_registration():
    result = scored(shifted(plausible(), 3))
    assert result["misregistration"] == pytest.approx(3, abs=0.4)
    assert result["psnr"] < good()["psnr"] - 10


def test_blurred_luma_shows_in_structure_and_perception():
    picture = plausible()
    luma = (picture @ np.array([0.299, 0.587, 0.114]))[..., None]
    result = scored(picture - luma + cv2.GaussianBlur(luma, (0, 0), 2)[..., None])
    assert result["ssim"] < good()["ssim"] - 0.1
    assert result["lpips"] > good()["lpips"] + 0.1
    assert result["misregistration"] < 0.5


def test_half_the_brightness_shows_in_psnr():
    truth, inputs = case()
    dark = score(Output(to_linear(truth.picture / 255).astype(np.float32) / 2), truth, inputs, reference())
    assert dark["psnr"] < 18
    assert dark["misregistration"] < 0.25


def test_gray_shows_in_color_and_its_registration_cannot_be_measured():
    gray = np.repeat((plausible() @ np.array([0.299, 0.587, 0.114]))[..., None], 3, axis=2)
    result = scored(gray)
    assert result["de00"] > 3 * good()["de00"]
    assert np.isnan(result["misregistration"])


def test_an_error_in_one_place_shows_in_the_tail_and_in_its_region():
    occluded = reference().regions.occluded
    broken = plausible()
    broken[occluded] = broken[occluded][:, ::-1]
    result = scored(broken)
    assert 0.05 < occluded.mean() < 0.12
    assert result["de00_occluded"] > 4 * result["de00_visible"]
    assert result["de00_visible"] == pytest.approx(good()["de00_visible"], abs=1e-6)
    assert result["psnr_visible"] == good()["psnr_visible"] and result["psnr_occluded"] < 25
    assert result["de00_p95"] > 1.5 * good()["de00_p95"]
    assert result["ssim_visible"] > result["ssim_occluded"]


def test_confidence_that_promises_too_much():
    swapped = plausible()[..., ::-1]
    sure = scored(swapped, np.ones(SIZE, np.float32))
    doubtful = scored(swapped, np.full(SIZE, 0.1, np.float32))
    assert sure["confidence_error"] > 0.5 > doubtful["confidence_error"]
    assert sure["confidence_ause"] == pytest.approx(doubtful["confidence_ause"])
    half = plausible()
    half[:100] = half[:100, :, ::-1]
    knows = np.ones(SIZE, np.float32)
    knows[:100] = 0.1
    assert scored(half, knows)["confidence_ause"] < 0.5 * scored(half, 1 - knows)["confidence_ause"]


def test_a_region_without_pixels_is_not_measured():
    truth, inputs = case()
    nothing = replace(truth, disparity=np.full(SIZE, np.nan, np.float32))
    result = score(Output(scene(*SIZE)), nothing, inputs)
    assert np.isnan([result[f"{key}_{name}"] for key in WHOLE for name in ("visible", "occluded")]).all()
    assert result["psnr"] > 90


def test_the_same_scores_again_to_the_last_digit():
    confidence = np.random.default_rng(4).random(SIZE).astype(np.float32)
    first = scored(plausible(), confidence)
    threads = cv2.getNumThreads()
    try:
        for number in (1, 2, 4):
            cv2.setNumThreads(number)
            truth, inputs = case()
            output = Output(
                to_linear(np.clip(plausible(), 0, 255) / 255).astype(np.float32), confidence.copy()
            )
            assert score(output, truth, inputs) == first
    finally:
        cv2.setNumThreads(threads)


def test_refused():
    truth, inputs = case()
    picture = scene(*SIZE)
    with pytest.raises(UsageError, match="sizes differ") as error:
        score(Output(picture[1:]), truth, inputs)
    assert "output (255, 304)" in error.value.cause and "truth (256, 304)" in error.value.cause
    with pytest.raises(UsageError, match="sizes differ"):
        score(Output(picture, np.ones((4, 4), np.float32)), truth, inputs)
    broken = picture.copy()
    broken[3, 4, 1] = np.nan
    with pytest.raises(UsageError, match="not finite"):
        score(Output(broken), truth, inputs)
    with pytest.raises(UsageError, match="confidence holds"):
        score(Output(picture, np.full(SIZE, np.inf, np.float32)), truth, inputs)
    with pytest.raises(UsageError, match="another truth"):
        score(Output(picture), replace(truth), inputs, reference())
    with pytest.raises(UsageError, match="too small"):
        prepare(Truth(truth.picture[:31]))


def test_without_onnxruntime_only_lpips_is_missing(monkeypatch):
    truth, inputs = case()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = score(Output(scene(*SIZE)), truth, inputs)
    assert "lpips" not in result and WHOLE < set(result)


def test_without_scikit_image(monkeypatch):
    truth, inputs = case()
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.color", None)
    with pytest.raises(UnavailableError, match="scikit-image"):
        score(Output(scene(*SIZE)), truth, inputs)
