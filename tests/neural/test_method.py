"""The chain of networks: what they are fed, what is made of their answers, what they may not claim."""

from __future__ import annotations

import numpy as np
import pytest

import untrained
from dualcam.camera.curves import decode, encode
from dualcam.classical import colorize, exposure, upsample
from dualcam.classical.evidence import logistic
from dualcam.files.read import from_array
from dualcam.frame import Frame, Mosaic, Provenance
from dualcam.fusion.fuser import Fuser
from dualcam.neural import features, manifest
from dualcam.neural.method import CLAIM, Neural
from dualcam.rig import warp
from synthetic import WEIGHTS, Light, Rig, color_error, psnr, shoot, to_display, world

HEIGHT, WIDTH = 150, 202


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Weights by what is special about them."""
    root = tmp_path_factory.mktemp("method")
    return {
        "silent": untrained.weights(root / "silent", strength=0.0),
        "whole": untrained.weights(root / "whole", tile=4096, strength=0.1),
        "tiled": untrained.weights(root / "tiled", tile=80, strength=0.1),
    }


@pytest.fixture(scope="module")
def pair():
    return shoot(world(Rig(parallax=(6, 1)), HEIGHT, WIDTH), Light(2000, 4000, 8))


def neural(folder, **options):
    return Fuser(weights=folder, place="identity", **options)


def test_silent_networks_leave_their_bases(folders, pair):
    fuser, method = neural(folders["silent"]), Neural(folders["silent"])
    known, fusion = fuser.prepare(*pair), fuser.fuse(*pair)
    given = (known.pair, known.measured, known.mono, known.match)
    tone = exposure.fine_tone(known.pair, known.mono, known.match, known.tone)
    exposed = method.ref_ec(*given, known.tone)
    fed = features.ec_input(*given, tone)
    np.testing.assert_array_equal(exposed.color, fed.base)
    np.testing.assert_array_equal(exposed.sigma, fed.sigma)
    colored = method.ref_color(known.mono, exposed, known.match)
    made = features.color_input(known.mono, exposed, known.match)
    np.testing.assert_allclose(colored.color, made.base, atol=1e-6)
    classical = colorize.colorize(known.mono, exposed, known.match)
    np.testing.assert_allclose(made.base, classical.color, atol=1e-6)
    np.testing.assert_allclose(colored.confidence, logistic(CLAIM[1]), atol=1e-6)
    # Denoised mono's detail on the enlarged color, with mono's luminance.
    clean = known.measured.mono_cleaner()
    difference = warp.resize(colored.color - colored.mono[..., None], HEIGHT, WIDTH)
    rough = decode(np.clip(encode(clean)[..., None] + difference, 0, 1))
    wanted = upsample.with_luminance(rough, clean, tone.weights)
    np.testing.assert_allclose(encode(fusion.pixels), encode(wanted), atol=0.01)
    unclipped = (fusion.pixels > 0).all(-1) & (fusion.pixels < 1).all(-1)
    np.testing.assert_allclose((fusion.pixels @ tone.weights)[unclipped], clean[unclipped], atol=1e-4)
    assert fusion.method == "neural" and fusion.hops[4].facts["weights"] == untrained.RUN.name


def test_the_last_planes_of_refec_are_the_classical_color(folders, pair):
    known = neural(folders["silent"]).prepare(*pair)
    given = (known.pair, known.measured, known.mono, known.match, known.tone)
    planes = features.ec_input(*given).planes
    assert len(planes) == len(features.EC_PLANES)
    guide = planes[features.EC_PLANES.index("guide")]
    np.testing.assert_allclose(
        np.dstack(planes[-3:]) + guide[..., None], exposure.expose(*given).color, atol=1e-6
    )


def test_a_match_made_once_is_refused(folders, pair):
    known = Fuser(method="classical", place="identity").prepare(*pair)
    exposed = exposure.expose(known.pair, known.measured, known.mono, known.match, known.tone)
    with pytest.raises(AssertionError, match="made twice"):
        Neural(folders["silent"]).ref_color(known.mono, exposed, known.match)


def test_tiles_do_not_show(folders, pair):
    whole, tiled = (neural(folders[name]).fuse(*pair) for name in ("whole", "tiled"))
    np.testing.assert_allclose(encode(tiled.pixels), encode(whole.pixels), atol=1e-4)
    np.testing.assert_allclose(tiled.confidence, whole.confidence, atol=1e-4)
    np.testing.assert_array_equal(tiled.provenance, whole.provenance)


def test_planes_of_the_full_picture_are_never_held(folders, pair, monkeypatch):
    shapes = []
    made = features.sr_planes

    def noted(mono, *rest):
        shapes.append(mono.shape)
        return made(mono, *rest)

    monkeypatch.setattr(features, "sr_planes", noted)
    neural(folders["tiled"]).fuse(*pair)
    assert len(shapes) > 4 and max(h * w for h, w in shapes) <= 80**2


def test_the_same_twice_and_with_two_threads(folders, pair):
    fuser = neural(folders["whole"], threads=1)
    first, second = fuser.fuse(*pair), fuser.fuse(*pair, keep_stages=True)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    other = neural(folders["whole"], threads=2).fuse(*pair)
    np.testing.assert_allclose(encode(other.pixels), encode(first.pixels), atol=1e-4)


@pytest.mark.parametrize("pattern", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_a_mosaic_begins_with_red(folders, pattern):
    view = world(Rig(), 64, 96)
    samples = np.zeros(view.color.shape[:2], np.float32)
    for site, letter in enumerate(pattern):
        samples[site // 2 :: 2, site % 2 :: 2] = {"R": 0.08, "G": 0.05, "B": 0.02}[letter]
    color = np.broadcast_to(np.float32([0.08, 0.05, 0.02]), view.color.shape).copy()
    mosaic = Mosaic(samples, pattern, np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    mono = from_array((view.truth @ WEIGHTS).astype(np.float32), "mono")
    method = Neural(folders["whole"])
    known = neural(folders["whole"]).prepare(mono, Frame(color, "color", mosaic=mosaic))
    seen = []

    class Listening:
        def over(self, planes, watch=None):
            seen.append([np.asarray(plane) for plane in planes])
            return (np.zeros((*planes[0].shape, 3), np.float32),)

    object.__setattr__(method._engine, "refec", Listening())
    exposed = method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    assert exposed.color.shape == view.color.shape
    light = seen[0][6] + seen[0][3]  # the samples, brightened
    sites = {(y, x): np.median(light[y::2, x::2]) for y in (0, 1) for x in (0, 1)}
    assert sites[0, 0] > sites[0, 1] > sites[1, 1] and sites[0, 1] == pytest.approx(sites[1, 0], abs=0.05)
    assert (seen[0][7] == 1).all()


def test_far_outside_of_the_color_picture_is_gray_and_unsure(folders):
    view = world(Rig(fov=0.5), 240, 320)
    mono, color = shoot(view, Light(bits=16))
    known = Fuser(weights=folders["silent"]).prepare(mono, color)
    method = Neural(folders["silent"])
    exposed = method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    colored = method.ref_color(known.mono, exposed, known.match)
    width = known.mono.shape[1]
    far, near = known.match.outside > 0.25 * width, known.match.inside
    assert far.mean() > 0.03
    saturation = np.ptp(colored.color, axis=-1)
    assert saturation[far].max() < 0.3 * saturation[near].max()
    assert (colored.provenance[far] == Provenance.NEUTRAL).all()
    assert not (colored.provenance[~near] == Provenance.MEASURED).any()
    assert (colored.provenance[near] == Provenance.MEASURED).mean() > 0.7
    assert colored.confidence[far].max() < 0.3 * np.median(colored.confidence[near])


def test_changed_color_is_not_measured(folders):
    view = world(Rig(), HEIGHT, WIDTH)
    known = neural(folders["silent"]).prepare(*shoot(view, Light(bits=16)))
    method = Neural(folders["silent"])
    shape = known.mono.shape

    class Painting:
        def over(self, planes, watch=None):
            change = np.zeros((*planes[0].shape, 3), np.float32)
            change[:, : shape[1] // 2, 0] = 0.3
            return change, np.full((*planes[0].shape, 1), 8, np.float32)

    object.__setattr__(method._engine, "refcolor", Painting())
    exposed = method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    found = method.ref_color(known.mono, exposed, known.match).provenance
    assert (found[:, : shape[1] // 2 - 4] == Provenance.PROPAGATED).all()
    assert (found[:, shape[1] // 2 + 4 :] == Provenance.MEASURED).mean() > 0.8


def test_unrelated_pictures_make_unsure(folders):
    mono, color = shoot(world(Rig(), HEIGHT, WIDTH), Light(bits=16))
    _, other = shoot(world(Rig(), HEIGHT, WIDTH, seed=9), Light(bits=16))
    fuser = neural(folders["silent"])
    related, unrelated = fuser.fuse(mono, color), fuser.fuse(mono, other)
    assert related.confidence.mean() == pytest.approx(float(logistic(CLAIM[1])), abs=0.01)
    assert unrelated.confidence.mean() < 0.7 * related.confidence.mean()


# --- trained weights ------------------------------------------------------------------------------

shipped = pytest.mark.skipif(not manifest.there(manifest.SHIPPED), reason="this checkout ships no weights")


@pytest.fixture(scope="module")
def night():
    view = world(Rig(rotation=3, shift=(8, -5), parallax=(10, 2)), 240, 320)
    mono, color = shoot(view, Light(2000, 4000, 12))
    return view, Fuser(method="neural").fuse(mono, color), Fuser(method="classical").fuse(mono, color)


@shipped
def test_shipped_networks_beat_the_classical_method(night):
    view, fused, classical = night
    truth, seen = to_display(view.truth)[view.seen], view.seen
    ours, theirs = (to_display(f.pixels)[seen] for f in (fused, classical))
    assert psnr(ours, truth) > psnr(theirs, truth)
    assert color_error(ours, truth) < color_error(theirs, truth)


@shipped
def test_shipped_networks_know_how_sure_they_are(night):
    view, fused, _ = night
    error = np.abs(to_display(fused.pixels) - to_display(view.truth)).mean(-1).ravel()
    order = np.argsort(fused.confidence.ravel())
    fifth = order.size // 5
    assert error[order[-fifth:]].mean() < 0.8 * error[order[:fifth]].mean()
    assert fused.confidence[~view.seen].mean() < fused.confidence[view.seen].mean() - 0.05


@shipped
def test_shipped_networks_keep_gray_scenes_gray():
    view = world(Rig(), 240, 320, saturation=0.0)
    shown = to_display(neural(None, method="neural").fuse(*shoot(view, Light(4000, 2000, 8))).pixels)
    assert np.abs(shown - shown.mean(-1, keepdims=True)).mean() < 0.015


@shipped
def test_a_shade_without_color_camera_stays_the_same(night):
    """What refSR adds is detail, not brightness: mono's own light is kept."""
    view, fused, _ = night
    target = view.truth @ WEIGHTS
    error = encode(decode(encode(fused.pixels)) @ WEIGHTS) - encode(target)
    assert abs(float(error[view.seen].mean())) < 0.02
