"""Pairs of views: what is drawn must obey its own disparity."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.rig import warp
from dualcam.simulation.parallax import parallax
from dualcam.training import rigs, views
from dualcam.training.sources import Sources, find
from synthetic import to_display
from training_helpers import pictures

SIZE = 160


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    photos, stereo = pictures(tmp_path_factory.mktemp("views"), size=200)
    return find([photos], [stereo], "train")


def valid(seen, size):
    for view in (seen.left, seen.right):
        assert view.shape == (size, size, 3) and view.dtype == np.float32
        assert view.min() >= 0 and view.max() <= 1 and view.std() > 0.01
    assert abs(seen.shift) <= 0.2 * size + 1


@pytest.mark.parametrize("seed", range(8))
def test_every_kind_is_a_valid_pair(found, seed):
    valid(views.draw(found, SIZE, np.random.default_rng(seed)), SIZE)
    again = views.draw(found, SIZE, np.random.default_rng(seed))
    assert np.array_equal(again.right, views.draw(found, SIZE, np.random.default_rng(seed)).right)


def test_photos_alone_and_pairs_alone_do(found):
    for some in (Sources(photos=found.photos), Sources(pairs=found.pairs)):
        for seed in range(3):
            valid(views.draw(some, SIZE, np.random.default_rng(seed)), SIZE)


@pytest.mark.parametrize("seed", range(4))
def test_only_the_right_view_is_lit_differently(found, seed, monkeypatch):
    drawn = []
    for chance in (0, 1):
        monkeypatch.setattr(views, "_LIT_DIFFERENTLY", chance)
        drawn.append(views.draw(found, SIZE, np.random.default_rng(seed)))
    usual, lit = drawn
    assert np.array_equal(usual.left, lit.left) and usual.shift == lit.shift
    assert not np.array_equal(usual.right, lit.right)
    valid(lit, SIZE)
    # Brightness alone, and smoothly: the same factor in all channels and nearly the same next door.
    ratio = lit.right / np.maximum(usual.right, 1e-6)
    known = ((usual.right > 0.02) & (lit.right < 1)).all(-1)
    assert np.ptp(ratio, axis=-1)[known].max() < 1e-4
    steps = np.abs(np.diff(np.log(ratio[..., 0]), axis=1))[known[:, 1:] & known[:, :-1]]
    assert steps.max() < 0.1


def agreement(left, right, shift):
    """Share of the middle where the right view, looked up at x - shift, is the left one."""
    points = warp.centers(*left.shape[:2])
    there = warp.sample(right, points - np.array([shift, 0], np.float32), interpolation=warp.CUBIC)
    apart = np.abs(to_display(there) - to_display(left)).max(-1)
    return float((apart < 0.05)[10:-10, 40:-40].mean())


@pytest.mark.parametrize("seed", range(6))
def test_a_collage_of_one_piece_is_shifted_by_what_it_says(found, seed, monkeypatch):
    monkeypatch.setattr(views, "_MOST_PIECES", 0)
    # No waves: the disparity of the only piece is the shift.
    monkeypatch.setattr(views, "_noise", lambda height, width, *_: np.zeros((height, width), np.float32))
    seen = views._collage(found, SIZE, np.random.default_rng(seed))
    assert agreement(seen.left, seen.right, seen.shift) > 0.97
    assert abs(seen.shift) < 1.5 or agreement(seen.left, seen.right, -seen.shift) < 0.9


def explained(left, right):
    """Share of the left view's middle that is found in the right one at some disparity of the same row."""
    gray = [to_display(v).mean(-1).astype(np.float32) for v in (left, right)]
    points = warp.centers(SIZE, SIZE)
    best = np.full((SIZE, SIZE), 1.0, np.float32)
    for disparity in np.arange(-0.2 * SIZE - 4, 0.2 * SIZE + 4.5, 0.5, dtype=np.float32):
        there = warp.sample(gray[1], points - np.array([disparity, 0], np.float32))
        best = np.minimum(best, cv2.blur(np.abs(there - gray[0]), (7, 7)))
    return float((best[10:-10, 40:-40] < 0.02).mean())


@pytest.mark.parametrize("seed", range(4))
def test_a_collage_s_views_explain_each_other(found, seed):
    seen = views._collage(found, SIZE, np.random.default_rng([5, seed]))
    share = explained(seen.left, seen.right)
    assert share > 0.7
    assert share > explained(seen.left, seen.right[::-1]) + 0.3


@pytest.mark.parametrize("share", [0.08, -0.08])
def test_layers_agree_where_both_cameras_see(found, share):
    picture = views._photo(found, SIZE, SIZE, np.random.default_rng(0))
    seen = parallax(picture, share, np.random.default_rng(1), layers=4)
    places = warp.centers(SIZE, SIZE)
    places[..., 0] -= seen.disparity
    apart = np.abs(warp.sample(seen.right, places) - picture).max(-1)
    assert np.median(apart[seen.visible]) < 0.01 and seen.visible.mean() > 0.5
    assert np.median(apart[seen.visible]) < 0.5 * np.median(np.abs(seen.right - picture).max(-1))


def test_rigs_are_always_valid():
    rng = np.random.default_rng(0)
    drawn = [rigs.settings(384, rng) for _ in range(500)]
    light = np.array([[s.light.electrons, s.light.exposure_ratio, s.scale] for s in drawn])
    assert light[:, 0].min() < 130 and light[:, 0].max() > 8000
    assert light[:, 1].min() >= 1 and 20 < light[:, 1].max() <= 40
    assert light[:, 2].min() == 1 and light[:, 2].max() > 4
    weights = np.array([s.mono.response.weights for s in drawn])
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert weights.std(0).min() > 0.02
    phones = np.mean([s.color.phone is not None for s in drawn])
    assert 0.07 < phones < 0.18
    assert {s.color.pattern for s in drawn} == {"RGGB", "BGGR", "GRBG", "GBRG"}
    # Enough color light to learn from.
    assert all(s.light.electrons * min(s.scale**2, 4) / s.light.exposure_ratio >= 7.99 for s in drawn)
