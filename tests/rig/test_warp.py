"""The pixel convention and the one interpolation, on pictures whose values are known in between."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.rig import warp
from synthetic import apply


def ramp(height=20, width=30):
    """x + 100 y at every pixel center."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    return x + 100 * y


def board(height=64, width=64):
    y, x = np.mgrid[0:height, 0:width]
    return ((x + y) % 2).astype(np.float32)


def test_centers_start_at_a_half():
    centers = warp.centers(2, 3)
    assert centers.shape == (2, 3, 2) and centers.dtype == np.float32
    assert centers[0].tolist() == [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5]]
    assert centers[1, 0].tolist() == [0.5, 1.5]


def test_transform_of_no_points_is_none():
    assert warp.transform(np.eye(3), np.empty((0, 2), np.float32)).shape == (0, 2)


def test_transform_is_the_homography():
    matrix = np.array([[0.9, 0.1, 3], [-0.1, 1.1, -2], [1e-3, -5e-4, 1]])
    points = np.random.default_rng(0).uniform(0, 100, (4, 5, 2))
    out = warp.transform(matrix, points)
    assert out.shape == (4, 5, 2) and out.dtype == np.float32
    np.testing.assert_allclose(out, apply(matrix, points), atol=1e-4)


def test_scaling():
    assert np.array_equal(warp.scaling(2), np.diag([2.0, 2.0, 1.0]))
    assert np.array_equal(warp.scaling(2, 3), np.diag([2.0, 3.0, 1.0]))


@pytest.mark.parametrize(("interpolation", "within"), [(warp.LINEAR, 1e-3), (warp.CUBIC, 0.06)])
def test_sample_reads_a_ramp(interpolation, within):
    # Positions on 1/32 px: OpenCV's own table of weights holds these exactly. Its cubic kernel (a = -0.75) bends
    # a ramp by up to 0.05 px, which is no error of the convention.
    positions = np.random.default_rng(0).integers(3 * 32, 16 * 32, (7, 9, 2)).astype(np.float32) / 32
    for axis in (0, 1):
        picture = np.ascontiguousarray(warp.centers(20, 30)[..., axis])
        out = warp.sample(picture, positions, interpolation=interpolation)
        np.testing.assert_allclose(out, positions[..., axis], atol=within)


def test_sample_at_the_centers_is_the_picture():
    picture = np.random.default_rng(0).uniform(0, 1, (13, 17, 3)).astype(np.float32)
    for interpolation in (warp.LINEAR, warp.CUBIC):
        assert np.array_equal(
            warp.sample(picture, warp.centers(13, 17), interpolation=interpolation), picture
        )


def test_sample_outside():
    picture, positions = ramp(), np.float32([[[-3, 10.5], [0, 10.5], [29.9, 10.5], [30.1, 10.5], [5, 25]]])
    assert warp.sample(picture, positions)[0].tolist() == [1050.5, 1050.5, 1079.5, 1079.5, 1955]
    filled = warp.sample(picture, positions, outside=-1.0)[0]
    assert filled.tolist() == [-1, 1050.5, 1079.5, -1, -1]
    assert np.isnan(warp.sample(picture, positions, outside=np.nan)[0, 0])


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_channels_stay(channels):
    picture = np.zeros((6, 8, *channels), np.float32)
    assert warp.sample(picture, warp.centers(4, 5)).shape == (4, 5, *channels)
    assert warp.resample(picture, warp.centers(4, 5)).shape == (4, 5, *channels)
    assert warp.resize(picture, 3, 4).shape == (3, 4, *channels)
    assert warp.resize(picture, 12, 9).shape == (12, 9, *channels)


def test_inside_and_its_margin():
    positions = np.float32([[0, 0], [10, 5], [10.1, 5], [5, -0.1], [1, 1], [0.9, 1]])
    assert warp.inside(positions, 5, 10).tolist() == [True, True, False, False, True, True]
    assert warp.inside(positions, 5, 10, margin=1).tolist() == [False, False, False, False, True, False]


def test_resize_down_averages_and_up_keeps_positions():
    np.testing.assert_allclose(
        warp.resize(ramp(), 10, 15), ramp().reshape(10, 2, 15, 2).mean((1, 3)), rtol=1e-6
    )
    up = warp.resize(np.ascontiguousarray(warp.centers(20, 30)[..., 0]), 40, 60)
    expected = np.arange(60) / 2 + 0.25
    np.testing.assert_allclose(up[:, 6:-6], np.tile(expected, (40, 1))[:, 6:-6], atol=0.06)
    picture = ramp()
    assert warp.resize(picture, 20, 30) is picture


@pytest.mark.parametrize("size", [(48, 80), (96, 160), (36, 60), (61, 97), (24, 97), (12, 20)])
@pytest.mark.parametrize("interpolation", [warp.LINEAR, warp.CUBIC])
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_an_enlarged_part_is_a_part_of_the_enlarged(size, interpolation, channels):
    picture = np.random.default_rng(0).uniform(0, 1, (24, 40, *channels)).astype(np.float32)
    height, width = size
    whole = warp.sample(
        picture,
        warp.centers(height, width) * np.float32([40 / width, 24 / height]),
        interpolation=interpolation,
    )
    tops, lefts = ((0, 1, n // 3, n - 5) for n in size)
    for top, left in zip(tops, lefts, strict=True):
        rows, columns = slice(top, top + 5), slice(left, width)
        part = warp.enlarged_part(picture, rows, columns, height, width, interpolation)
        assert part.dtype == np.float32
        # OpenCV looks up at steps of 1/32 pixel, which some of these sizes need finer.
        np.testing.assert_allclose(part, whole[rows, columns], atol=0.04)
        if width % 40 == 0 and height % 24 == 0:
            np.testing.assert_allclose(part, whole[rows, columns], atol=1e-6)


@pytest.mark.parametrize("factor", [4, 3.3])
def test_resample_averages_what_it_skips(factor):
    positions = warp.centers(12, 12) * np.float32(factor) + np.float32(2.5)
    assert np.abs(warp.resample(board(), positions) - 0.5)[1:-1, 1:-1].max() < 0.1
    # Plain sampling shows why that is needed.
    assert np.abs(warp.sample(board(), positions) - 0.5).max() > 0.2


def test_resample_keeps_positions():
    positions = warp.centers(4, 6) * np.float32(4) + np.float32(1)
    out = warp.resample(ramp(), positions)[1:-1, 1:-1]
    np.testing.assert_allclose(out, (positions[..., 0] + 100 * positions[..., 1])[1:-1, 1:-1], rtol=1e-4)


def test_resample_is_sample_where_nothing_is_skipped():
    picture = np.random.default_rng(0).uniform(0, 1, (20, 30)).astype(np.float32)
    positions = warp.centers(30, 40) * np.float32(0.7)
    assert np.array_equal(warp.resample(picture, positions), warp.sample(picture, positions))


@pytest.mark.parametrize(("x", "y"), [(1, 1), (4, 4), (0.5, 0.5), (4, 1), (2, 8)])
def test_sampling_step(x, y):
    positions = warp.transform(warp.scaling(x, y), warp.centers(40, 50))
    assert warp.sampling_step(positions) == pytest.approx(np.sqrt(x * y), rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_sampling_step_of_lines(shape):
    assert np.isfinite(warp.sampling_step(warp.centers(*shape) * np.float32(3)))


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.floats(-20, 20), st.floats(0.6, 1.6))
def test_there_and_back(height, width, angle, zoom):
    matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom), [0, 0, 1]])
    there = warp.transform(matrix, warp.centers(height, width))
    back = warp.transform(np.linalg.inv(matrix), there)
    np.testing.assert_allclose(back, warp.centers(height, width), atol=1e-4)
