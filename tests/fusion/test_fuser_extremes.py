"""Whatever the shape and the values: a finite result or an error of ours, never another exception."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import untrained
from dualcam.errors import DualcamError
from dualcam.fusion.fuser import Fuser
from synthetic import Light, Rig, shoot, world

FILLS = ("noise", "black", "white", "gray", "ramp", "one pixel", "huge", "negative", "tiny")
KINDS = ("uint8", "uint16", "float32", "float64")


def picture(fill, kind, height, width, channels, rng):
    shape = (height, width) if channels == 1 else (height, width, channels)
    ramp = np.linspace(0, 1, height * width).reshape(height, width)
    tint = 1.0 if channels == 1 else np.array([1.0, 0.7, 0.4])
    shaded = ramp if channels == 1 else ramp[..., None] * tint
    spot = np.zeros(shape)
    spot[height // 2, width // 2] = 1
    values = {
        "noise": rng.uniform(0, 1, shape),
        "black": np.zeros(shape),
        "white": np.ones(shape),
        "gray": np.full(shape, 0.4) * tint,
        # Not quite smooth: for smooth pictures see test_smooth_pictures.
        "ramp": shaded + rng.normal(0, 1e-3, shape),
        "one pixel": spot * tint,
        "huge": 50 * rng.uniform(0, 1, shape),
        "negative": rng.normal(0, 0.1, shape),
        "tiny": 1e-6 * rng.uniform(0, 1, shape),
    }[fill]
    if kind.startswith("u"):
        return np.rint(np.clip(values, 0, 1) * np.iinfo(kind).max).astype(kind)
    return values.astype(kind)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The networks promise nothing about values: not even untrained ones may break the chain."""
    return untrained.weights(tmp_path_factory.mktemp("extremes") / "w", strength=1.0)


def check(mono, color, **options):
    options.setdefault("method", "neural" if "weights" in options else "classical")
    try:
        out = Fuser(**options).fuse(mono, color, keep_stages=True)
    except DualcamError as error:
        assert error.cause and "bug" not in error.remedy, error
        return None
    assert out.pixels.shape == (*mono.shape[:2], 3)
    assert np.isfinite(out.pixels).all() and out.pixels.min() >= 0 and out.pixels.max() <= 1
    assert np.isfinite(out.confidence).all() and out.confidence.min() >= 0 and out.confidence.max() <= 1
    assert out.provenance.shape == mono.shape[:2] and out.provenance.max() <= 2
    assert all(np.isfinite(stage).all() for stage in out.stages.values())
    return out


side = st.integers(15, 44)


@settings(max_examples=50, deadline=None)
@given(
    mono=st.tuples(st.sampled_from(FILLS), st.sampled_from(KINDS), side, side),
    color=st.tuples(st.sampled_from(FILLS), st.sampled_from(KINDS), side, side),
    seed=st.integers(0, 9),
)
@example(mono=("noise", "uint8", 16, 16), color=("noise", "uint8", 16, 16), seed=0)
@example(mono=("noise", "uint16", 17, 31), color=("noise", "uint8", 31, 17), seed=0)
@example(mono=("noise", "float32", 16, 16), color=("noise", "float32", 40, 40), seed=0)
@example(mono=("white", "uint16", 40, 40), color=("noise", "uint8", 16, 16), seed=0)
@example(mono=("black", "uint16", 40, 40), color=("noise", "uint8", 16, 16), seed=0)
@example(mono=("ramp", "uint16", 40, 40), color=("black", "float32", 16, 16), seed=0)
@example(mono=("ramp", "float32", 35, 16), color=("negative", "uint8", 42, 27), seed=0)
def test_any_shape_and_value(mono, color, seed):
    rng = np.random.default_rng(seed)
    check(picture(*mono, 1, rng), picture(*color, 3, rng), place="identity")


@settings(max_examples=15, deadline=None)
@given(
    mono=st.tuples(st.sampled_from(FILLS), st.sampled_from(KINDS), side, side),
    color=st.tuples(st.sampled_from(FILLS), st.sampled_from(KINDS), side, side),
    seed=st.integers(0, 9),
)
@example(mono=("white", "uint16", 40, 40), color=("noise", "uint8", 16, 16), seed=0)
@example(mono=("black", "uint16", 16, 17), color=("huge", "float32", 40, 40), seed=0)
@example(mono=("ramp", "uint16", 40, 40), color=("black", "float32", 16, 16), seed=0)
@example(mono=("ramp", "float32", 35, 16), color=("negative", "uint8", 42, 27), seed=0)
@example(mono=("negative", "float32", 33, 40), color=("negative", "float32", 16, 16), seed=0)
def test_any_shape_and_value_with_networks(weights, mono, color, seed):
    rng = np.random.default_rng(seed)
    check(picture(*mono, 1, rng), picture(*color, 3, rng), place="identity", weights=weights)


@pytest.mark.parametrize(
    ("mono", "color"), [((16, 1600), (16, 800)), ((600, 16), (16, 300)), ((16, 16), (16, 16))]
)
def test_extreme_aspects_with_networks(weights, mono, color):
    rng = np.random.default_rng(0)
    pair = picture("noise", "uint8", *mono, 1, rng), picture("noise", "uint8", *color, 3, rng)
    assert check(*pair, place="identity", weights=weights) is not None


@pytest.mark.parametrize("place", ["auto", "identity"])
@pytest.mark.parametrize(("mono", "color"), [((16, 16), (16, 16)), ((17, 31), (16, 19))])
def test_the_smallest(mono, color, place):
    rng = np.random.default_rng(0)
    check(picture("noise", "uint16", *mono, 1, rng), picture("noise", "uint8", *color, 3, rng), place=place)


@pytest.mark.parametrize(
    ("mono", "color"),
    [((16, 1600), (16, 800)), ((1600, 16), (800, 16)), ((16, 600), (300, 16)), ((40, 40), (16, 900))],
)
def test_extreme_aspects(mono, color):
    rng = np.random.default_rng(0)
    pair = picture("noise", "uint8", *mono, 1, rng), picture("noise", "uint8", *color, 3, rng)
    assert check(*pair, place="identity") is not None


@pytest.mark.parametrize("size", [(32, 40), (64, 64)])
def test_smooth_pictures(size):
    """Computed gradients have no noise at all."""
    ramp = np.linspace(0, 65535, size[0] * size[1]).astype(np.uint16).reshape(size)
    color = picture("noise", "uint8", 16, 16, 3, np.random.default_rng(0))
    assert check(ramp, color, place="identity") is not None


def test_color_that_is_black_nearly_everywhere():
    rng = np.random.default_rng(0)
    color = np.zeros((82, 24, 3))
    color[41, 12] = 1.0, 0.7, 0.4
    check(picture("noise", "uint16", 79, 24, 1, rng), color, place="identity")


def test_one_hot_pixel_in_a_black_color_picture():
    rng = np.random.default_rng(0)
    color = np.zeros((37, 19, 3), np.uint8)
    color[18, 9] = 255, 178, 102
    check(picture("huge", "float64", 84, 19, 1, rng), color, place="identity")


@pytest.mark.parametrize("turn", [False, True])
def test_longer_than_a_16_bit_number(turn):
    """A stitched panorama has more columns than OpenCV's remap can address."""
    rng = np.random.default_rng(0)
    mono, color = picture("noise", "uint8", 16, 33000, 1, rng), picture("noise", "uint8", 16, 300, 3, rng)
    if turn:
        mono, color = (np.ascontiguousarray(np.swapaxes(p, 0, 1)) for p in (mono, color))
    check(mono, color, place="identity")


def test_mono_three_times_smaller_than_color():
    view = world(Rig(scale=1 / 3), 60, 80)
    mono, color = shoot(view, Light(bits=16))
    assert color.shape == (180, 240, 3)
    out = check(mono, color, place="identity")
    assert out.pair.placement.scale == pytest.approx(1 / 3, rel=0.01)


def test_strided_and_read_only_arrays():
    mono, color = shoot(world(Rig(), 64, 96))
    plain = check(mono, color, place="identity")
    odd = np.repeat(mono, 2, axis=1)[:, ::2], np.asfortranarray(color)
    for array in odd:
        array.setflags(write=False)
    np.testing.assert_array_equal(check(*odd, place="identity").pixels, plain.pixels)
