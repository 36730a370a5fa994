"""The baselines: strong where their idea holds, honest about what they are given, the same every time."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.camera.curves import encode
from dualcam.errors import UsageError
from dualcam.evaluation import baselines, methods
from dualcam.evaluation.baselines import (
    alignment,
    colorization,
    exposure,
    features,
    nonlocal_means,
    semiglobal,
    upsampling,
)
from dualcam.evaluation.baselines.grid import enlarge, footprint, shrink
from dualcam.evaluation.baselines.luminance import luma, with_luminance
from dualcam.evaluation.baselines.oracle import oracle
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs, Truth
from dualcam.evaluation.methods import METHODS, select, unavailable
from dualcam.files.read import from_array
from dualcam.frame import Frame, NoiseModel
from synthetic import CLEAN, WEIGHTS, Light, Rig, psnr, scene, shoot, to_bits, to_display, world

BLIND = [name for name in METHODS if name not in ("classical", "neural", "oracle")]
KEEPS_LUMA = [name for name in BLIND if name not in ("brightened", "lrgb")]
HEIGHT, WIDTH = 120, 160


def capture(rig, light=None, height=HEIGHT, width=WIDTH, seed=0, **look):
    view = world(rig, height, width, seed, **look)
    mono, color = shoot(view, light or Light())
    return Inputs(from_array(mono, "mono"), from_array(color, "color")), view


def frames(mono, color):
    """Frames of any size, without the reader's own limits; linear."""
    mono, color = np.array(mono, np.float32), np.array(color, np.float32)
    return Inputs(Frame(mono[..., None], "mono"), Frame(color, "color"))


def run(name, inputs, truth=None):
    return METHODS[name].run(inputs, truth or Truth(np.zeros((1, 1, 3), np.uint8)))


@cache
def results(parallax=False):
    """Every baseline on one capture, with its PSNR."""
    inputs, view = capture(Rig(shift=(5, 0), parallax=(6, 0) if parallax else None), Light(ratio=4.0))
    made = {name: run(name, inputs).pixels for name in BLIND}
    return inputs, made, {name: psnr(to_display(p), to_display(view.truth)) for name, p in made.items()}


def test_choices_become_names_in_the_order_of_the_table():
    assert select("all") == tuple(name for name in METHODS if unavailable(name) is None)
    assert set(METHODS) - set(select("all")) <= {"neural"}
    assert select("baselines") == tuple(name for name in METHODS if name not in ("classical", "neural"))
    assert select(" guided,gray , guided") == ("gray", "guided")
    assert select("neural,classical,baselines") == tuple(METHODS)
    assert len(METHODS) == 15


@pytest.mark.parametrize("names", ["typo", "gray,typo", "", " , "])
def test_unknown_choices_are_refused_with_the_known_ones(names):
    with pytest.raises(UsageError, match="joint-bilateral") as caught:
        select(names)
    assert ("typo" in str(caught.value)) == ("typo" in names)


def test_only_the_oracle_asks_for_the_truth():
    assert [name for name, entry in METHODS.items() if entry.needs_disparity] == ["oracle"]
    inputs, _ = capture(Rig(), height=40, width=48)
    for disparity in (None, np.zeros((3, 4), np.float32)):
        with pytest.raises(UsageError, match="true disparity"):
            oracle(inputs, Truth(np.zeros((40, 48, 3), np.uint8), disparity))


def test_baselines_owe_nothing_to_our_own_method():
    for path in Path(baselines.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.startswith(("dualcam.classical", "dualcam.fusion"))], path.name


@pytest.mark.parametrize("name", BLIND)
def test_a_result_is_a_picture_of_the_mono_view(name):
    inputs, made, _ = results()
    pixels = made[name]
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    assert run("gray", inputs).confidence is None


@pytest.mark.parametrize("name", KEEPS_LUMA)
def test_brightness_is_that_of_the_denoised_mono_picture(name):
    inputs, made, _ = results()
    np.testing.assert_allclose(made[name] @ WEIGHTS, prepare(inputs).mono, atol=2e-6)


@pytest.mark.parametrize("name", BLIND)
def test_the_same_capture_gives_the_same_bits_wherever_its_memory_lies(name):
    inputs, made, _ = results()

    def moved(frame):
        room = np.empty(frame.pixels.size + 1, np.float32)
        room[1:] = frame.pixels.ravel()
        return type(frame)(room[1:].reshape(frame.pixels.shape), frame.role, frame.origin)

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        again = run(name, Inputs(moved(inputs.mono), moved(inputs.color))).pixels
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(again, made[name])


def test_each_idea_is_worth_what_it_should_be():
    # A shifted plane: mono's brightness is worth much, color in its place is, and every alignment undoes the shift.
    _, _, score = results()
    assert score["chroma"] > score["gray"] + 3
    for name in ("homography", "dis", "sgbm", "guided", "brovey", "gram-schmidt"):
        assert score[name] > score["chroma"] + 4, name
    for name in ("joint-bilateral", "levin"):
        assert score[name] > score["chroma"] + 3, name
    assert score["chroma"] + 2 < score["lrgb"] < score["dis"]
    assert score["brightened"] < score["chroma"] - 2


def test_dense_matches_follow_a_near_object_and_a_homography_does_not():
    _, _, score = results(parallax=True)
    for name in ("dis", "sgbm", "guided", "levin"):
        assert score[name] > score["homography"] + 0.5, name


def test_features_undo_a_turned_camera():
    inputs, view = capture(Rig(rotation=4.0, shift=(6, -4)), Light(ratio=2.0), 240, 320)
    score = {
        name: psnr(to_display(run(name, inputs).pixels), to_display(view.truth))
        for name in ("chroma", "homography")
    }
    assert score["homography"] > score["chroma"] + 4


def test_the_oracle_gains_from_the_truth():
    inputs, view = capture(Rig(shift=(20, 0)), Light(ratio=4.0))
    # The color camera's view is shifted by 20 pixels to the right: x_color = x_mono + 20.
    right = Truth(to_bits(view.truth), np.full((HEIGHT, WIDTH), -20, np.float32))
    wrong = Truth(right.picture, np.full((HEIGHT, WIDTH), 20, np.float32))
    unknown = Truth(right.picture, np.full((HEIGHT, WIDTH), np.nan, np.float32))
    score = [
        psnr(to_display(oracle(inputs, t).pixels), to_display(view.truth)) for t in (right, wrong, unknown)
    ]
    assert score[0] > score[1] + 4
    levin = psnr(to_display(run("levin", inputs).pixels), to_display(view.truth))
    assert score[0] > levin - 0.3
    # Without one known pixel there is no color to be had.
    assert score[2] == pytest.approx(psnr(to_display(run("gray", inputs).pixels), to_display(view.truth)))


@pytest.mark.parametrize("name", BLIND)
@pytest.mark.parametrize(
    ("mono", "color"),
    [((1, 1), (1, 1)), ((3, 5), (2, 2)), ((17, 40), (8, 19)), ((33, 21), (66, 42)), ((40, 30), (13, 40))],
)
def test_every_size_and_scale_gives_a_picture(name, mono, color):
    rng = np.random.default_rng(0)
    inputs = frames(rng.uniform(0, 1, mono), rng.uniform(-0.05, 0.2, (*color, 3)))
    pixels = run(name, inputs).pixels
    assert pixels.shape == (*mono, 3)
    assert np.isfinite(pixels).all()


@pytest.mark.parametrize("name", BLIND)
def test_a_black_color_picture_gives_no_color(name):
    mono = scene(40, 48) @ WEIGHTS
    pixels = run(name, frames(mono, np.zeros((20, 24, 3)))).pixels
    np.testing.assert_allclose(pixels, pixels.mean(axis=-1, keepdims=True).repeat(3, -1), atol=2e-4)
    if name != "brightened":
        np.testing.assert_allclose(
            pixels @ WEIGHTS, run("gray", frames(mono, np.zeros((20, 24, 3)))).pixels[..., 0], atol=2e-3
        )


def test_small_pixels_cover_whole_blocks_where_the_edge_was_cut_off():
    assert footprint((497, 735), (248, 367)) == (2, 2)
    assert footprint((497, 735), (124, 183)) == (4, 4)
    assert footprint((480, 640), (320, 427)) == (480 / 320, 640 / 427)
    ramp = np.tile(np.arange(23, dtype=np.float32), (11, 1))
    small = shrink(ramp, 5, 11)
    np.testing.assert_allclose(small[0], 2 * np.arange(11) + 0.5)
    # OpenCV's cubic is sharper than a straight line.
    np.testing.assert_allclose(enlarge(small, 11, 23)[:, 4:18], ramp[:, 4:18], atol=0.1)


def test_gain_finds_how_much_darker_the_color_camera_is():
    inputs, _ = capture(Rig(shift=(8, 4)), Light(ratio=8.0, bits=16))
    assert exposure.ratio(inputs.mono.pixels[..., 0], inputs.color.pixels) == pytest.approx(8, rel=0.04)


def test_exposures_match_what_they_promise():
    inputs, view = capture(Rig(), Light(1e5, 1e5, 8.0, bits=16, mosaic=False))
    mono = inputs.mono.pixels[..., 0]
    assert np.array_equal(exposure.as_shot(inputs), inputs.color.pixels)
    bright = encode(exposure.gamma(inputs)) @ WEIGHTS
    assert bright.mean() == pytest.approx(encode(mono).mean(), abs=1e-3)
    levels = np.linspace(2, 98, 25)
    mapped = exposure.histogram(inputs) @ WEIGHTS
    np.testing.assert_allclose(np.percentile(mapped, levels), np.percentile(mono, levels), atol=2e-3)
    score = {
        f.__name__: psnr(to_display(f(inputs)), to_display(view.color))
        for f in (exposure.as_shot, exposure.gain, exposure.gamma, exposure.histogram, exposure.clahe)
    }
    assert score["gain"] > 40
    assert score["histogram"] > 40
    assert score["gain"] > score["clahe"] > score["as_shot"] + 10
    assert score["gain"] > score["gamma"] > score["as_shot"] + 10


@pytest.mark.parametrize("shift", [7, -7])
def test_semi_global_matching_finds_shifts_of_either_sign(shift):
    wide = np.rint(to_display(scene(90, 160) @ WEIGHTS) * 255).astype(np.uint8)
    # x_color = x_mono - shift.
    mono, color = wide[:, 20:140], wide[:, 20 + shift : 140 + shift]
    found = semiglobal.disparity(np.ascontiguousarray(mono), np.ascontiguousarray(color))
    assert found.shape == mono.shape
    assert (np.abs(found - shift) < 0.5).mean() > 0.95


def test_holes_of_a_disparity_are_filled_from_behind():
    found = np.array([[9, 0, 0, 3], [0, 0, 0, 0], [0, 5, 0, 0]], np.float32)
    filled = semiglobal._fill(found, found > 0)
    np.testing.assert_array_equal(filled, [[9, 3, 3, 3], [5, 5, 5, 5], [5, 5, 5, 5]])


def test_a_homography_needs_evidence():
    rng = np.random.default_rng(1)
    noise, other = rng.integers(0, 255, (2, 80, 100), np.uint8)
    assert np.array_equal(features.homography(noise, other), np.eye(3))
    flat = np.full((80, 100), 90, np.uint8)
    assert np.array_equal(features.homography(flat, flat), np.eye(3))


def test_colorization_solves_what_levin_wrote_down():
    rng = np.random.default_rng(2)
    guide = rng.uniform(0.2, 0.8, (6, 7)).astype(np.float32)
    near = colorization._neighborhood(guide)
    eye = np.eye(42, dtype=np.float32).reshape(6, 7, 42)
    # One channel a pixel: the columns of the matrix.
    matrix = near.residual(eye).reshape(42, 42).astype(np.float64)
    np.testing.assert_allclose(near.transposed(eye).reshape(42, 42), matrix.T, atol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    pull = np.where(rng.random((6, 7)) < 0.4, 0.5, 0).astype(np.float32)
    values = rng.uniform(-0.2, 0.2, (6, 7, 3)).astype(np.float32)
    exact = np.linalg.solve(
        matrix.T @ matrix + np.diag(pull.ravel().astype(np.float64)),
        (pull[..., None] * values).reshape(42, 3),
    )
    solved = colorization._solve(near, values, pull, np.zeros_like(values), iterations=80)
    np.testing.assert_allclose(solved.reshape(42, 3), exact, atol=1e-4)


def test_hints_spread_to_the_edges_of_their_surface():
    mono = np.full((64, 96), 0.2, np.float32)
    mono[:, 40:] = 0.5
    truth = np.empty((64, 96, 3), np.float32)
    truth[:, :40], truth[:, 40:] = [0.3, 0.18, 0.1], [0.4, 0.5, 0.65]
    truth *= (mono / luma(truth))[..., None]
    hints = np.zeros(mono.shape, bool)
    hints[10:20, 5:15] = hints[40:50, 70:80] = True
    spread = colorization.colorize(mono, np.where(hints[..., None], truth, 0.7).astype(np.float32), hints)
    error = np.abs(encode(spread) - encode(truth)).max(axis=-1)
    assert error[:, :30].max() < 0.03
    assert error[:, 50:].max() < 0.03
    assert error.max() < 0.12
    gray = colorization.colorize(mono, truth, np.zeros_like(hints))
    np.testing.assert_allclose(gray, mono[..., None].repeat(3, -1), atol=1e-6)


def test_non_local_means_removes_noise_and_keeps_the_mean():
    rng = np.random.default_rng(3)
    clean = np.repeat(np.repeat(rng.uniform(0.05, 0.6, (4, 5, 3)), 16, 0), 16, 1).astype(np.float32)
    model = NoiseModel(4e-3, 4e-4)
    noisy = (clean + rng.normal(size=clean.shape) * np.sqrt(4e-3 * clean + 4e-4)).astype(np.float32)
    cleaned = nonlocal_means.denoise(noisy, [model] * 3)
    assert np.abs(cleaned - clean).mean() < 0.35 * np.abs(noisy - clean).mean()
    assert cleaned.mean() == pytest.approx(clean.mean(), rel=0.01)
    assert nonlocal_means.denoise(noisy, [NoiseModel(0, 0)] * 3) is noisy
    # Read noise alone is the same job.
    flat = nonlocal_means.denoise(
        (0.3 + rng.normal(size=(40, 40, 3)) * 0.02).astype(np.float32), [NoiseModel(0, 4e-4)] * 3
    )
    assert flat.std() < 0.01
    assert flat.mean() == pytest.approx(0.3, rel=0.01)


def test_luminance_is_exact_and_colors_stay_in_the_display():
    rng = np.random.default_rng(4)
    color = rng.uniform(-0.1, 2, (50, 50, 3)).astype(np.float32)
    color[:10] = 0
    mono = rng.uniform(0, 1, (50, 50)).astype(np.float32)
    out = with_luminance(color, mono)
    assert out.min() >= 0
    assert out.max() <= 1
    np.testing.assert_allclose(luma(out), mono, atol=1e-6)
    np.testing.assert_allclose(out[:10], mono[:10, :, None].repeat(3, -1), atol=1e-6)


def test_mono_detail_beats_plain_enlargement():
    truth = np.array(scene(120, 160, saturation=0.3))
    mono, small = luma(truth), shrink(truth, 60, 80)

    def score(method):
        return psnr(encode(method(small, mono)), encode(truth))

    plain = score(upsampling.bicubic)
    for method in (
        upsampling.mono_luma,
        upsampling.gram_schmidt,
        upsampling.brovey,
        upsampling.joint_bilateral,
    ):
        assert score(method) > plain + 7, method.__name__
    assert score(upsampling.guided) > plain + 4
    # L of CIELAB is another luminance than mono's.
    assert plain + 3 < score(upsampling.lab) < score(upsampling.mono_luma)


def test_filters_average_what_noise_is_left_in_the_color():
    rng = np.random.default_rng(5)
    mono = np.repeat(np.repeat(rng.uniform(0.1, 0.6, (6, 8)), 16, 0), 16, 1).astype(np.float32)
    truth = with_luminance(np.full((96, 128, 3), [0.5, 0.3, 0.2], np.float32), mono)
    noisy = np.maximum(shrink(truth, 48, 64) + rng.normal(size=(48, 64, 3)) * 0.02, 0).astype(np.float32)
    plain = np.abs(encode(upsampling.mono_luma(noisy, mono)) - encode(truth)).mean()
    assert np.abs(encode(upsampling.guided(noisy, mono)) - encode(truth)).mean() < 0.6 * plain
    wide = upsampling.joint_bilateral(noisy, mono, *upsampling.NOISY)
    assert np.abs(encode(wide) - encode(truth)).mean() < 0.6 * plain


def test_enlarging_a_flat_color_gives_that_color():
    flat = np.full((9, 11, 3), [0.4, 0.2, 0.3], np.float32)
    mono = np.full((18, 22), float(luma(flat[0, 0])), np.float32)
    for method in (
        upsampling.bicubic,
        upsampling.mono_luma,
        upsampling.guided,
        upsampling.joint_bilateral,
        upsampling.brovey,
        upsampling.gram_schmidt,
    ):
        np.testing.assert_allclose(method(flat, mono), flat[0, 0] * np.ones((18, 22, 1)), atol=2e-5)


def test_alignments_leave_what_is_aligned():
    truth = np.array(scene(100, 120))
    mono = luma(truth)
    for align in (alignment.unaligned, alignment.homography, alignment.dis, alignment.sgbm):
        assert psnr(encode(align(mono, truth)), encode(truth)) > 36, align.__name__
    assert psnr(encode(alignment.levin(mono, truth)), encode(truth)) > 30


def test_our_own_entry_reports_its_confidence():
    inputs, _ = capture(Rig(), CLEAN, 160, 200)
    output = methods.classical(inputs)
    assert output.pixels.shape == (160, 200, 3)
    assert output.confidence is not None
    assert output.confidence.shape == (160, 200)
