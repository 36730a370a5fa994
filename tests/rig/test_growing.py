"""Whole pictures behind strong lenses: placed outward from the middle, to where both cameras see."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.files.read import from_array
from dualcam.frame import Pair
from dualcam.rig import mapping, warp
from dualcam.rig.features import Matches
from dualcam.rig.growing import grow, settled
from dualcam.rig.lens import Lens
from dualcam.rig.place import place
from synthetic import Rig, shoot, world

SIZE = 420, 560


def bent_pair(bends, rotation=0.0):
    """Mono and color frames of one scene, the color camera behind a lens; and the true map."""
    view = world(Rig(scale=1.0, fov=1.2, rotation=rotation), *SIZE)
    mono, color = shoot(view)
    camera = Lens(color.shape[:2], bends)
    straight = Lens(color.shape[:2])
    # Where in the straight picture a pixel of the bent one looks.
    places = straight.bent(camera.straightened(warp.centers(*color.shape[:2]).reshape(-1, 2).astype(float)))
    places = places.reshape(*color.shape[:2], 2).astype(np.float32)
    seen = warp.sample(color.astype(np.float32), places)

    def true(points):
        there = warp.transform(view.matrix, points).reshape(-1, 2).astype(float)
        return camera.bent(straight.straightened(there)).reshape(points.shape)

    return (from_array(mono, "mono"), from_array(np.rint(seen).astype(np.uint8), "color")), true


@pytest.mark.parametrize(
    ("bends", "rotation", "bound"),
    [((-0.06, 0.0), 0.0, 0.5), ((-0.3, 0.0), 5.0, 0.8)],
    ids=["barrel", "fisheye, turned"],
)
def test_bent_pictures(bends, rotation, bound):
    pair, true = bent_pair(bends, rotation)
    found = place(*pair)
    points = warp.centers(*SIZE)[::12, ::12]
    there = mapping.of(Pair(*pair, found)).to_color(points)
    wanted = true(points)
    seen = warp.inside(wanted.astype(np.float32), *pair[1].pixels.shape[:2])
    error = float(np.sqrt(((there - wanted)[seen] ** 2).sum(-1).mean()))
    straight = warp.transform(found.matrix, points)
    before = float(np.sqrt(((straight - wanted)[seen] ** 2).sum(-1).mean()))
    print(f"measured {error:.2f} of {bound}, without the bend {before:.2f}")
    assert found.bend is not None and error < bound < before
    assert mapping.largest_bend(Pair(*pair, found)) > 3
    assert found.overlap == pytest.approx(float(seen.mean()), abs=0.02)


def test_a_straight_pair_is_left_as_it_is():
    view = world(Rig(scale=1.0, parallax=(10, 0)), 200, 280)
    mono, color = (from_array(p, role) for p, role in zip(shoot(view), ("mono", "color"), strict=True))
    points = warp.centers(200, 280)[::10, ::10].reshape(-1, 2)
    there = points + np.random.default_rng(0).normal(0, 0.3, points.shape).astype(np.float32)
    matches = Matches(points, there.astype(np.float32))
    found = grow(mono, color, matches, matches, np.eye(3), 10.0)
    assert found.bend is None and np.array_equal(found.matrix, np.eye(3)) and found.kept is matches
    assert mapping.largest_bend(Pair(mono, color, place(mono, color, "identity"))) == 0


def test_no_model_leaves_the_matrix():
    matrix, bend = settled(None, np.eye(3))
    assert bend is None and np.array_equal(matrix, np.eye(3))
