"""The tables between file codes and light."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.camera import curves
from dualcam.simulation import codes
from synthetic import to_display, to_linear


def test_light_of_codes_is_the_srgb_curve():
    every = np.arange(256, dtype=np.uint8)
    light = codes.light(every)
    assert light.dtype == np.float64
    np.testing.assert_allclose(light, to_linear(every / 255), rtol=1e-12)
    np.testing.assert_allclose(light, curves.decode(every / np.float32(255)), rtol=1e-6, atol=1e-9)


def test_codes_survive_light_and_back():
    every = np.arange(256, dtype=np.uint8)
    back = codes.display8(np.rint(codes.light(every) * 65535).astype(np.uint16))
    assert np.array_equal(back, every) and back.dtype == np.uint8


@pytest.mark.parametrize("steps", [255, 4095, 16383])
def test_16_bit_codes(steps):
    every = np.arange(steps + 1)
    out = codes.display16(every, steps)
    assert out.dtype == np.uint16 and (out[0], out[-1]) == (0, 65535)
    assert np.abs(out - to_display(every / steps) * 65535).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("steps", "top"), [(4095, 65535), (65535, 255)])
def test_no_entry_hangs_on_the_last_bit_of_a_power(steps, top):
    exact = codes.srgb_encode(np.arange(steps + 1) / steps) * top
    # The last bit of a float64 near 65535 is worth 7e-12.
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-7
