"""Stated noise is used where the picture bears it out, and carried through development."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.camera import develop, noise
from dualcam.camera.developed_noise import developed
from dualcam.camera.measure import measure
from dualcam.camera.sensor_model import Channel, SensorModel, check_fits, noise_models
from dualcam.errors import InputError
from dualcam.frame import Frame, KnownNoise, Mosaic, NoiseModel
from synthetic import scene

TRUE = NoiseModel(0.002, 0.00001)
MATRIX = np.array([[1.6, -0.4, -0.2], [-0.2, 1.5, -0.3], [0.05, -0.55, 1.5]], np.float32)


def noisy(linear, model, rng):
    return (linear + rng.normal(size=linear.shape) * np.sqrt(model.shot * linear + model.read)).astype(
        np.float32
    )


def flat_mosaic(level, models, balance=(1, 1, 1), matrix=None, side=256, seed=3):
    balance = np.array(balance, np.float32)
    rng = np.random.default_rng(seed)
    samples = np.empty((side, side), np.float32)
    for site, letter in enumerate("RGGB"):
        c = "RGB".index(letter)
        part = np.full((side // 2, side // 2), level / balance[c])
        samples[site // 2 :: 2, site % 2 :: 2] = noisy(part, models[c], rng)
    return Mosaic(samples, "RGGB", balance, np.eye(3, dtype=np.float32) if matrix is None else matrix)


@pytest.mark.parametrize(("balance", "matrix"), [((1, 1, 1), None), ((2.1, 1, 1.6), MATRIX)])
def test_noise_is_carried_through_white_balance_demosaic_and_matrix(balance, matrix):
    models = (NoiseModel(0.003, 2e-5), NoiseModel(0.002, 1e-5), NoiseModel(0.004, 3e-5))
    for level in (0.01, 0.1, 0.5):
        mosaic = flat_mosaic(level, models, balance, matrix)
        pixels = develop.develop(mosaic)
        for channel, model in enumerate(developed(models, mosaic)):
            seen = noise.variance(np.ascontiguousarray(pixels[16:-16, 16:-16, channel]), correlated=True)
            assert model.shot * level + model.read == pytest.approx(seen, rel=0.15)


def test_an_estimate_and_the_carried_noise_agree_on_a_flat_field():
    mosaic = flat_mosaic(0.3, (TRUE,) * 3)
    pixels = develop.develop(mosaic)
    model = developed((TRUE,) * 3, mosaic)[1]
    estimate = noise.estimate(np.ascontiguousarray(pixels[..., 1]), correlated=True)
    assert model.shot * 0.3 + model.read == pytest.approx(estimate.shot * 0.3 + estimate.read, rel=0.2)


def pair(model, stated, texture=1.0):
    rng = np.random.default_rng(2)
    picture = scene(240, 320, texture=texture)
    plane = noisy(picture.mean(-1), model, rng)
    mono = Frame(plane[..., None], "mono", noise=KnownNoise((stated,), "s.json"))
    samples = np.empty(plane.shape, np.float32)
    for site, letter in enumerate("RGGB"):
        rows, columns = slice(site // 2, None, 2), slice(site % 2, None, 2)
        samples[rows, columns] = noisy(picture[rows, columns, "RGB".index(letter)], model, rng)
    mosaic = Mosaic(samples, "RGGB", np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    color = Frame(develop.develop(mosaic), "color", mosaic=mosaic, noise=KnownNoise((stated,) * 3, "s.json"))
    return mono, color


def test_stated_noise_is_used():
    mono, color = pair(TRUE, TRUE)
    found = measure(mono, color, trust_color=True)
    assert found.mono_noise == TRUE
    assert found.color_noise == developed((TRUE,) * 3, color.mosaic)
    assert found.sources == ("s.json", "s.json") and not found.notes


def test_color_noise_is_estimated_for_those_who_do_not_trust_it():
    mono, color = pair(TRUE, TRUE)
    found = measure(mono, color)
    assert found.sources == ("s.json", "estimate")
    assert found.color_noise == measure(mono, Frame(color.pixels, "color", mosaic=color.mosaic)).color_noise


@pytest.mark.parametrize(("factor", "word"), [(1 / 4, "another camera or ISO"), (6, "denoised before")])
def test_noise_that_the_picture_contradicts_is_estimated_with_a_note(factor, word):
    mono, color = pair(TRUE, NoiseModel(TRUE.shot * factor, TRUE.read * factor))
    found = measure(mono, color, trust_color=True)
    assert found.sources == ("estimate", "estimate")
    assert [note.split(":")[0] for note in found.notes] == ["mono", "color"]
    assert all("s.json" in note and word in note for note in found.notes)
    assert found.mono_noise == noise.estimate(mono.pixels[..., 0])


def test_texture_alone_is_no_contradiction():
    mono, color = pair(TRUE, TRUE)
    known, estimate = (measure(mono, color, trust_color=trust).color_noise[1] for trust in (True, False))
    # Here the estimate takes a part of the texture for noise.
    assert estimate.shot * 0.3 + estimate.read > 1.5 * (known.shot * 0.3 + known.read)
    assert not measure(mono, color, trust_color=True).notes


def test_a_tiny_picture_is_taken_at_its_word():
    mono = Frame(np.full((24, 24, 1), 0.5, np.float32), "mono", noise=KnownNoise((TRUE,), "s.json"))
    assert noise.excess(mono.pixels[..., 0], TRUE) is None
    assert measure(mono, Frame(np.full((24, 24, 3), 0.5, np.float32), "color")).mono_noise == TRUE


def model(pattern=None, iso=None, prnu=0.0, dsnu=0.0):
    channel = Channel(2.0, 5.0, 2.45, 0.0, 1000.0, 2100.0, prnu, dsnu, None, 0.01)
    names = ("mono",) if pattern is None else ("R", "G", "B")
    return SensorModel(64, 64, 12, pattern, (100.0,), dict.fromkeys(names, channel), channel, iso=iso)


def test_noise_of_a_picture_follows_from_the_sensor():
    (found,) = noise_models(model(), 100, 2100)
    # 500 electrons are 1000 DN: x = 0.5; variance K^2 500 + 25 DN^2.
    assert found.shot * 0.5 + found.read == pytest.approx((4 * 500 + 25) / 2000**2)
    assert len(noise_models(model("RGGB"), 100, 2100)) == 3


def test_another_black_level_shifts_the_line():
    (found,) = noise_models(model(), 50, 2050)
    # x = 0.5 is DN 1050, which is 950 over the sensor's black.
    assert found.shot * 0.5 + found.read == pytest.approx((2 * 950 + 25) / 2000**2)


def test_fixed_patterns_count_in_a_single_picture():
    (plain,), (uneven,) = (noise_models(m, 100, 2100) for m in (model(), model(prnu=0.01, dsnu=3.0)))
    assert uneven.read - plain.read == pytest.approx((3 * 2.0 / 2000) ** 2)
    at_gray = (uneven.shot - plain.shot) * 0.18
    assert at_gray == pytest.approx((0.01 * 0.18) ** 2)


def test_a_sensor_of_another_kind_or_iso_is_refused():
    check_fits(model(iso=800), "a.dng", None, 800, "s.json")
    check_fits(model(iso=800), "a.dng", None, None, "s.json")
    with pytest.raises(
        InputError, match=r"s\.json was measured at ISO 800, but a\.dng was taken at ISO 1600"
    ):
        check_fits(model(iso=800), "a.dng", None, 1600, "s.json")
    with pytest.raises(
        InputError, match=r"s\.json describes a monochrome sensor, but a\.dng comes from a Bayer"
    ):
        check_fits(model(), "a.dng", "RGGB", None, "s.json")
    with pytest.raises(InputError, match="describes a Bayer sensor"):
        check_fits(model("RGGB"), "a.dng", None, None, "s.json")
