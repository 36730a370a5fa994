"""Matching: a known flow comes back, and what cannot be seen is known to be unseen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.frame import Frame, Pair, Placement
from dualcam.rig import matching, warp
from dualcam.rig.mapping import Mapping
from dualcam.rig.matching import Grid, local_correlation, match, match_grid
from synthetic import WEIGHTS, Rig, grid, look_up, scene, to_display, world

HEIGHT, WIDTH = 200, 264


def display(linear):
    return to_display(linear).astype(np.float32)


def pair_of(mono_shape, color_shape, matrix, scale):
    placement = Placement(np.asarray(matrix, float), scale, 1.0, 1.0, 0, 0.0, "identity")
    mono, color = (
        Frame(np.zeros((*s, c), np.float32), r)
        for s, c, r in ((mono_shape, 1, "mono"), (color_shape, 3, "color"))
    )
    return Pair(mono, color, placement)


@pytest.fixture(scope="module")
def bent():
    """A mono picture and a color luma at half the size of a wider view, bent by a smooth known flow."""
    big = scene(HEIGHT + 80, WIDTH + 80, 11) @ WEIGHTS
    points = grid(HEIGHT, WIDTH)
    true = np.stack(
        [4 * np.sin(points[..., 1] / 40) + 2, 3 * np.cos(points[..., 0] / 50 + points[..., 1] / 90)], -1
    )
    mono = look_up(big, points + 40)
    # The other view at x + flow(x) shows what mono shows at x: invert the flow by iteration.
    fine = grid(HEIGHT * 2, WIDTH * 2) / 2
    source = fine.copy()
    for _ in range(20):
        flow = np.stack(
            [4 * np.sin(source[..., 1] / 40) + 2, 3 * np.cos(source[..., 0] / 50 + source[..., 1] / 90)], -1
        )
        source = fine - flow
    other = look_up(big, source + 40)
    return display(mono), display(other), true


@pytest.mark.parametrize("size", [2, 1])
def test_known_flow_comes_back(bent, size):
    mono, other, true = bent
    if size == 1:
        other = warp.resize(other, HEIGHT, WIDTH)
    rng = np.random.default_rng(0)
    noisy = other + rng.normal(0, 0.03, other.shape).astype(np.float32)
    found = match(Grid(HEIGHT, WIDTH, Mapping(warp.scaling(size))), mono, noisy)
    error = np.linalg.norm(found.to_color / size - (grid(HEIGHT, WIDTH) + true), axis=-1)
    inner = np.s_[20:-20, 20:-20]
    assert np.median(error[inner]) < 0.5 and np.percentile(error[inner], 95) < 1.5
    assert np.median(found.disagreement[inner]) < 0.5
    assert found.rendering == "intensity"
    assert found.likeness[inner].mean() > 0.6
    # The way back: a color pixel's center, sent to the grid and bent again, is itself.
    positions = found.to_mono[40:-40:5, 40:-40:5]
    again = warp.sample(found.to_color, positions)
    middle = warp.centers(*other.shape)[40:-40:5, 40:-40:5]
    assert np.median(np.linalg.norm(again - middle, axis=-1)) < 0.7 * size


def test_a_second_opinion_on_a_known_flow(bent):
    mono, other, true = bent
    here = Grid(HEIGHT, WIDTH, Mapping(warp.scaling(2)))
    found, once = match(here, mono, other, twice=True), match(here, mono, other)
    inner = np.s_[20:-20, 20:-20]
    error = np.linalg.norm(found.second.to_color / 2 - (grid(HEIGHT, WIDTH) + true), axis=-1)[inner]
    assert np.median(error) < 0.5 and np.percentile(error, 95) < 1.5
    assert np.median(found.second.disagreement[inner]) < 0.5
    assert not np.array_equal(found.second.to_color, found.to_color)
    # The first stays as it was without.
    assert once.second is None
    np.testing.assert_array_equal(once.to_color, found.to_color)


def test_the_second_opinion_follows_faint_texture():
    shift = np.array([5.0, -2.0], np.float32)
    noise = np.random.default_rng(0).normal(size=(HEIGHT + 40, WIDTH + 40))
    texture = cv2.GaussianBlur(noise, (0, 0), 1.5)
    picture = 0.5 + 0.01 * texture / texture.std()
    points = grid(HEIGHT, WIDTH) + 20
    mono, color = (look_up(picture, p).astype(np.float32) for p in (points, points - shift))
    found = match(Grid(HEIGHT, WIDTH, Mapping(np.eye(3))), mono, color, twice=True)
    wanted = warp.centers(HEIGHT, WIDTH) + shift
    first, second = (
        np.linalg.norm(to_color - wanted, axis=-1)[20:-20, 20:-20]
        for to_color in (found.to_color, found.second.to_color)
    )
    for quantile in (0.5, 0.95):
        assert np.quantile(second, quantile) <= np.quantile(first, quantile)
    assert np.quantile(second, 0.95) < 0.1


def test_where_flow_is_held_the_second_opinion_is_the_first():
    view = world(Rig(scale=1), HEIGHT, WIDTH)
    pictures = display(0.9 - view.truth @ WEIGHTS), display(view.color @ WEIGHTS)
    held = match(Grid(HEIGHT, WIDTH, Mapping(view.matrix)), *pictures, parallax=1.0, twice=True)
    np.testing.assert_array_equal(held.second.to_color, held.to_color)
    np.testing.assert_array_equal(held.second.disagreement, held.disagreement)
    free = match(Grid(HEIGHT, WIDTH, Mapping(view.matrix)), *pictures, twice=True)
    assert not np.array_equal(free.second.to_color, free.to_color)


def test_shapes_and_types(bent):
    mono, other, _ = bent
    found = match(Grid(HEIGHT, WIDTH, Mapping(warp.scaling(2))), mono, other, twice=True)
    assert found.to_color.shape == (HEIGHT, WIDTH, 2) and found.to_mono.shape == (2 * HEIGHT, 2 * WIDTH, 2)
    assert found.disagreement.shape == found.likeness.shape == found.inside.shape == (HEIGHT, WIDTH)
    assert found.disagreement_color.shape == (2 * HEIGHT, 2 * WIDTH)
    assert found.second.to_color.shape == (HEIGHT, WIDTH, 2)
    assert found.second.disagreement.shape == (HEIGHT, WIDTH)
    parts = [found.to_color, found.to_mono, found.disagreement, found.disagreement_color, found.likeness]
    for part in (*parts, found.second.to_color, found.second.disagreement):
        assert part.dtype == np.float32 and np.isfinite(part).all()
    assert found.inside.dtype == bool
    assert found.disagreement.min() >= 0 and np.abs(found.likeness).max() <= 1


def test_hidden_background_disagrees():
    rig = Rig(scale=1, parallax=(14, 0))
    view = world(rig, HEIGHT, WIDTH)
    found = match(
        Grid(HEIGHT, WIDTH, Mapping(view.matrix)),
        display(view.truth @ WEIGHTS),
        display(view.color @ WEIGHTS),
    )
    rest = ~view.hidden & ~view.near & view.seen
    assert view.hidden.sum() > 300
    assert found.disagreement[view.hidden].mean() > 4 * found.disagreement[rest].mean()
    assert np.median(found.disagreement[view.hidden]) > 2
    # The near object itself is followed.
    moved = found.to_color - warp.transform(view.matrix, warp.centers(HEIGHT, WIDTH))
    assert np.median(moved[view.near], axis=0) == pytest.approx([14, 0], abs=0.7)


def test_outside_of_the_field_is_not_inside():
    view = world(Rig(scale=2, fov=0.6), HEIGHT, WIDTH)
    chosen = match_grid(pair_of((HEIGHT, WIDTH), view.color.shape[:2], view.matrix, 2.0))
    mono = display(warp.resize((view.truth @ WEIGHTS).astype(np.float32), chosen.height, chosen.width))
    found = match(chosen, mono, display(view.color @ WEIGHTS))
    seen = view.seen[1::2, 1::2]
    assert found.inside.mean() == pytest.approx(seen.mean(), abs=0.03)
    # Nothing more than a pixel outside of the field counts as inside.
    base = chosen.mapping.to_color(chosen.centers())
    assert not found.inside[~warp.inside(base, *view.color.shape[:2], margin=-1)].any()
    assert not found.inside[~warp.inside(found.to_color, *view.color.shape[:2])].any()


def test_inverted_contrast_is_matched_by_its_edges():
    view = world(Rig(scale=1, shift=(3, 0)), HEIGHT, WIDTH)
    start = Rig(scale=1).matrix(HEIGHT, WIDTH)
    found = match(
        Grid(HEIGHT, WIDTH, Mapping(start)),
        display(0.9 - view.truth @ WEIGHTS),
        display(view.color @ WEIGHTS),
    )
    assert found.rendering == "gradient"
    true = warp.transform(view.matrix, warp.centers(HEIGHT, WIDTH))
    error = np.linalg.norm(found.to_color - true, axis=-1)[20:-20, 20:-20]
    assert np.median(error) < 0.7


def test_in_doubt_the_rendering_whose_directions_agree_is_taken(bent):
    """A deep scene blurs the likeness as another spectrum does: the number alone must not decide."""
    mono, other, _ = bent
    color = warp.resize(other, HEIGHT, WIDTH)
    noise = np.random.default_rng(2).normal(0, 0.03, (HEIGHT, WIDTH)).astype(np.float32)
    view, inside = Grid(HEIGHT, WIDTH, Mapping(np.eye(3))), np.ones((HEIGHT, WIDTH), bool)
    alike, _ = matching._flows(view, mono, color + noise, inside, 0.2)
    inverted, _ = matching._flows(view, mono, 0.9 - color + noise, inside, 0.2)
    assert (alike, inverted) == ("intensity", "gradient")


def test_unrelated_pictures_are_not_alike():
    one, two = (display(scene(HEIGHT, WIDTH, s) @ WEIGHTS) for s in (1, 2))
    found = match(Grid(HEIGHT, WIDTH, Mapping(np.eye(3))), one, two)
    assert np.median(found.likeness) < 0.5
    assert np.median(found.disagreement) > 0.7


@pytest.mark.parametrize("shape", [(8, 8), (8, 100), (15, 15), (15, 40), (16, 16), (17, 31)])
def test_tiny_grids(shape):
    rng = np.random.default_rng(0)
    mono, color = (rng.uniform(0, 1, shape).astype(np.float32) for _ in range(2))
    found = match(Grid(*shape, Mapping(np.eye(3))), mono, color, twice=True)
    for one in (found, found.second):
        assert one.to_color.shape == (*shape, 2) and np.isfinite(one.to_color).all()
        assert np.isfinite(one.disagreement).all()
        if min(shape) < 16:
            np.testing.assert_allclose(one.to_color, warp.centers(*shape), atol=1e-5)


def test_flat_pictures_do_not_move():
    flat = np.full((64, 80), 0.5, np.float32)
    found = match(Grid(64, 80, Mapping(np.eye(3))), flat, flat, twice=True)
    for one in (found, found.second):
        np.testing.assert_allclose(one.to_color, warp.centers(64, 80), atol=0.05)
    assert np.abs(found.likeness).max() < 1e-3


@pytest.mark.parametrize(
    ("mono", "color", "scale", "expected"),
    [
        ((480, 640), (240, 320), 2.0, (240, 320)),
        ((480, 640), (171, 228), 2.8, (171, 229)),
        ((100, 100), (300, 300), 1 / 3, (100, 100)),
        ((40, 900), (5, 112), 8.0, (8, 112)),
    ],
)
def test_grid_is_mono_at_the_resolution_of_color(mono, color, scale, expected):
    matrix = warp.scaling(color[1] / mono[1], color[0] / mono[0])
    chosen = match_grid(pair_of(mono, color, matrix, scale))
    assert (chosen.height, chosen.width) == expected
    corner = chosen.mapping.to_color(np.float32([[chosen.width, chosen.height]]))[0]
    np.testing.assert_allclose(corner, [color[1], color[0]], rtol=1e-5)


def test_local_correlation():
    picture = display(scene(64, 64) @ WEIGHTS)
    assert np.median(local_correlation(picture, picture)) > 0.98
    assert np.median(local_correlation(picture, 1 - picture)) < -0.98
    assert np.median(local_correlation(picture, 0.5 * picture + 0.2)) > 0.95
    assert np.abs(local_correlation(picture, np.full_like(picture, 0.3))).max() < 1e-3


def test_where_the_pictures_differ_flow_keeps_to_the_lines_of_a_rig(bent):
    mono, other, _ = bent
    lines = np.broadcast_to(np.float32([0.8, 0.6]), (5, 7, 2))
    grids = [Grid(HEIGHT, WIDTH, Mapping(warp.scaling(2)), given) for given in (None, lines)]

    def across(grid_, picture):
        moved = match(grid_, mono, picture, twice=True)
        for found in (moved.to_color, moved.second.to_color):
            yield np.abs((found / 2 - grid(HEIGHT, WIDTH)) @ [-0.6, 0.8]).max()

    # Inverted contrast, as of leaves in near-infrared.
    strange = (1 - other).astype(np.float32)
    assert max(across(grids[1], strange)) < 1e-3
    assert min(across(grids[0], strange)) > 1
    # Like pictures know better than lines that are right to a pixel only.
    assert min(across(grids[1], other)) > 1


def test_holding_flow_to_lines_does_not_make_it_look_more_trustworthy(bent):
    mono, other, _ = bent
    strange = (1 - other).astype(np.float32)
    free = match(Grid(HEIGHT, WIDTH, Mapping(warp.scaling(2))), mono, strange)
    lines = np.broadcast_to(np.float32([1, 0]), (2, 2, 2))
    held = match(Grid(HEIGHT, WIDTH, Mapping(warp.scaling(2)), lines), mono, strange)
    np.testing.assert_array_equal(held.disagreement, free.disagreement)
