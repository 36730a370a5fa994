"""A result in the color camera's view: sharper than color, and never worse where mono has nothing to say."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dualcam.camera.curves import encode
from dualcam.classical.exposure import luminance_display
from dualcam.errors import UsageError
from dualcam.files.read import from_array
from dualcam.frame import Frame, Pair, Placement, Provenance
from dualcam.fusion import color_view
from dualcam.fusion.fuser import Fuser
from dualcam.rig import warp
from synthetic import Light, Rig, psnr, shoot, to_display, world

HEIGHT, WIDTH = 240, 320
NIGHT = Light(2000, 4000, 8)
RIG = Rig(rotation=2, shift=(6, -4), parallax=(9, 2))


def large(picture, height=HEIGHT, width=WIDTH):
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def pair():
    """A pair, and what the color camera would see with mono's pixels."""
    view, fine = world(RIG, HEIGHT, WIDTH), world(replace(RIG, scale=1.0), HEIGHT, WIDTH)
    return (*shoot(view, NIGHT), to_display(np.clip(fine.color, 0, 1)))


@pytest.fixture(scope="module", params=["classical", "neural"])
def fused(request, pair):
    mono, color, truth = pair
    return Fuser(request.param, view="color").fuse(mono, color, keep_stages=True), truth


def test_it_has_the_color_cameras_place_and_monos_pixels(fused):
    result, truth = fused
    assert result.pixels.shape == truth.shape and result.confidence.shape == truth.shape[:2]
    assert result.view == "color" and result.base is result.pair.color
    assert (result.provenance == Provenance.MEASURED).mean() > 0.98
    assert 0.5 < dict(result.hops[5].facts)["detail from mono"] <= 1


def test_it_is_better_than_either_input_brought_there(pair, fused):
    mono, _, _ = pair
    result, truth = fused
    known = result.pair
    exposed = large(np.clip(result.stages["refec_exposed"], 0, 1))
    places = warp.transform(np.linalg.inv(known.placement.matrix), warp.centers(HEIGHT, WIDTH) / 2)
    there = warp.sample(from_array(mono, "mono").pixels, places)[..., 0]
    # Monochrome detail by the placement alone, with the clean color's hue.
    shade = np.clip(encode(np.clip(there, 0, 1)), 0, 1)
    swapped = np.clip(exposed + (shade - exposed @ np.float32([0.3, 0.5, 0.2]))[..., None], 0, 1)
    shown = to_display(result.pixels)
    # Detail is brightness; what is wrong with the color's hue stays.
    weights = np.float32([0.3, 0.5, 0.2])
    assert psnr(shown @ weights, truth @ weights) > psnr(exposed @ weights, truth @ weights) + 0.4
    assert psnr(shown, truth) > psnr(exposed, truth)
    assert psnr(shown, truth) > psnr(swapped, truth) + 2


def test_what_mono_does_not_see_stays_as_color_saw_it(pair):
    mono, color, truth = pair
    # Mono looks at the left two thirds, and something stands in its way.
    narrow = mono[:, : 2 * WIDTH // 3].copy()
    narrow[80:140, 60:120] = 30000
    result = Fuser("neural", view="color").fuse(narrow, color, keep_stages=True)
    exposed = large(np.clip(result.stages["refec_exposed"], 0, 1), *result.pixels.shape[:2])
    shown = to_display(result.pixels)
    assert shown.shape == truth.shape
    for part in (np.s_[:, -60:], np.s_[95:125, 75:105]):
        assert psnr(shown[part], truth[part]) > psnr(exposed[part], truth[part]) - 0.3


@pytest.mark.parametrize("method", ["classical", "neural"])
def test_a_smaller_mono_picture_cleans_a_larger_color_picture(method):
    rig = Rig(scale=0.5, parallax=(5, 1))
    view = world(rig, 120, 160)
    mono, color = shoot(view, NIGHT)
    result = Fuser(method, view="color").fuse(mono, color, keep_stages=True)
    truth = to_display(np.clip(view.color, 0, 1))
    assert result.pixels.shape == truth.shape == color.shape
    bright = result.stages["measure_color_brightened"]
    noisy = psnr(bright, truth @ np.float32([0.3, 0.5, 0.2]))
    shown = to_display(result.pixels)
    assert psnr(shown @ np.float32([0.3, 0.5, 0.2]), truth @ np.float32([0.3, 0.5, 0.2])) > noisy + 2
    assert psnr(shown, truth) > psnr(np.clip(result.stages["refec_exposed"], 0, 1), truth) - 0.1


def test_a_smaller_mono_picture_is_told_about():
    mono, color = shoot(world(Rig(scale=0.5), 120, 160), NIGHT)
    seen, turned = (Fuser("classical", view=view).fuse(mono, color) for view in ("mono", "color"))
    assert any("--view color" in note and "320 x 240" in note for note in seen.notes)
    assert not any("--view" in note for note in turned.notes)
    assert seen.pixels.shape[:2] == (120, 160) and turned.pixels.shape[:2] == (240, 320)


@pytest.mark.parametrize(
    ("mono", "color", "scale", "size"),
    [
        ((480, 640), (240, 320), 2.0, (480, 640)),
        ((480, 640), (240, 320), 1.99, (480, 640)),
        ((480, 640), (240, 320), 1.5, (360, 480)),
        ((100, 100), (240, 320), 0.4, (240, 320)),
        # A long lens on the mono camera: not 36 times the pixels for a corner of the picture.
        ((240, 320), (240, 320), 6.0, (339, 453)),
    ],
)
def test_size_follows_the_finer_camera(mono, color, scale, size):
    frames = (
        Frame(np.zeros((*mono, 1), np.float32), "mono"),
        Frame(np.zeros((*color, 3), np.float32), "color"),
    )
    placement = Placement(np.eye(3), scale, 1.0, 1.0, 0, 0.0, "identity")
    assert color_view.output_size(Pair(*frames, placement)) == size


def test_detail_without_a_counterpart_is_left_out(pair):
    mono, color, _ = pair
    fuser = Fuser("classical")
    known = fuser.prepare(mono, color)
    exposed = fuser.method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    luma = luminance_display(exposed.color, exposed.tone)
    seen = warp.sample(encode(known.mono), known.match.to_mono)
    good = color_view.agreement(luma, seen, exposed.sigma, known.match)
    other = color_view.agreement(luma, np.ascontiguousarray(seen[::-1, ::-1]), exposed.sigma, known.match)
    assert good.min() >= 0 and good.max() <= 1
    assert np.median(good) > 0.6 and np.median(other) < 0.1


def test_an_unknown_view_is_refused():
    with pytest.raises(UsageError, match="sideways"):
        Fuser(view="sideways")


@pytest.mark.parametrize("method", ["classical", "neural"])
def test_confidence_is_smaller_where_brightness_is_in_doubt(method):
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 0.99, (40, 60)).astype(np.float32)

    def claimed(detail, noise, enlargement):
        evidence = np.zeros((20, 30, 4), np.float32)
        evidence[...] = np.log(0.05), detail, noise, np.log(enlargement)
        view = color_view.ColorView(None, None, None, 0.0, evidence)
        return color_view.claimed(sure, view, method)

    usual = claimed(1.0, 0.05, 2.0)
    assert usual.shape == sure.shape and 0 < usual.min() and usual.max() < 1
    assert (usual > claimed(0.0, 0.05, 2.0)).all()
    assert (usual > claimed(1.0, 0.15, 2.0)).all()
    assert (usual > claimed(1.0, 0.05, 4.0)).all()
    order = np.argsort(sure, axis=None)
    assert (np.diff(usual.ravel()[order]) >= 0).all()
