"""Small files and a fuser that costs nothing, so that the command line can be tested by itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from cli_helpers import HEIGHT, WIDTH
from typer.testing import CliRunner

import dualcam.fusion.fuser
import dualcam.fusion.hops
from dualcam.cli.app import build
from dualcam.files.read import from_array, read
from dualcam.frame import Frame, Fusion, Hop, Pair, Placement
from dualcam.fusion.forecast import Forecast


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run ``dualcam`` with arguments in an empty folder; gives .exit_code, .stdout and .stderr."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object):
        return CliRunner().invoke(build(), [str(a) for a in arguments], prog_name="dualcam")

    return invoke


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    mono, color = tmp_path / "night.png", tmp_path / "dark.png"
    cv2.imwrite(str(mono), rng.integers(0, 65535, (HEIGHT, WIDTH), np.uint16))
    cv2.imwrite(str(color), rng.integers(0, 40, (HEIGHT // 2, WIDTH // 2, 3), np.uint8))
    return mono, color


def load(picture, role):
    if isinstance(picture, Frame):
        return picture
    return from_array(picture, role) if isinstance(picture, np.ndarray) else read(picture, role)


@pytest.fixture
def fuser(monkeypatch):
    """Replace the Fuser; ``fuser.fail`` is raised if set, ``fuser.options`` and ``fuser.sources`` are kept."""
    seen = SimpleNamespace(fail=None, options=None, sources=None)

    class FakeFuser:
        def __init__(self, **options):
            seen.options = options

        def fuse(self, mono, color, *, keep_stages=False, on_hop=None, on_forecast=None, on_tile=None):
            seen.sources = mono, color
            if seen.fail is not None:
                raise seen.fail
            frames = [load(mono, "mono"), load(color, "color")]
            if on_forecast is not None:
                on_forecast(Forecast(20.2, 96, {name: 2.0 for name in dualcam.fusion.hops.HOPS}, 1050.0))
            hops = tuple(Hop(name, 0.25, {"matches": 311}) for name in dualcam.fusion.hops.HOPS)
            for hop in hops:
                if on_hop is not None:
                    on_hop(hop)
            shape = frames[0].pixels.shape[:2]
            stage = np.full(shape, 0.5, np.float32)
            stage[0, 0] = np.nan
            return Fusion(
                pixels=np.repeat(frames[0].pixels, 3, axis=2),
                confidence=np.full(shape, 0.8, np.float32),
                provenance=np.full(shape, 2, np.uint8),
                pair=Pair(*frames, Placement(np.diag([0.5, 0.5, 1]), 2.0, 1.0, 0.9, 311, 2.0, "features")),
                method="classical",
                hops=hops,
                stages={"read mono/x": stage, "result": stage} if keep_stages else {},
                notes=("a remark",),
            )

    monkeypatch.setattr(dualcam.fusion.fuser, "Fuser", FakeFuser)
    return seen
