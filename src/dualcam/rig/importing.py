"""Rigs out of the files of other programs: OpenCV's YAML, XML and JSON, depthai's JSON, Kalibr's YAML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dualcam.errors import InputError, UsageError
from dualcam.frame import Size
from dualcam.rig.camchain import read_camchain
from dualcam.rig.cameras import COUNTS, NAMES, Array, Camera, Model, Rig, from_opencv
from dualcam.rig.rigfile import LENGTHS, check

# Names under which programs store both cameras' matrices, coefficients and the pose: OpenCV's own stereo sample first.
_FIRST = (
    "M1",
    "K1",
    "cameraMatrix1",
    "camera_matrix_1",
    "CM1",
    "mtx1",
    "KL",
    "camera_matrix_left",
    "cameraMatrixL",
)
_SECOND = (
    "M2",
    "K2",
    "cameraMatrix2",
    "camera_matrix_2",
    "CM2",
    "mtx2",
    "KR",
    "camera_matrix_right",
    "cameraMatrixR",
)
_FIRST_LENS = ("D1", "distCoeffs1", "dist_coeffs_1", "dist1", "DL", "distortion_left", "distCoeffsL")
_SECOND_LENS = ("D2", "distCoeffs2", "dist_coeffs_2", "dist2", "DR", "distortion_right", "distCoeffsR")
_ROTATION = ("R", "rotation", "rotation_matrix", "Rot")
_TRANSLATION = ("T", "t", "translation", "translation_vector", "Trns")
_FIRST_SIZE = ("imageSize1", "image_size_1", "size1", "imageSize", "image_size", "size")
_SECOND_SIZE = ("imageSize2", "image_size_2", "size2", "imageSize", "image_size", "size")
_SOCKETS = {"CAM_A": 0, "RGB": 0, "CAM_B": 1, "LEFT": 1, "CAM_C": 2, "RIGHT": 2, "CAM_D": 3, "CAM_E": 4}
_LENS_OF_TYPE: dict[int, Model] = {0: "pinhole", 1: "fisheye"}


def import_rig(
    paths: Sequence[Path],
    *,
    mono: str | None = None,
    color: str | None = None,
    unit: str | None = None,
    mono_size: Size | None = None,
    color_size: Size | None = None,
    fisheye: bool = False,
) -> tuple[Rig, str]:
    """Read a calibration of another program.

    Args:
        paths: the file, or OpenCV's two (intrinsics and extrinsics).
        mono: which camera is the mono one: "1" or "2" (OpenCV), a socket such as "CAM_B" or "left" (depthai), "cam0"
            (Kalibr). None for the first (the left one of depthai).
        color: which one is the color camera. None for the second (CAM_A of depthai).
        unit: "mm", "cm" or "m", in which OpenCV's translation is: its files do not say.
        mono_size: height and width of the mono pictures, where the file does not say.
        color_size: the same of the color pictures.
        fisheye: OpenCV's four coefficients are those of its fisheye model.

    Returns:
        The rig and the name of the format.

    Raises:
        InputError: a file is missing, in no known format, or lacks something.
        UsageError: a camera or unit that is not there, or a size that has to be given.
    """
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path} cannot be read as text: {error}.", "Give a calibration file."
            ) from error
    name = paths[0].name
    if len(paths) == 1 and '"cameraData"' in texts[0]:
        rig, kind = _depthai(texts[0], name, mono or "CAM_B", color or "CAM_A"), "depthai"
    elif len(paths) == 1 and "distortion_coeffs" in texts[0] and "cam0" in texts[0]:
        rig, kind = _kalibr(texts[0], name, mono or "cam0", color or "cam1"), "Kalibr"
    else:
        rig = _opencv(texts, name, mono or "1", color or "2", unit, mono_size, color_size, fisheye)
        kind = "OpenCV"
    check(rig, name)
    return Rig(
        rig.mono, rig.color, rig.rotation, rig.translation, {"imported_from": kind, "file": name}
    ), kind


def _opencv(
    texts: Sequence[str],
    name: str,
    mono: str,
    color: str,
    unit: str | None,
    mono_size: Size | None,
    color_size: Size | None,
    fisheye: bool,
) -> Rig:
    if {mono, color} != {"1", "2"}:
        raise UsageError(
            f"an OpenCV file has no cameras {mono!r} and {color!r}.",
            "Use --mono 1 --color 2, or the other way round.",
        )
    if unit not in LENGTHS:
        raise UsageError(
            f"{name} does not say in which unit its translation is.",
            "Add --unit mm, cm or m: the unit in which the squares of the board were given.",
        )
    stores = [_storage(text, name) for text in texts]
    cameras = []
    for keys, lens, sizes, given, which in (
        (_FIRST, _FIRST_LENS, _FIRST_SIZE, mono_size if mono == "1" else color_size, "1"),
        (_SECOND, _SECOND_LENS, _SECOND_SIZE, mono_size if mono == "2" else color_size, "2"),
    ):
        size = given or _stored_size(stores, sizes)
        if size is None:
            role = "mono" if mono == which else "color"
            raise UsageError(
                f"{name} does not say how large the pictures of camera {which} are.",
                f"Add --{role}-size WIDTHxHEIGHT.",
            )
        coefficients = np.ravel(_stored(stores, lens, name))
        model: Model = "fisheye" if fisheye else "pinhole"
        cameras.append(
            _checked(model, size, _stored(stores, keys, name), coefficients, f"{name}, camera {which}")
        )
    turn = _stored(stores, _ROTATION, name)
    rotation = np.asarray(cv2.Rodrigues(turn)[0]) if turn.size == 3 else turn.reshape(3, 3)
    shift = np.ravel(_stored(stores, _TRANSLATION, name)) * LENGTHS[unit]
    return _rig(cameras[0], cameras[1], rotation, shift, swapped=mono == "2")


def _storage(text: str, name: str) -> Any:
    try:
        store = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except (cv2.error, SystemError) as error:
        raise InputError(
            f"{name} is in no format known here.",
            "Give OpenCV's YAML, XML or JSON (M1, D1, M2, D2, R, T), depthai's JSON, or Kalibr's camchain YAML.",
        ) from error
    return store


def _stored(stores: Sequence[Any], keys: Sequence[str], name: str) -> Array:
    for store in stores:
        for key in keys:
            node = store.getNode(key)
            value = None if node.empty() else node.mat()
            if value is not None:
                return np.asarray(value, np.float64)
    raise InputError(
        f"{name} holds none of {', '.join(keys)}.",
        "OpenCV's stereo sample writes two files; give both, intrinsics and extrinsics.",
    )


def _stored_size(stores: Sequence[Any], keys: Sequence[str]) -> Size | None:
    for store in stores:
        for key in keys:
            node = store.getNode(key)
            if node.empty():
                continue
            matrix = node.mat() if not node.isSeq() else None
            values = (
                np.ravel(matrix) if matrix is not None else [node.at(i).real() for i in range(node.size())]
            )
            if len(values) == 2:
                return int(values[1]), int(values[0])
        width, height = (store.getNode(key) for key in ("image_width", "image_height"))
        if not width.empty() and not height.empty():
            return int(height.real()), int(width.real())
    return None


def _depthai(text: str, name: str, mono: str, color: str) -> Rig:
    try:
        found = {int(number): data for number, data in json.loads(text)["cameraData"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{name} is no calibration of depthai: {error}.", "Save it with eepromToJsonFile."
        ) from error
    try:
        first, second = (_SOCKETS.get(str(key).upper(), None) for key in (mono, color))
        if first is None or second is None or first not in found or second not in found or first == second:
            there = ", ".join(name for name, number in _SOCKETS.items() if number in found)
            raise UsageError(f"{name} has no two cameras {mono} and {color}.", f"Use two of {there}.")
        cameras = [_depthai_camera(found[number], f"{name}, socket {number}") for number in (first, second)]
        turn, shift = _chain(found, first, second, name)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"{name} lacks something: {error!r}.", "Save it again with eepromToJsonFile."
        ) from error
    # depthai keeps lengths in centimeters.
    return _rig(cameras[0], cameras[1], turn, shift * LENGTHS["cm"])


def _depthai_camera(data: Any, name: str) -> Camera:
    kind = int(data.get("cameraType", 0))
    if kind not in _LENS_OF_TYPE:
        raise InputError(f"{name}: the lens model {kind} of depthai is not known.", "Calibrate with dualcam.")
    coefficients = list(data["distortionCoeff"])
    model = _LENS_OF_TYPE[kind]
    if model == "fisheye":
        coefficients = coefficients[:4]
    size = int(data["height"]), int(data["width"])
    return _checked(model, size, np.array(data["intrinsicMatrix"], np.float64), np.array(coefficients), name)


def _chain(found: dict[int, Any], first: int, second: int, name: str) -> tuple[Array, Array]:
    """Follow the links from camera to camera: X_to = rotation . X_from + translation."""

    def to_end(start: int) -> dict[int, tuple[Array, Array]]:
        poses = {start: (np.eye(3), np.zeros(3))}
        here = start
        while True:
            link = found[here]["extrinsics"]
            there = int(link["toCameraSocket"])
            if there < 0 or there not in found or there in poses or not link["rotationMatrix"]:
                return poses
            turn = np.array(link["rotationMatrix"], np.float64)
            shift = np.array([link["translation"][axis] for axis in "xyz"], np.float64)
            before = poses[here]
            poses[there] = turn @ before[0], turn @ before[1] + shift
            here = there

    ours, theirs = to_end(first), to_end(second)
    for meeting in ours:
        if meeting in theirs:
            (a, b), (c, d) = ours[meeting], theirs[meeting]
            return c.T @ a, c.T @ (b - d)
    raise InputError(
        f"{name} does not say how sockets {first} and {second} stand to each other.", "Calibrate them."
    )


def _kalibr(text: str, name: str, mono: str, color: str) -> Rig:
    cameras = read_camchain(text, name)
    numbers = []
    for key in (mono, color):
        if key not in cameras:
            raise UsageError(f"{name} has no camera {key!r}.", f"Use two of {', '.join(cameras)}.")
        numbers.append(list(cameras).index(key))
    if numbers[0] == numbers[1]:
        raise UsageError("mono and color are the same camera.", f"Use two of {', '.join(cameras)}.")
    # Every camera's pose is given from the one before it.
    poses = [np.eye(4)]
    for key, data in list(cameras.items())[1:]:
        step = np.array(data.get("T_cn_cnm1", []), np.float64)
        if step.shape != (4, 4):
            raise InputError(
                f"{name}: {key} has no T_cn_cnm1.", "Give the camchain of a calibration of several cameras."
            )
        poses.append(step @ poses[-1])
    between = poses[numbers[1]] @ np.linalg.inv(poses[numbers[0]])
    first, second = (_kalibr_camera(cameras[key], f"{name}, {key}") for key in (mono, color))
    return _rig(first, second, between[:3, :3], between[:3, 3])


def _kalibr_camera(data: dict[str, Any], name: str) -> Camera:
    model, lens = data.get("camera_model"), data.get("distortion_model")
    if model != "pinhole" or lens not in ("radtan", "equidistant", "none"):
        raise InputError(
            f"{name}: the model {model}-{lens} is not known here.",
            "Calibrate with pinhole-radtan or pinhole-equi.",
        )
    try:
        fx, fy, cx, cy = (float(v) for v in data["intrinsics"])
        width, height = (int(v) for v in data["resolution"])
        coefficients = np.array(data["distortion_coeffs"] if lens != "none" else [], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{name}: intrinsics, resolution or distortion_coeffs are missing.", "Check it."
        ) from error
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return _checked(
        "fisheye" if lens == "equidistant" else "pinhole", (height, width), matrix, coefficients, name
    )


def _checked(model: Model, size: Size, matrix: Array, coefficients: Array, name: str) -> Camera:
    if matrix.shape != (3, 3) or coefficients.size > 14:
        raise InputError(f"{name}: matrix or coefficients have the wrong size.", "Check the file.")
    values = tuple(float(v) for v in np.ravel(coefficients))
    # OpenCV and depthai write up to 14, most of them 0.
    count = max((i + 1 for i, v in enumerate(values) if v), default=0)
    if count > len(NAMES[model]):
        raise InputError(
            f"{name}: {count} coefficients are more than the lens model {model} has here.",
            "Calibrate with dualcam, or without a tilted sensor.",
        )
    fitting = next(n for n in COUNTS[model] if n >= count)
    values = (values + (0.0,) * fitting)[:fitting]
    return Camera(model, size, from_opencv(matrix / matrix[2, 2]), values)


def _rig(first: Camera, second: Camera, rotation: Array, translation: Array, swapped: bool = False) -> Rig:
    rotation, translation = np.asarray(rotation, np.float64), np.asarray(translation, np.float64)
    # Files hold a handful of digits; the nearest rotation is what was meant.
    u, _, v = np.linalg.svd(rotation)
    if np.abs(u @ v - rotation).max() < 1e-3:
        rotation = u @ v
    if swapped:
        return Rig(second, first, rotation.T, -rotation.T @ translation)
    return Rig(first, second, rotation, translation)
