"""The eight hops end to end on a world of known truth, by the method without weights."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest

import dualcam
import untrained
from dualcam.errors import DualcamError, InputError, UnavailableError, UsageError
from dualcam.files.read import from_array
from dualcam.frame import Frame, Provenance
from dualcam.fusion import fuser as fusers
from dualcam.fusion.hops import HOPS
from dualcam.fusion.method import choose
from dualcam.neural import devices, manifest
from synthetic import WEIGHTS, Light, Rig, color_error, psnr, shoot, to_display, world

# Which method "auto" takes depends on whether weights are there.
Fuser = partial(fusers.Fuser, method="classical")
fuse = partial(fusers.fuse, method="classical")
HEIGHT, WIDTH = 240, 320
STAGES = {
    "read_mono": "mono",
    "read_color": "color rgb",
    "place_color": "mono rgb",
    "measure_mono_denoised": "grid",
    "measure_color_brightened": "color",
    "match_flow": "grid rgb",
    "match_disagreement": "grid",
    "refec_exposed": "color rgb",
    "refcolor_color": "grid rgb",
    "refcolor_confidence": "grid",
    "refcolor_provenance": "grid",
    "refsr_result": "mono rgb",
    "render_confidence": "mono",
}


def write(path, samples):
    cv2.imwrite(str(path), samples if samples.ndim == 2 else samples[..., ::-1])
    return path


@pytest.fixture(scope="module")
def night():
    """A pair with everything at once: turned, shifted, a near object, 12 times darker, noisy."""
    view = world(Rig(rotation=3, shift=(8, -5), parallax=(10, 2)), HEIGHT, WIDTH)
    mono, color = shoot(view, Light(2000, 4000, 12))
    return view, mono, color


@pytest.fixture(scope="module")
def fused(night):
    hops = []
    _, mono, color = night
    return Fuser().fuse(mono, color, keep_stages=True, on_hop=hops.append), hops


def aligned(light=None, rig=None, size=(HEIGHT, WIDTH), weights=WEIGHTS, seed=0, **look):
    """A pair that needs no placement, fused as it stands."""
    view = world(rig or Rig(), *size, seed, **look)
    mono, color = shoot(view, light, weights)
    return view, fuse(mono, color, place="identity")


def test_better_than_brightening_and_than_unaligned_color(night, fused):
    view, mono, color = night
    truth, result = to_display(view.truth), to_display(fused[0].pixels)
    linear = from_array(color, "color").pixels
    # The first rival even knows the true placement.
    placed = cv2.warpPerspective(
        np.clip(linear * 12, 0, 1), view.matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    brightened = to_display(np.clip(placed, 0, 1))
    stretched = to_display(
        np.clip(cv2.resize(linear * 12, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), 0, 1)
    )
    luma = mono / 65535
    unaligned = np.clip(stretched - stretched.mean(-1, keepdims=True) + luma[..., None], 0, 1)
    seen = view.seen
    for rival in (brightened, unaligned):
        assert psnr(result[seen], truth[seen]) > psnr(rival[seen], truth[seen]) + 2
        assert color_error(result[seen], truth[seen]) < 0.8 * color_error(rival[seen], truth[seen])
    assert psnr(result[seen], truth[seen]) > 27


def test_result_and_maps(fused):
    out = fused[0]
    assert out.pixels.shape == (HEIGHT, WIDTH, 3) and out.pixels.dtype == np.float32
    assert np.isfinite(out.pixels).all() and out.pixels.min() >= 0 and out.pixels.max() <= 1
    assert out.confidence.shape == (HEIGHT, WIDTH) and out.confidence.dtype == np.float32
    assert out.confidence.min() >= 0 and out.confidence.max() <= 1
    assert out.provenance.shape == (HEIGHT, WIDTH) and out.provenance.dtype == np.uint8
    assert set(np.unique(out.provenance)) <= {int(p) for p in Provenance}
    assert out.method == "classical" and out.pair.placement.method == "features"
    assert all(isinstance(note, str) and note for note in out.notes)


def test_hops_are_reported_in_order(fused):
    out, seen = fused
    assert tuple(h.name for h in out.hops) == HOPS
    assert list(out.hops) == seen
    assert all(h.seconds >= 0 for h in out.hops)
    for hop in out.hops:
        for key, value in hop.facts.items():
            assert isinstance(key, str) and isinstance(value, float | int | str | bool), (hop.name, key)
            assert not isinstance(value, float) or np.isfinite(value), (hop.name, key)
    facts = {h.name: h.facts for h in out.hops}
    assert facts["measure"]["exposure ratio"] == pytest.approx(12, rel=0.25)
    assert facts["refEC"]["exposure ratio"] == pytest.approx(12, rel=0.15)
    assert facts["place"]["rotation (degrees)"] == pytest.approx(3, abs=0.3)
    assert facts["place"]["scale"] == pytest.approx(2, rel=0.02)


def test_stages_have_the_right_shapes_and_range(fused):
    out = fused[0]
    shapes = {"mono": (HEIGHT, WIDTH), "color": (HEIGHT // 2, WIDTH // 2)}
    shapes["grid"] = out.stages["refcolor_confidence"].shape
    assert abs(shapes["grid"][0] - HEIGHT / 2) < 4
    assert list(out.stages) == list(STAGES)
    for name, kind in STAGES.items():
        where, *channels = kind.split()
        picture = out.stages[name]
        assert picture.shape == (*shapes[where], *([3] if channels else [])), name
        assert picture.dtype == np.float32 and picture.min() >= 0 and picture.max() <= 1, name
    np.testing.assert_allclose(out.stages["refsr_result"], to_display(out.pixels), atol=1e-5)


def test_the_first_hops_alone_lead_to_the_same_result(night, fused):
    _, mono, color = night
    known, method = Fuser().prepare(mono, color), choose("classical")
    exposed = method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    colored = method.ref_color(known.mono, exposed, known.match)
    pixels, confidence = method.ref_sr(colored, known.measured)
    assert np.array_equal(pixels, fused[0].pixels) and np.array_equal(confidence, fused[0].confidence)


def same(first, second):
    """Equal to the last bit, wherever the memory of either lies."""
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    np.testing.assert_array_equal(first.provenance, second.provenance)


def test_files_arrays_frames_and_a_used_fuser_agree(tmp_path):
    view = world(Rig(), 64, 96)
    mono, color = shoot(view)
    fuser = Fuser(place="identity")
    first = fuser.fuse(mono, color)
    paths = write(tmp_path / "m.png", mono), write(tmp_path / "c.png", color)
    frames = from_array(mono, "mono"), from_array(color, "color")
    fuser.fuse(mono[:48], color[:30])
    before = mono.copy(), color.copy(), frames[1].pixels.copy()
    for pair in ((mono, color), paths, tuple(map(str, paths)), frames):
        again = fuser.fuse(*pair)
        same(first, again)
        assert again.stages == {}
    # What was given stays as it was.
    for old, new in zip(before, (mono, color, frames[1].pixels), strict=True):
        assert np.array_equal(old, new)
    same(first, dualcam.fuse(mono, color, place="identity", method="classical"))


def test_stages_do_not_change_the_result():
    mono, color = shoot(world(Rig(), 64, 96))
    fuser = Fuser(place="identity")
    same(fuser.fuse(mono, color), fuser.fuse(mono, color, keep_stages=True))


def test_luminance_follows_mono():
    view, out = aligned(Light(1e6, 4000, 8, bits=16))
    weights = np.float32([float(w) for w in out.hops[4].facts["spectral weights"].split()])
    error = out.pixels @ (weights / weights.sum()) - view.truth @ WEIGHTS
    assert np.abs(error).mean() < 0.01


@pytest.mark.parametrize("ratio", [2, 8, 25])
def test_exposure_ratios(ratio):
    view, out = aligned(Light(ratio=ratio, bits=16))
    assert psnr(to_display(out.pixels), to_display(view.truth)) > 27
    assert color_error(to_display(out.pixels), to_display(view.truth)) < 0.03


@pytest.mark.parametrize("scale", [0.34, 1, 1.7, 3])
def test_scales(scale):
    size = (90, 120) if scale < 1 else (HEIGHT, WIDTH)
    view, out = aligned(Light(bits=16), Rig(scale=scale), size)
    assert out.pair.placement.scale == pytest.approx(scale, rel=0.03)
    assert psnr(to_display(out.pixels), to_display(view.truth)) > 26
    assert color_error(to_display(out.pixels), to_display(view.truth)) < 0.035


def test_a_clean_aligned_pair_is_measured():
    _, out = aligned(Light(1e7, 1e7, 1, 0, 16, False))
    assert next(h for h in out.hops if h.name == "match").facts["agrees both ways"] > 0.9
    assert (out.provenance == Provenance.MEASURED).mean() > 0.8


@pytest.fixture(scope="module")
def narrow():
    """The color camera sees 60 % of the mono picture."""
    view = world(Rig(fov=0.775), HEIGHT, WIDTH)
    mono, color = shoot(view, Light(bits=16))
    assert view.seen.mean() == pytest.approx(0.6, abs=0.02)
    return view, Fuser().fuse(mono, color)


def test_outside_of_the_field_is_not_measured(narrow):
    view, out = narrow
    # A grid pixel at the border covers two mono pixels.
    outside = cv2.erode((~view.seen).astype(np.uint8), np.ones((7, 7))) > 0
    assert not (out.provenance[outside] == Provenance.MEASURED).any()
    assert (out.provenance == Provenance.MEASURED).mean() < 0.62
    assert out.pair.placement.overlap == pytest.approx(0.6, abs=0.03)
    assert any("60%" in n or "59%" in n or "61%" in n for n in (*out.notes, *(a.text for a in out.advice)))


def test_outside_of_the_field_is_less_sure(narrow):
    view, out = narrow
    assert out.confidence[~view.seen].mean() < out.confidence[view.seen].mean() - 0.1


@pytest.fixture(scope="module")
def parallax():
    view = world(Rig(parallax=(WIDTH // 4, 0)), HEIGHT, WIDTH)
    return view, fuse(*shoot(view, Light(bits=16)), place="identity")


def test_a_very_near_object_spoils_only_itself(parallax):
    view, out = parallax
    rest = ~view.near & ~view.hidden
    error = np.abs(to_display(out.pixels) - to_display(view.truth)).mean(-1)
    assert error[rest].mean() < 0.03
    measured = out.provenance == Provenance.MEASURED
    assert measured[view.near].mean() < measured[rest].mean()


def test_a_very_near_object_is_less_sure(parallax):
    view, out = parallax
    assert out.confidence[view.near].mean() < out.confidence[~view.near & ~view.hidden].mean() - 0.03


def test_confidence_sorts_the_errors(parallax):
    view, out = parallax
    error = np.abs(to_display(out.pixels) - to_display(view.truth)).mean(-1).ravel()
    order = np.argsort(out.confidence.ravel())
    fifth = order.size // 5
    assert error[order[-fifth:]].mean() < 0.7 * error[order[:fifth]].mean()


def test_a_gray_scene_stays_gray():
    view, out = aligned(Light(4000, 2000, 8), saturation=0.0)
    shown = to_display(out.pixels)
    assert np.abs(shown - shown.mean(-1, keepdims=True)).mean() < 0.01
    assert psnr(shown, to_display(view.truth)) > 28


def lamp():
    """A scene with an orange lamp that mono clips and the dark color picture does not."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    shape = np.exp(-((np.hypot(y - HEIGHT / 2, x - WIDTH / 2) / 40) ** 2))[..., None].astype(np.float32)
    bright = world(Rig(), HEIGHT, WIDTH).truth * 0.5 * (1 - shape) + shape * np.float32([3.0, 1.6, 0.4])
    small = cv2.resize(bright, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    mono = np.clip(bright @ WEIGHTS, 0, 1).astype(np.float32)
    assert (mono >= 1).mean() > 0.02 and small.max() / 8 < 0.5
    return fuse(mono, small / 8, place="identity"), shape[..., 0]


def test_clipped_mono_takes_the_color_of_the_highlights():
    out, shape = lamp()
    middle = out.pixels[shape > 0.85]
    # Red over blue as in the lamp, paler where a display ends, but not white.
    assert (middle[:, 0] - middle[:, 2]).mean() > 0.1
    assert middle.mean(0)[0] > middle.mean(0)[1] > middle.mean(0)[2]


def test_clipped_mono_keeps_its_highlights_bright():
    out, shape = lamp()
    luminance = out.pixels @ WEIGHTS
    assert luminance[shape > 0.85].min() > 0.8
    assert any("clipped" in note for note in out.notes)


def test_flipped_pictures_give_the_flipped_result():
    view = world(Rig(), 96, 128)
    mono, color = shoot(view, Light(bits=16))
    fuser = Fuser(place="identity")
    plain = to_display(fuser.fuse(mono, color).pixels)
    for axis in (0, 1):
        turned = fuser.fuse(np.flip(mono, axis), np.flip(color, axis)).pixels
        assert np.abs(np.flip(to_display(turned), axis) - plain).mean() < 0.012


def test_brighter_color_gives_the_same_picture():
    """Exposure of the color camera is compensated: a factor on a linear picture changes next to nothing."""
    view = world(Rig(), 96, 128)
    mono, _ = shoot(view, Light(bits=16))
    fuser = Fuser(place="identity")
    one, other = (to_display(fuser.fuse(mono, view.color * np.float32(f)).pixels) for f in (0.5, 0.05))
    assert np.abs(one - other).mean() < 0.01


# --- refusals ---------------------------------------------------------------------------------------------


def small():
    return shoot(world(Rig(), 48, 64))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("broken", [0, 1])
def test_broken_samples_are_refused(value, broken):
    mono, color = small()
    pair = [mono.astype(np.float32) / 65535, color.astype(np.float32) / 255]
    pair[broken][3, 4] = value
    with pytest.raises(InputError, match=("mono", "color")[broken]):
        fuse(*pair, place="identity")


def test_the_same_file_twice(tmp_path):
    path = write(tmp_path / "one.png", small()[1])
    (tmp_path / "link.png").symlink_to(path)
    for other in (path, str(path), tmp_path / "link.png", tmp_path / "." / "one.png"):
        with pytest.raises(UsageError, match=r"same file \(one\.png\)"):
            fuse(path, other)


def test_swapped_roles():
    mono, color = (from_array(p, r) for p, r in zip(small(), ("mono", "color"), strict=True))
    with pytest.raises(UsageError, match="color frame was given as mono"):
        fuse(color, mono)
    with pytest.raises(InputError):
        fuse(small()[1], small()[0])


@pytest.mark.parametrize("thing", [None, 3, [[1, 2]], b"x"])
def test_things_that_are_no_pictures(thing):
    with pytest.raises(InputError, match=type(thing).__name__):
        fuse(thing, small()[1])


def test_missing_files(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.png"):
        fuse(tmp_path / "nowhere.png", small()[1])


@pytest.mark.parametrize(
    ("options", "kind", "named"),
    [
        ({"method": "magic"}, UsageError, "magic"),
        ({"method": "neural", "weights": "nowhere"}, UnavailableError, "nowhere"),
        ({"method": "classical", "weights": "nowhere"}, UsageError, "weights"),
        ({"device": "cuda"}, UnavailableError, "cuda"),
        ({"device": "tpu"}, UsageError, "tpu"),
        ({"engine": "steam"}, UsageError, "steam"),
        ({"engine": "torch", "device": "openvino"}, UsageError, "not on openvino"),
        ({"threads": 0}, UsageError, "threads"),
        ({"place": "nonsense"}, UsageError, "nonsense"),
        ({"view": "sideways"}, UsageError, "sideways"),
    ],
)
def test_options_are_refused_before_any_work(options, kind, named, monkeypatch):
    monkeypatch.setattr(devices, "torch_lacks_cuda", lambda: "PyTorch is not installed")
    with pytest.raises(kind, match=named) as caught:
        Fuser(**options)
    assert caught.value.remedy and isinstance(caught.value, DualcamError)


def test_the_classical_method_has_no_use_for_a_device(monkeypatch):
    monkeypatch.setattr(devices, "settle", lambda engine, device: devices.ONNXRUNTIME)
    with pytest.raises(UsageError, match="CPU only"):
        choose("classical", device="cuda")
    assert choose("classical", device="cpu").name == "classical"
    with pytest.raises(UsageError, match="no precision 'half'"):
        choose("auto", precision="half")
    with pytest.raises(UsageError, match="has no networks"):
        choose("classical", precision="int8")
    with pytest.raises(UsageError, match="has no networks"):
        choose("classical", engine="torch")


def test_methods_that_are_there(monkeypatch, tmp_path):
    assert choose("classical").name == "classical"
    monkeypatch.setattr(manifest, "SHIPPED", tmp_path)
    assert choose("auto").name == "classical"
    with pytest.raises(UnavailableError, match="neural"):
        choose("neural")
    monkeypatch.setattr(manifest, "SHIPPED", untrained.weights(tmp_path / "w"))
    assert choose("neural").name == choose("auto", weights=tmp_path / "w").name == "neural"
    assert choose("auto").name == "neural"


def test_frames_with_negative_and_very_bright_color():
    # Wide-gamut files hold such values.
    view = world(Rig(), 64, 96)
    color = view.color / 4
    color[:10] -= 0.05
    color[20:24] *= 30
    mono = Frame((view.truth @ WEIGHTS)[..., None].astype(np.float32), "mono")
    out = fuse(mono, Frame(color, "color"), place="identity")
    assert np.isfinite(out.pixels).all() and out.pixels.max() <= 1
