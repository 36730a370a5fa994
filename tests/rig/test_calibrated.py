"""Placement by a rig, against scenes rendered through its cameras."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dualcam.errors import InputError, PlacementError, UsageError
from dualcam.files.read import from_array
from dualcam.rig import warp
from dualcam.rig.calibrated import EXACT_PX, Reference, fitted, of_reference, place_with
from dualcam.rig.cameras import Camera, Rig, project, unproject
from dualcam.rig.drift import measure
from dualcam.rig.features import match_pictures
from dualcam.rig.mapping import Mapping, between_nodes
from dualcam.rig.place import place
from rig_rendering import Room, fisheye_pair, pinhole_pair

RIGS = {"pinhole": pinhole_pair(), "fisheye": fisheye_pair()}


def mapping(placement, rig):
    return Mapping(placement.matrix, placement.bend, rig.mono.size, rig.color.size)


def turned(rig, degrees):
    return replace(rig, rotation=cv2.Rodrigues(np.radians(degrees))[0] @ rig.rotation)


@pytest.fixture(scope="module", params=list(RIGS))
def shot(request):
    """A rig, a dim pair of a room taken by it, and where the color camera truly sees every mono pixel."""
    rig, rng = RIGS[request.param], np.random.default_rng(5)
    room = Room(rng)
    truth, points = room.mono(rig)
    mono = truth @ np.array([0.3, 0.5, 0.2], np.float32)
    mono = mono + rng.normal(0, 0.01, mono.shape).astype(np.float32)
    color = room.color(rig) / 4
    color = color + rng.normal(0, 0.01, color.shape).astype(np.float32)
    places = project(rig.color, points @ rig.rotation.T + rig.translation)
    pair = from_array(mono.astype(np.float32), "mono"), from_array(color.astype(np.float32), "color")
    return rig, *pair, places, match_pictures(*(frame.pixels for frame in pair))


@pytest.fixture
def matched(shot, monkeypatch):
    """Features of the pair are looked for once."""
    monkeypatch.setattr("dualcam.rig.calibrated.match_pictures", lambda mono, color: shot[-1])


@pytest.mark.parametrize("rig", RIGS.values(), ids=list(RIGS))
@pytest.mark.parametrize("inverse", [0.0, 0.8])
def test_nodes_say_what_the_cameras_see(rig, inverse):
    reference = Reference(rig, inverse)
    known = mapping(of_reference(reference), rig)
    rng = np.random.default_rng(0)
    mono = (rng.uniform(0, 1, (4000, 2)) * rig.mono.size[::-1]).astype(np.float32)
    there = reference.to_color(mono)
    seen = warp.inside(there, *rig.color.size)
    assert seen.mean() > 0.25
    assert np.linalg.norm(known.to_color(mono) - there, axis=1)[seen].max() < EXACT_PX
    # What the mapping puts outside is outside.
    assert not warp.inside(known.to_color(mono), *rig.color.size, margin=0.5)[~seen].any()
    color = (rng.uniform(0, 1, (4000, 2)) * rig.color.size[::-1]).astype(np.float32)
    back = reference.to_mono(color)
    seen = warp.inside(back, *rig.mono.size)
    assert np.linalg.norm(known.to_mono(color) - back, axis=1)[seen].max() < EXACT_PX
    assert reference.to_color(back[seen]) == pytest.approx(color[seen], abs=1e-3)


def test_all_nodes_are_finite_where_a_fisheye_looks_behind_the_color_camera():
    rig = fisheye_pair()
    wide = replace(rig.mono, matrix=rig.mono.matrix * np.array([[0.45], [0.45], [1]]), distortion=(0.0,) * 4)
    placement = of_reference(Reference(replace(rig, mono=replace(wide, matrix=centered(wide))), 0.5))
    for field in (placement.bend.forward, placement.bend.backward):
        assert np.isfinite(field).all()
    assert placement.overlap < 0.5


def centered(camera):
    matrix = camera.matrix.copy()
    matrix[:2, 2] = camera.size[1] / 2, camera.size[0] / 2
    return matrix


def test_a_parallel_rig_without_distortion_is_a_shift():
    mono = Camera("pinhole", (300, 400), np.array([[500.0, 0, 200], [0, 500, 150], [0, 0, 1]]))
    color = Camera("pinhole", (150, 200), np.array([[250.0, 0, 100], [0, 250, 75], [0, 0, 1]]))
    placement = of_reference(Reference(Rig(mono, color, np.eye(3), np.array([-0.1, 0, 0])), 0.5))
    assert placement.bend is None
    assert placement.matrix == pytest.approx(np.array([[0.5, 0, -12.5], [0, 0.5, 0], [0, 0, 1]]), abs=1e-6)
    assert placement.scale == pytest.approx(2)
    assert placement.epipolar == pytest.approx(np.broadcast_to([-1, 0], placement.epipolar.shape), abs=1e-4)


@pytest.mark.parametrize("rig", RIGS.values(), ids=list(RIGS))
def test_parallax_moves_along_the_lines(rig):
    reference = Reference(rig, 0.5)
    placement = of_reference(reference)
    mono = np.float32([[200, 180], [320, 225], [420, 300]])
    there = reference.to_color(mono, nearer=0.02)
    # The mono pixel that the reference surface would have put there.
    moved = reference.to_mono(there) - mono
    lines = between_nodes(placement.epipolar, mono, rig.mono.size)
    cosine = (moved * lines).sum(axis=1) / np.linalg.norm(moved, axis=1) / np.linalg.norm(lines, axis=1)
    assert (cosine > 0.9999).all()


def test_a_rig_places_to_a_fifth_of_a_pixel_and_no_worse_than_features(shot, matched):
    rig, mono, color, truth, _ = shot
    placement, notes = place_with(rig, mono, color)
    seen = warp.inside(truth, *rig.color.size) & np.isfinite(truth[..., 0])
    centers = warp.centers(*rig.mono.size)

    def across(found):
        """How far the placement is from the truth across the true lines of parallax, in color pixels."""
        away = mapping(found, rig).to_color(centers) - truth
        reference = Reference(rig, 0.6)
        line = reference.to_color(centers, 1e-3) - reference.to_color(centers)
        line /= np.linalg.norm(line, axis=-1, keepdims=True)
        return np.abs(away[..., 0] * line[..., 1] - away[..., 1] * line[..., 0])[seen]

    assert not any("moved" in note for note in notes)
    assert placement.method == "rig"
    assert placement.matches > 50
    assert placement.epipolar is not None
    error = np.percentile(across(placement), 95)
    assert error < 0.2
    # Features find these lenses as well, from a well-lit pair full of texture.
    assert error < np.percentile(across(place(mono, color)), 95) + 0.05
    # The walls are 1.2 and 2 meters away: the surface lies between them.
    middle = rig.mono.matrix[:2, 2][None]
    ray = unproject(rig.mono, middle)
    here = mapping(placement, rig).to_color(middle)
    first, last = (project(rig.color, ray * way @ rig.rotation.T + rig.translation) for way in (1.15, 2.1))
    assert min(first[0, 0], last[0, 0]) <= here[0, 0] <= max(first[0, 0], last[0, 0])


def test_a_rig_that_was_turned_is_noticed_and_searched_for_freely(shot, matched):
    rig, mono, color, _, matches = shot
    moved = turned(rig, [0.4, 0.0, 0.3])
    placement, notes = place_with(moved, mono, color)
    assert any("moved" in note for note in notes)
    assert placement.epipolar is None
    found = measure(moved, matches)
    assert found.moved
    assert found.turn_deg[[0, 2]] == pytest.approx([-0.4, -0.3], abs=0.08)
    assert not measure(rig, matches).moved


def test_a_given_distance_is_taken(shot, matched):
    rig, mono, color, *_ = shot
    placement, _ = place_with(rig, mono, color, distance=1.6)
    exact = of_reference(Reference(rig, 1 / 1.6))
    assert placement.matrix == pytest.approx(exact.matrix)
    with pytest.raises(UsageError, match="distance"):
        place_with(rig, mono, color, distance=-1)


def test_pictures_without_features_are_placed_for_infinity():
    rig = pinhole_pair()
    mono = from_array(np.full(rig.mono.size, 0.4, np.float32), "mono")
    color = from_array(np.full((*rig.color.size, 3), [0.4, 0.3, 0.2], np.float32), "color")
    placement, notes = place_with(rig, mono, color)
    assert placement.matches == 0
    assert any("infinity" in note for note in notes)
    assert placement.matrix == pytest.approx(of_reference(Reference(rig, 0.0)).matrix)


def test_binned_pictures_are_taken_with_a_note_and_other_shapes_refused():
    rig = pinhole_pair()
    half, notes = fitted(rig, (225, 300), rig.color.size)
    assert half.mono.matrix[0, 0] == pytest.approx(rig.mono.matrix[0, 0] / 2)
    assert len(notes) == 1
    assert "0.5 times" in notes[0]
    assert fitted(rig, rig.mono.size, rig.color.size)[1] == ()
    with pytest.raises(InputError, match="another shape"):
        fitted(rig, (300, 300), rig.color.size)


def test_cameras_that_look_apart_are_refused():
    with pytest.raises(PlacementError, match="inside"):
        of_reference(Reference(turned(pinhole_pair(), [0, 120, 0]), 0.0))
