from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from dualcam.errors import UsageError
from dualcam.evaluation.metrics.misregistration import REACH, SMALLEST, misregistration
from synthetic import WEIGHTS, scene, to_bits, to_display

SIZE = 304, 368
YCC = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
SHIFTS = [(3, 0), (0, -3), (2.1213, 2.1213)]


@cache
def truth(seed=0):
    return to_bits(scene(*SIZE, seed))


@cache
def mono(seed=0, electrons=None):
    """The mono view, display: clean, or with shot noise of so many electrons at white."""
    signal = scene(*SIZE, seed) @ WEIGHTS
    if electrons:
        signal = np.random.default_rng(9).poisson(signal * electrons) / electrons
    return to_display(signal).astype(np.float32)


def moved(picture, x, y):
    matrix = np.float32([[1, 0, x], [0, 1, y]])
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def in_ycc(picture, change):
    """Change the two chroma planes (H, W, 2) of a display picture."""
    ycc = picture @ YCC.T
    ycc[..., 1:] = change(ycc[..., 1:])
    return np.clip(np.rint(ycc @ np.linalg.inv(YCC).T), 0, 255).astype(np.uint8)


def color_added(picture, x, y):
    """Shift color that is a difference to luma."""
    return in_ycc(picture, lambda chroma: moved(chroma, x, y))


def color_multiplied(picture, x, y):
    """Shift color that is a ratio to luma."""
    luma = picture @ YCC[0] + 4
    return in_ycc(picture, lambda chroma: moved(chroma / luma[..., None], x, y) * luma[..., None])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_good_picture_has_none(seed):
    assert misregistration(truth(seed)) < 0.25
    assert misregistration(truth(seed), mono(seed)) < 0.25


def test_swapped_channels_have_none():
    assert misregistration(truth()[..., ::-1]) < 0.25
    assert misregistration(truth()[..., [1, 2, 0]], mono()) < 0.3


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("carry", [color_added, color_multiplied])
def test_color_shifted_by_three_pixels(carry, shift):
    for base in (None, mono()):
        assert misregistration(carry(truth(), *shift), base) == pytest.approx(3, abs=0.4)


@pytest.mark.parametrize("length", [1, 2, 5, 7])
def test_the_reading_grows_with_the_shift(length):
    assert misregistration(color_added(truth(), 0.8 * length, 0.6 * length)) == pytest.approx(length, abs=0.4)


def test_a_whole_picture_shifted_against_mono():
    picture = moved(truth(), 3, 0)
    assert misregistration(picture, mono()) == pytest.approx(3, abs=0.3)
    assert misregistration(picture) < 0.25  # its own luma went along: only the mono view can tell


def test_color_far_off_does_not_read_as_good():
    for carry in (color_added, color_multiplied):
        assert 4.5 < misregistration(carry(truth(), 40, 0), mono()) <= REACH


def test_half_of_the_picture_shifted_is_an_even_chance_and_most_of_it_is_not():
    most = truth().copy()
    most[:, 100:] = color_added(truth(), 3, 0)[:, 100:]
    assert 2 < misregistration(most, mono()) < 3.4
    some = truth().copy()
    some[:, :60] = color_added(truth(), 3, 0)[:, :60]
    assert misregistration(some, mono()) < 0.4


def test_blurred_color_is_not_shifted_color():
    blurred = in_ycc(truth(), lambda chroma: cv2.GaussianBlur(chroma, (0, 0), 3))
    assert misregistration(blurred, mono()) < 0.9


@pytest.mark.parametrize("sigma", [5, 15])
def test_noise_is_not_a_shift(sigma):
    rng = np.random.default_rng(3)
    noisy = np.clip(truth() + rng.normal(0, sigma, truth().shape), 0, 255).astype(np.uint8)
    assert misregistration(noisy, mono(electrons=1000)) < 0.5
    shifted = color_added(truth(), 3, 0)
    noisy = np.clip(shifted + rng.normal(0, sigma, truth().shape), 0, 255).astype(np.uint8)
    assert misregistration(noisy, mono(electrons=1000)) == pytest.approx(3, abs=0.5)


def test_little_color_is_enough_and_none_is_not():
    faint = in_ycc(truth(), lambda chroma: 0.25 * moved(chroma, 3, 0))
    assert misregistration(faint, mono()) == pytest.approx(3, abs=0.5)
    gray = np.repeat(truth()[..., :1], 3, axis=2)
    assert np.isnan(misregistration(gray, mono()))
    tinted = np.clip(gray * np.array([1.0, 0.9, 0.7]), 0, 255).astype(np.uint8)  # one hue everywhere
    assert not misregistration(tinted, mono()) > 0.25


def test_inverted_mono_edges_count_as_edges():
    # As with near-infrared: dark where color is bright.
    assert misregistration(truth(), 1 - mono()) < 0.25
    assert misregistration(color_added(truth(), 3, 0), 1 - mono()) == pytest.approx(3, abs=0.4)


def test_nothing_to_measure():
    assert np.isnan(misregistration(np.full((200, 300, 3), 90, np.uint8)))
    small = truth()[: SMALLEST - 1]
    assert np.isnan(misregistration(small))
    # Two windows are not enough to speak for a picture.
    assert np.isnan(misregistration(truth()[:SMALLEST, : SMALLEST + 64]))


def test_the_same_number_again_wherever_it_lies_in_memory():
    first = misregistration(truth(), mono())
    room = np.empty(truth().size + 64, np.uint8)
    for offset in (1, 7, 33):
        copy = room[offset : offset + truth().size].reshape(truth().shape)
        copy[...] = truth()
        assert misregistration(copy, mono().copy()) == first


def test_sizes_that_differ():
    with pytest.raises(UsageError, match="mono view"):
        misregistration(truth(), mono()[1:])
