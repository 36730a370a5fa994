"""Development: white balance, highlights and matrix on top of the demosaic."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.camera import sensor
from dualcam.camera.develop import develop, limit_highlights
from dualcam.frame import Mosaic

GAINS = np.array([2.0, 1.0, 1.6], np.float32)
MATRIX = np.array([[1.6, -0.4, -0.2], [-0.2, 1.5, -0.3], [0.05, -0.55, 1.5]], np.float32)


def mosaic_of(srgb, pattern="GBRG", size=(20, 22)):
    camera = np.linalg.solve(MATRIX.astype(float), srgb) / GAINS
    flat = np.broadcast_to(np.minimum(camera, 1), (*size, 3)).astype(np.float32)
    return Mosaic(sensor.mosaic(flat, pattern), pattern, GAINS, MATRIX)


@pytest.mark.parametrize("pattern", sensor.PATTERNS)
def test_colors_come_out(pattern):
    color = np.array([0.3, 0.2, 0.25])
    np.testing.assert_allclose(
        develop(mosaic_of(color, pattern)), np.broadcast_to(color, (20, 22, 3)), atol=1e-6
    )


def test_samples_are_not_touched():
    mosaic = mosaic_of([0.3, 0.2, 0.25])
    before = mosaic.samples.copy()
    develop(mosaic)
    np.testing.assert_array_equal(mosaic.samples, before)


def test_a_clipped_lamp_is_white_and_not_pink():
    np.testing.assert_allclose(develop(mosaic_of([5.0, 5.0, 5.0])), 1, atol=1e-6)


def test_a_bright_red_keeps_its_color():
    """Over 1, but no channel is clipped: nothing is taken away."""
    red = np.array([1.5, 0.3, 0.3])
    np.testing.assert_allclose(develop(mosaic_of(red)), np.broadcast_to(red, (20, 22, 3)), atol=1e-5)


def test_highlights_run_smoothly_into_white():
    green = np.linspace(0.8, 1.0, 401, dtype=np.float32)
    camera = np.stack([np.minimum(1.3 * green, 2), green, 1.2 * green], -1)[None]
    out = limit_highlights(camera, GAINS)
    np.testing.assert_array_equal(out[green[None] <= 0.95], camera[green[None] <= 0.95])
    np.testing.assert_allclose(out[0, -1], 1, atol=1e-6)
    assert np.abs(np.diff(out, axis=1)).max() < 0.01
    assert (out <= camera).all()
