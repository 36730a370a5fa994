from __future__ import annotations

import numpy as np
import pytest

from dualcam.camera import half
from dualcam.fusion.fuser import Fuser
from synthetic import Light, Rig, shoot, world


def test_large_pictures_are_kept_in_half_precision():
    plane = np.linspace(0, 1, 7, dtype=np.float32)
    assert half.keeping(6_000_000)(plane) is plane
    assert half.keeping(6_000_001)(plane).dtype == np.float16
    assert half.unfilled(6_000_000, (2, 3)).dtype == np.float32
    assert half.unfilled(6_000_001, (2, 3)).dtype == np.float16


@pytest.mark.parametrize("method", ["classical", "neural"])
@pytest.mark.parametrize("view", ["mono", "color"])
def test_a_result_hardly_changes(method, view, monkeypatch):
    mono, color = shoot(world(Rig(parallax=(5, 1)), 96, 128, 3), Light(1000, 2000, 16))
    # In 8 bits the networks answer any change with other rounding.
    fuser = Fuser(
        method, view=view, place="identity", precision="auto" if method == "classical" else "float32"
    )
    plain = fuser.fuse(mono, color)
    monkeypatch.setattr(half, "_MANY", 100)
    kept = fuser.fuse(mono, color)
    assert kept.pixels.dtype == kept.confidence.dtype == np.float32
    assert np.abs(kept.pixels - plain.pixels).mean() < 2e-4
    assert 0 < np.abs(kept.confidence - plain.confidence).mean() < 1e-3
