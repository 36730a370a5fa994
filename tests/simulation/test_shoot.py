"""The chain put together, against theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import UsageError
from dualcam.simulation import cameras
from dualcam.simulation import settings as tree
from dualcam.simulation.capture import (
    Capture,
    color_samples,
    color_signal,
    developed16,
    mono_samples,
    shoot,
)
from dualcam.simulation.lens import falloff
from synthetic import scene, to_bits, to_linear

BRIGHT = tree.SceneLight(electrons=1e6, exposure_ratio=1)
"""So much light that noise vanishes."""


def flat(color, height=240, width=320):
    return np.full((height, width, 3), color, np.float32)


def take(left, right, settings, seed=0) -> Capture:
    return shoot(left, right, settings, np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1]))


def with_color(**changes):
    return tree.Settings(light=BRIGHT, color=replace(tree.ColorCamera(), **changes))


@pytest.mark.parametrize("scale", [1, 2, 3.5])
@pytest.mark.parametrize("ratio", [1, 8])
def test_mean_and_variance_of_the_mosaic(scale, ratio):
    color = tree.ColorCamera(sensor=tree.Sensor(read_noise_e=3.0, black=256))
    settings = tree.Settings(light=tree.SceneLight(400, ratio), scale=scale, color=color)
    view = flat((0.5, 0.3, 0.1), 800, 960)
    dn = color_samples(view, settings, np.random.default_rng(0)).astype(np.float64)
    electrons = 400 * min(scale**2, 4) / ratio
    gain = (4095 - 256) / (electrons * ratio)
    sites = {0.5: [dn[0::2, 0::2]], 0.3: [dn[0::2, 1::2], dn[1::2, 0::2]], 0.1: [dn[1::2, 1::2]]}
    for level, planes in sites.items():
        for plane in planes:
            variance = gain**2 * (electrons * level + 3**2) + 1 / 12
            mean = 256 + gain * electrons * level
            assert plane.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / plane.size))
            # At least 15 000 samples: one standard error is under 1.2 %.
            assert plane.var() == pytest.approx(variance, rel=0.045)


def test_mean_and_variance_of_mono():
    settings = tree.Settings(
        light=tree.SceneLight(electrons=300), mono=tree.MonoCamera(sensor=tree.Sensor(4.0, 3.0, 20.0))
    )
    dn = mono_samples(flat((0.4, 0.4, 0.4), 20_000, 16), settings, np.random.default_rng(1)).astype(
        np.float64
    )
    gain = 4095 / 300
    assert dn.mean() == pytest.approx(gain * (120 + 20), rel=0.005)
    assert dn.var() == pytest.approx(gain**2 * (120 + 20 + 4**2 + 3**2) + 1 / 12, rel=0.025)
    rows = dn.mean(axis=1).var()
    assert rows == pytest.approx(gain**2 * (3**2 + (120 + 20 + 4**2) / 16), rel=0.04)


def test_bright_light_clips():
    settings = replace(cameras.equipped(tree.Settings(), color="sony-a7s2", color_gain=6.0))
    settings = replace(settings, light=tree.SceneLight(electrons=20_000, exposure_ratio=1))
    capture = take(flat((1, 1, 1), 64, 64), flat((1, 1, 1), 64, 64), settings)
    assert capture.mosaic.max() == 16383 and (capture.mosaic[0::2, 1::2] == 16383).all()  # green
    assert capture.color.max() == 255


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("camera", [None, "canon-5d4", "sony-imx686"])
def test_colors_come_back(pattern, camera):
    settings = cameras.equipped(with_color(pattern=pattern), color=camera, color_gain=1.0 if camera else None)
    electrons = 0.9 * settings.color_saturation_e  # of white in a green pixel, so that nothing clips
    settings = replace(settings, light=tree.SceneLight(electrons / 4, 1))
    color = np.array([0.45, 0.3, 0.2], np.float32)
    rng = np.random.default_rng(0)
    dn = color_samples(flat(color), settings, rng)
    seen = developed16(dn, settings.color) / 65535 * settings.color_saturation_e / settings.color_electrons
    assert seen.shape == (120, 160, 3)
    assert seen.mean((0, 1)) == pytest.approx(color, rel=0.01)


def test_lens_of_the_color_camera():
    view = flat((0.5, 0.5, 0.5))
    dimmed = color_signal(view, with_color(lens=tree.Lens(vignetting=0.6)))
    np.testing.assert_allclose(dimmed[..., 1], 0.5 * falloff(120, 160, 0.6), rtol=1e-5)
    edge = flat((0.0, 0.0, 0.0))
    edge[:, 160:] = 1
    blurred = color_signal(edge, with_color(lens=tree.Lens(blur_px=2.0)))[60, :, 0].astype(np.float64)
    slope = np.diff(blurred)
    center = (slope * np.arange(159)).sum()
    # The width is in color pixels; the pixel itself adds its twelfth.
    assert (slope * (np.arange(159) - center) ** 2).sum() == pytest.approx(2.0**2 + 1 / 12, rel=0.03)


def test_lens_of_the_mono_camera():
    settings = tree.Settings(light=BRIGHT, mono=tree.MonoCamera(lens=tree.Lens(vignetting=0.5)))
    mono = to_linear(take(flat((0.5,) * 3), flat((0.5,) * 3), settings).mono / 65535)
    np.testing.assert_allclose(mono, 0.5 * falloff(240, 320, 0.5), atol=4e-3)


def test_the_gain_decides_how_bright_the_files_are():
    view = flat((0.6, 0.6, 0.6), 64, 64)
    half = cameras.equipped(tree.Settings(), mono_gain=4095 / 2000, color_gain=4095 / 2000)
    capture = take(view, view, half)
    assert to_linear(capture.mono / 65535).mean() == pytest.approx(0.3, rel=0.02)
    assert to_linear(capture.color / 255).mean() == pytest.approx(0.6 * 500 / 2000, rel=0.02)


def test_codes_and_light_give_the_same_capture():
    codes = to_bits(scene(50, 71))
    light = to_linear(codes / 255)
    first, second = take(codes, codes, tree.Settings()), take(light, light, tree.Settings())
    for name in ("mono", "color", "mosaic", "truth"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.truth is codes


@pytest.mark.parametrize(
    ("size", "scale"),
    [((33, 47), 1), ((33, 47), 1.7), ((33, 47), 2), ((16, 16), 5.5), ((2, 4), 1), ((4, 5), 2)],
)
def test_odd_sizes(size, scale):
    codes = to_bits(scene(*size))
    settings = replace(tree.Settings(scale=scale), color=tree.ColorCamera(pattern="GBRG"))
    capture = take(codes, codes, settings)
    rows, columns = int(size[0] / scale), int(size[1] / scale)
    assert capture.mono.shape == size and capture.mosaic.shape == (rows, columns)
    assert capture.color.shape == (rows, columns, 3)


def test_phone():
    picture = scene(120, 160)
    phone = tree.Phone(brighten=6, quality=85)
    capture = take(to_bits(picture), to_bits(picture), tree.Settings(color=tree.ColorCamera(phone=phone)))
    plain = take(to_bits(picture), to_bits(picture), tree.Settings())
    assert plain.jpeg is None and capture.jpeg is not None and capture.jpeg[:2] == b"\xff\xd8"
    assert capture.color.shape == plain.color.shape and capture.color.mean() > 1.5 * plain.color.mean()
    assert np.array_equal(capture.mosaic, plain.mosaic)


@pytest.mark.parametrize(
    ("left", "right", "scale", "named"),
    [
        (np.zeros((40, 50), np.uint8), np.zeros((40, 50), np.uint8), 2, "shape"),
        (np.zeros((40, 50, 3), np.uint8), np.zeros((50, 40, 3), np.uint8), 2, "differ"),
        (np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20, 3), np.uint8), 16, "20 x 20"),
    ],
)
def test_refusals(left, right, scale, named):
    with pytest.raises(UsageError, match=named):
        take(left, right, tree.Settings(scale=scale))
