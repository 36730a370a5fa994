"""Lamps that the mono camera clips and the darker color camera does not."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualcam.errors import UsageError
from dualcam.evaluation import protocol
from dualcam.fusion import highlights
from dualcam.fusion.fuser import Fuser
from dualcam.simulation import capture
from dualcam.simulation.settings import SceneLight
from synthetic import WEIGHTS, scene

HEIGHT, WIDTH, SHIFT = 240, 320, 12
# Place, radius, linear color: a large warm lamp, a red one, a small white one, one smaller than a color pixel.
LAMPS = (
    ((80, 70), 20, (5.0, 3.6, 1.8)),
    ((200, 60), 12, (5.0, 0.4, 0.5)),
    ((260, 150), 4, (6.0, 6.0, 7.0)),
    ((60, 180), 1.2, (7.0, 6.0, 5.0)),
)


def disc(place, radius, size):
    mask = np.zeros(size, np.uint8)
    cv2.circle(
        mask, (round(place[0] * 16), round(place[1] * 16)), round(radius * 16), 255, -1, cv2.LINE_AA, 4
    )
    return mask.astype(np.float32) / 255


def night(lamps=LAMPS, glow=0.15):
    """Both views of a dim scene with lamps, (H, W, 3) linear; lamps are far over white."""
    wide = scene(HEIGHT, WIDTH + 2 * SHIFT, 5) * np.float32(0.4)
    light = np.zeros_like(wide)
    for (x, y), radius, color in lamps:
        light += disc((x + SHIFT, y), radius, wide.shape[:2])[..., None] * np.float32(color)
    wide = wide + light + np.float32(glow) * cv2.GaussianBlur(light, (0, 0), 8)
    return wide[:, SHIFT : SHIFT + WIDTH], wide[:, 2 * SHIFT : 2 * SHIFT + WIDTH]


def shoot(left, right, ratio=8.0, electrons=2000.0):
    """What the files of the simulator's cameras hold."""
    lit = replace(protocol.settings("night", 2), light=SceneLight(electrons, ratio))
    mono = capture.mono_samples(left, lit, np.random.default_rng(1))
    color = capture.color_samples(right, lit, np.random.default_rng(2))
    return capture.mono_file(mono, lit.mono), capture.color_file(color, lit.color)[0]


@pytest.fixture(scope="module")
def views():
    return night()


@pytest.fixture(scope="module")
def results(views):
    files = shoot(*views)
    return {how: Fuser("classical", highlights=how).fuse(*files) for how in ("auto", "off")}


def errors(picture, truth, where):
    """Mean error of the luminance in EV, and of the color at luminance 1."""
    light, wanted = picture @ WEIGHTS, truth @ WEIGHTS
    ev = np.abs(np.log2(np.maximum(light, 1e-3) / wanted))[where].mean()
    tints = [p / np.maximum(y, 1e-3)[..., None] for p, y in ((picture, light), (truth, wanted))]
    return float(ev), float(np.abs(tints[0] - tints[1])[where].mean())


def test_light_and_color_of_lamps_come_back(views, results):
    truth = views[0]
    found, lost = results["auto"], results["off"]
    assert lost.radiance is None and lost.pixels.max() <= 1
    assert found.radiance.max() > 4
    for place, radius, _ in LAMPS[:3]:
        lamp = disc(place, radius - 1, (HEIGHT, WIDTH)) > 0.9
        ev, tint = errors(found.radiance, truth, lamp)
        ev_lost, tint_lost = errors(lost.pixels, truth, lamp)
        assert ev < 0.45 * ev_lost and tint < max(0.1, 0.6 * tint_lost)
    assert found.hops[6].facts["recovered lamps"] == pytest.approx(0.03, abs=0.015)


def test_a_lamp_smaller_than_a_color_pixel_gets_its_light(views, results):
    (x, y), *_ = LAMPS[3]
    around = np.s_[y - 4 : y + 5, x - 4 : x + 5]
    true, found, lost = (
        float((p[around] @ WEIGHTS).sum())
        for p in (views[0], results["auto"].radiance, results["off"].pixels)
    )
    assert lost < 0.6 * true
    assert 0.65 * true < found < 1.35 * true


def test_what_is_not_clipped_keeps_its_luminance_and_far_from_lamps_every_bit(results):
    found, lost = results["auto"], results["off"]
    unclipped = found.pair.mono.pixels[..., 0] < 0.9
    grown = cv2.erode(unclipped.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    np.testing.assert_allclose((found.radiance @ WEIGHTS)[grown], (lost.pixels @ WEIGHTS)[grown], atol=2e-3)
    far = np.ones((HEIGHT, WIDTH), bool)
    for place, radius, _ in LAMPS:
        far &= disc(place, radius + 24, far.shape) == 0
    assert far.mean() > 0.3
    assert np.array_equal(found.pixels[far], lost.pixels[far])
    assert np.array_equal(found.radiance[far], lost.pixels[far])


def test_on_a_display_lamps_keep_their_hue_and_have_no_dark_ring(results):
    shown = results["auto"].pixels
    assert shown.min() >= 0 and shown.max() <= 1
    (x, y), radius, _ = LAMPS[1]
    middle = shown[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).mean(0)
    assert middle[0] > 0.75 and middle[0] > 1.4 * middle[1:].max()
    white = results["off"].pixels[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).mean(0)
    assert white.min() > 0.9
    for (x, y), radius, _ in LAMPS[:2]:
        # Mean luminance of rings from the middle outward: it never dips before the glow.
        yy, xx = np.indices(shown.shape[:2])
        distance = np.hypot(xx + 0.5 - x, yy + 0.5 - y)
        rings = [
            float((shown @ WEIGHTS)[(distance >= r) & (distance < r + 1)].mean()) for r in range(radius + 6)
        ]
        assert min(rings[: radius - 1]) > max(rings[radius + 2 :])
        assert min(rings[: radius - 1]) > 0.85 * max(rings[: radius + 6])


def test_nothing_changes_where_mono_is_not_clipped():
    files = shoot(*night(lamps=()))
    found, lost = (Fuser("classical", highlights=how).fuse(*files) for how in ("auto", "off"))
    assert found.radiance is None
    assert np.array_equal(found.pixels, lost.pixels) and np.array_equal(found.confidence, lost.confidence)


def test_nothing_changes_where_color_is_clipped_as_well(views):
    files = shoot(*views, ratio=1.0)
    found, lost = (Fuser("classical", highlights=how).fuse(*files) for how in ("auto", "off"))
    assert found.radiance is None
    assert np.array_equal(found.pixels, lost.pixels)


def test_where_color_clips_at_twice_white_lamps_are_honestly_white(views):
    found = Fuser("classical").fuse(*shoot(*views, ratio=2.0))
    (x, y), *_ = LAMPS[0]
    core = found.radiance[y - 6 : y + 7, x - 6 : x + 7].reshape(-1, 3)
    assert core.mean() == pytest.approx(2.0, rel=0.15)
    assert (core.max(-1) - core.min(-1)).max() < 0.1


def test_hot_pixels_of_the_mono_camera_are_no_lamps():
    mono, color = shoot(*night(lamps=()))
    mono = mono.copy()
    mono[40::37, 30::41] = 65535
    mono[100:103, 100:103] = 65535
    assert Fuser("classical").fuse(mono, color).radiance is None


def test_the_networks_render_lamps_too(views):
    files = shoot(*views)
    found, lost = (Fuser("neural", highlights=how, threads=1).fuse(*files) for how in ("auto", "off"))
    (x, y), radius, _ = LAMPS[1]
    lamp = disc((x, y), radius - 1, (HEIGHT, WIDTH)) > 0.9
    assert errors(found.radiance, views[0], lamp)[0] < 0.5 * errors(lost.pixels, views[0], lamp)[0]
    far = disc((x, y), 40, (HEIGHT, WIDTH)) + disc(LAMPS[0][0], 50, (HEIGHT, WIDTH)) == 0
    far[120:] = False
    assert np.array_equal(found.pixels[far], lost.pixels[far])


def test_files_of_floats_and_with_headroom_keep_lamps(results):
    found, lost = results["auto"], results["off"]
    assert highlights.for_file(found, False) is found.pixels
    assert highlights.for_file(found, True) is found.radiance
    assert highlights.for_file(lost, True) is lost.pixels
    dark = highlights.for_file(found, False, 3.0)
    np.testing.assert_allclose(dark, found.radiance / 8, rtol=1e-6)


def test_unknown_choices_are_refused():
    with pytest.raises(UsageError, match="sometimes"):
        Fuser("classical", highlights="sometimes")


@given(st.floats(1.25, 64))
def test_shoulder(limit):
    knee, top = highlights._KNEE, highlights._TOP
    x = np.linspace(0, limit * 1.2, 500, dtype=np.float32)
    y = highlights._shoulder(x, limit)
    assert (np.diff(y) >= -1e-6).all() and y.max() <= top + 1e-6
    assert np.array_equal(y[x <= knee], x[x <= knee])
    assert highlights._shoulder(np.float32([limit]), limit) == pytest.approx(top, abs=1e-3)
    # It leaves the line smoothly.
    start = highlights._shoulder(np.float32([knee, knee + 1e-3]), limit)
    assert np.diff(start)[0] == pytest.approx(1e-3, rel=0.05)


def test_lamps_come_back_in_the_color_view_too(views):
    files = shoot(*views)
    found, lost = (Fuser("classical", view="color", highlights=how).fuse(*files) for how in ("auto", "off"))
    lamp = disc((LAMPS[0][0][0] - SHIFT, LAMPS[0][0][1]), LAMPS[0][1] - 1, (HEIGHT, WIDTH)) > 0.9
    assert found.pixels.shape == lost.pixels.shape == views[1].shape
    assert errors(found.radiance, views[1], lamp)[0] < 0.5 * errors(lost.pixels, views[1], lamp)[0]
