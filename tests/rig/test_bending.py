"""Bends: found where matches show them, through depth and wrong matches; never where only depth is there."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.rig import bending, lens, mapping, warp
from dualcam.rig.features import Matches
from dualcam.rig.growing import settled
from dualcam.rig.lens import Lens, Model
from dualcam.rig.mapping import Mapping

MONO, COLOR = (600, 800), (300, 400)


def scattered(count=600, seed=0, parallax=8.0, noise=0.4, wrong=0.1, model=None, moved=0.0, matrix=None):
    """Matches of a scene with depth: ``parallax`` color pixels along x, some wrong, some on a moved object."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 2)) * [MONO[1], MONO[0]]
    matrix = warp.scaling(0.5) if matrix is None else matrix
    there = warp.transform(matrix, points).astype(np.float64) if model is None else model.to_color(points)
    # Depth with structure: the ground comes nearer downward, and objects stand on it.
    depth = points[:, 1] / MONO[0] + 0.5 * (np.sin(points[:, 0] / 90) > 0.3)
    there[:, 0] -= parallax * depth
    there += rng.normal(0, noise, there.shape)
    lost = rng.random(count) < wrong
    there[lost] += rng.uniform(-16, 16, (int(lost.sum()), 2))
    on_object = np.linalg.norm(points - [250, 300], axis=1) < 130
    there[on_object] += [moved, 0.6 * moved]
    return Matches(points.astype(np.float32), there.astype(np.float32))


def bent(mono=(0.0, 0.0), color=(0.0, 0.0), turn=0.0):
    angle = np.radians(turn)
    plane = np.array(
        [[np.cos(angle), -np.sin(angle), 0.01], [np.sin(angle), np.cos(angle), -0.02], [0, 0, 1]]
    )
    return Model(Lens(MONO, mono), Lens(COLOR, color), plane)


def start_of(model):
    """What a similarity would have found: the model without its bends."""
    return lens.to_matrix(Model(Lens(MONO), Lens(COLOR), model.plane))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parallax", [0.0, 8.0, 25.0])
@pytest.mark.parametrize("moved", [0.0, 12.0])
def test_depth_and_moving_objects_are_not_bends(seed, parallax, moved):
    matches = scattered(seed=seed, parallax=parallax, moved=moved)
    assert bending.find_model(matches, warp.scaling(0.5), MONO, COLOR) is None


@pytest.mark.parametrize(
    ("mono", "color", "turn", "bound"),
    [
        ((0.0, 0.0), (-0.03, 0.0), 0.0, 0.35),
        ((0.0, 0.0), (0.03, 0.0), -10.0, 0.35),
        ((-0.04, 0.0), (0.0, 0.0), 15.0, 0.35),
        ((0.0, 0.0), (-0.25, 0.0), 5.0, 0.5),
        ((-0.3, -0.03), (-0.1, 0.0), 3.0, 1.0),
    ],
    ids=["barrel", "pincushion, turned", "mono, turned", "fisheye", "both"],
)
def test_lenses_are_found_through_depth(mono, color, turn, bound):
    true = bent(mono, color, turn)
    found = bending.find_model(scattered(model=true, count=900), start_of(true), MONO, COLOR)
    assert found is not None and not bending.is_flat(found)
    points = np.stack(np.meshgrid(np.linspace(20, 780, 20), np.linspace(20, 580, 15)), axis=-1)
    there = true.to_color(points)
    seen = warp.inside(there.astype(np.float32), *COLOR)
    away = (found.to_color(points) - there)[seen][:, 1]
    print(f"across: {np.sqrt((away**2).mean()):.3f} of {bound}")
    assert np.sqrt((away**2).mean()) < bound


def test_a_shaking_rolling_shutter_is_found():
    matches = scattered(count=900, parallax=4.0)
    time = matches.color[:, 1] / COLOR[0]
    wobble = np.stack([3 * np.sin(8 * time), 2.5 * np.sin(11 * time + 1)], axis=1).astype(np.float32)
    found = bending.find_model(Matches(matches.mono, matches.color + wobble), warp.scaling(0.5), MONO, COLOR)
    assert found is not None and found.rows is not None
    left = (found.to_color(matches.mono) - matches.color - wobble)[:, 1]
    assert np.median(np.abs(left)) < 0.45 < 0.7 < np.median(np.abs(wobble[:, 1]))


def test_a_tilted_camera_gets_a_homography_and_no_bend():
    tilted = np.array([[0.5, 0, 3], [0, 0.5, -2], [1.5e-4, 0.8e-4, 1.0]])
    matches = scattered(count=900, parallax=4.0, matrix=tilted)
    found = bending.find_model(matches, warp.scaling(0.47), MONO, COLOR)
    assert found is not None and bending.is_flat(found)
    matrix, bend = settled(found, warp.scaling(0.5))
    assert bend is None
    assert np.abs(warp.transform(matrix, matches.mono) - matches.color)[:, 1].mean() < 2.5


def test_too_few_matches_show_nothing():
    true = bent(color=(-0.2, 0.0))
    few = scattered(count=30, model=true)
    assert bending.find_model(few, start_of(true), MONO, COLOR) is None
    corner = scattered(count=400, model=true)
    near = (corner.mono < 120).all(axis=1)
    one_place = Matches(np.repeat(corner.mono[near], 8, 0), np.repeat(corner.color[near], 8, 0))
    assert bending.find_model(one_place, start_of(true), MONO, COLOR) is None


@pytest.mark.parametrize(
    ("mono", "color"), [((0, 0), (-0.03, 0)), ((-0.35, -0.05), (0, 0)), ((0.05, 0), (-0.3, 0))]
)
def test_both_ways_lead_back(mono, color):
    model = bent(mono, color, 6.0)
    matrix = start_of(model)
    both = Mapping(matrix, bending.bend_of(model, matrix), MONO, COLOR)
    points = mapping.nodes(20, 30, MONO)
    there = both.to_color(points)
    seen = warp.inside(there, *COLOR, margin=2)
    assert seen.mean() > 0.3
    assert np.abs(there - model.to_color(points))[seen].max() < 0.15
    assert np.linalg.norm(both.to_mono(there) - points, axis=-1)[seen].max() < 0.5


@pytest.mark.parametrize("bends", [(0.0, 0.0), (-0.3, 0.0), (0.2, 0.05), (-0.2, -0.1)])
def test_lenses_undo_themselves(bends):
    camera = Lens(MONO, bends)
    points = np.random.default_rng(0).random((200, 2)) * [MONO[1], MONO[0]]
    assert camera.is_sane
    assert np.abs(camera.bent(camera.straightened(points)) - points).max() < 0.02


def test_insane_lenses_are_known():
    assert not Lens(MONO, (-1.2, 0.0)).is_sane
    assert not Lens(MONO, (4.0, 0.0)).is_sane


def test_rows_pass_through_their_knots():
    columns = lens.row_columns(np.array([[0.0, 0.0], [5.0, 300.0], [5.0, 300 / 7]]), COLOR)
    assert np.allclose(columns, [np.eye(8)[0], np.eye(8)[7], np.eye(8)[1]], atol=1e-9)
    assert np.allclose(lens.row_columns(np.random.default_rng(1).random((50, 2)) * 300, COLOR).sum(axis=1), 1)


@pytest.mark.parametrize(
    "bends", [((0.0, 0.0), (0.0, 0.0)), ((0.1, -0.05), (-0.2, 0.07)), ((0.4, 0.2), (0.0, 0.0))]
)
def test_slopes_are_those_of_small_steps(bends):
    rng = np.random.default_rng(0)
    plane = np.eye(3) + rng.normal(0, 0.05, (3, 3))
    points = rng.uniform(0, 1, (200, 2)) * [1900, 1500]
    numbers = np.concatenate([(plane / plane[2, 2]).ravel()[:8], *bends])

    def model(v):
        lenses = lens.Lens((1500, 1900), (v[8], v[9])), lens.Lens((700, 1000), (v[10], v[11]))
        return lens.Model(*lenses, np.append(v[:8], 1.0).reshape(3, 3))

    slopes = model(numbers).slopes(points, (2, 2))
    for i in range(12):
        step = np.zeros(12)
        step[i] = 1e-6
        wanted = (model(numbers + step).to_color(points) - model(numbers - step).to_color(points)) / 2e-6
        # The inverse of a lens is a table: its slope jumps from entry to entry.
        np.testing.assert_allclose(slopes[:, i], wanted, atol=1e-3 * np.abs(wanted).max())
    assert model(numbers).slopes(points, (1, 0)).shape == (200, 9, 2)
