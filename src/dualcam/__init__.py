"""dualcam: one clean, sharp color picture from a monochrome camera and a dark, noisy color camera.

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dualcam._version import __version__

if TYPE_CHECKING:
    from dualcam.errors import DualcamError
    from dualcam.files.read import read, read_frames
    from dualcam.files.write import write
    from dualcam.frame import Frame, Fusion, Pair, Placement
    from dualcam.fusion.fuser import Fuser, fuse

__all__ = [
    "DualcamError",
    "Frame",
    "Fuser",
    "Fusion",
    "Pair",
    "Placement",
    "__version__",
    "fuse",
    "read",
    "read_frames",
    "write",
]

_HOMES = {
    "DualcamError": "dualcam.errors",
    "Frame": "dualcam.frame",
    "Fusion": "dualcam.frame",
    "Pair": "dualcam.frame",
    "Placement": "dualcam.frame",
    "Fuser": "dualcam.fusion.fuser",
    "fuse": "dualcam.fusion.fuser",
    "read": "dualcam.files.read",
    "read_frames": "dualcam.files.read",
    "write": "dualcam.files.write",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dualcam' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
