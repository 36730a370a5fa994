"""When memory goes back to the system."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from dualcam import memory


@pytest.fixture
def trimmed(monkeypatch):
    """Calls of the C library's malloc_trim."""
    calls = []
    monkeypatch.setattr(memory, "_trim", lambda: calls.append)
    return calls


@pytest.mark.parametrize(("resident", "times"), [(500e6, 0), (2e9, 1), (math.inf, 1)])
def test_a_small_program_keeps_its_memory(monkeypatch, trimmed, resident, times):
    monkeypatch.setattr(memory, "resident", lambda: resident)
    memory.give_back()
    assert len(trimmed) == times
    with memory.kept():
        memory.give_back()
    assert len(trimmed) == times


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says")
def test_what_is_resident_grows_with_what_is_filled():
    before = memory.resident()
    filled = np.ones(8_000_000)
    assert memory.resident() - before > 0.9 * filled.nbytes


def test_a_system_that_does_not_say(monkeypatch):
    def missing(*_):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert memory.resident() == math.inf
