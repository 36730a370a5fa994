"""What benchmark results depend on, as a few names and checksums, so that runs are never mixed.

A configuration is a nested mapping of plain values: the protocol's constants, checksums of dualcam's own code and
weights room by room, versions of the packages that compute, checksums of the scenes. It holds no times and no
paths. What only presents results (command line, tables, reports) is left out.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dualcam
from dualcam.evaluation import protocol
from dualcam.evaluation.dataset import Scene

SCHEMA = 1
SCORING = "scoring"
"""The entry that only scores depend on, not outputs."""

PACKAGE = Path(dualcam.__file__).parent
"""Where dualcam's own code and weights lie."""

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
    "py.typed",
    "fusion/report.py",
    "fusion/report_page.py",
    "evaluation/bench.py",
    "evaluation/ccs.py",
    "evaluation/checker.py",
    "evaluation/collect.py",
    "evaluation/cross_table.py",
    "evaluation/document.py",
    "evaluation/layout.py",
    "evaluation/modules.py",
    "evaluation/report.html",
    "evaluation/report.py",
    "evaluation/results.py",
    "evaluation/resume.py",
    "evaluation/run.py",
    "evaluation/sheet.py",
    "evaluation/summary.py",
    "evaluation/table.py",
    "evaluation/workers.py",
)
_SCORING = ("evaluation/metrics", "evaluation/scoring.py", "evaluation/visibility.py")


def config(scenes: Iterable[Scene]) -> dict[str, Any]:
    """Describe everything that results on these scenes depend on.

    Raises:
        InputError: a file of a scene cannot be read.
    """
    files = list(_package_files(PACKAGE))
    rooms: dict[str, list[tuple[str, Path]]] = {}
    for name, path in files:
        if not _belongs(name, _SCORING):
            rooms.setdefault(name.partition("/")[0] if "/" in name else "dualcam", []).append((name, path))
    return {
        "schema": SCHEMA,
        "protocol": _protocol(),
        "code": {room: _digest(rooms[room]) for room in sorted(rooms)},
        SCORING: _digest(item for item in files if _belongs(item[0], _SCORING)),
        "packages": {name: _version(module) for name, module in _PACKAGES.items()},
        "scenes": {scene.name: _digest((p.name, p) for p in scene.files()) for scene in scenes},
    }


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
        with path.open("rb") as file:
            whole.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _version(module: str) -> str | None:
    try:
        return str(getattr(importlib.import_module(module), "__version__", "unknown"))
    except ImportError:
        return None
