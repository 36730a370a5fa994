"""Mappings: a homography, what it leaves over, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.frame import Bend, Frame, Pair, Placement
from dualcam.rig import mapping, warp
from dualcam.rig.mapping import Mapping, between_nodes, nodes

MONO, COLOR = (300, 400), (150, 200)


def ramp(height=20, width=30):
    """x + 100 y at every pixel center."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    return x + 100 * y


def barrel(points, size, strength):
    """A lens: positions move toward the middle of a picture, by this share at its corners."""
    middle = np.array(size[::-1], np.float32) / 2
    away = points - middle
    share = (away**2).sum(-1, keepdims=True) / (middle**2).sum()
    return (middle + away * (1 - strength * share)).astype(np.float32)


def bent(strength=0.03, count=65):
    """A color camera at half the size behind a barrel lens, its way back by iteration."""
    matrix = warp.scaling(0.5)

    def there(points):
        return barrel(warp.transform(matrix, points), COLOR, strength)

    places = nodes(count, count, COLOR)
    back = 2 * places
    for _ in range(30):
        back = back + 2 * (places - there(back))
    forward = there(nodes(count, count, MONO)) - warp.transform(matrix, nodes(count, count, MONO))
    return Mapping(matrix, Bend(forward, back - 2 * places), MONO, COLOR), there


def test_without_a_bend_a_mapping_is_its_homography():
    matrix = np.array([[0.5, 0.01, 3], [-0.02, 0.49, 1], [1e-5, 0, 1]])
    points = warp.centers(30, 40)
    plain = Mapping(matrix)
    np.testing.assert_array_equal(plain.to_color(points), warp.transform(matrix, points))
    np.testing.assert_allclose(plain.to_mono(plain.to_color(points)), points, atol=1e-3)


def test_a_bend_is_a_lens_to_a_hundredth_of_a_pixel_and_comes_back():
    lens, there = bent()
    points = warp.centers(*MONO)
    found = lens.to_color(points)
    assert np.abs(found - there(points)).max() < 0.01
    assert np.abs(found - warp.transform(lens.matrix, points)).max() > 2
    assert np.abs(lens.to_mono(found) - points).max() < 0.02


@pytest.mark.parametrize("grid", [(150, 200), (100, 133), (600, 800)])
def test_a_grid_sees_what_the_picture_sees(grid):
    lens, _ = bent()
    scale = np.array([MONO[1] / grid[1], MONO[0] / grid[0]], np.float32)
    small = lens.from_grid(*grid)
    points = warp.centers(*grid)
    np.testing.assert_allclose(small.to_color(points), lens.to_color(points * scale), atol=1e-3)
    places = warp.centers(*COLOR)
    np.testing.assert_allclose(small.to_mono(places), lens.to_mono(places) / scale, atol=1e-3)
    back = small.from_grid(*MONO)
    np.testing.assert_allclose(back.to_mono(places), lens.to_mono(places), atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-9, 9)))
def test_what_is_linear_is_interpolated_exactly(height, width, law):
    size = (70, 110)

    def plane(points):
        return points @ np.array([[law[0], 1], [law[1], -1]], np.float32) + np.float32(law[2])

    inner = warp.centers(*size)[3:-3:7, 2:-2:5]
    np.testing.assert_allclose(
        between_nodes(plane(nodes(height, width, size)).astype(np.float32), inner, size),
        plane(inner),
        atol=2e-3,
    )


def test_beyond_the_picture_the_edge_is_repeated():
    field = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    points = np.float32([[-50, -50], [500, -50], [500, 500], [-50, 500]])
    found = between_nodes(field, points, (100, 100))
    np.testing.assert_array_equal(found, field[[0, 0, 1, 1], [0, 1, 1, 0]])


def test_place_color_moves_color_and_marks_what_it_did_not_see():
    color = np.repeat(ramp()[..., None], 3, -1)
    mono = Frame(np.zeros((40, 60, 1), np.float32), "mono")
    matrix = warp.scaling(0.5)
    matrix[0, 2] = 5
    placement = Placement(matrix, 2.0, 0.8, 1.0, 0, 0.0, "identity")
    placed = mapping.place_color(Pair(mono, Frame(color, "color"), placement))
    assert placed.shape == (40, 60, 3) and placed.dtype == np.float32
    assert np.isnan(placed[:, 50:]).all() and np.isfinite(placed[:, :50]).all()
    # Mono pixel (10, 10) has its center at (10.5, 10.5): color (10.25, 5.25).
    assert placed[10, 10] == pytest.approx([10.25 + 525] * 3, rel=1e-5)
