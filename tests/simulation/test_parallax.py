"""Synthetic parallax: what is hidden is hidden for a reason, and the disparity is true."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dualcam.errors import UsageError
from dualcam.rig import warp
from dualcam.simulation.layers import Layer, continued, regions, uncovered
from dualcam.simulation.parallax import by_distance, cut, disparity_at, generator, parallax, render, truth
from synthetic import scene

HEIGHT, WIDTH = 60, 120
STILL = (0.0, 1.0, 1.0, 0.0)


def stack(near_px, far_px):
    """A red rectangle, columns 50 to 79 and rows 20 to 39, before a textured plane."""
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[20:40, 50:80] = 1
    picture = scene(HEIGHT, WIDTH).copy()
    picture[labels == 1] = (0.8, 0.0, 0.0)
    back = continued(picture, labels == 0, 200)
    layers = (
        Layer(back, np.ones((HEIGHT, WIDTH), np.float32), (far_px, 0, 0), STILL),
        Layer(picture, (labels == 1).astype(np.float32), (near_px, 0, 0), STILL),
    )
    return picture, labels, layers


@pytest.mark.parametrize(("near", "far"), [(14, 4), (-14, -4), (9, 0)])
def test_the_near_object_moves_and_hides(near, far):
    _, labels, layers = stack(near, far)
    right, front = render(layers)
    moved = np.zeros((HEIGHT, WIDTH), bool)
    moved[20:40, 50 - near : 80 - near] = True
    assert np.array_equal(front == 1, moved)
    np.testing.assert_allclose(
        right[moved], np.broadcast_to(np.float32([0.8, 0, 0]), right[moved].shape), atol=1e-5
    )

    disparity, visible = truth(layers, labels, front)
    assert np.array_equal(disparity, np.where(labels == 1, near, far))
    x = np.arange(WIDTH) - far
    inside = (x >= 0) & (x < WIDTH)
    covered = moved[:, np.clip(x, 0, WIDTH - 1)]
    seen = np.where(labels == 1, True, inside & ~covered)
    assert np.array_equal(visible, seen)
    # Beside the object, on the camera's side, a strip as wide as the difference of the disparities is hidden.
    assert (~visible[30] & inside & (labels[30] == 0)).sum() == abs(near - far)


def test_what_comes_out_from_behind_continues_the_background():
    _, _, layers = stack(14, 4)
    right, front = render(layers)
    # Right columns 66 to 75 show background that the object hides in the left view.
    revealed = right[20:40, 66:76]
    assert (front[20:40, 66:76] == 0).all()
    assert revealed[..., 1:].min() > 0.005 and np.ptp(revealed) > 0.05
    # Rows in the middle are nearest to the object's right side, left column 80: mirrored about it.
    np.testing.assert_allclose(right[29, 70:76], layers[0].picture[29, 86:80:-1], atol=1e-5)


@pytest.mark.parametrize("share", [0.03, 0.2, -0.2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_disparity_is_true(share, seed):
    picture = scene(160, 240, seed=seed)
    views = parallax(picture, share, np.random.default_rng(seed))
    assert np.array_equal(views.left, picture)
    assert views.right.shape == picture.shape and views.right.dtype == np.float32
    assert views.disparity.dtype == np.float32 and views.visible.dtype == bool
    nearest = share * 240
    assert np.all(np.sign(views.disparity) == np.sign(share))
    assert np.abs(views.disparity).max() == pytest.approx(abs(nearest), rel=0.05)

    places = warp.centers(160, 240)
    places[..., 0] -= views.disparity
    back = warp.sample(views.right, places)
    error = np.abs(back - picture).max(axis=-1)
    # Visible pixels are the same in both views, but for interpolation and the blended outlines.
    assert np.median(error[views.visible]) < 0.02
    assert (error[views.visible] > 0.15).mean() < 0.06
    hidden = ~views.visible & warp.inside(places, 160, 240)
    assert hidden.mean() > 0.002
    assert np.median(error[hidden]) > 3 * np.median(error[views.visible])


def test_what_is_hidden_has_something_nearer_in_front():
    picture = scene(160, 240)
    views = parallax(picture, 0.1, np.random.default_rng(4))
    columns = np.round(np.arange(240) + 0.5 - views.disparity - 0.5).astype(int)
    nearest = np.full((160, 240 + 60), -np.inf)
    rows = np.broadcast_to(np.arange(160)[:, None], columns.shape)
    np.maximum.at(nearest, (rows, columns), views.disparity)
    inside = columns >= 0
    hidden = ~views.visible & inside
    before = np.maximum.reduce([nearest[rows, columns + k] for k in (-1, 0, 1)])
    gap = (before - views.disparity)[hidden]
    # But for half a pixel at the outlines.
    assert (gap > 0.3).mean() > 0.9


def test_without_parallax_both_views_are_one():
    picture = scene(64, 96)
    views = parallax(picture, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(views.right, picture, atol=1e-5)
    assert not views.disparity.any() and views.visible.all()


def test_always_the_same_and_seeded():
    picture = scene(64, 96)
    first, second = (parallax(picture, 0.1, generator("a")) for _ in range(2))
    assert np.array_equal(first.right, second.right) and np.array_equal(first.disparity, second.disparity)
    for other in (generator("b"), generator("a", 1)):
        assert not np.array_equal(parallax(picture, 0.1, other).disparity, first.disparity)


@pytest.mark.parametrize("size", [(16, 16), (17, 40), (200, 33)])
def test_any_size(size):
    views = parallax(scene(*size), 0.1, np.random.default_rng(0))
    assert views.right.shape == (*size, 3) and np.isfinite(views.right).all()


def test_a_picture_of_one_color():
    views = parallax(np.full((40, 60, 3), 0.3, np.float32), 0.1, np.random.default_rng(0))
    np.testing.assert_allclose(views.right, 0.3, atol=1e-5)


def test_layers_keep_their_order_and_are_smooth():
    rng = np.random.default_rng(3)
    picture = scene(120, 160)
    labels = by_distance(regions(picture, 6, rng), rng)
    layers = cut(picture, labels, 20.0, rng)
    assert len(layers) == labels.max() + 1 >= 3
    places = warp.centers(120, 160)
    fields = [disparity_at(layer, places[..., 0], places[..., 1]) for layer in layers]
    for far, near in pairwise(fields):
        assert (near - far).min() > 0
    for field in fields:
        assert np.abs(np.diff(field, axis=1)).max() < 0.2 and np.abs(np.diff(field, axis=0)).max() < 0.2
    assert layers[0].support.all()
    for index, layer in enumerate(layers):
        assert layer.support[labels == index].all()
        assert not layer.support[labels < index].any()


@pytest.mark.parametrize("share", [0.15, -0.15])
def test_a_layer_is_drawn_wherever_it_is_seen(share, monkeypatch):
    rng = np.random.default_rng(8)
    picture = scene(120, 160)
    labels = by_distance(regions(picture, 6, rng), rng)
    layers = cut(picture, labels, share * 160, rng)
    empty = Layer(picture, np.zeros((120, 160), np.float32), (1.0, 0, 0), STILL)
    right, front = render((*layers, empty))
    monkeypatch.setattr("dualcam.simulation.parallax._reach", lambda layer: (slice(None), slice(None)))
    whole, front_whole = render(layers)
    np.testing.assert_allclose(right, whole, atol=1e-5)
    assert np.array_equal(front, front_whole)


def test_regions_follow_colors():
    picture = np.zeros((80, 120, 3), np.float32)
    picture[:, :60], picture[:, 60:] = (0.8, 0.1, 0.1), (0.1, 0.2, 0.8)
    labels = regions(picture, 4, np.random.default_rng(1))
    # No region lies on both sides, but for the rounded outline.
    assert not set(np.unique(labels[:, :56])) & set(np.unique(labels[:, 64:]))


def test_uncovered_and_continued():
    labels = np.array([[0, 0, 5, 5, 1, 1]], np.int32)
    assert uncovered(labels, labels == 5).tolist() == [[0, 0, 0, 1, 1, 1]]
    picture = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    seen = np.array([[True, True, True, False, False, False]])
    assert continued(picture, seen, 10)[0, :, 0].tolist() == [0, 1, 2, 1, 0, 0]
    assert continued(picture, seen, 1)[0, :, 0].tolist() == [0, 1, 2, 1, 4, 5]


@pytest.mark.parametrize(("share", "layers", "named"), [(0.3, 4, "0.3"), (-0.21, 4, "-0.21"), (0.1, 0, "0")])
def test_refusals(share, layers, named):
    with pytest.raises(UsageError, match=named):
        parallax(scene(40, 40), share, np.random.default_rng(0), layers=layers)
