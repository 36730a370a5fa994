"""Examples: hidden places get the color of what looks like them, wherever it is in the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.classical import exemplar
from dualcam.classical.exemplar import exemplars
from synthetic import WEIGHTS, to_display

HEIGHT, WIDTH = 128, 192
# Both are as bright in mono as each other: texture alone tells them apart.
TINTS = tuple(np.float32(tint) / (np.float32(tint) @ WEIGHTS) for tint in ((1.0, 0.5, 0.2), (0.3, 0.6, 1.0)))


@pytest.fixture(scope="module")
def materials():
    """Linear mono, color less its luma, reliability: coarse above, fine below, and nothing known on the right."""
    rng = np.random.default_rng(0)
    coarse, fine = (cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), (0, 0), s) for s in (5.0, 1.0))
    upper = np.arange(HEIGHT)[:, None] < HEIGHT // 2
    texture = np.where(upper, 0.15 * coarse / coarse.std(), 0.3 * fine / fine.std())
    mono = np.clip(0.25 * np.exp(texture), 0, 1).astype(np.float32)
    color = mono[..., None] * np.where(upper[..., None], *TINTS)
    difference = (to_display(color) - to_display(mono)[..., None]).astype(np.float32)
    reliable = np.ones_like(mono)
    reliable[:, WIDTH * 2 // 3 :] = 0
    return mono, difference, reliable


def test_hidden_places_get_the_color_of_what_looks_like_them(materials):
    mono, difference, reliable = materials
    # What stands where nothing is reliable must not matter.
    broken = np.where(reliable[..., None] > 0, difference, np.float32(0.4))
    found, distance = exemplars(mono, broken, reliable, WEIGHTS)
    assert found.shape == difference.shape and distance.shape == mono.shape
    assert found.dtype == distance.dtype == np.float32
    hidden, apart = reliable == 0, np.abs(found - difference).mean(-1)
    border = np.abs(np.arange(HEIGHT) - HEIGHT // 2)[:, None] < 12
    gray = np.abs(difference).mean(-1)
    assert apart[hidden].mean() < 0.2 * gray[hidden].mean()
    assert apart[hidden & ~border].mean() < 0.1 * gray[hidden & ~border].mean()
    assert apart[~hidden].mean() < 0.01 * gray[~hidden].mean()
    assert distance[:, : WIDTH // 2].max() < 0.1 < distance[:, -WIDTH // 4 :].mean() < 4


def test_nothing_reliable_gives_gray_far_away(materials):
    mono, difference, reliable = materials
    found, distance = exemplars(mono, difference, 0.5 * reliable, WEIGHTS)
    assert not found.any() and found.shape == difference.shape and (distance == 4).all()


def test_large_pictures_are_reduced_and_give_nearly_the_same(materials, monkeypatch):
    looked = []
    made = exemplar._looks
    monkeypatch.setattr(exemplar, "_looks", lambda display: looked.append(display.shape) or made(display))
    wanted, _ = exemplars(*materials, WEIGHTS)
    monkeypatch.setattr(exemplar, "_PIXELS", HEIGHT * WIDTH // 4)
    found, distance = exemplars(*materials, WEIGHTS)
    assert looked == [(HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2)]
    assert found.shape == wanted.shape and distance.shape == wanted.shape[:2]
    assert np.abs(found - wanted).mean() < 0.05 * np.abs(wanted).mean()


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("shape", [(9, 8), (8, 300), (40, 50)])
def test_black_and_clipped_mono_at_any_size(shape, level):
    difference = np.random.default_rng(0).uniform(-0.5, 0.5, (*shape, 3)).astype(np.float32)
    reliable = np.ones(shape, np.float32)
    reliable[:, shape[1] // 2 :] = 0
    found, distance = exemplars(np.full(shape, level, np.float32), difference, reliable, WEIGHTS)
    assert np.isfinite(found).all() and np.isfinite(distance).all()
    # Black has no color.
    assert level > 0 or not found.any()


@settings(max_examples=15)
@given(st.integers(8, 60), st.integers(8, 60), st.floats(0, 1), st.integers(0, 99))
def test_whatever_is_given_is_finite(height, width, share, seed):
    rng = np.random.default_rng(seed)
    mono = rng.uniform(-0.01, 1.1, (height, width)).astype(np.float32)
    difference = rng.uniform(-1, 1, (height, width, 3)).astype(np.float32)
    reliable = (rng.uniform(0, 1, (height, width)) < share).astype(np.float32)
    found, distance = exemplars(mono, difference, reliable, WEIGHTS)
    assert found.shape == difference.shape and distance.shape == mono.shape
    assert np.isfinite(found).all() and distance.min() >= 0 and distance.max() <= 4
