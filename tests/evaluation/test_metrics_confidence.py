from __future__ import annotations

import numpy as np
import pytest

from dualcam.evaluation.metrics.confidence import BINS, STEPS, pooled, reliability, sparsification


def errors(n=20000, seed=0):
    """Color differences of which about 63 % are under 5."""
    return np.random.default_rng(seed).exponential(5.0, (n // 100, 100)).astype(np.float32)


def test_a_map_that_knows_is_calibrated_and_sorted():
    apart = errors()
    knows = (apart < 5).astype(np.float32)
    assert reliability(knows, apart).error == 0.0
    ranked = np.exp(-apart)
    assert sparsification(ranked, apart).area == pytest.approx(0, abs=1e-12)
    # Two values only: right about the threshold, not about the order within.
    assert 0.005 < sparsification(knows, apart).area < 0.35


def test_a_map_that_draws_lots_honestly_is_calibrated():
    rng = np.random.default_rng(1)
    chance = rng.random((400, 500)).astype(np.float32)
    apart = np.where(rng.random(chance.shape) < chance, 1.0, 9.0).astype(np.float32)
    found = reliability(chance, apart)
    assert found.error < 0.01
    assert np.abs(found.confidence - found.share).max() < 0.02
    assert found.weight.sum() == pytest.approx(1) and found.weight.shape == (BINS,)
    assert np.allclose(found.confidence, (np.arange(BINS) + 0.5) / BINS, atol=0.005)


def test_pooled_curves_are_those_of_all_pixels_together():
    rng = np.random.default_rng(2)
    sure = [rng.random((50, 40)).astype(np.float32) * top for top in (0.4, 1.0)]
    apart = [rng.exponential(5.0, (50, 40)).astype(np.float32) for _ in sure]
    parts = [reliability(*pair) for pair in zip(sure, apart, strict=True)]
    whole, joined = reliability(np.stack(sure), np.stack(apart)), pooled(parts)
    for name in ("confidence", "share", "weight"):
        assert np.allclose(getattr(joined, name), getattr(whole, name), equal_nan=True)
    assert joined.error == pytest.approx(whole.error)
    # Too sure here and too little there: right together.
    flat = np.full((1, 100), 0.5, np.float32)
    lots = [np.where(np.arange(100)[None] < share, 1.0, 9.0).astype(np.float32) for share in (30, 70)]
    parts = [reliability(flat, lot) for lot in lots]
    assert [part.error for part in parts] == pytest.approx([0.2, 0.2]) and pooled(
        parts
    ).error == pytest.approx(0)


def test_a_constant_map():
    apart = errors()
    share = (apart < 5).mean()
    assert reliability(np.full_like(apart, 0.9), apart).error == pytest.approx(abs(0.9 - share), abs=1e-6)
    found = sparsification(np.full_like(apart, 0.9), apart)
    # Taking away at random changes nothing; the oracle's curve of exponential errors is
    # 1 - (q / (1 - q)) ln(1 / q) for a share q removed, whose mean over q is 2 - pi² / 6.
    assert np.allclose(found.error, 1)
    assert found.area == pytest.approx(1 - (2 - np.pi**2 / 6), abs=0.02)


def test_overconfidence_costs_calibration():
    apart = errors()
    honest = np.full_like(apart, (apart < 5).mean())
    sure = np.ones_like(apart)
    assert reliability(honest, apart).error < 1e-6
    assert (
        reliability(sure, apart).error == pytest.approx((apart >= 5).mean(), abs=1e-6)
        and (apart >= 5).mean() > 0.3
    )
    assert reliability(np.zeros_like(apart), apart).error == pytest.approx((apart < 5).mean(), abs=1e-6)


def test_an_inverted_map_is_worse_than_a_constant_one():
    apart = errors()
    constant = sparsification(np.ones_like(apart), apart)
    inverted = sparsification(1 - np.exp(-apart), apart)
    assert inverted.area > constant.area + 0.5
    assert inverted.error[-1] > 3 and inverted.error[0] == pytest.approx(1)
    assert reliability((apart >= 5).astype(np.float32), apart).error == 1.0


def test_curves_by_hand():
    apart = np.array([1, 2, 3, 4], np.float32)
    found = sparsification(np.array([0.1, 0.2, 0.3, 0.4], np.float32), apart)
    assert found.removed.shape == (STEPS,)
    # Mean 2.5; without the least confident: (2 + 3 + 4) / 3, (3 + 4) / 2, 4; the oracle: 2, 1.5, 1.
    assert np.allclose(found.error[[0, 25, 50, 75]], np.array([2.5, 3, 3.5, 4]) / 2.5)
    assert np.allclose(found.oracle[[0, 25, 50, 75]], np.array([2.5, 2, 1.5, 1]) / 2.5)
    assert (np.diff(found.oracle) <= 0).all()


def test_order_of_equal_pixels_does_not_matter():
    apart = errors(2000)
    confidence = np.round(np.random.default_rng(2).random(apart.shape), 1).astype(np.float32)
    turned = np.s_[::-1, ::-1]
    assert sparsification(confidence, apart).area == pytest.approx(
        sparsification(confidence[turned], apart[turned]).area, abs=1e-12
    )


def test_limits():
    perfect = np.zeros((4, 5), np.float32)
    assert sparsification(perfect, perfect).area == 0.0
    found = reliability(np.array([1.0, 0.0, 0.999], np.float32), np.array([0, 9, 0], np.float32))
    assert found.weight[-1] == pytest.approx(2 / 3) and np.isnan(found.share[3])
    assert found.error == pytest.approx(0.001 / 3, abs=1e-6)
    # Exactly 5 is not within 5.
    assert reliability(np.ones(1, np.float32), np.full(1, 5, np.float32)).error == 1.0
