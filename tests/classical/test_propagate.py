"""Filling: color comes from neighbors of the same brightness, and the support says how near they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.classical.propagate import propagate

LEFT, RIGHT = np.float32([0.2, -0.1, 0.05]), np.float32([-0.15, 0.1, 0.3])


def halves(size=96):
    """Two surfaces that differ in brightness and color, and a hole over their border."""
    mono = np.full((size, size), 0.3, np.float32)
    mono[:, size // 2 :] = 0.7
    values = np.where(mono[..., None] < 0.5, LEFT, RIGHT)
    y, x = np.mgrid[0:size, 0:size]
    hole = np.hypot(y - size / 2, x - size / 2) < size / 6
    return values, hole, mono


def test_a_hole_takes_the_color_of_its_own_brightness():
    values, hole, mono = halves()
    weight = (~hole).astype(np.float32)
    # What stands in the hole must not matter.
    broken = np.where(hole[..., None], np.float32(9), values)
    filled, support = propagate(broken, weight, mono)
    assert np.abs(filled - values)[hole].max() < 0.12
    assert np.abs(filled - values)[hole].mean() < 0.05
    assert support[hole].min() > 0.3
    # Known pixels reproduce themselves.
    assert np.abs(filled - values)[~hole].mean() < 0.02


def test_an_edge_of_mono_stops_color():
    values, _, mono = halves()
    weight = (mono < 0.5).astype(np.float32)
    filled, support = propagate(values, weight, mono)
    _, open_support = propagate(values, weight, np.full_like(mono, 0.3))
    beyond = mono > 0.5
    assert support[~beyond].min() > 0.8
    assert support[beyond].mean() < 0.75 * open_support[beyond].mean()
    assert (support[beyond] <= open_support[beyond] + 1e-5).all()
    # Where the other side knows its own color, nothing of the first comes over.
    filled, _ = propagate(values, np.ones_like(mono), mono)
    assert np.abs(filled - values).max() < 0.12 and np.abs(filled - values).mean() < 0.01


def test_support_falls_with_distance():
    mono = np.full((120, 800), 0.5, np.float32)
    weight = np.zeros_like(mono)
    weight[:, :20] = 1
    filled, support = propagate(np.full((120, 800, 3), 0.2, np.float32), weight, mono)
    profile = support.mean(0)
    samples = profile[[5, 45, 100, 180, 350, 780]]
    assert (np.diff(samples) < 0).all() and samples[0] > 0.9 and samples[-1] < 0.4 * samples[0]
    assert filled[60, 5] == pytest.approx([0.2] * 3, abs=0.01)


def test_no_evidence_gives_nothing():
    filled, support = propagate(
        np.ones((50, 60, 3), np.float32), np.zeros((50, 60), np.float32), np.full((50, 60), 0.4, np.float32)
    )
    assert not filled.any() and not support.any()


def test_weak_evidence_counts_less():
    values, hole, mono = halves()
    strong = propagate(values, (~hole).astype(np.float32), mono)[1]
    weak = propagate(values, 0.05 * (~hole).astype(np.float32), mono)[1]
    assert weak[hole].mean() < strong[hole].mean()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_filled_values_are_means_of_the_known(height, width, seed):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-0.5, 0.5, (height, width, 3)).astype(np.float32)
    mono = rng.uniform(0, 1, (height, width)).astype(np.float32)
    filled, support = propagate(values, rng.uniform(0, 1, (height, width)).astype(np.float32), mono)
    assert filled.shape == values.shape and support.shape == mono.shape
    assert np.isfinite(filled).all() and support.min() >= 0 and support.max() <= 1
    assert np.abs(filled).max() <= np.abs(values).max() * 1.001


@pytest.mark.parametrize("value", [-0.1, 0.0, 1.0, 1.2])
def test_mono_at_and_beyond_the_ends(value):
    mono = np.full((40, 40), value, np.float32)
    filled, support = propagate(np.full((40, 40, 3), 0.1, np.float32), np.ones_like(mono), mono)
    assert np.isfinite(filled).all()
    assert filled[20, 20] == pytest.approx([0.1] * 3, abs=0.02) and support[20, 20] > 0.5
