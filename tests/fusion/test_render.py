"""The last hop: maps at full size, and no broken pixels."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.errors import DualcamError
from dualcam.fusion import render


def test_confidence_stays_a_probability_and_in_place():
    small = np.zeros((10, 20), np.float32)
    small[:, 10:] = 1
    out = render.enlarge_confidence(small, 35, 70)
    assert out.shape == (35, 70) and out.min() == 0 and out.max() == 1
    assert out[:, :30].max() == 0 and out[:, 40:].min() == 1


def test_labels_are_never_mixed():
    labels = np.random.default_rng(0).choice([0, 2], (7, 9)).astype(np.uint8)
    out = render.enlarge_labels(labels, 21, 27)
    assert out.dtype == np.uint8 and np.array_equal(out, np.kron(labels, np.ones((3, 3), np.uint8)))
    assert set(np.unique(render.enlarge_labels(labels, 20, 31))) <= {0, 2}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_broken_pixels_are_refused(value):
    pixels = np.zeros((4, 4, 3), np.float32)
    render.refuse_broken(pixels)
    pixels[1, 2, 0] = value
    with pytest.raises(DualcamError, match="1 broken") as caught:
        render.refuse_broken(pixels)
    assert "report" in caught.value.remedy
