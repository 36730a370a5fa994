"""refEC: gain, tone curve and spectral weights come back, and dark color becomes as bright as mono."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dualcam.camera.measure import measure
from dualcam.classical import colorize, evidence, exposure
from dualcam.files.read import from_array
from dualcam.frame import Pair, Placement, Provenance, Tone
from dualcam.rig import warp
from dualcam.rig.matching import match, match_grid
from synthetic import CLEAN, WEIGHTS, Light, Rig, psnr, shoot, to_display, to_linear, world

HEIGHT, WIDTH = 240, 320


class Bench:
    """Everything up to the match, with the true placement."""

    def __init__(self, rig, light, weights=WEIGHTS, seed=0, **look):
        self.view = world(rig, HEIGHT, WIDTH, seed, **look)
        mono, color = shoot(self.view, light, weights)
        placement = Placement(self.view.matrix, rig.scale, 1.0, 1.0, 0, 0.0, "identity")
        self.pair = Pair(from_array(mono, "mono"), from_array(color, "color"), placement)
        self.measured = measure(self.pair.mono, self.pair.color)
        self.rough = exposure.rough_tone(self.pair)
        grid = match_grid(self.pair)
        self.small = warp.resize(self.measured.mono_clean, grid.height, grid.width)
        shown = to_display(self.small).astype(np.float32)
        self.match = match(grid, shown, exposure.rough_luma(self.pair.color.pixels, self.rough))

    def fine(self):
        return exposure.fine_tone(self.pair, self.small, self.match, self.rough)

    def expose(self):
        return exposure.expose(self.pair, self.measured, self.small, self.match, self.fine())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("weights", [(0.6, 0.3, 0.1), (0.1, 0.3, 0.6), (0.2, 0.7, 0.1)])
def test_spectral_weights_come_back(weights, seed):
    tone = Bench(Rig(), CLEAN, weights, seed).fine()
    assert tone.weights == pytest.approx(weights, abs=0.08)
    assert tone.weights.sum() == pytest.approx(1, abs=1e-6)
    assert tone.gain == pytest.approx(1, rel=0.03) and tone.exponent == 1


def test_a_color_that_mono_does_not_see_keeps_a_little_weight():
    tone = Bench(Rig(), CLEAN, (0.0, 0.5, 0.5)).fine()
    assert 0.02 < tone.weights[0] < 0.1


@pytest.mark.parametrize("ratio", [1, 4, 16, 40])
def test_the_exposure_ratio_comes_back(ratio):
    bench = Bench(Rig(), Light(ratio=ratio, bits=16))
    assert bench.rough.gain == pytest.approx(ratio, rel=0.1)
    assert bench.fine().gain == pytest.approx(ratio, rel=0.05)
    assert bench.rough.exponent == 1


@pytest.mark.parametrize("gamma", [0.5, 0.7, 1.4, 2.0])
def test_another_tone_curve_is_noticed(gamma):
    tone = Bench(Rig(), Light(ratio=4, bits=16, gamma=gamma)).rough
    assert tone.exponent == pytest.approx(1 / gamma, rel=0.12)


@pytest.mark.parametrize("gamma", [0.95, 1.05])
def test_a_slight_bend_is_not(gamma):
    assert Bench(Rig(), Light(ratio=4, bits=16, gamma=gamma)).rough.exponent == 1


def test_unrelated_spectra_keep_the_rough_tone():
    bench = Bench(Rig(), CLEAN)
    rng = np.random.default_rng(0)
    other = rng.permutation(bench.small.ravel()).reshape(bench.small.shape)
    assert exposure.fine_tone(bench.pair, other, bench.match, bench.rough) is bench.rough


@pytest.mark.parametrize("ratio", [8, 16])
def test_dark_color_becomes_as_bright_as_it_would_have_been(ratio):
    bench = Bench(Rig(), Light(ratio=ratio, bits=16))
    out = bench.expose()
    true = bench.view.color
    assert out.color.shape == true.shape and out.color.dtype == np.float32
    assert out.sigma.shape == true.shape[:2] and (out.sigma > 0).all()
    assert to_linear(out.color).mean((0, 1)) == pytest.approx(true.mean((0, 1)), rel=0.1)
    assert np.median(np.abs(to_linear(out.color) / true - 1)) < 0.1
    # Less noise than brightening alone leaves.
    brightened = to_display(np.clip(bench.pair.color.pixels * out.tone.gain, 0, 1))
    assert psnr(out.color, to_display(true)) > psnr(brightened, to_display(true)) + 1.5


def test_sigma_is_the_noise_of_the_brightened_color():
    bench = Bench(Rig(scale=1), Light(1e6, 1e4, 16, 30, 16, True))
    out = bench.expose()
    brightened = to_display(np.clip(bench.pair.color.pixels * out.tone.gain, 0, 1))
    made = (brightened - to_display(bench.view.color))[8:-8, 8:-8]
    assert np.median(out.sigma) == pytest.approx(np.median(np.abs(made)) / 0.6745, rel=0.4)


def test_a_slow_difference_between_the_cameras_is_evened_out():
    bench = Bench(Rig(), CLEAN)
    x = np.linspace(1, 0.6, bench.pair.color.pixels.shape[1], dtype=np.float32)[None, :, None]
    bench.pair.color.pixels[:] *= x
    out = to_linear(bench.expose().color)
    error = (out / bench.view.color).mean(axis=(0, 2))
    assert error[10:-10].max() / error[10:-10].min() < 1.25


def test_luminance_display():
    tone = Tone(1.0, 1.0, np.float32([0.2, 0.7, 0.1]))
    colors = np.random.default_rng(0).uniform(0, 1, (5, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        exposure.luminance_display(colors, tone), to_display(to_linear(colors) @ tone.weights), atol=1e-5
    )


def test_rough_luma_is_gain_and_power():
    tone = Tone(4.0, 2.0, np.float32([1, 0, 0]))
    assert exposure.rough_luma(np.float32([[[0.1, 9, 9]]]), tone) == pytest.approx(
        to_display([[0.16]]), abs=1e-5
    )
    assert exposure.rough_luma(np.float32([[[-1, 0, 0]]]), tone).item() == 0


def test_colored_picture():
    bench = Bench(Rig(scale=2, fov=0.7, parallax=(16, 0)), Light(bits=16))
    out = colorize.colorize(bench.small, bench.expose(), bench.match)
    shape = bench.small.shape
    assert out.color.shape == (*shape, 3) and out.mono.shape == out.confidence.shape == shape
    assert out.provenance.dtype == np.uint8 and set(np.unique(out.provenance)) <= {0, 1, 2}
    assert out.confidence.min() >= 0 and out.confidence.max() <= 1
    assert not (out.provenance[~bench.match.inside] == Provenance.MEASURED).any()
    np.testing.assert_allclose(out.mono, to_display(bench.small), atol=1e-5)
    measured = out.provenance == Provenance.MEASURED
    true = to_display(warp.resize(bench.view.truth.astype(np.float32), *shape))
    assert np.abs(out.color - true)[measured].mean() < 0.04
    known = colorize.gather(bench.small, bench.expose(), bench.match)
    assert known.reliable.min() >= 0 and known.reliable.max() <= 1
    assert not known.reliable[:3, :3].any() and known.reliable.mean() > 0.2


def test_evidence_has_one_coefficient_for_every_regressor():
    count = len(evidence.REGRESSORS)
    assert evidence.TRUST.shape == evidence.SHRINK.shape == (count,)
    assert evidence.CONFIDENCE.shape == (count + 2,)
    bench = Bench(Rig(), Light())
    known = colorize.gather(bench.small, bench.expose(), bench.match)
    assert evidence.regressors(known).shape == (*bench.small.shape, count)
    assert np.isfinite(evidence.regressors(known)).all()
    trust, shrink = evidence.weigh(known)
    for part in (trust, shrink):
        assert part.dtype == np.float32 and part.min() >= 0 and part.max() <= 1
    # A match that is reliable all over is believed more than one that is not.
    doubtful = replace(known, disagreement=known.disagreement + 20, likeness=known.likeness - 1)
    assert evidence.weigh(doubtful)[0].mean() < trust.mean() - 0.1
