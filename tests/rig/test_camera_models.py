"""Rays and pixels: against OpenCV's own models, there and back, and beyond what a lens sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.rig.cameras import Camera, from_opencv, project, reach, scaled, to_opencv, unproject

PINHOLE = Camera(
    "pinhole",
    (480, 640),
    np.array([[500.0, 0, 321], [0, 505, 244], [0, 0, 1]]),
    (-0.3, 0.1, 1e-3, -2e-3, -0.02),
)
RATIONAL = Camera(
    "pinhole",
    (480, 640),
    np.array([[400.0, 0, 318], [0, 402, 239], [0, 0, 1]]),
    (0.9, 0.2, 5e-4, -3e-4, 0.01, 1.2, 0.4, 0.03, 1e-3, -5e-4, 2e-4, 1e-4),
)
FISHEYE = Camera(
    "fisheye",
    (480, 640),
    np.array([[240.0, 0, 322], [0, 241, 237], [0, 0, 1]]),
    (-0.02, 0.01, -0.003, 0.0005),
)
BARE = Camera("pinhole", (48, 64), np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]))
CAMERAS = [PINHOLE, RATIONAL, FISHEYE, BARE]
IDS = ["pinhole", "rational", "fisheye", "bare"]


@pytest.mark.parametrize("camera", CAMERAS, ids=IDS)
def test_pixels_see_rays_that_fall_on_them(camera):
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 1, (500, 2)) * camera.size[::-1]
    rays = unproject(camera, pixels)
    assert np.linalg.norm(rays, axis=1) == pytest.approx(np.ones(500))
    assert project(camera, rays) == pytest.approx(pixels, abs=1e-6)
    assert project(camera, 7.5 * rays) == pytest.approx(pixels, abs=1e-6)


@pytest.mark.parametrize("camera", CAMERAS, ids=IDS)
def test_opencv_sees_the_same_half_a_pixel_away(camera):
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-0.5, 0.5, (100, 2)), np.ones(100)])
    zero, lens = np.zeros(3), np.array(camera.distortion)
    matrix = to_opencv(camera.matrix)
    if camera.model == "fisheye":
        seen = cv2.fisheye.projectPoints(points[:, None], zero, zero, matrix, lens)[0]
    else:
        seen = cv2.projectPoints(points, zero, zero, matrix, lens)[0]
    assert project(camera, points) == pytest.approx(seen.reshape(-1, 2) + 0.5, abs=1e-9)
    assert from_opencv(matrix) == pytest.approx(camera.matrix)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(range(len(CAMERAS))),
    st.tuples(*[st.floats(-1, 1) for _ in range(3)]).filter(lambda ray: np.linalg.norm(ray) > 1e-3),
)
def test_every_ray_has_a_finite_place_and_those_from_behind_fall_outside(which, ray):
    camera = CAMERAS[which]
    x, y = project(camera, np.array(ray))
    assert np.isfinite([x, y]).all()
    if camera.model == "pinhole" and ray[2] < 0:
        assert not (0 <= x <= camera.size[1] and 0 <= y <= camera.size[0])


def test_a_polynomial_that_folds_is_continued_so_that_what_is_outside_stays_outside():
    folding = Camera("pinhole", (480, 640), PINHOLE.matrix, (-0.3, 0.0, 0.0, 0.0))
    assert 1.0 < reach(folding) < 1.1
    radii = np.linspace(0, 5, 200)
    x = project(folding, np.column_stack([radii, 0 * radii, np.ones(200)]))[:, 0]
    assert (np.diff(x) > 0).all()


def test_a_fisheye_sees_behind_itself():
    ray = np.array([np.sin(np.radians(100)), 0, np.cos(np.radians(100))])
    camera = Camera("fisheye", (800, 800), np.array([[220.0, 0, 400], [0, 220, 400], [0, 0, 1]]), (0.0,) * 4)
    assert project(camera, ray) == pytest.approx([400 + 220 * np.radians(100), 400])
    assert unproject(camera, project(camera, ray)) == pytest.approx(ray)


def test_a_scaled_camera_sees_the_same_things():
    half = scaled(PINHOLE, (240, 320))
    rays = unproject(PINHOLE, np.array([[100.0, 50], [600, 400]]))
    assert project(half, rays) == pytest.approx(np.array([[50, 25], [300, 200]]))
