"""What is said about captures: numbers that follow the fault, limits, remedies, and silence on good ones."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualcam.errors import InputError
from dualcam.evaluation import protocol
from dualcam.files.metadata import CameraFacts
from dualcam.frame import Advice, NoiseModel, Severity
from dualcam.fusion import advice, movement, sharpness
from dualcam.fusion.capture_facts import GRAY, CaptureFacts, capture_facts, seconds_apart, snr
from dualcam.fusion.fuser import Fuser
from dualcam.simulation import capture
from dualcam.simulation.settings import Lens, SceneLight
from synthetic import Rig, world

GOOD = CaptureFacts(
    ratio=8.0,
    color_snr=9.0,
    mono_snr=13.0,
    color_shot=1.5e-4,
    color_read=4e-7,
    color_bits=8,
    mono_clipped=0.0,
    color_clipped=0.0,
    overlap=0.97,
    quality=1.0,
    parallax=0.02,
    agreement=0.9,
    moved=0.004,
    moved_px=5.0,
    color_blur_px=0.6,
    mono_blur_px=0.2,
    apart_s=None,
    mono_camera=CameraFacts(),
    color_camera=CameraFacts(),
)


def named(found, name):
    return next(a for a in found if a.name == name)


def worst(found):
    return max((a.severity for a in found), default=Severity.INFO)


def test_a_good_capture_gives_information_only():
    found = advice.judge(GOOD)
    assert worst(found) is Severity.INFO
    assert {a.name for a in found} == {"exposure", "color-light", "mono-light", "parallax"}
    assert named(found, "exposure").value == pytest.approx(3.0)
    assert all(a.text.endswith(".") and not a.remedy for a in found)


@pytest.mark.parametrize(
    ("name", "field", "warning", "serious"),
    [
        ("color-light", "color_snr", 2.4, 1.3),
        ("mono-light", "mono_snr", 2.5, 1.2),
        ("mono-clipping", "mono_clipped", 0.2, 0.6),
        ("color-clipping", "color_clipped", 0.4, None),
        ("mono-sharpness", "mono_blur_px", 1.5, 3.5),
        ("overlap", "overlap", 0.6, 0.3),
        ("placement", "quality", 0.55, None),
        ("exposure", "ratio", 200.0, None),
    ],
)
def test_faults_are_found_and_ranked(name, field, warning, serious):
    for value, severity in ((warning, Severity.WARNING), (serious, Severity.SERIOUS)):
        if value is None:
            continue
        found = advice.judge(replace(GOOD, **{field: value}))
        assert found[0].name == name and found[0].severity is severity
        assert found[0].remedy
        assert worst(found[1:]) is Severity.INFO


def test_in_the_color_view_no_color_is_missing():
    facts = replace(GOOD, overlap=0.3)
    found = advice.judge(facts, "color")
    assert worst(found) is Severity.INFO and "guessed" not in named(found, "overlap").text
    assert worst(advice.judge(facts)) is Severity.SERIOUS


def test_files_of_many_bits_may_be_as_dark_as_they_like():
    assert worst(advice.judge(replace(GOOD, ratio=200.0, color_bits=14))) is Severity.INFO


def test_what_costs_nothing_is_information():
    found = advice.judge(replace(GOOD, moved=0.1, moved_px=12.0, color_blur_px=1.6, apart_s=37.0))
    assert worst(found) is Severity.INFO
    assert "10%" in named(found, "movement").text and "12 mono pixels" in named(found, "movement").text
    assert "37 s" in named(found, "time").text
    assert named(found, "color-sharpness").value == 1.6


@given(st.floats(1, 64), st.floats(1e-7, 1e-2), st.floats(1e-9, 1e-4))
def test_the_light_that_is_asked_for_gives_the_signal_over_noise(ratio, shot, read):
    facts = replace(GOOD, ratio=ratio, color_shot=shot, color_read=read)
    times = advice.light_needed(facts)
    reached = snr(NoiseModel(shot, read), times * GRAY / ratio)
    assert times >= 1
    if times > 1:
        assert reached == pytest.approx(advice._LIKED_SNR, rel=1e-3)
    else:
        assert reached >= advice._LIKED_SNR * 0.999


def test_remedies_speak_in_the_camera_s_own_times():
    dark = replace(GOOD, color_snr=1.0, color_shot=4e-3, color_read=3e-4)
    times = advice.light_needed(dark)
    assert f"{times:.0f} times the exposure" in advice.judge(dark)[0].remedy
    known = replace(dark, color_camera=CameraFacts(exposure_s=1 / 125))
    remedy = advice.judge(known)[0].remedy
    assert "instead of 1/125 s" in remedy
    shown = float(remedy.split("1/")[1].split()[0])
    assert shown == pytest.approx(125 / times, rel=0.15)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1 / 125, "1/125 s"),
        (1 / 128, "1/125 s"),
        (1 / 15, "1/15 s"),
        (0.5, "0.5 s"),
        (2.0, "2 s"),
        (1 / 91, "1/91 s"),
    ],
)
def test_exposure_times_look_like_a_shutter_s(seconds, text):
    assert advice.exposure_text(seconds) == text


def test_the_settings_explain_a_part_of_the_ratio():
    mono = CameraFacts(exposure_s=1 / 15, f_number=2.0, iso=400)
    color = CameraFacts(exposure_s=1 / 60, f_number=2.0, iso=400)
    text = named(advice.judge(replace(GOOD, mono_camera=mono, color_camera=color)), "exposure").text
    assert "3.0 EV darker" in text and "2.0 EV of that" in text


def test_clocks():
    first, second = CameraFacts(date="2024:05:01 22:10:03"), CameraFacts(date="2024:05:01 22:10:40")
    assert seconds_apart(first, second) == 37
    assert seconds_apart(first, CameraFacts(date="yesterday")) is None
    assert seconds_apart(CameraFacts(), second) is None


def test_strict_names_cause_and_remedy():
    found = (Advice("a", Severity.SERIOUS, 1.0, "px", "Mono is soft.", "Focus."),)
    with pytest.raises(InputError, match="mono is soft") as error:
        advice.refuse_serious(found)
    assert "Focus." in error.value.remedy and error.value.exit_code == 4
    advice.refuse_serious((replace(found[0], severity=Severity.WARNING),))


# --- measured on captures ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def views():
    """Two clean views with a near object and parallax across, 8-bit display."""
    made = world(Rig(scale=1.0, shift=(6.0, 0.0), parallax=(12.0, 0.0)), 288, 384, seed=3)
    return tuple(capture.as_codes(np.ascontiguousarray(p, np.float32)) for p in (made.truth, made.color))


def facts_of(views, mono=None, color=None):
    night = protocol.settings("night", 2)
    mono_rng, color_rng = np.random.default_rng(1), np.random.default_rng(2)
    left, right = (capture.as_light(v) for v in views)
    a, b = mono or night, color or night
    files = (
        capture.mono_file(capture.mono_samples(left, a, mono_rng), a.mono),
        capture.color_file(capture.color_samples(right, b, color_rng), b.color)[0],
    )
    known = Fuser("classical").prepare(*files)
    return capture_facts(known.pair, known.measured, known.mono, known.match, known.tone), files


@pytest.fixture(scope="module")
def plain(views):
    return facts_of(views)


def test_a_night_capture_is_measured_truly_and_not_complained_about(plain):
    facts, files = plain
    assert facts.ratio == pytest.approx(8, rel=0.15)
    assert worst(advice.judge(facts)) is Severity.INFO
    assert facts.moved is not None and facts.moved < 0.02
    assert advice.judge(facts) == Fuser("classical").advise(*files)
    fused = Fuser("classical").fuse(*files)
    assert fused.advice == advice.judge(facts)


def test_softness_is_measured_in_pixels(views, plain):
    night = protocol.settings("night", 2)
    soft = facts_of(views, mono=replace(night, mono=replace(night.mono, lens=Lens(2.0))))[0]
    assert soft.mono_blur_px == pytest.approx(2.0, abs=0.5)
    assert plain[0].mono_blur_px < 1.0
    assert named(advice.judge(soft), "mono-sharpness").severity is Severity.WARNING
    soft = facts_of(views, color=replace(night, color=replace(night.color, lens=Lens(1.5))))[0]
    assert soft.color_blur_px == pytest.approx(1.5, abs=0.4)
    assert plain[0].color_blur_px < 1.0


def test_too_little_light_is_found_and_refused_when_strict(views):
    dim = replace(protocol.settings("night", 2), light=SceneLight(24.0, 8.0))
    facts, files = facts_of(views, color=dim)
    assert named(advice.judge(facts), "color-light").severity is Severity.SERIOUS
    with pytest.raises(InputError, match="color is noisy"):
        Fuser("classical", strict=True).fuse(*files)
    assert Fuser("classical").fuse(*files).advice[0].name == "color-light"


def test_what_moved_across_the_parallax_is_found(views):
    left, right = views
    changed = right.copy()
    part = np.s_[110:220, 50:170]
    changed[part] = np.roll(right, 12, axis=0)[part]
    moved = facts_of((left, changed))[0]
    assert moved.moved is not None and moved.moved > 0.03
    assert moved.moved_px == pytest.approx(12, abs=3)


def test_pictures_without_structure_cannot_tell(plain):
    noise = NoiseModel(1e-3, 1e-5)
    flat = np.random.default_rng(0).normal(0.3, 0.017, (256, 256)).astype(np.float32)
    assert sharpness.own(flat, noise) is None
    assert sharpness.own(np.zeros((20, 20), np.float32), noise) is None
    cells = np.random.default_rng(0).uniform(0.1, 0.9, (32, 32)).astype(np.float32)
    sharp = cv2.resize(cells, (256, 256), interpolation=0)
    assert sharpness.own(sharp, NoiseModel(0, 0)) < 0.6
    soft = cv2.GaussianBlur(sharp, (0, 0), 2.5)
    assert sharpness.own(soft, NoiseModel(0, 0)) == pytest.approx(2.5, abs=0.4)


def test_the_direction_of_the_parallax_is_found(views):
    known = Fuser("classical").prepare(*facts_of(views)[1])
    seen = movement.measure(known.match, known.mono)
    assert seen is not None
    assert min(seen.direction_deg, 180 - seen.direction_deg) < 12
