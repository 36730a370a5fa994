"""A video: every frame knows what the frame before it knew, and forgets it when it is true no longer."""

from __future__ import annotations

import numpy as np
import pytest

import dualcam.fusion.preparation as preparation
import untrained
from dualcam.frame import Tone
from dualcam.fusion.fuser import Fuser
from dualcam.fusion.hops import HOPS
from dualcam.fusion.past import Past
from synthetic import Light, Rig, shoot, world

HEIGHT, WIDTH = 180, 240


@pytest.fixture
def placed(monkeypatch):
    """How often a placement was searched for."""
    calls, place = [], preparation.place
    monkeypatch.setattr(preparation, "place", lambda *a: calls.append(1) or place(*a))
    return calls


def frames(count, seed=0):
    view = world(Rig(), HEIGHT, WIDTH, seed=seed)
    return [shoot(view, Light(), seed=n) for n in range(count)]


@pytest.mark.parametrize("method", ["classical", "neural"])
def test_a_first_frame_is_a_picture_and_the_next_ones_need_no_placement(tmp_path, placed, method):
    weights = untrained.weights(tmp_path / "w") if method == "neural" else None
    pairs = frames(3)
    hops = []
    found = [*Fuser(method, weights=weights).stream(pairs, on_hop=hops.append)]
    assert len(placed) == 1 and len(hops) == 3 * len(HOPS)
    alone = [Fuser(method, weights=weights).fuse(*pair) for pair in pairs]
    np.testing.assert_array_equal(found[0].pixels, alone[0].pixels)
    for one, other in zip(found[1:], alone[1:], strict=True):
        assert one.pair.placement is found[0].pair.placement
        assert np.abs(one.pixels - other.pixels).mean() < 0.01


def test_frames_are_taken_one_by_one():
    taken = []

    def source():
        for pair in frames(2):
            taken.append(1)
            yield pair

    stream = Fuser("classical").stream(source())
    assert not taken
    next(stream)
    assert len(taken) == 1


def test_other_sizes_and_a_moved_rig_are_placed_anew(placed):
    ((mono, color),) = frames(1)
    fuser = Fuser("classical")
    assert len([*fuser.stream([(mono, color)] * 2)]) == 2 and len(placed) == 1
    placed.clear()
    cut = color[:-6]
    found = [*fuser.stream([(mono, color), (mono, cut)])]
    assert len(placed) == 2 and found[1].pair.color.pixels.shape[:2] == cut.shape[:2]
    placed.clear()
    # The color camera looks elsewhere: the flow from before leads nowhere.
    moved = np.pad(color[:, 40:], ((0, 0), (0, 40), (0, 0)), mode="edge")
    found = [*fuser.stream([(mono, color), (mono, moved)])]
    assert len(placed) == 2
    np.testing.assert_array_equal(found[1].pixels, fuser.fuse(mono, moved).pixels)


def test_exposure_follows_slowly_but_jumps_with_the_light():
    past, weights = Past(), np.float32([0.3, 0.5, 0.2])
    first = past.calmed(Tone(10.0, 1.2, weights))
    assert first.gain == 10
    calm = past.calmed(Tone(11.0, 1.0, weights))
    assert 10 < calm.gain < 10.5 and calm.exponent == 1.2
    jumped = Tone(30.0, 1.0, weights)
    assert past.calmed(jumped) is jumped
