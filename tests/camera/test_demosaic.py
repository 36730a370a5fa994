"""Demosaicing keeps what was sampled, treats all directions and scales alike, and beats the edge-aware filter."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.camera import demosaic as module
from dualcam.camera import sensor
from dualcam.camera.demosaic import demosaic
from dualcam.camera.sensor import PATTERNS

COLOR = np.array([0.5, 0.2, 0.9], np.float32)


def scene(height=96, width=128):
    """Colored stripes, checks and smooth surfaces, finer to the right; (H, W, 3) linear."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    stripes = 0.5 + 0.5 * np.sin(x * x / 160 + y / 7)
    checks = ((x // 9 + y // 7) % 2) * 0.6 + 0.2
    luma = cv2.GaussianBlur((stripes * checks).astype(np.float32), (0, 0), 0.7)
    tint = np.stack([0.6 + 0.3 * np.sin(y / 23), np.full_like(x, 0.8), 0.5 + 0.4 * np.cos(x / 31)], -1)
    return (luma[..., None] * tint).astype(np.float32)


def psnr(a, b):
    return -10 * np.log10(np.mean((a[8:-8, 8:-8] - b[8:-8, 8:-8]) ** 2))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [(16, 22), (17, 23), (33, 32)])
def test_flat_color_is_exact(pattern, size):
    flat = np.broadcast_to(COLOR, (*size, 3)).astype(np.float32)
    out = demosaic(sensor.mosaic(flat, pattern), pattern)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, flat, atol=1e-6)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_samples_are_kept(pattern):
    samples = np.random.default_rng(0).normal(0.1, 0.3, (31, 40)).astype(np.float32)
    np.testing.assert_array_equal(sensor.mosaic(demosaic(samples, pattern), pattern), samples)


def test_gray_ramp_is_exact():
    y, x = np.mgrid[0:48, 0:64]
    ramp = (0.1 + 0.01 * x + 0.003 * y).astype(np.float32)
    out = demosaic(ramp, "GRBG")
    np.testing.assert_allclose(out[8:-8, 8:-8], np.repeat(ramp[8:-8, 8:-8, None], 3, 2), atol=2e-4)


@pytest.mark.parametrize("factor", [2.0**-8, 64.0])
def test_dark_frames_are_treated_like_bright_ones(factor):
    samples = sensor.mosaic(scene())
    np.testing.assert_array_equal(
        demosaic(samples * np.float32(factor), "RGGB") / factor, demosaic(samples, "RGGB")
    )


def test_rows_and_columns_are_treated_alike():
    samples = sensor.mosaic(scene(), "GRBG")
    turned = demosaic(np.ascontiguousarray(samples.T), "GBRG").swapaxes(0, 1)
    np.testing.assert_allclose(turned, demosaic(samples, "GRBG"), atol=1e-5)


def test_left_and_right_are_treated_alike():
    samples = sensor.mosaic(scene(), "RGGB")
    mirrored = demosaic(np.ascontiguousarray(samples[:, ::-1]), "GRBG")[:, ::-1]
    np.testing.assert_allclose(mirrored, demosaic(samples, "RGGB"), atol=1e-5)


def test_bands_leave_no_seams(monkeypatch):
    samples = sensor.mosaic(scene(200, 64))
    whole = demosaic(samples, "RGGB")
    monkeypatch.setattr(module, "_BAND", 64)
    np.testing.assert_array_equal(demosaic(samples, "RGGB"), whole)


def test_better_than_edge_aware():
    truth = scene()
    samples = sensor.mosaic(truth)
    ours, theirs = psnr(demosaic(samples, "RGGB"), truth), psnr(sensor.demosaic(samples), truth)
    assert ours > theirs + 3  # 3.9 dB when written
    noisy = sensor.expose(samples, 500, 3, np.random.default_rng(1))
    ours = psnr(demosaic(noisy, "RGGB"), truth)
    assert ours > psnr(sensor.demosaic(noisy), truth) + 1


def test_noise_keeps_its_mean_around_black():
    noise = np.random.default_rng(2).normal(0, 0.01, (256, 256)).astype(np.float32)
    out = demosaic(noise, "RGGB")
    assert np.abs(out.mean((0, 1))).max() < 2e-4
    assert 0.5 < out.std() / 0.01 < 1
    assert (out < 0).mean() == pytest.approx(0.5, abs=0.02)


def test_input_is_not_touched():
    samples = sensor.mosaic(scene(32, 32))
    before = samples.copy()
    demosaic(samples, "RGGB")
    np.testing.assert_array_equal(samples, before)
