"""Where color pixels look, and what they collect there."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.camera.sensor import bin_average
from dualcam.errors import UsageError
from dualcam.rig import warp
from dualcam.simulation.geometry import color_size, integrate, to_color, to_view
from dualcam.simulation.settings import Geometry
from synthetic import scene

TURNED = Geometry(rotation_deg=3, zoom=1.1, shift_px=(4, -2), distortion=0.08, skew_px=5)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_whole_scales_are_exact_averages(scale):
    picture = scene(51, 70)
    np.testing.assert_array_equal(integrate(picture, scale, Geometry()), bin_average(picture, scale))


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_interpolation_agrees_with_the_average(scale):
    picture = scene(48, 72)
    almost = Geometry(skew_px=1e-6)
    np.testing.assert_allclose(integrate(picture, scale, almost), bin_average(picture, scale), atol=1e-5)


def ramps(height, width):
    """A picture whose values are its own x and y."""
    places = warp.centers(height, width)
    return np.dstack([places, places[..., :1]])


@pytest.mark.parametrize("scale", [1, 1.5, 2, 3.7, 6])
@pytest.mark.parametrize(
    "geometry",
    [
        Geometry(),
        Geometry(rotation_deg=4),
        Geometry(zoom=1.3),
        Geometry(shift_px=(6.5, -3)),
        Geometry(distortion=0.1),
        Geometry(skew_px=10),
        TURNED,
    ],
    ids=["none", "rotation", "zoom", "shift", "distortion", "skew", "all"],
)
def test_pixels_collect_from_where_they_look(scale, geometry):
    height, width = 180, 240
    seen = integrate(ramps(height, width), scale, geometry)[..., :2]
    rows, columns = color_size(height, width, scale)
    assert seen.shape == (rows, columns, 2)
    places = to_view(warp.centers(rows, columns), (height, width), scale, geometry)
    inside = warp.inside(places, height, width, margin=2 * scale + 3)
    assert inside.mean() > 0.3
    # OpenCV interpolates at multiples of 1/32 pixel.
    assert np.abs(seen - places)[inside].max() < 0.05


def test_signs_of_the_geometry():
    size, center = (100, 200), np.array([[100.0, 50.0]])
    right = np.array([[140.0, 50.0]])

    def look(points, **changes):
        return to_view(points, size, 1, Geometry(**changes))[0].tolist()

    assert look(center, shift_px=(7, -3)) == pytest.approx([107, 47])
    assert look(right, zoom=2) == pytest.approx([120, 50])
    assert look(right, rotation_deg=90) == pytest.approx([100, 90])  # clockwise: its right looks down
    assert look(np.array([[100.0, 0.0]]), skew_px=8) == pytest.approx(
        [96, 0]
    )  # the first row is read too early
    assert look(np.array([[200.0, 100.0]]), distortion=0.1) == pytest.approx([210, 105])


@pytest.mark.parametrize("scale", [1, 2.5])
@pytest.mark.parametrize(
    "geometry", [Geometry(), TURNED, Geometry(distortion=-0.1), Geometry(distortion=0.3, rotation_deg=170)]
)
def test_there_and_back(scale, geometry):
    size = (180, 240)
    points = warp.centers(*size)[::20, ::20]
    back = to_view(to_color(points, size, scale, geometry), size, scale, geometry)
    assert np.abs(back - points).max() < 0.01


@pytest.mark.parametrize("scale", [2.3, 3.5, 5.7])
def test_fine_patterns_do_not_alias(scale):
    y, x = np.mgrid[:120, :160]
    checks = np.repeat(((x + y) % 2)[..., None], 3, -1).astype(np.float32)
    seen = integrate(checks, scale, Geometry(rotation_deg=1))
    skipped = warp.sample(
        checks, to_view(warp.centers(*seen.shape[:2]), (120, 160), scale, Geometry(rotation_deg=1))
    )
    assert seen.std() < 0.35 * skipped.std()
    assert seen.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("scale", [1.25, 2.5, 4.4])
def test_brightness_is_kept(scale):
    picture = scene(120, 160)
    rows, columns = color_size(120, 160, scale)
    seen = integrate(picture, scale, Geometry())
    crop = picture[: round(rows * scale), : round(columns * scale)]
    assert seen.mean((0, 1)) == pytest.approx(crop.mean((0, 1)), rel=0.01)
    assert seen.min() >= 0


def test_beyond_the_border_the_view_is_mirrored():
    picture = scene(60, 80)
    shifted = integrate(picture, 1, Geometry(shift_px=(-10, 0)))
    np.testing.assert_allclose(shifted[:, 10:], picture[:, :-10], atol=1e-4)
    np.testing.assert_allclose(shifted[:, :10], picture[:, 9::-1], atol=1e-4)


def test_too_large_a_scale():
    with pytest.raises(UsageError, match="10 x 8"):
        integrate(scene(8, 10), 5, Geometry())
    assert integrate(scene(8, 10), 4, Geometry()).shape == (2, 2, 3)
