"""What a phone makes of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.simulation import phone as phones
from dualcam.simulation.settings import Phone
from synthetic import scene, to_bits, to_display

LUMA = np.array([0.299, 0.587, 0.114])


def test_tone_curve():
    x = np.linspace(0, 1, 101, dtype=np.float32)
    np.testing.assert_array_equal(phones.s_curve(x, 0), x)
    full = phones.s_curve(x, 1)
    np.testing.assert_allclose(full, 3 * x**2 - 2 * x**3, atol=1e-6)
    assert (np.diff(full) >= 0).all() and (full[0], full[50], full[-1]) == (0, 0.5, 1)


def test_chroma_smoothing_keeps_luma():
    picture = scene(60, 80)
    smooth = phones.smooth_chroma(picture, 2.0)
    # Luma of what is mixed from equal lumas stays.
    np.testing.assert_allclose(smooth @ LUMA, picture @ LUMA, atol=1e-5)
    assert (smooth - picture).std() > 0.01
    assert phones.smooth_chroma(picture, 0) is picture


def test_chroma_noise_becomes_smooth_and_luma_noise_stays():
    rng = np.random.default_rng(0)
    noisy = (0.5 + rng.normal(0, 0.05, (200, 300, 3))).astype(np.float32)
    smooth = phones.smooth_chroma(noisy, 2.0)
    luma, chroma = smooth @ LUMA, smooth[..., 0] - smooth[..., 1]

    def alike(plane):
        return np.corrcoef(plane[:, 1:].ravel(), plane[:, :-1].ravel())[0, 1]

    assert abs(alike(luma)) < 0.02
    # White noise after a Gaussian of sigma s correlates with its neighbor by exp(-1 / 4 s^2).
    assert alike(chroma) == pytest.approx(np.exp(-1 / 16), abs=0.02)
    assert chroma.var() == pytest.approx(2 * 0.05**2 / (4 * np.pi * 2**2), rel=0.1)


def test_render_without_extras_is_the_plain_file():
    picture = scene(40, 60)
    plain = phones.render(picture, Phone(chroma_px=0, contrast=0))
    assert np.abs(plain.astype(int) - to_bits(picture)).max() <= 1
    bright = phones.render(picture, Phone(brighten=2, chroma_px=0, contrast=0))
    np.testing.assert_allclose(bright / 255, to_display(2 * picture), atol=0.003)


def test_jpeg_quality():
    codes = to_bits(scene(120, 160))
    sizes, errors = [], []
    for quality in (80, 95):
        data = phones.jpeg(codes, quality)
        assert data == phones.jpeg(codes, quality)
        back = phones.decoded(data)
        assert back.shape == codes.shape and back.dtype == np.uint8
        sizes.append(len(data))
        errors.append(np.abs(back @ LUMA - codes @ LUMA).mean())
    assert sizes[0] < 0.7 * sizes[1] and errors[0] > 1.3 * errors[1]
    assert errors[1] < 2
