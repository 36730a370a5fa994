from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from dualcam.evaluation.metrics import fidelity
from synthetic import scene, to_bits


def pair(height=48, width=61, noise=12, seed=0):
    rng = np.random.default_rng(seed)
    truth = to_bits(scene(height, width))
    return np.clip(truth + rng.normal(0, noise, truth.shape), 0, 255).astype(np.uint8), truth


def flat(value, height=24, width=30):
    return np.full((height, width, 3), value, np.uint8)


def ssim_of(a, b, mask=None):
    return fidelity.ssim(fidelity.ssim_map(fidelity.moments(a), fidelity.moments(b)), mask)


def test_shown_is_the_rounded_srgb_picture():
    linear = np.array([-0.5, 0.0, 0.0031308, 0.2158605, 0.5, 1.0, 7.0], np.float32)
    # 0.2158605 is the linear value of display 128 / 255; 0.5 is display 0.7353569.
    assert fidelity.shown(linear).tolist() == [0, 0, 10, 128, 188, 255, 255]


def test_psnr_by_definition():
    # All samples off by 10: 20 log10(255 / 10). One channel of three off by 10: 10 log10(3) more.
    assert fidelity.psnr(fidelity.squared_error(flat(110), flat(100))) == pytest.approx(28.1308, abs=1e-4)
    red = flat(100)
    red[..., 0] = 110
    assert fidelity.psnr(fidelity.squared_error(red, flat(100))) == pytest.approx(32.9020, abs=1e-4)
    assert fidelity.psnr(fidelity.squared_error(flat(0), flat(255))) == 0.0


def test_psnr_of_equal_pictures_is_finite():
    assert fidelity.psnr(fidelity.squared_error(flat(7), flat(7))) == fidelity.PSNR_CAP


def test_psnr_of_a_region():
    half = flat(100)
    half[:12] = 120
    squared = fidelity.squared_error(half, flat(100))
    top = np.zeros(squared.shape, bool)
    top[:12] = True
    assert fidelity.psnr(squared, top) == pytest.approx(20 * np.log10(255 / 20))
    assert fidelity.psnr(squared, ~top) == fidelity.PSNR_CAP
    assert np.isnan(fidelity.psnr(squared, np.zeros_like(top)))


def test_ssim_is_scikit_image_s():
    a, b = pair()
    expected, full = structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
        full=True,
    )
    ours = fidelity.ssim_map(fidelity.moments(a), fidelity.moments(b))
    assert np.abs(ours - full.mean(-1)).max() < 1e-9
    assert ssim_of(a, b) == pytest.approx(expected, abs=1e-12)
    assert 0.2 < expected < 0.9


def test_ssim_by_hand():
    # Without variance only luminance is left: (2 * 100 * 110 + C1) / (100² + 110² + C1) with C1 = 2.55².
    assert ssim_of(flat(100), flat(110)) == pytest.approx((22000 + 6.5025) / (22100 + 6.5025), abs=1e-12)
    assert ssim_of(flat(100), flat(100)) == 1.0
    a, _ = pair(noise=0)
    assert ssim_of(a, a) == 1.0
    assert ssim_of(a, 255 - a) < 0


def test_ssim_of_a_region():
    a, b = pair()
    half = a.copy()
    half[:, :30] = b[:, :30]
    # Windows reach five pixels over the edge between the halves.
    left = np.zeros(a.shape[:2], bool)
    left[:, :25] = True
    assert ssim_of(half, b, left) == 1.0
    assert ssim_of(half, b, ~left) < ssim_of(half, b) < 1
    assert np.isnan(ssim_of(a, b, np.zeros_like(left)))
