"""The torch twins equal the numpy functions that the program runs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dualcam.camera import curves  # noqa: E402
from dualcam.classical import colorize, exposure, upsample  # noqa: E402
from dualcam.classical.exemplar import exemplars  # noqa: E402
from dualcam.frame import Exposed, Tone  # noqa: E402
from dualcam.networks import joint  # noqa: E402
from dualcam.neural import features  # noqa: E402
from dualcam.rig import warp  # noqa: E402
from dualcam.rig.matching import Match  # noqa: E402
from synthetic import scene, to_display  # noqa: E402

H, W = 40, 52
TONE = Tone(3.0, 1.0, np.array([0.35, 0.45, 0.2], np.float32))


def torched(picture):
    """(h, w[, C]) -> (1, C, h, w)."""
    planes = picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))[None]


def back(tensor):
    """(1, C, h, w) -> (h, w, C), or (h, w) of one channel."""
    out = np.moveaxis(tensor[0].numpy(), 0, -1)
    return out[..., 0] if out.shape[-1] == 1 else out


@pytest.fixture(scope="module")
def color():
    picture = to_display(scene(H, W, 1)).astype(np.float32)
    picture[:3, :3], picture[5:8, 5:8] = 0, 1
    # Networks leave the display's range a little.
    return picture + np.random.default_rng(0).normal(0, 0.03, picture.shape).astype(np.float32)


@pytest.fixture(scope="module")
def mono():
    picture = scene(H, W, 2).mean(-1)
    picture[10:14, 10:14], picture[20:22] = 1.0, 0.0
    return picture.astype(np.float32)


@pytest.fixture(scope="module")
def places():
    rng = np.random.default_rng(3)
    return (warp.centers(H, W) + rng.uniform(-6, 6, (H, W, 2))).astype(np.float32)


def test_curves_both_ways():
    values = np.linspace(-0.2, 1.4, 401, dtype=np.float32)
    tensor = torch.from_numpy(values)
    np.testing.assert_allclose(joint.decode(tensor), curves.decode(values), atol=2e-6)
    np.testing.assert_allclose(joint.encode(tensor), curves.encode(values), atol=2e-6)


@pytest.mark.parametrize(("mode", "interpolation"), [("bilinear", warp.LINEAR), ("bicubic", warp.CUBIC)])
def test_sampling(color, places, mode, interpolation):
    ours = back(joint.sample(torched(color), torch.from_numpy(places)[None], mode))
    theirs = warp.sample(color, places, interpolation=interpolation)
    # OpenCV may round positions to 1/32 pixel.
    np.testing.assert_allclose(ours, theirs, atol=0.02)
    assert np.abs(ours - theirs).mean() < 1.5e-3
    grid = warp.centers(H, W)
    exact = back(joint.sample(torched(color), torch.from_numpy(grid)[None], mode))
    np.testing.assert_allclose(exact, color, atol=1e-5)


def test_enlargement_by_two(color):
    """As ``classical.upsample`` enlarges: positions of full-size pixels on the small picture, cubic."""
    fine = warp.centers(2 * H, 2 * W) / np.float32(2)
    ours = back(joint.sample(torched(color), torch.from_numpy(fine)[None], "bicubic"))
    np.testing.assert_allclose(ours, warp.sample(color, fine, interpolation=warp.CUBIC), atol=1e-5)


def test_luma(color):
    ours = back(joint.luma(torched(color), torch.from_numpy(TONE.weights)[None]))
    np.testing.assert_allclose(ours, exposure.luminance_display(color, TONE), atol=3e-6)


def test_relit(color, mono):
    luma = exposure.luminance_display(color, TONE)
    ours = back(joint.relit(torched(color), torched(luma), torched(mono)))
    np.testing.assert_allclose(ours, colorize.relit(color, luma, mono), atol=2e-5)


def test_planes_of_refcolor(color, mono, places):
    rng = np.random.default_rng(4)
    sigma = rng.uniform(0, 0.4, (H, W)).astype(np.float32)
    evidence = {
        name: rng.uniform(0, 3, (H, W)).astype(np.float32) for name in ("disagreement", "likeness", "outside")
    }
    other = places + rng.uniform(-3, 3, places.shape).astype(np.float32)
    second = SimpleNamespace(to_color=other, disagreement=evidence["disagreement"][::-1])
    match: Match = SimpleNamespace(to_color=places, inside=evidence["outside"] < 1, second=second, **evidence)
    made = features.color_input(mono, Exposed(color, sigma, TONE), match)
    # The same map in both, so that only the planes are compared.
    warped = warp.sample(color, places)
    noise = warp.sample(sigma, places)
    known = features.match_evidence(match, noise, TONE)
    seen = colorize.consider(mono, warped, noise, match, TONE)
    filling = features.fillings(seen, exemplars(mono, seen.difference, seen.reliable, TONE.weights))
    fed = seen.mono, warped, warp.sample(color, other), np.dstack(known), np.dstack(filling)
    ours, ours_base = joint.color_planes(*map(torched, fed))
    np.testing.assert_allclose(back(ours), np.dstack(made.planes), atol=5e-5)
    np.testing.assert_allclose(back(ours_base), made.base, atol=5e-5)
    assert back(ours).shape[-1] == len(features.COLOR_PLANES)


def test_luminance_is_mono_s(color, mono):
    wild = (color * 1.4 - 0.1).astype(np.float32)
    linear, target = (curves.decode(np.clip(p, 0, 1)) for p in (wild, mono))
    wanted = upsample.with_luminance(linear, target, TONE.weights)
    weights = torch.from_numpy(TONE.weights)[None]
    made = back(joint.with_luminance(torched(wild), torched(mono), weights))
    np.testing.assert_allclose(made, curves.encode(wanted), atol=2e-5)
    assert (np.clip(wild, 0, 1) == 0).any() and (wanted.max(-1) > 0.999).any()


def test_planes_of_refsr(color, mono):
    rng = np.random.default_rng(5)
    sigma = rng.uniform(0, 1, (H, W)).astype(np.float32)
    logit = rng.normal(0, 8, (H, W)).astype(np.float32)
    difference, grain = color - mono[..., None], rng.normal(0, 0.02, (H, W)).astype(np.float32)
    planes = features.sr_planes(mono, grain, difference, sigma, logit)
    noise = features.noise_plane(sigma)
    ours, ours_base = joint.sr_planes(*map(torched, (mono, grain, difference, noise, logit)))
    np.testing.assert_allclose(back(ours), np.dstack(planes), atol=1e-6)
    np.testing.assert_allclose(back(ours_base), np.dstack(features.sr_base(planes)), atol=1e-6)
    np.testing.assert_allclose(features.sr_noise(planes), features.NOISE_UNIT * noise, atol=1e-6)


def test_gradients_pass_through_the_chain(color, mono, places):
    picture = torched(color).requires_grad_()
    evidence = torch.zeros(1, 8, H, W)
    evidence[:, -3:] = torch.from_numpy(TONE.weights)[None, :, None, None]
    warped = joint.sample(picture, torch.from_numpy(places)[None])
    filling = torch.full((1, 11, H, W), 0.5)
    planes, base = joint.color_planes(torched(curves.encode(mono)), warped, warped, evidence, filling)
    (planes.sum() + base.sum()).backward()
    assert picture.grad.isfinite().all() and (picture.grad != 0).any(1).float().mean() > 0.5
