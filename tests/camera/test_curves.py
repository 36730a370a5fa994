"""The sRGB curve: the standard's numbers, its two joints, and what happens outside [0, 1]."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dualcam.camera.curves import decode, encode

floats = st.floats(-4, 4, width=32, allow_subnormal=False)


@pytest.mark.parametrize(
    ("linear", "display"),
    [
        (0.0, 0.0),
        (0.0031308, 0.0031308 * 12.92),
        (0.04045 / 12.92, 0.04045),
        (0.18, 0.46135613),
        (0.21404114, 0.5),
        (0.5, 0.73535698),
        (1.0, 1.0),
    ],
)
def test_known_values(linear, display):
    assert encode(np.array(linear)) == pytest.approx(display, abs=2e-7)
    assert decode(np.array(display)) == pytest.approx(linear, abs=3e-7)


def test_the_line_ends_at_the_standard_joints():
    below, above = np.float32(0.0031307), np.float32(0.0031309)
    assert encode(below) == below * np.float32(12.92)
    assert encode(above) != above * np.float32(12.92)
    below, above = np.float32(0.040449), np.float32(0.040451)
    assert decode(below) == below / np.float32(12.92)
    assert decode(above) != above / np.float32(12.92)
    # The two pieces meet: no step larger than the standard's own rounding.
    for curve, joint in ((encode, 0.0031308), (decode, 0.04045)):
        around = curve(np.array([joint - 1e-6, joint + 1e-6]))
        assert 0 <= around[1] - around[0] < 5e-5


def test_every_16_bit_value_comes_back():
    stored = np.arange(65536, dtype=np.float32) / np.float32(65535)
    assert np.array_equal(np.rint(encode(decode(stored)) * 65535), np.arange(65536))


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=floats))
def test_round_trip_shape_and_type(x):
    there = encode(x)
    assert there.shape == x.shape and there.dtype == np.float32
    back = decode(there)
    assert back.shape == x.shape and back.dtype == np.float32
    np.testing.assert_allclose(back, x, rtol=2e-5, atol=1e-6)


@given(hnp.arrays(np.float32, 6, elements=floats))
def test_odd(x):
    assert np.array_equal(encode(-x), -encode(x))
    assert np.array_equal(decode(-x), -decode(x))


@given(floats, floats)
def test_rising(a, b):
    low, high = np.float32(min(a, b)), np.float32(max(a, b))
    for curve in (encode, decode):
        assert curve(low) <= curve(high) + np.float32(1e-6)


def test_float64_and_integers_are_taken():
    assert encode(np.array([0.5])).dtype == np.float32
    assert encode(np.array([0, 1])) == pytest.approx([0.0, 1.0], abs=1e-7)
