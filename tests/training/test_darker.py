"""Shorter exposures made of longer ones: mean, variance and banding are those of a real one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dualcam.camera import develop, sensor
from dualcam.frame import Frame, KnownNoise, Mosaic, NoiseModel, Origin
from dualcam.training import darker

FULL = 8000.0
READ, ROW = 3.0, 6.0
MODEL = NoiseModel(1 / FULL, (READ / FULL) ** 2)
KNOWN = darker.SampleNoise((MODEL,) * 3, (ROW / FULL) ** 2)


def shot(level, electrons=FULL, row=0.0, size=512, seed=0, bits=32, curve="linear"):
    """A flat field as a raw color frame; samples are in units of ``FULL`` electrons."""
    rng = np.random.default_rng(seed)
    flat = np.full((size, size), level, np.float32)
    samples = sensor.expose(flat, electrons, READ, rng, row_noise_e=row) * np.float32(electrons / FULL)
    mosaic = Mosaic(samples, "GRBG", np.array([2, 1, 1.5], np.float32), np.eye(3, dtype=np.float32))
    return Frame(develop.develop(mosaic), "color", Origin(bits=bits, curve=curve), mosaic)


def within(samples):
    """Variance of pixels, what rows share taken off, and variance of what rows share."""
    means = samples.mean(1, keepdims=True)
    pixels = float((samples - means).var()) * samples.shape[1] / (samples.shape[1] - 1)
    return pixels, float(means.var()) - pixels / samples.shape[1]


@pytest.mark.parametrize("times", [2.0, 7.5, 40.0])
@pytest.mark.parametrize("level", [0.02, 0.6])
def test_mean_and_variance_are_those_of_a_real_shorter_exposure(times, level):
    made = darker.shortened(shot(level, row=ROW), KNOWN, times, np.random.default_rng(5)).mosaic.samples
    real = shot(level, FULL / times, row=ROW, seed=9).mosaic.samples
    assert made.mean() == pytest.approx(level / times, rel=0.02, abs=2 * ROW / FULL / 20)
    (pixels, rows), (true_pixels, true_rows) = within(made), within(real)
    assert pixels == pytest.approx(level / times / FULL + (READ / FULL) ** 2, rel=0.02)
    assert pixels == pytest.approx(true_pixels, rel=0.02)
    assert rows == pytest.approx(true_rows, rel=0.25)


def test_nothing_is_missing_at_the_same_exposure():
    frame = shot(0.3)
    assert darker.missing(np.array([0.0, 0.5, 1.0]), MODEL, 1.0) == pytest.approx(0, abs=1e-12)
    same = darker.shortened(frame, KNOWN, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(same.mosaic.samples, frame.mosaic.samples, atol=1e-6)
    np.testing.assert_allclose(same.pixels, frame.pixels, atol=1e-5)


@pytest.mark.parametrize(("bits", "curve"), [(12, "linear"), (8, "srgb")])
def test_samples_have_the_steps_of_their_file(bits, curve):
    frame = shot(0.3, size=64, bits=bits, curve=curve)
    frame = replace(frame, mosaic=replace(frame.mosaic, samples=np.maximum(frame.mosaic.samples, 0)))
    samples = darker.shortened(frame, KNOWN, 5.0, np.random.default_rng(0)).mosaic.samples
    stored = samples if curve == "linear" else darker.encode(samples)
    steps = stored * (2**bits - 1)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-2)
    assert samples.min() >= 0


def test_samples_under_black_stay_where_the_file_has_them():
    frame = shot(0.0, size=64, bits=14)
    samples = darker.shortened(frame, KNOWN, 3.0, np.random.default_rng(0)).mosaic.samples
    assert samples.min() < 0


def test_mono_gets_the_noise_of_less_light_and_keeps_its_brightness():
    rng = np.random.default_rng(3)
    flat = sensor.expose(np.full((512, 512), 0.4, np.float32), FULL, READ, rng)
    grainy = darker.grainier(Frame(flat[..., None], "mono"), MODEL, 4.0, rng).pixels
    assert grainy.mean() == pytest.approx(0.4, rel=0.01)
    assert grainy.var() == pytest.approx(0.4 * 4 / FULL + 16 * (READ / FULL) ** 2, rel=0.03)


def test_banding_is_measured_beside_an_edge_and_none_is_seen_where_none_is():
    for row in (0.0, 20.0):
        samples = shot(0.2, row=row).mosaic.samples.copy()
        samples[:, :100] *= np.linspace(0.5, 3, 512, dtype=np.float32)[:, None]
        samples[200:, 300:] *= 2
        found = np.sqrt(darker.row_variance(samples)) * FULL
        assert found == pytest.approx(row, rel=0.15, abs=2.5)


def test_noise_that_is_stated_is_taken_and_banding_is_counted_once():
    frame = replace(shot(0.3), noise=KnownNoise((MODEL,) * 3, "a file"))
    known = darker.stated(frame, row=2.0)
    assert known.row == pytest.approx((2 / FULL) ** 2)
    assert known.models[1].read == pytest.approx((READ**2 - 4) / FULL**2)
    assert darker.electrons(frame, known) == pytest.approx(0.3 * FULL, rel=0.08)
