"""What benchmark results depend on, as a few names and checksums, so that runs are never mixed.

A configuration is a nested mapping of plain values: the protocol's constants, checksums of dualcam's own code and
weights room by room, versions of the packages that compute, checksums of the scenes. It holds no times and no
paths. What only presents results (command line, tables, reports) or makes weights (networks, training) is left out.

What only the methods with weights depend on stands apart, so that new weights do not make the results of all others
worthless.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dualcam
from dualcam.errors import InputError
from dualcam.evaluation import protocol
from dualcam.evaluation.dataset import Scene

SCHEMA = 1
SCORING = "scoring"
"""The entry that only scores depend on, not outputs."""
NEURAL = "neural"
"""The entry that only methods with weights depend on."""

PACKAGE = Path(dualcam.__file__).parent
"""Where dualcam's own code and weights lie."""
WEIGHTS = "weights"
"""The folder below it that holds the weights."""

_PACKAGES = {
    "numpy": "numpy",
    "opencv": "cv2",
    "onnxruntime": "onnxruntime",
    "scikit-image": "skimage",
    "rawpy": "rawpy",
}
# Nothing here reaches an output or a score of this benchmark (the other protocols look after their own code). Paths
# below the package; a folder stands for all it holds.
_PRESENTATION = (
    "cli",
    "demo",
    "networks",
    "training",
    "py.typed",
    "fusion/forecast.py",
    "fusion/past.py",
    "fusion/report.py",
    "fusion/report_page.py",
    "evaluation/attempts.py",
    "evaluation/bench.py",
    "evaluation/ccs.py",
    "evaluation/checker.py",
    "evaluation/collect.py",
    "evaluation/cross_table.py",
    "evaluation/document.py",
    "evaluation/headline.py",
    "evaluation/judge.py",
    "evaluation/layout.py",
    "evaluation/module_tables.py",
    "evaluation/modules.py",
    "evaluation/reliability.py",
    "evaluation/report.html",
    "evaluation/report.py",
    "evaluation/results.py",
    "evaluation/resume.py",
    "evaluation/run.py",
    "evaluation/sheet.py",
    "evaluation/summary.py",
    "evaluation/table.py",
    "evaluation/trials.py",
    "evaluation/twisted.py",
    "evaluation/weighing.py",
    "evaluation/workers.py",
)
_NEURAL_ROOM = "neural"
_SCORING = ("evaluation/metrics", "evaluation/scoring.py", "evaluation/visibility.py")


def config(scenes: Iterable[Scene]) -> dict[str, Any]:
    """Describe everything that results on these scenes depend on.

    Raises:
        InputError: a file of a scene cannot be read.
    """
    files = list(_package_files(PACKAGE))
    rooms: dict[str, list[tuple[str, Path]]] = {}
    for name, path in files:
        if not _belongs(name, (*_SCORING, _NEURAL_ROOM, WEIGHTS)):
            rooms.setdefault(name.partition("/")[0] if "/" in name else "dualcam", []).append((name, path))
    return {
        "schema": SCHEMA,
        "protocol": _protocol(),
        "code": {room: _digest(rooms[room]) for room in sorted(rooms)},
        SCORING: _digest(item for item in files if _belongs(item[0], _SCORING)),
        NEURAL: networks(PACKAGE / WEIGHTS),
        "packages": {name: _version(module) for name, module in _PACKAGES.items()},
        "scenes": {scene.name: _digest((p.name, p) for p in scene.files()) for scene in scenes},
    }


def networks(weights: Path) -> dict[str, str]:
    """Describe what methods with weights depend on beside all else: the room ``neural``, and a folder of weights.

    Of the manifest, what it tells about the training (``run``) is left out: scores are written there afterwards. Model
    cards change nothing either.

    Raises:
        InputError: a file of weights cannot be read.
    """
    code = (item for item in _package_files(PACKAGE) if _belongs(item[0], (_NEURAL_ROOM,)))
    whole = hashlib.sha256()
    for path in sorted(weights.glob("*.onnx")) if weights.is_dir() else ():
        whole.update(f"{path.name}\0{_checksum(path)}\n".encode())
    whole.update(_how_to_run(weights / "manifest.toml"))
    return {"code": _digest(code), "weights": whole.hexdigest()}


def _how_to_run(manifest: Path) -> bytes:
    try:
        text = manifest.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(f"{manifest} cannot be read: {error.strerror}.", "Check the folder.") from error
    try:
        values = tomllib.loads(text.decode())
    except ValueError:
        return text  # whoever runs the networks will refuse it
    return json.dumps({k: v for k, v in values.items() if k != "run"}, sort_keys=True, default=str).encode()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what differs between two configurations, such as ``code of classical`` or ``scene midd03/Teddy``.

    Scenes that only one of them has are no difference: results do not depend on other scenes.
    """
    found = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
            if before != after:
                found.append(key)
            continue
        names = set(before) & set(after) if key == "scenes" else {*before, *after}
        word = {"code": "code of ", "packages": "version of ", "scenes": "scene "}.get(key, f"{key} ")
        found += [f"{word}{name}" for name in sorted(names) if before.get(name) != after.get(name)]
    return tuple(found)


def _protocol() -> dict[str, Any]:
    return {
        "levels": {name: asdict(level) for name, level in protocol.LEVELS.items()},
        "mono weights": [round(float(w), 6) for w in protocol.MONO_WEIGHTS],
        "read noise": [protocol.MONO_READ_E, protocol.COLOR_READ_E],
        "bits": protocol.BITS,
    }


def _package_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Sources, weights and tables of the package by name below it, sorted."""
    for path in sorted(root.rglob("*"), key=lambda p: p.relative_to(root).as_posix()):
        name = path.relative_to(root).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and not _belongs(name, _PRESENTATION):
            yield name, path


def _belongs(name: str, places: Iterable[str]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in places)


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    """One checksum (SHA-256, hex) of names and contents."""
    whole = hashlib.sha256()
    for name, path in files:
        whole.update(f"{name}\0{_checksum(path)}\n".encode())
    return whole.hexdigest()


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", "Check the file and its folder."
        ) from error


def _version(module: str) -> str | None:
    try:
        return str(getattr(importlib.import_module(module), "__version__", "unknown"))
    except ImportError:
        return None
