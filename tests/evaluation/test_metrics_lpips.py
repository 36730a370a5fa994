from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dualcam.errors import UnavailableError
from dualcam.evaluation.case import Truth
from dualcam.evaluation.metrics import lpips
from dualcam.evaluation.metrics.reference import prepare


def pattern(height, width):
    y, x = np.mgrid[:height, :width]
    red = (x * x + 2 * y * y) // 24 % 256
    green = (x * y // 8 + 3 * x) % 256
    blue = 255 - (x + 2 * y) % 256
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


CHANGES = {
    "shift": lambda p: np.roll(p, 3, axis=1),
    "coarse": lambda p: p // 32 * 32,
    "swap": lambda p: p[..., ::-1],
    "dark": lambda p: p // 2,
}

# By the authors' own code (lpips 0.1.4, net="alex", version 0.1, single-precision weights).
OFFICIAL = {
    (96, 128): {"shift": 0.07967436, "coarse": 0.02998485, "swap": 0.17602751, "dark": 0.07379090},
    (67, 75): {"shift": 0.07310644, "coarse": 0.05030150, "swap": 0.22023191, "dark": 0.06629253},
}


@pytest.mark.parametrize("size", OFFICIAL)
def test_distances_are_those_of_the_authors_code(size):
    picture = pattern(*size)
    of_picture = lpips.features(picture)
    for name, expected in OFFICIAL[size].items():
        found = lpips.distance(of_picture, lpips.features(CHANGES[name](picture)))
        # Half-precision weights move the fifth digit after the point.
        assert found == pytest.approx(expected, abs=5e-5), name


def test_equal_pictures_have_no_distance_and_order_does_not_matter():
    a = lpips.features(pattern(50, 60))
    b = lpips.features(pattern(50, 60)[::-1])
    assert lpips.distance(a, a) == 0.0
    assert lpips.distance(a, b) == lpips.distance(b, a) > 0.1


def test_the_same_number_again_to_the_last_digit():
    a, b = pattern(70, 90), pattern(70, 90)[:, ::-1]
    first = lpips.distance(lpips.features(a), lpips.features(b))
    lpips._session.cache_clear()
    assert lpips.distance(lpips.features(a), lpips.features(b)) == first


def test_the_smallest_picture():
    assert np.isfinite(lpips.distance(lpips.features(pattern(32, 32)), lpips.features(pattern(32, 32)[::-1])))


def test_the_network_that_ships_is_small():
    assert Path(lpips._MODEL).stat().st_size < 5_000_000


def test_without_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    lpips._session.cache_clear()
    truth = Truth(pattern(40, 40))
    assert not lpips.available()
    assert prepare(truth).features is None
    with pytest.raises(UnavailableError) as error:
        prepare(truth, with_lpips=True)
    assert "ONNX Runtime" in error.value.cause and 'pip install "dualcam[eval]"' in error.value.remedy
    assert error.value.exit_code == 3
