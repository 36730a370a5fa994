"""Color-checker patches: only chromaticity counts, and a patch is looked for where it was marked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dualcam.errors import InputError
from dualcam.evaluation import checker
from dualcam.evaluation.checker import Marks, chromaticity_difference
from dualcam.frame import Frame, Fusion, Pair, Placement

MARKED = Path(__file__).parents[2] / "benchmarks" / "checker_patches.json"
RED, GREEN = np.array([0.3, 0.05, 0.05]), np.array([0.05, 0.3, 0.05])


def fusion(color, result, shift=0.0):
    """A pair of pictures of one size that are placed as they stand, or shifted."""
    height, width = color.shape[:2]
    matrix = np.array([[1, 0, shift], [0, 1, 0], [0, 0, 1]], float)
    pair = Pair(
        Frame(result.mean(-1, keepdims=True), "mono"),
        Frame(color, "color"),
        Placement(matrix, 1.0, 1.0, 1.0, 0, 0.0, "identity"),
    )
    sure, kind = np.ones((height, width), np.float32), np.full((height, width), 2, np.uint8)
    return Fusion(result, sure, kind, pair, "classical")


def board(left, right):
    """Two patches of 10 columns each."""
    picture = np.empty((12, 20, 3), np.float32)
    picture[:, :10], picture[:, 10:] = left, right
    return picture


def test_brightness_does_not_count():
    assert chromaticity_difference(RED, 9 * RED) == pytest.approx(0, abs=1e-6)
    assert chromaticity_difference(RED, GREEN) > 40


def test_a_known_difference():
    # L* = 50 for both; a* and b* by hand: for equal lightness and small chroma near gray, CIEDE2000 nears
    # 1.5 times the difference in a* (G = 0.5 there) and the plain difference in b*.
    gray = np.full(3, 0.2)
    to_rgb = np.linalg.inv(checker._TO_XYZ)
    white = checker._TO_XYZ.sum(axis=1)

    def of(a, b):
        f = 66 / 116
        return to_rgb @ (white * np.array([(f + a / 500) ** 3, f**3, (f - b / 200) ** 3]))

    assert chromaticity_difference(gray, of(0.1, 0)) == pytest.approx(0.15, rel=0.02)
    assert chromaticity_difference(gray, of(0, 0.1)) == pytest.approx(0.10, rel=0.02)


def test_black_counts_as_gray():
    assert chromaticity_difference(np.zeros(3), np.full(3, 0.5)) == pytest.approx(0, abs=0.02)


def test_patches_are_taken_where_they_are_marked_in_each_picture():
    # The color camera sees both patches 4 columns further right; the result is right for one, wrong for the other.
    color = np.roll(board(RED, GREEN), 4, axis=1)
    result = board(5 * RED, 5 * RED)
    marks = {"red": Marks((9, 6), (5, 6)), "green": Marks((18, 6), (14, 6))}
    red, green = checker.compare(fusion(color, result, shift=4.0), marks, 3)
    assert (red.name, green.name) == ("red", "green")
    assert red.result == pytest.approx(0, abs=1e-4) and green.result > 40
    # Placement alone was right for both.
    assert red.placed == pytest.approx(0, abs=1e-4) and green.placed == pytest.approx(0, abs=1e-4)


def test_a_patch_beyond_the_picture():
    with pytest.raises(InputError, match="'red' lies beyond"):
        checker.compare(fusion(board(RED, GREEN), board(RED, GREEN)), {"red": Marks((1, 6), (5, 6))}, 5)


def test_the_marked_patches_of_the_real_pairs():
    known = checker.read(MARKED)
    assert known.side % 2 == 1
    for patches in known.pairs.values():
        # Both cameras see the checker upright: what is left of or above another patch is so in both pictures.
        moved = np.array([np.subtract(at.color, at.mono) for at in patches.values()])
        assert len(patches) >= 9
        assert np.abs(moved - np.median(moved, axis=0)).max() <= 3
    assert len(known.pairs["cyclecnn_sample/00001"]) == 21


@pytest.mark.parametrize(
    "text", ["", "[]", '{"side": 7}', '{"side": 7, "pairs": {"a": {"red": {"color": [1, 2]}}}}']
)
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "patches.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no marked patches"):
        checker.read(path)
    with pytest.raises(InputError):
        checker.read(tmp_path / "none.json")
    assert json.loads(MARKED.read_text())["about"]
