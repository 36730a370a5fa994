from __future__ import annotations

import numpy as np
import pytest

from dualcam.evaluation.visibility import regions
from synthetic import grid, look_up


def found(disparity):
    seen = regions(np.asarray(disparity, np.float32))
    # Every pixel is in exactly one mask.
    assert (seen.visible.astype(int) + seen.occluded + seen.unknown == 1).all()
    return seen


def row(**runs):
    """One row repeated, of runs width=disparity."""
    return np.tile(np.concatenate([np.full(int(n[1:]), d, float) for n, d in runs.items()]), (5, 1))


def columns(mask):
    assert (mask == mask[0]).all()
    return np.flatnonzero(mask[0]).tolist()


def test_a_flat_scene_is_seen_but_for_the_side_that_leaves_the_picture():
    seen = found(np.full((4, 20), 3.0))
    assert columns(seen.occluded) == [0, 1, 2]
    assert columns(found(np.full((4, 20), -2.0)).occluded) == [18, 19]
    assert columns(found(np.zeros((4, 20))).occluded) == []


def test_a_nearer_layer_hides_what_is_left_of_it():
    # Background at 0, an object of disparity 6 on columns 20 to 29: it covers 14 to 23 in the color view, of which
    # 14 to 19 are background in the mono view.
    seen = found(row(a20=0, b10=6, c20=0))
    assert columns(seen.occluded) == list(range(14, 20))
    assert columns(seen.visible) == [*range(14), *range(20, 50)]


def test_three_layers():
    # Disparities 2 (whole row), 8 on columns 30 to 39, 5 on 24 to 29: color columns 22 to 31 and 19 to 24.
    seen = found(row(a24=2, b6=5, c10=8, d20=2))
    hidden_middle = [x for x in range(24, 30) if x - 5 >= 22]
    hidden_back = [x for x in range(24) if 19 <= x - 2 <= 24 or 22 <= x - 2 <= 31]
    assert columns(seen.occluded) == sorted([0, 1, *hidden_middle, *hidden_back])


def test_fractions_of_a_pixel_are_within_a_pixel():
    for fraction in (0.2, 0.5, 0.8):
        hidden = columns(found(row(a20=0, b10=6 + fraction, c20=0)).occluded)
        assert len(hidden) in (6, 7) and hidden[-1] == 19


def test_a_slanted_surface_does_not_hide_itself():
    for slope in (0.1, 0.37, 0.6, 0.9, 1.0):  # squeezed in the color view, at last into one column
        assert columns(found(np.tile(np.arange(60) * slope, (3, 1))).occluded) == []
    falling = np.tile(10 - np.arange(60) * 0.15, (3, 1))  # stretched; the left end leaves the picture
    assert columns(found(falling).occluded) == list(range(9))


def test_a_step_within_a_slanted_surface_hides():
    disparity = np.tile(np.arange(60) * 0.5, (3, 1))
    disparity[:, 30:] += 5
    # Column 30 lands at 10, where column 20 lands too; 19 lands halfway beside it.
    assert columns(found(disparity).occluded) in (list(range(19, 30)), list(range(20, 30)))


@pytest.mark.parametrize("slope", [-0.3, -0.77, -0.95])
def test_no_background_shows_through_a_stretched_surface(slope):
    # The object widens in the color view: neighbors land up to two columns apart.
    object_ = 30 + slope * np.arange(30)
    disparity = np.zeros((2, 100))
    disparity[:, 60:90] = object_
    covered = np.rint(np.arange(60, 90) - object_)
    seen = found(disparity)
    behind = [x for x in range(60) if covered[0] <= x <= covered[-1]]
    assert columns(seen.occluded) == behind and len(behind) >= 29


def test_unknown_is_neither_and_hides_nothing():
    disparity = row(a20=0, b10=6, c20=0)
    disparity[:, 25:35] = np.nan
    disparity[:, 48] = np.inf
    seen = found(disparity)
    assert columns(seen.unknown) == [*range(25, 35), 48]
    assert columns(seen.occluded) == list(range(14, 19))  # the known half of the object reaches to column 18


def test_nothing_known():
    seen = found(np.full((3, 7), np.nan))
    assert seen.unknown.all()


def test_rows_are_independent():
    disparity = np.zeros((2, 40))
    disparity[0, 20:30] = 6
    seen = found(disparity)
    assert seen.occluded[0].sum() == 6 and seen.occluded[1].sum() == 0


def test_against_a_rendered_scene():
    """The color view of a textured disc before a wall, rendered backward: the masks say where the views agree."""
    rng = np.random.default_rng(0)
    wall, disc = (look_up(rng.random((30, 45)).astype(np.float32), grid(120, 180) / 4) for _ in range(2))
    points = grid(120, 180)
    inside = np.hypot(points[..., 0] - 95, points[..., 1] - 60) < 32
    near = 11.4
    mono = np.where(inside, disc, wall)
    shifted = points + np.array([near, 0])
    covered = np.hypot(shifted[..., 0] - 95, shifted[..., 1] - 60) < 32
    color = np.where(covered, look_up(disc, shifted), wall)
    disparity = np.where(inside, near, 0.0).astype(np.float32)
    back = look_up(color.astype(np.float32), points - np.stack([disparity, np.zeros_like(disparity)], -1))
    agree = np.abs(back - mono) < 0.05
    seen = found(disparity)
    # Interpolation mixes wall and disc along the disc's edge, in either view.
    sharp = np.min([np.abs(np.hypot(p[..., 0] - 95, p[..., 1] - 60) - 32) for p in (points, shifted)], 0) > 2
    assert agree[seen.visible & sharp].mean() > 0.999
    assert agree[seen.occluded & sharp].mean() < 0.35  # by chance
    assert seen.occluded.sum() == pytest.approx((covered & ~inside).sum(), rel=0.06)
