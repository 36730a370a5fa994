"""The public names: a change of tests/api.json is a change of the interface."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

import dualcam

SNAPSHOT = Path(__file__).parent / "api.json"


def surface():
    """Public names, and the parameters of what can be called."""
    names = {}
    for name in sorted(dualcam.__all__):
        value = getattr(dualcam, name)
        names[name] = (
            [str(p) for p in inspect.signature(value).parameters] if callable(value) else type(value).__name__
        )
    names["Fuser.fuse"] = list(inspect.signature(dualcam.Fuser.fuse).parameters)
    return names


def test_public_names_are_those_of_the_snapshot(update_golden):
    if update_golden:
        SNAPSHOT.write_text(json.dumps(surface(), indent=2) + "\n")
    assert surface() == json.loads(SNAPSHOT.read_text())


def test_all_is_sorted_complete_and_listed():
    assert dualcam.__all__ == sorted(dualcam.__all__)
    assert dir(dualcam) == sorted(dualcam.__all__)
    assert dualcam.__version__.count(".") >= 2


def test_unknown_names():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = dualcam.nonsense


def test_public_names_have_documentation():
    for name in dualcam.__all__:
        if name != "__version__":
            assert getattr(dualcam, name).__doc__, name
