"""Denoising: how much is gained, and that working in strips changes nothing."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.camera import block_dct, denoise, noise, sensor
from dualcam.frame import NoiseModel
from synthetic import WEIGHTS, psnr, scene, to_display


def luminance():
    return (scene(333, 471, 2, 0.3) @ WEIGHTS).astype(np.float32)


@pytest.mark.parametrize(("electrons", "read_e"), [(250, 3), (60, 3), (60, 0)])
def test_gain_on_a_noisy_picture(electrons, read_e):
    clean = luminance()
    noisy = sensor.expose(clean, electrons, read_e, np.random.default_rng(1))
    out = denoise.denoise_linear(noisy, NoiseModel(1 / electrons, (read_e / electrons) ** 2))
    assert out.shape == clean.shape and out.dtype == np.float32
    assert psnr(out, clean) > psnr(noisy, clean) + 4
    assert psnr(to_display(out), to_display(clean)) > psnr(to_display(noisy), to_display(clean)) + 4
    # No brightness is lost on the way through the square root.
    assert out.mean(dtype=np.float64) == pytest.approx(clean.mean(dtype=np.float64), rel=0.01)


@pytest.mark.parametrize(("shot", "read"), [(1 / 250, 1e-4), (0.0, 0.05**2)])
def test_a_second_pass_gains_more(shot, read):
    clean, model = luminance(), NoiseModel(shot, read)
    rng = np.random.default_rng(1)
    noisy = (clean + rng.normal(size=clean.shape) * noise.sigma(model, clean)).astype(np.float32)
    first = denoise.denoise_linear(noisy, model)
    second = denoise.refine_linear(noisy, first, model)
    assert second.shape == clean.shape and second.dtype == np.float32
    assert psnr(second, clean) > psnr(first, clean) + 0.1
    assert second.mean(dtype=np.float64) == pytest.approx(clean.mean(dtype=np.float64), rel=0.01)


def test_a_second_pass_without_noise_gives_the_input_back():
    clean = luminance()
    assert denoise.refine_linear(clean, clean, NoiseModel(0.0, 0.0)) is clean


def test_gain_with_read_noise_only():
    clean = luminance()
    noisy = clean + np.random.default_rng(0).normal(0, 0.05, clean.shape).astype(np.float32)
    out = denoise.denoise_linear(noisy, NoiseModel(0.0, 0.05**2))
    assert psnr(out, clean) > psnr(noisy, clean) + 4


def test_gain_with_the_estimated_noise():
    clean = luminance()
    noisy = sensor.expose(clean, 150, 2, np.random.default_rng(1))
    assert psnr(denoise.denoise_linear(noisy, noise.estimate(noisy)), clean) > psnr(noisy, clean) + 4


def test_very_dark_pictures_keep_their_mean():
    # Under one electron a pixel the inverse of the square root has to be the unbiased one.
    clean = np.full((128, 128), 0.5, np.float32)
    noisy = sensor.expose(clean, 4, 0.5, np.random.default_rng(0))
    out = denoise.denoise_linear(noisy, NoiseModel(1 / 4, (0.5 / 4) ** 2))
    assert out.mean() == pytest.approx(0.5, rel=0.05)


def test_no_noise_gives_the_input_back():
    clean = luminance()
    assert denoise.denoise_linear(clean, NoiseModel(0.0, 0.0)) is clean


@pytest.mark.parametrize(
    "model",
    [
        NoiseModel(1e-3, 0.0),
        NoiseModel(0.0, 1e-12),
        NoiseModel(1e-12, 0.0),
        NoiseModel(1e-12, 1e-12),
        NoiseModel(2e-9, 0.0),
    ],
)
def test_the_least_noise_changes_next_to_nothing(model):
    clean = luminance()[:64, :64]
    out = denoise.denoise_linear(clean, model)
    assert np.isfinite(out).all() and np.abs(out - clean).max() < 0.1


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 150), st.integers(1, 40), st.sampled_from([1, 2, 4, 8]), st.integers(0, 99))
def test_strips_equal_the_whole(height, width, step, seed):
    plane = np.random.default_rng(seed).normal(3, 1.5, (height, width)).astype(np.float32)
    outs = []
    with pytest.MonkeyPatch.context() as patch:
        for strip in (10_000, 64, 8, 13):
            patch.setattr(denoise, "_STRIP", strip)
            first = denoise.dct_denoise(plane, 2.5, step)
            outs.append(np.stack([first, denoise.dct_wiener(plane, first, step)]))
    assert all(out.shape == (2, *plane.shape) and out.dtype == np.float32 for out in outs)
    for out in outs[1:]:
        np.testing.assert_allclose(out, outs[0], atol=1e-5)


def test_the_default_strip_is_met_by_tall_pictures():
    plane = np.random.default_rng(0).normal(0, 1, (denoise._STRIP + 37, 24)).astype(np.float32)
    seam = denoise.dct_denoise(plane, 2.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise, "_STRIP", 10_000)
        np.testing.assert_allclose(seam, denoise.dct_denoise(plane, 2.5), atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 250.0])
def test_constants_stay(value):
    plane = np.full((37, 29), value, np.float32)
    np.testing.assert_allclose(denoise.dct_denoise(plane, 2.5), plane, atol=1e-4, rtol=1e-6)


def test_threshold_zero_is_the_identity_and_pure_noise_nearly_vanishes():
    plane = np.random.default_rng(0).normal(0, 1, (96, 96)).astype(np.float32)
    np.testing.assert_allclose(denoise.dct_denoise(plane, 0.0), plane, atol=1e-4)
    assert denoise.dct_denoise(plane, 3.5).std() < 0.25


def test_structure_well_over_the_noise_survives():
    plane = np.zeros((64, 64), np.float32)
    plane[:, 32:] = 40
    out = denoise.dct_denoise(
        plane + np.random.default_rng(0).normal(0, 1, plane.shape).astype(np.float32), 2.5
    )
    assert abs(out[:, 33].mean() - out[:, 30].mean() - 40) < 1
    assert np.abs(out - plane).mean() < 0.5


def test_display_sigma_is_the_deviation_after_the_curve():
    rng = np.random.default_rng(0)
    model = NoiseModel(0.0, 0.002**2)
    for level in (0.002, 0.05, 0.3, 0.8):
        shown = to_display(np.maximum(level + rng.normal(0, 0.002, 200_000), 0))
        found = denoise.display_sigma(model, np.full((1,), level, np.float32))[0]
        if level > 0.01:
            assert found == pytest.approx(shown.std(), rel=0.05)
    assert denoise.display_sigma(model, np.float32([-1, 0])) == pytest.approx([0.002 * 12.92] * 2, rel=1e-3)


@pytest.mark.parametrize("step", [1, 2, 3, 8])
def test_chunks_of_blocks_equal_the_whole(step):
    plane = np.random.default_rng(0).normal(3, 1.5, (21, 150)).astype(np.float32)
    whole = denoise.dct_denoise(plane, 2.5, step)
    refined = denoise.dct_wiener(plane, whole, step)
    with pytest.MonkeyPatch.context() as patch:
        for chunk in (1, 7):
            patch.setattr(block_dct, "_CHUNK", chunk)
            np.testing.assert_allclose(denoise.dct_denoise(plane, 2.5, step), whole, atol=1e-5)
            np.testing.assert_allclose(denoise.dct_wiener(plane, whole, step), refined, atol=1e-5)


@pytest.mark.parametrize("step", [1, 2, 3, 8])
def test_it_is_the_sliding_transform_block_by_block(step):
    plane = np.random.default_rng(0).normal(3, 1.5, (19, 30)).astype(np.float32)
    guide = denoise.dct_denoise(plane, 2.5, step)
    np.testing.assert_allclose(guide, block_by_block(plane, None, step), atol=1e-4)
    np.testing.assert_allclose(
        denoise.dct_wiener(plane, guide, step), block_by_block(plane, guide, step), atol=1e-4
    )


def block_by_block(plane, guide, step):
    height, width = plane.shape
    border = ((8, 8 + -height % 8), (8, 8 + -width % 8))
    around = [np.pad(part, border, "symmetric") for part in (plane, guide) if part is not None]
    total, weight = np.zeros(around[0].shape), np.zeros(around[0].shape)
    for y, x in itertools.product(range(0, total.shape[0] - 7), range(0, total.shape[1] - 7)):
        if y % 8 % step or x % 8 % step:
            continue
        window = slice(y, y + 8), slice(x, x + 8)
        coefficients, *known = (cv2.dct(part[window].astype(np.float64)) for part in around)
        keep = known[0] ** 2 / (known[0] ** 2 + 1) if known else (np.abs(coefficients) > 2.5) * 1.0
        keep[0, 0] = 1
        trust = 1 / (keep**2).sum()
        total[window] += trust * cv2.idct(coefficients * keep)
        weight[window] += trust
    return (total / weight)[8 : 8 + height, 8 : 8 + width]
