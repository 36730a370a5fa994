from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.errors import UsageError
from dualcam.evaluation.metrics import ccs
from synthetic import scene, to_bits

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def flat(*rgb):
    return np.full((176, 180, 3), rgb, np.uint8)


def straightforward_ms_ssim(a, b):
    """Written from the paper with plain convolutions, channel by channel, nothing shared with the code."""
    window = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    window /= window.sum()

    def blurred(x):
        x = sum(w * x[i : x.shape[0] - 10 + i] for i, w in enumerate(window))
        return sum(w * x[:, i : x.shape[1] - 10 + i] for i, w in enumerate(window))

    def one(x, y):
        value = 1.0
        for level, weight in enumerate(WEIGHTS):
            mx, my = blurred(x), blurred(y)
            vx, vy, cov = blurred((x) ** 2) - mx**2, blurred(y**2) - my**2, blurred(x * y) - mx * my
            term = (2 * cov + (0.03 * 255) ** 2) / (vx + vy + (0.03 * 255) ** 2)
            if level == 4:
                term = term * (2 * mx * my + (0.01 * 255) ** 2) / (mx**2 + my**2 + (0.01 * 255) ** 2)
            value *= max(term.mean(), 0.0) ** weight
            even = np.s_[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
            x, y = x[even], y[even]
            x = (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4
            y = (y[::2, ::2] + y[1::2, ::2] + y[::2, 1::2] + y[1::2, 1::2]) / 4
        return value

    return np.mean([one(a[..., c].astype(float), b[..., c].astype(float)) for c in range(3)])


def test_yuv_by_hand():
    # Off by 51 (0.2) in blue alone: Y by 0.0228, U by 0.1, V by -0.0162.
    squares = np.square([0.0228, 0.1, 0.0162])
    found = ccs.score(flat(10, 20, 81), flat(10, 20, 30))
    assert found["psnr_yuv"] == pytest.approx(-10 * np.log10(squares.mean()), abs=1e-9)
    assert found["psnr_uv"] == pytest.approx(-10 * np.log10(squares[1:].mean()), abs=1e-9)


def test_yuv_of_a_picture_pixel_by_pixel():
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (176, 176, 3), dtype=np.uint8) for _ in range(2))
    planes = (a / 255.0) @ ccs.YUV.T - (b / 255.0) @ ccs.YUV.T
    assert ccs.yuv_error(a, b) == pytest.approx(np.square(planes).mean((0, 1)), rel=1e-9)


def test_a_gray_difference_hardly_shows_in_uv():
    # Their matrix has rows of chroma that add up to exactly zero.
    found = ccs.score(flat(90, 90, 90), flat(60, 60, 60))
    assert found["psnr_uv"] == 100.0
    assert found["psnr_yuv"] == pytest.approx(-10 * np.log10((30 / 255) ** 2 / 3), abs=1e-9)


def test_equal_pictures():
    picture = to_bits(scene(180, 200))
    assert ccs.score(picture, picture) == {"psnr_yuv": 100.0, "psnr_uv": 100.0, "ssim_ms": 1.0}


@pytest.mark.parametrize("size", [(176, 176), (197, 215)])
def test_ms_ssim_is_that_of_the_paper(size):
    truth = to_bits(scene(*size))
    noise = np.random.default_rng(1).normal(0, 25, truth.shape)
    picture = np.clip(cv2.GaussianBlur(truth, (0, 0), 2) + noise, 0, 255).astype(np.uint8)
    expected = straightforward_ms_ssim(picture, truth)
    assert 0.3 < expected < 0.9
    assert ccs.ms_ssim(picture, truth) == pytest.approx(expected, abs=1e-9)


def test_ms_ssim_of_flat_pictures_is_luminance_of_the_coarsest_level():
    expected = ((2 * 100 * 140 + 6.5025) / (100**2 + 140**2 + 6.5025)) ** 0.1333
    assert ccs.ms_ssim(flat(100, 100, 100), flat(140, 140, 140)) == pytest.approx(expected, abs=1e-9)


def test_ms_ssim_of_opposites_is_zero():
    picture = to_bits(scene(176, 176))
    assert ccs.ms_ssim(picture, 255 - picture) == 0.0


def test_refused():
    with pytest.raises(UsageError, match="too short"):
        ccs.ms_ssim(np.zeros((175, 200, 3), np.uint8), np.zeros((175, 200, 3), np.uint8))
    with pytest.raises(UsageError, match="differ in size"):
        ccs.score(np.zeros((176, 200, 3), np.uint8), np.zeros((176, 201, 3), np.uint8))
