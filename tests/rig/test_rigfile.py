"""The rig file: there and back, conventions of others, and what is wrong with a bad one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dualcam.errors import InputError
from dualcam.rig.cameras import Camera, Rig
from dualcam.rig.rigfile import from_json, read_rig, to_json
from rig_rendering import fisheye_pair


def members():
    return json.loads(to_json(fisheye_pair()))


def test_there_and_back(tmp_path):
    rig = fisheye_pair()
    (tmp_path / "rig.json").write_text(to_json(rig))
    back = read_rig(tmp_path / "rig.json")
    for one, other in ((rig.mono, back.mono), (rig.color, back.color)):
        assert (one.model, one.size) == (other.model, other.size)
        assert other.matrix == pytest.approx(one.matrix)
        assert other.distortion == pytest.approx(one.distortion)
    assert back.rotation == pytest.approx(rig.rotation)
    assert back.translation == pytest.approx(rig.translation)


def test_facts_stay(tmp_path):
    camera = Camera("pinhole", (48, 64), np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]))
    rig = Rig(camera, camera, np.eye(3), np.array([0.1, 0, 0]), {"pairs": 12, "epipolar_px": 0.1})
    assert from_json(json.loads(to_json(rig))).facts == {"pairs": 12, "epipolar_px": 0.1}


def test_millimeters_and_pixel_centers_of_opencv_are_understood():
    found = members()
    found["units"] = {"pixel": "px", "length": "mm", "pixel_center": 0}
    rig = from_json(found)
    assert rig.translation == pytest.approx(fisheye_pair().translation / 1000)
    assert rig.mono.matrix[:2, 2] == pytest.approx(fisheye_pair().mono.matrix[:2, 2] + 0.5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "other"}, "no rig of dualcam"),
        ({"version": 2}, "version 2"),
        ({"units": {"length": "inch", "pixel_center": 0.5}}, "unit of length"),
        ({"units": {"length": "m", "pixel_center": 1}}, "pixel_center"),
        ({"mono": None}, '"mono"'),
        ({"rotation": [[1, 0, 0], [0, 1, 0]]}, "3 x 3"),
        ({"rotation": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}, "no rotation"),
        ({"rotation": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]}, "mirrors"),
        ({"translation": "far"}, '"translation"'),
    ],
)
def test_what_is_wrong_is_named(change, says):
    with pytest.raises(InputError, match=says):
        from_json(members() | change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "omni"}, "omni"),
        ({"fx": -3}, "focal"),
        ({"fx": "wide"}, '"fx"'),
        ({"width": 640.5}, "whole"),
        ({"cx": 1e5}, "principal point"),
        ({"distortion": {"p1": 0.1}}, "p1"),
    ],
)
def test_what_is_wrong_with_a_camera_is_named(change, says):
    found = members()
    found["mono"] |= change
    with pytest.raises(InputError, match=says):
        from_json(found)


@pytest.mark.parametrize("text", ["", "[1, 2", "[]", '{"format": 1}', "\x00\x01"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "rig.json").write_text(text)
    with pytest.raises(InputError):
        read_rig(tmp_path / "rig.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.json"):
        read_rig(tmp_path / "nowhere.json")
