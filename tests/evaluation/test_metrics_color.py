from __future__ import annotations

import sys

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from dualcam.errors import UnavailableError
from dualcam.evaluation.metrics import color

# Sharma, Wu, Dalal 2005, table 1: L, a, b of both colors and their CIEDE2000.
SHARMA = np.array(
    [
        [50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425],
        [50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615],
        [50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412],
        [50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000],
        [50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000],
        [50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000],
        [50, 0, 0, 50, -1, 2, 2.3669],
        [50, -1, 2, 50, 0, 0, 2.3669],
        [50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792],
        [50, 2.49, -0.001, 50, -2.49, 0.0010, 7.1792],
        [50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195],
        [50, 2.49, -0.001, 50, -2.49, 0.0012, 7.2195],
        [50, -0.001, 2.49, 50, 0.0009, -2.49, 4.8045],
        [50, -0.001, 2.49, 50, 0.0010, -2.49, 4.8045],
        [50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461],
        [50, 2.5, 0, 50, 0, -2.5, 4.3065],
        [50, 2.5, 0, 73, 25, -18, 27.1492],
        [50, 2.5, 0, 61, -5, 29, 22.8977],
        [50, 2.5, 0, 56, -27, -3, 31.9030],
        [50, 2.5, 0, 58, 24, 15, 19.4535],
        [50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000],
        [50, 2.5, 0, 50, 3.2972, 0, 1.0000],
        [50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000],
        [50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_all_published_pairs_of_ciede2000():
    a, b, expected = SHARMA[:, :3], SHARMA[:, 3:6], SHARMA[:, 6]
    assert np.abs(deltaE_ciede2000(a, b) - expected).max() < 6e-5  # the library, in double precision


def test_the_published_pairs_as_pictures_are_scored():
    # Hues opposite to within rounding are the table's pitfall (rows 10 and 14): there the formula jumps.
    rows = np.delete(SHARMA, [9, 13], axis=0).astype(np.float32)
    for table in (rows, np.repeat(rows, 3, axis=0)):  # 96 rows: more than one strip
        found = color.de00(table[:, None, :3], table[:, None, 3:6])[:, 0]
        assert found.dtype == np.float32
        assert np.abs(found - table[:, 6]).max() < 3e-4


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
        ((119, 119, 119), (50.034, 0, 0)),
    ],
)
def test_lab_of_known_colors(rgb, expected):
    picture = np.full((40, 3, 3), rgb, np.uint8)
    # The primaries as usually printed are for a slightly different white; 0.02 is far under visible.
    assert np.abs(color.lab(picture) - expected).max() < 0.02


def test_equal_pictures_do_not_differ():
    rng = np.random.default_rng(0)
    lab = color.lab(rng.integers(0, 256, (37, 20, 3), dtype=np.uint8))
    assert (color.de00(lab, lab) == 0).all()


def test_without_scikit_image(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.color", None)
    with pytest.raises(UnavailableError) as error:
        color.lab(np.zeros((4, 4, 3), np.uint8))
    assert "scikit-image" in error.value.cause and 'pip install "dualcam[eval]"' in error.value.remedy
