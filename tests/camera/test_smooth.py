from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.camera.smooth import wide_blur


@pytest.mark.parametrize("sigma", [3.0, 12.0, 40.0])
@pytest.mark.parametrize("shape", [(301, 407), (256, 384, 2)])
def test_it_is_a_gaussian_blur(sigma, shape):
    picture = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    picture[80:200, 100:260] += 2
    wanted = cv2.GaussianBlur(picture, (0, 0), sigma)
    found = wide_blur(picture, sigma)
    assert found.shape == picture.shape and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 0.03 * np.ptp(picture)
    assert np.abs(found - wanted).mean() < 0.005 * np.ptp(picture)


def test_a_constant_stays():
    np.testing.assert_allclose(wide_blur(np.full((90, 130), 0.7, np.float32), 25.0), 0.7, atol=1e-6)


def test_pictures_smaller_than_the_range():
    picture = np.random.default_rng(1).uniform(0, 1, (9, 300)).astype(np.float32)
    assert np.isfinite(wide_blur(picture, 50.0)).all()
