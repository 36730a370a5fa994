"""Calibrations of other programs, written here in their formats."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from dualcam.errors import InputError, UsageError
from dualcam.rig.cameras import to_opencv
from dualcam.rig.importing import import_rig
from rig_rendering import fisheye_pair, pinhole_pair


def same(rig, other, translation=1e-9):
    for one, two in ((rig.mono, other.mono), (rig.color, other.color)):
        assert (one.model, one.size) == (two.model, two.size)
        assert one.matrix == pytest.approx(two.matrix)
        lens = np.zeros(14)
        lens[: len(one.distortion)] = one.distortion
        lens[: len(two.distortion)] -= two.distortion
        assert lens == pytest.approx(np.zeros(14))
    assert rig.rotation == pytest.approx(other.rotation, abs=1e-6)
    assert rig.translation == pytest.approx(other.translation, abs=translation)


@pytest.mark.parametrize("suffix", [".yml", ".xml", ".json"])
def test_opencv_in_one_file(tmp_path, suffix):
    rig = pinhole_pair()
    path = tmp_path / f"stereo{suffix}"
    store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in (
        ("M1", to_opencv(rig.mono.matrix)),
        ("D1", np.array(rig.mono.distortion)),
        ("M2", to_opencv(rig.color.matrix)),
        ("D2", np.array(rig.color.distortion)),
        ("R", rig.rotation),
        ("T", 1000 * rig.translation.reshape(3, 1)),
    ):
        store.write(key, value)
    store.release()
    sizes = {"mono_size": rig.mono.size, "color_size": rig.color.size}
    found, kind = import_rig([path], unit="mm", **sizes)
    assert kind == "OpenCV"
    same(found, rig)
    with pytest.raises(UsageError, match="unit"):
        import_rig([path], **sizes)
    with pytest.raises(UsageError, match="size"):
        import_rig([path], unit="mm")


def test_opencv_in_two_files_the_other_way_round(tmp_path):
    rig = pinhole_pair()
    files = tmp_path / "intrinsics.yml", tmp_path / "extrinsics.yml"
    store = cv2.FileStorage(str(files[0]), cv2.FILE_STORAGE_WRITE)
    for key, camera in (("1", rig.color), ("2", rig.mono)):
        store.write(f"M{key}", to_opencv(camera.matrix))
        store.write(f"D{key}", np.array(camera.distortion))
    store.release()
    store = cv2.FileStorage(str(files[1]), cv2.FILE_STORAGE_WRITE)
    store.write("R", cv2.Rodrigues(rig.rotation.T)[0])
    store.write("T", -rig.rotation.T @ rig.translation)
    store.release()
    sizes = {"mono_size": rig.mono.size, "color_size": rig.color.size}
    found, _ = import_rig(files, mono="2", color="1", unit="m", **sizes)
    same(found, rig)
    with pytest.raises(InputError, match="both"):
        import_rig(files[:1], unit="m", **sizes)


def depthai(rig, kind=0):
    """Color on CAM_A, mono on CAM_B, whose pose is given by way of CAM_C, as on an OAK-D."""
    turn = cv2.Rodrigues(np.radians([0.1, 0.4, -0.2]))[0]
    shift = np.array([-7.5, 0.1, 0.05])
    # B to C is turn and shift; C to A is what is left.
    rest = rig.rotation @ turn.T
    cameras = []
    for socket, camera, rotation, translation, to in (
        (0, rig.color, None, np.zeros(3), -1),
        (1, rig.mono, turn, shift, 2),
        (2, rig.mono, rest, 100 * rig.translation - rest @ shift, 0),
    ):
        fisheye = camera.model == "fisheye"
        lens = np.zeros(14)
        lens[: len(camera.distortion)] = camera.distortion
        data = {
            "cameraType": int(fisheye),
            "distortionCoeff": lens.tolist(),
            "extrinsics": {
                "rotationMatrix": [] if rotation is None else rotation.tolist(),
                "specTranslation": {"x": 0, "y": 0, "z": 0},
                "toCameraSocket": to,
                "translation": dict(zip("xyz", translation.tolist(), strict=True)),
            },
            "height": camera.size[0],
            "intrinsicMatrix": to_opencv(camera.matrix).tolist(),
            "lensPosition": 0,
            "specHfovDeg": 68.0,
            "width": camera.size[1],
        }
        cameras.append([socket, data])
    return {"boardName": "X", "cameraData": cameras, "version": 7}


@pytest.mark.parametrize("rig", [pinhole_pair(), fisheye_pair()], ids=["pinhole", "fisheye"])
def test_depthai_follows_the_links_from_camera_to_camera(tmp_path, rig):
    path = tmp_path / "oak.json"
    path.write_text(json.dumps(depthai(rig)))
    found, kind = import_rig([path])
    assert kind == "depthai"
    same(found, rig)
    turned, _ = import_rig([path], mono="CAM_A", color="left")
    assert turned.translation == pytest.approx(-rig.rotation.T @ rig.translation)
    with pytest.raises(UsageError, match="CAM_A"):
        import_rig([path], mono="CAM_E")


def test_depthai_without_a_link_is_refused(tmp_path):
    data = depthai(pinhole_pair())
    data["cameraData"][2][1]["extrinsics"]["toCameraSocket"] = -1
    path = tmp_path / "oak.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="stand to each other"):
        import_rig([path])


def camchain(rig):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rig.rotation, rig.translation
    text = ""
    for number, camera in enumerate((rig.mono, rig.color)):
        k = to_opencv(camera.matrix)
        text += f"cam{number}:\n"
        if number:
            text += "  T_cn_cnm1:\n" + "".join(f"  - {row.tolist()}\n" for row in matrix)
        text += "  cam_overlaps: [1]\n  camera_model: pinhole\n"
        text += f"  distortion_coeffs: {list(camera.distortion[:4])}\n"
        text += f"  distortion_model: {'equidistant' if camera.model == 'fisheye' else 'radtan'}\n"
        text += f"  intrinsics: [{k[0, 0]}, {k[1, 1]},\n    {k[0, 2]}, {k[1, 2]}]\n"
        text += f"  resolution: [{camera.size[1]}, {camera.size[0]}]\n  rostopic: /cam{number}/image_raw  # topic\n"
    return text


@pytest.mark.parametrize("rig", [pinhole_pair(), fisheye_pair()], ids=["pinhole", "fisheye"])
def test_kalibr(tmp_path, rig):
    path = tmp_path / "camchain.yaml"
    path.write_text(camchain(rig))
    found, kind = import_rig([path])
    assert kind == "Kalibr"
    same(found, rig)
    turned, _ = import_rig([path], mono="cam1", color="cam0")
    assert turned.translation == pytest.approx(-rig.rotation.T @ rig.translation)
    with pytest.raises(UsageError, match="cam2"):
        import_rig([path], color="cam2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not a calibration", "format"),
        ('{"cameraData": 3}', "depthai"),
        ("cam0:\n  distortion_coeffs: [0, 0, 0, 0]\n  camera_model: omni\n", "cam1"),
        ("%YAML:1.0\n---\nx: 1\n", "D1"),
    ],
)
def test_other_texts_are_refused(tmp_path, text, says):
    path = tmp_path / "calibration.yaml"
    path.write_text(text)
    with pytest.raises((InputError, UsageError), match=says):
        import_rig([path], unit="m", mono_size=(480, 640), color_size=(480, 640))
