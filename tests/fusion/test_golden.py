"""Small fusions as they were when somebody looked at them; renew with ``pytest --update-golden``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.fusion.fuser import fuse
from dualcam.neural import manifest
from synthetic import Light, Rig, shoot, to_bits, world

GOLDEN = Path(__file__).parents[1] / "golden"


SCENES = {
    "plain": (Rig(), Light(2000, 4000, 8)),
    "parallax": (Rig(parallax=(7, 1), fov=1.0), Light(1000, 2000, 16)),
}


@pytest.mark.parametrize("method", ["classical", "neural"])
@pytest.mark.parametrize("name", SCENES)
def test_golden(name, method, update_golden, tmp_path):
    if method == "neural" and not manifest.there(manifest.SHIPPED):
        pytest.skip("this checkout ships no weights")
    rig, light = SCENES[name]
    mono, color = shoot(world(rig, 64, 96, 3), light)
    found = to_bits(fuse(mono, color, place="identity", method=method).pixels)
    path = GOLDEN / (f"{name}.png" if method == "classical" else f"{name}_{method}.png")
    if update_golden:
        GOLDEN.mkdir(exist_ok=True)
        cv2.imwrite(str(path), found[..., ::-1])
    assert path.exists(), "no golden picture: run pytest --update-golden"
    wanted = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    difference = np.abs(found.astype(int) - wanted)
    if difference.max() >= 12 or difference.mean() >= 1:
        shown = np.hstack([wanted, found, np.minimum(difference * 10, 255)]).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "difference.png"), shown[..., ::-1])
        print(f"wanted, found and ten times the difference: {tmp_path / 'difference.png'}")
    assert difference.mean() < 1
    assert difference.max() < 12
