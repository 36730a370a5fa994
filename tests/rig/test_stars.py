"""Star fields: the pattern is found through turn, zoom, bent lenses and hot pixels, and unrelated skies are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dualcam.errors import PlacementError
from dualcam.files.read import from_array
from dualcam.frame import Pair, Placement
from dualcam.rig import mapping, stars, warp
from dualcam.rig.growing import settled
from dualcam.rig.place import place
from dualcam.simulation.capture import color_file, color_samples, mono_file, mono_samples
from dualcam.simulation.geometry import to_color
from dualcam.simulation.settings import Geometry, SceneLight, Settings
from dualcam.simulation.stars import add_hot_pixels, star_field

SIZE = 400, 560
NIGHT = Settings(light=SceneLight(1000.0, 8.0), scale=2.0)


def frames(geometry=None, seed=1, count=250, hot=20, other=None, settings=NIGHT, **options):
    """Mono and color frames of one sky; or of two, with ``other`` as the color camera's seed."""
    rng = np.random.default_rng(seed)
    left = star_field(*SIZE, rng, stars=count, **options)
    right = left if other is None else star_field(*SIZE, np.random.default_rng(other), stars=count, **options)
    settings = replace(settings, color=replace(settings.color, geometry=geometry or Geometry()))
    mono, color = mono_samples(left, settings, rng), color_samples(right, settings, rng)
    for samples in (mono, color):
        add_hot_pixels(samples, hot, 4095, rng)
    files = mono_file(mono, settings.mono), color_file(color, settings.color)[0]
    return from_array(files[0], "mono"), from_array(files[1], "color")


def error(found, pair, geometry):
    """RMS distance from the true map over the field that both saw, in color pixels."""
    points = warp.centers(*SIZE)[::16, ::16]
    true = to_color(points, SIZE, 2.0, geometry)
    seen = warp.inside(true, *pair[1].pixels.shape[:2])
    placed = mapping.of(Pair(*pair, found)).to_color(points)
    return float(np.sqrt(((placed - true)[seen] ** 2).sum(-1).mean()))


@pytest.mark.parametrize(
    ("geometry", "bound"),
    [
        pytest.param(Geometry(), 0.15, id="straight"),
        pytest.param(Geometry(rotation_deg=5, zoom=1.3, shift_px=(12, -7)), 0.2, id="turned, longer lens"),
        pytest.param(Geometry(rotation_deg=-15, zoom=0.85), 0.3, id="turned the other way, shorter lens"),
        pytest.param(Geometry(distortion=0.03, rotation_deg=2), 0.3, id="barrel"),
    ],
)
def test_known_skies(geometry, bound):
    pair = frames(geometry)
    sky = stars.place_stars(*(frame.pixels for frame in pair))
    assert sky is not None and 0.5 <= sky.quality <= 1
    matrix, bend = settled(sky.model, sky.matrix)
    found = Placement(matrix, 2.0, 1.0, sky.quality, len(sky.matches), 0.0, "stars", bend)
    measured = error(found, pair, geometry)
    print(f"measured {measured:.3f} of {bound}, {found.matches} stars")
    assert measured < bound
    assert (bend is not None) == (geometry.distortion != 0)


def test_few_stars_are_enough():
    geometry = Geometry(rotation_deg=4, shift_px=(10, 5))
    pair = frames(geometry, count=70)
    found = place(*pair)
    assert found.method == "stars" and error(found, pair, geometry) < 0.4
    assert found.overlap > 0.9 and found.scale == pytest.approx(2, rel=0.01) and found.parallax_px < 3


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_unrelated_skies_are_no_pair(first, second):
    mono, color = frames(seed=first, other=second)
    assert stars.place_stars(mono.pixels, color.pixels) is None


def test_unrelated_skies_are_refused():
    mono, color = frames(seed=9, other=10, count=400)
    corner = replace(mono, pixels=mono.pixels[:160, :240]), replace(color, pixels=color.pixels[:80, :120])
    assert len(stars.detect(corner[0].pixels)) > 20
    with pytest.raises(PlacementError):
        place(*corner)


def test_regular_lights_are_no_stars():
    def lamps(step, size):
        y, x = np.mgrid[: size[0], : size[1]] + 0.5
        dots = np.exp(-(((x % step) - step / 2) ** 2 + ((y % step) - step / 2) ** 2) / 3)
        return (0.02 + 0.5 * dots + np.random.default_rng(0).normal(0, 0.003, size)).astype(np.float32)

    mono, color = lamps(30, (300, 400))[..., None], np.repeat(lamps(17, (150, 200))[..., None], 3, axis=2)
    assert len(stars.detect(mono)) > 50 and stars.place_stars(mono, color) is None


def test_a_sky_without_stars_is_refused():
    mono, color = frames(count=0, hot=60)
    assert stars.place_stars(mono.pixels, color.pixels) is None


def test_hot_pixels_are_no_stars():
    mono, color = frames(count=0, hot=200)
    assert len(stars.detect(mono.pixels)) <= 3
    assert len(stars.detect(color.pixels)) <= 20


def test_detected_where_they_are():
    picture = np.full((128, 160, 1), 0.02, np.float32)
    y, x = np.mgrid[:128, :160] + 0.5
    places = np.array([[40.3, 50.8], [100.0, 20.5], [120.7, 99.2]])
    for i, place_of in enumerate(places):
        spot = np.exp(-((x - place_of[0]) ** 2 + (y - place_of[1]) ** 2) / (2 * 1.2**2))
        picture[..., 0] += (0.5 / (i + 1) * spot).astype(np.float32)
    picture += np.random.default_rng(0).normal(0, 0.002, picture.shape).astype(np.float32)
    assert np.abs(stars.detect(picture).positions - places).max() < 0.15


def test_chance_grows_with_tries_and_falls_with_agreement():
    assert stars._log_tail(0, 10, 0.1) == 0.0
    assert stars._log_tail(3, 3, 0.1) == pytest.approx(-3)
    assert stars._log_tail(20, 40, 0.01) < stars._log_tail(10, 40, 0.01) < stars._log_tail(10, 80, 0.01)


def test_the_same_every_time():
    pixels = [frame.pixels for frame in frames(Geometry(rotation_deg=3), count=90)]
    assert np.array_equal(stars.place_stars(*pixels).matrix, stars.place_stars(*pixels).matrix)


@pytest.mark.parametrize("landscape", [0.0, 0.3])
def test_star_fields_as_drawn(landscape):
    sky = star_field(120, 200, np.random.default_rng(0), stars=60, landscape=landscape)
    assert sky.shape == (120, 200, 3) and sky.dtype == np.float32
    assert sky.min() >= 0 and sky.max() <= 1 and np.median(sky[:60]) < 0.05 and sky[:60].max() > 0.05
