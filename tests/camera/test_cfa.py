"""The Bayer pattern of a demosaiced picture: found whatever demosaiced it, and not where there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.camera import sensor
from dualcam.camera.cfa import find_pattern
from dualcam.camera.curves import encode
from dualcam.camera.demosaic import demosaic
from dualcam.camera.sensor import PATTERNS

BILINEAR = {
    "RGGB": cv2.COLOR_BayerBG2RGB,
    "BGGR": cv2.COLOR_BayerRG2RGB,
    "GRBG": cv2.COLOR_BayerGB2RGB,
    "GBRG": cv2.COLOR_BayerGR2RGB,
}


def ours(samples, pattern):
    return demosaic(samples, pattern)


def edge_aware(samples, pattern):
    return sensor.demosaic(samples, pattern)


def bilinear(samples, pattern):
    codes = sensor.to_16_bits(np.clip(samples, 0, 1))
    return cv2.cvtColor(codes, BILINEAR[pattern]).astype(np.float32) / np.float32(65535)


def clean(height=160, width=192):
    """Colored surfaces with edges, (H, W, 3) linear."""
    rng = np.random.default_rng(2)
    tiles = rng.uniform(0.05, 0.8, (height // 16 + 1, width // 16 + 1, 3)).astype(np.float32)
    return cv2.GaussianBlur(tiles.repeat(16, 0).repeat(16, 1)[:height, :width], (0, 0), 1.0)


def shot(develop, pattern, electrons=600.0):
    expected = sensor.mosaic(clean(), pattern) * electrons
    noisy = np.random.default_rng(1).poisson(expected).astype(np.float32) / np.float32(electrons)
    return np.rint(encode(np.clip(develop(noisy, pattern), 0, 1)) * 255).astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("develop", [ours, edge_aware, bilinear])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_found_in_files_of_any_demosaicer(develop, pattern):
    assert find_pattern(shot(develop, pattern)) == pattern


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("top", "left"), [(0, 1), (1, 0), (1, 1)])
def test_a_cut_picture_begins_elsewhere(pattern, top, left):
    index = 2 * ((pattern.index("R") // 2 + top) % 2) + (pattern.index("R") + left) % 2
    found = find_pattern(shot(edge_aware, pattern)[top:, left:])
    assert found is not None and found.index("R") == index


@pytest.mark.parametrize("pattern", ["RGGB", "GRBG"])
def test_large_pictures_are_looked_at_in_the_middle(pattern):
    large = np.tile(shot(edge_aware, pattern), (8, 7, 1))
    assert find_pattern(large[: 2 * 601 + 1, : 2 * 613 + 1]) == pattern


def test_not_found_where_there_is_none():
    noisy = shot(edge_aware, "RGGB")
    without = {
        "three sensors": clean() + np.random.default_rng(0).normal(0, 0.03, clean().shape).astype(np.float32),
        "smoothed": cv2.GaussianBlur(noisy, (0, 0), 1.5),
        "scaled": cv2.resize(noisy, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA),
        "gray": noisy[..., 1:2].repeat(3, 2),
        "flat": np.full((64, 64, 3), 0.5, np.float32),
        "tiny": noisy[:20, :20],
    }
    assert {name: find_pattern(picture) for name, picture in without.items()} == dict.fromkeys(without)
