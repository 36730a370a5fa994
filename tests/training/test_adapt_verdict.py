"""When adapted weights are kept, and which pairs decide."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from dualcam.errors import UsageError
from dualcam.training import adapt
from dualcam.training.verdict import Verdict, best, psnr


def verdict(gains):
    before = np.full(np.shape(gains), 30.0)
    return Verdict(before, before + gains)


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ([[0.0, 0.3, 0.6], [0.1, 0.2, 0.9], [0.0, 0.3, 0.8]], []),
        ([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.6, 0.6, 0.6]], ["not larger"]),
        ([[0.0, 0.05, 0.1]] * 3, ["under"]),
        ([[-0.2, 0.4, 0.9]] * 3, ["one level"]),
        ([[0.0, 0.0, 3.0], [0.0, 0.0, -1.0], [0.0, 0.0, -0.5]], ["not larger"]),
        ([[0.5, 0.5, 0.5]], ["not larger"]),
        ([[-0.1, -0.1, -0.1]] * 2, ["under", "not larger", "one level"]),
        ([[np.nan] * 3] * 3, ["under", "not larger"]),
    ],
)
def test_only_what_is_clearly_better_is_kept(gains, told):
    found = verdict(gains)
    assert found.keep == (not told)
    assert len(found.reasons) == len(told)
    assert all(part in reason for part, reason in zip(told, found.reasons, strict=True))


def test_numbers_of_a_verdict():
    found = verdict([[0.0, 1.0], [1.0, 2.0]])
    assert found.gain == pytest.approx(1.0) and found.error == pytest.approx(0.5)
    assert found.by_level == pytest.approx((0.5, 1.5))


def test_what_may_be_kept_goes_before_what_gains_more():
    risky, safe = verdict([[-0.3, 3.0]] * 3), verdict([[0.2, 0.4]] * 3)
    assert best([risky, safe]) == 1
    assert best([verdict([[0.2, 0.3]] * 3), safe]) == 1


def test_psnr_is_that_of_pictures_in_range():
    assert psnr(np.full((4, 4), 2.0), np.ones((4, 4))) == 100
    assert psnr(np.zeros((4, 4)), np.full((4, 4), 0.1)) == pytest.approx(20)


def test_half_of_the_pairs_are_held_back_evenly():
    assert adapt.held_back(6) == (1, 3, 5)
    assert adapt.held_back(18, 6) == (1, 4, 7, 10, 13, 16)
    assert len(set(adapt.held_back(10, 4))) == 4
    for count, wanted in ((5, None), (8, 1), (8, 6)):
        with pytest.raises(UsageError, match="held back"):
            adapt.held_back(count, wanted)
