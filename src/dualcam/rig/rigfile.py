"""The file of a rig, ``rig.json``: what two calibrated cameras are, for people and programs.

Version 1 is an object with these members:

- ``format``: "dualcam rig"; ``version``: 1; ``made_by``: free text.
- ``units``: {"pixel": "px", "length": "m", "pixel_center": 0.5}. A ``pixel_center`` of 0 (OpenCV's) is understood, too;
  lengths may be "mm", "cm" or "m".
- ``mono`` and ``color``: {"model": "pinhole" or "fisheye", "width", "height", "fx", "fy", "cx", "cy" in pixels,
  "distortion": {"k1": ..., ...}}.
- ``rotation`` (3 rows of 3) and ``translation`` (3): a point X before the mono camera, in lengths, lies at
  rotation . X + translation before the color camera; x to the right, y down, z away from the camera.
- ``facts``: what is known about the calibration; any names, numbers and texts.

Members that are not named here are ignored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np

from dualcam._version import __version__
from dualcam.errors import InputError
from dualcam.rig.cameras import COUNTS, NAMES, PIXEL_CENTER, Array, Camera, Model, Rig, from_opencv

FORMAT = "dualcam rig"
VERSION = 1
LENGTHS = {"mm": 0.001, "cm": 0.01, "m": 1.0}
_LONGEST = 65_535


def read_rig(path: str | Path) -> Rig:
    """Read a rig.

    Raises:
        InputError: the file is missing, not of this format and version, or describes no two cameras.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"the rig {path} cannot be read: {reason}.", "Make one with `dualcam calibrate`."
        ) from error
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the rig {path} is no JSON: {error}.", _REMEDY) from error
    return from_json(found, str(path))


_REMEDY = "Give the file that `dualcam calibrate` or `dualcam rig import` made."


def from_json(found: Any, name: str = "the rig") -> Rig:
    """Make a rig of the members of a rig file.

    Args:
        found: what ``json.loads`` gave.
        name: how errors call it.

    Raises:
        InputError: a member is missing or makes no sense; the message names it.
    """
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f'{name} is no rig of dualcam (its "format" is not "{FORMAT}").', _REMEDY)
    if found.get("version") != VERSION:
        raise InputError(
            f"{name} has the version {found.get('version')!r}; this dualcam reads version {VERSION}.",
            "Update dualcam, or calibrate again.",
        )
    units = _member(found, "units", dict, name)
    length = units.get("length")
    if length not in LENGTHS:
        raise InputError(f"{name}: the unit of length is {length!r}.", f"Use {', '.join(LENGTHS)}.")
    center = units.get("pixel_center")
    if center not in (0, PIXEL_CENTER):
        raise InputError(f"{name}: the pixel_center is {center!r}.", "Use 0.5 (or 0, as OpenCV does).")
    rig = Rig(
        mono=_camera(found, "mono", center == PIXEL_CENTER, name),
        color=_camera(found, "color", center == PIXEL_CENTER, name),
        rotation=_numbers(found, "rotation", (3, 3), name),
        translation=_numbers(found, "translation", (3,), name) * LENGTHS[length],
        facts=_facts(found.get("facts")),
    )
    check(rig, name)
    return rig


def to_json(rig: Rig) -> str:
    """Write a rig as the text of a rig file."""
    members = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": f"dualcam {__version__}",
        "units": {"pixel": "px", "length": "m", "pixel_center": PIXEL_CENTER},
        "mono": _to_members(rig.mono),
        "color": _to_members(rig.color),
        "rotation": rig.rotation.tolist(),
        "translation": rig.translation.tolist(),
        "facts": dict(rig.facts),
    }
    return json.dumps(members, indent=2, allow_nan=False) + "\n"


def check(rig: Rig, name: str = "the rig") -> None:
    """Refuse a rig that cannot be.

    Raises:
        InputError: sizes, focal lengths, coefficients, rotation or translation are out of what cameras can have.
    """
    for role, camera in (("mono", rig.mono), ("color", rig.color)):
        height, width = camera.size
        fx, fy, cx, cy = (float(camera.matrix[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
        problem = ""
        if camera.model not in COUNTS:
            problem = f"the lens model {camera.model!r} is not known; pinhole and fisheye are"
        elif len(camera.distortion) not in COUNTS[camera.model]:
            problem = f"{len(camera.distortion)} coefficients do not belong to the lens model {camera.model}"
        elif not (1 <= height <= _LONGEST and 1 <= width <= _LONGEST):
            problem = f"its pictures have {width} x {height} pixels"
        elif not np.isfinite(camera.matrix).all() or not np.isfinite(camera.distortion).all():
            problem = "it holds NaN or infinity"
        elif not all(0.05 < f / max(camera.size) < 200 for f in (fx, fy)) or not 0.5 < fx / fy < 2:
            problem = f"focal lengths of {fx:.4g} and {fy:.4g} px do not fit pictures of {width} x {height}"
        elif not (-width < cx < 2 * width and -height < cy < 2 * height):
            problem = f"the principal point ({cx:.4g}, {cy:.4g}) lies far from the picture"
        if problem:
            raise InputError(f"{name}, {role} camera: {problem}.", _REMEDY)
    turned = rig.rotation @ rig.rotation.T
    if not np.isfinite(rig.rotation).all() or np.abs(turned - np.eye(3)).max() > 1e-3:
        raise InputError(f"{name}: the rotation is no rotation matrix.", _REMEDY)
    if np.linalg.det(rig.rotation) < 0:
        raise InputError(f"{name}: the rotation mirrors.", _REMEDY)
    if not np.isfinite(rig.translation).all():
        raise InputError(f"{name}: the translation holds NaN or infinity.", _REMEDY)


def _to_members(camera: Camera) -> dict[str, Any]:
    matrix = camera.matrix
    return {
        "model": camera.model,
        "width": camera.size[1],
        "height": camera.size[0],
        "fx": float(matrix[0, 0]),
        "fy": float(matrix[1, 1]),
        "cx": float(matrix[0, 2]),
        "cy": float(matrix[1, 2]),
        "distortion": dict(zip(NAMES[camera.model], map(float, camera.distortion), strict=False)),
    }


def _camera(found: dict[str, Any], role: str, centered: bool, name: str) -> Camera:
    members, name = _member(found, role, dict, name), f"{name}, {role} camera"
    model = _member(members, "model", str, name)
    if model not in NAMES:
        raise InputError(f"{name}: the lens model {model!r} is not known.", "Use pinhole or fisheye.")
    size = [_number(members, key, name) for key in ("height", "width")]
    if not all(value == int(value) for value in size):
        raise InputError(f"{name}: width and height are no whole numbers.", _REMEDY)
    fx, fy, cx, cy = (_number(members, key, name) for key in ("fx", "fy", "cx", "cy"))
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)
    given = _member(members, "distortion", dict, name)
    if unknown := sorted(set(given) - set(NAMES[model])):
        raise InputError(
            f"{name}: the coefficient {unknown[0]!r} does not belong to the lens model {model}.",
            f"Use {', '.join(NAMES[model])}.",
        )
    last = max((NAMES[model].index(key) + 1 for key in given), default=0)
    count = next(n for n in COUNTS[model] if n >= last)
    distortion = tuple(_number(given, key, name) if key in given else 0.0 for key in NAMES[model][:count])
    return Camera(
        cast(Model, model),
        (int(size[0]), int(size[1])),
        matrix if centered else from_opencv(matrix),
        distortion,
    )


def _member(found: dict[str, Any], key: str, kind: type, name: str) -> Any:
    value = found.get(key)
    if not isinstance(value, kind):
        raise InputError(f'{name} has no "{key}", or not of the right kind.', _REMEDY)
    return value


def _number(found: dict[str, Any], key: str, name: str) -> float:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise InputError(f'{name}: "{key}" is not a number.', _REMEDY)
    return float(value)


def _numbers(found: dict[str, Any], key: str, shape: tuple[int, ...], name: str) -> Array:
    try:
        values = np.array(found.get(key), np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != shape:
        raise InputError(f'{name}: "{key}" is not {" x ".join(map(str, shape))} numbers.', _REMEDY)
    return values


def _facts(found: Any) -> dict[str, float | int | str | bool]:
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, (float, int, str, bool))}
