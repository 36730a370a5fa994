"""Files are developed anew from the mosaic that shows in them: better where it shows, untouched where not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from test_cfa import clean

from dualcam.camera import sensor
from dualcam.camera.remosaic import remosaiced
from dualcam.camera.sensor import PATTERNS
from dualcam.files.read import from_array
from dualcam.simulation.codes import display8


def file_of(pattern: str, electrons: float = 2000.0):
    noisy = np.random.default_rng(1).poisson(sensor.mosaic(clean(), pattern) * electrons) / electrons
    linear = sensor.demosaic(np.clip(noisy, 0, 1).astype(np.float32), pattern)
    return from_array(display8(sensor.to_16_bits(linear)), "color")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_simple_demosaic_is_made_better(pattern):
    frame = file_of(pattern)
    again = remosaiced(frame)
    assert again.mosaic is not None and again.mosaic.pattern == pattern
    assert again.origin == frame.origin and again.pixels.shape == frame.pixels.shape
    before, after = (float(((f.pixels - clean()) ** 2).mean()) for f in (frame, again))
    assert after < 0.95 * before


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_was_measured_stays(pattern):
    frame = file_of(pattern)
    measured = sensor.mosaic(frame.pixels, pattern)
    again = remosaiced(frame)
    np.testing.assert_array_equal(again.mosaic.samples, measured)
    # But for the highlights, which development keeps from turning pink.
    dark = frame.pixels.max(axis=2) < 0.9
    np.testing.assert_allclose(sensor.mosaic(again.pixels, pattern)[dark], measured[dark], atol=1e-6)


def test_frames_with_a_mosaic_or_without_any_stay_as_they_are():
    again = remosaiced(file_of("RGGB"))
    assert remosaiced(again) is again
    smooth = from_array(np.rint(clean() * 255).astype(np.uint8), "color")
    assert remosaiced(smooth) is smooth
    frame = file_of("RGGB")
    scaled = replace(
        frame, pixels=cv2.resize(frame.pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    )
    assert remosaiced(scaled) is scaled
