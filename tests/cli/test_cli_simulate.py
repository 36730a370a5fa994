"""``dualcam simulate``."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from cli_helpers import left_in

from dualcam.evaluation import protocol
from dualcam.files.read import read
from synthetic import scene, to_bits

NIGHT = {"mono.png", "color.png", "color.dng", "truth.png", "capture.json"}


def save(path, codes):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), codes[..., ::-1])
    return path


@pytest.fixture
def views(tmp_path):
    wide = to_bits(scene(49, 80, 5))
    return (
        save(tmp_path / "pack" / "midd05" / "Art" / "left.png", wide[:, 8:]),
        save(tmp_path / "pack" / "midd05" / "Art" / "right.png", wide[:, :72]),
    )


def facts(folder):
    return json.loads((folder / "capture.json").read_text("utf-8"))


def codes(path):
    samples = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return samples if samples.ndim == 2 else samples[..., ::-1]


def test_a_pair_is_the_protocol(call, views, tmp_path):
    done = call("simulate", *views, "-o", "out", "--level", "dark", "--scale", 2)
    assert done.exit_code == 0, done.stderr
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == NIGHT
    assert done.stdout.split() == [
        f"out/{n}" for n in ("mono.png", "color.png", "color.dng", "truth.png", "capture.json")
    ]
    assert (
        "NIGHT file+raw, dark, scale 2" in done.stderr
        and "dualcam fuse out/mono.png out/color.png" in done.stderr
    )
    expected = protocol.capture(codes(views[0]), codes(views[1]), scene="midd05/Art", level="dark", scale=2)
    for name in ("mono", "color", "truth"):
        assert np.array_equal(codes(out / f"{name}.png"), getattr(expected, name)), name
    raw = read(out / "color.dng", "color").mosaic
    assert np.array_equal(np.rint(raw.samples * 4095), expected.mosaic)
    stored = facts(out)
    assert (stored["protocol"], stored["scene"], stored["level"], stored["scale"]) == (
        "NIGHT file+raw",
        "midd05/Art",
        "dark",
        2,
    )
    assert [one["name"] for one in stored["inputs"]] == ["left.png", "right.png"]


def test_seed_and_scene(call, views, tmp_path):
    for name, options in {"a": [], "b": ["--seed", 3], "c": ["--scene", "other"], "d": []}.items():
        assert call("simulate", *views, "-o", name, "-q", *options).exit_code == 0
    mono = {name: codes(tmp_path / name / "mono.png") for name in "abcd"}
    assert np.array_equal(mono["a"], mono["d"])
    assert not np.array_equal(mono["a"], mono["b"]) and not np.array_equal(mono["a"], mono["c"])
    assert facts(tmp_path / "b")["seed"] == 3 and facts(tmp_path / "c")["scene"] == "other"


def test_a_photo_gets_parallax_and_a_true_disparity(call, tmp_path):
    photo = save(tmp_path / "photo.png", to_bits(scene(60, 90, 3)))
    done = call("simulate", photo, "-o", "out", "--parallax", 0.1, "--level", "dusk")
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == NIGHT | {"disparity.png"}
    disparity = codes(tmp_path / "out" / "disparity.png")
    assert disparity.dtype == np.uint16 and disparity.shape == (60, 90)
    assert 7.5 < disparity.max() / 256 < 9.5
    assert np.array_equal(codes(tmp_path / "out" / "truth.png"), codes(photo))
    assert (facts(tmp_path / "out")["protocol"], facts(tmp_path / "out")["scene"]) == (None, "photo")
    # The depths do not depend on light and scale.
    assert call("simulate", photo, "-o", "two", "--parallax", 0.1, "--scale", 3).exit_code == 0
    assert np.array_equal(codes(tmp_path / "two" / "disparity.png"), disparity)


def test_a_disparity_is_passed_along(call, views, tmp_path):
    known = np.full((49, 72), 8 * 256, np.uint16)
    known[:3] = 0
    cv2.imwrite(str(tmp_path / "disp.png"), known)
    done = call("simulate", *views, "-o", "out", "--disparity", "disp.png")
    assert done.exit_code == 0, done.stderr
    assert np.array_equal(codes(tmp_path / "out" / "disparity.png"), known)
    assert facts(tmp_path / "out")["protocol"] == "NIGHT file+raw"


def test_options_reach_the_capture(call, views, tmp_path):
    done = call(
        "simulate", *views, "-o", "out", "--scale", 1.5, "--electrons", 3000, "--ratio", 2,
        "--mono-camera", "nikon-d850", "--mono-gain", 4, "--mono-weights", 0.2, 0.5, 0.3, "--infrared", 0.2,
        "--mono-blur", 0.4, "--mono-vignetting", 0.1, "--color-camera", "canon-5d4", "--color-noise", 3, 2, 1,
        "--color-blur", 0.6, "--color-vignetting", 0.3, "--pattern", "GRBG", "--rotation", 1, "--zoom", 1.1,
        "--shift", 3, -2, "--distortion", 0.05, "--skew", 4,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    stored = facts(tmp_path / "out")
    settings = stored["settings"]
    assert (stored["protocol"], stored["level"], stored["seeded_as"], stored["scale"]) == (
        None,
        "custom",
        "night",
        1.5,
    )
    assert settings["light"] == {"electrons": 3000, "exposure_ratio": 2, "most_area": 4}
    assert settings["mono"]["sensor"]["gain"] == 4 and settings["mono"]["sensor"]["bits"] == 14
    assert settings["mono"]["response"] == {"weights": [0.2, 0.5, 0.3], "infrared": 0.2}
    assert settings["mono"]["lens"] == {"blur_px": 0.4, "vignetting": 0.1}
    color = settings["color"]
    assert [color["sensor"][name] for name in ("read_noise_e", "row_noise_e", "dark_e", "black")] == [
        3,
        2,
        1,
        2048,
    ]
    assert color["lens"] == {"blur_px": 0.6, "vignetting": 0.3} and color["pattern"] == "GRBG"
    assert color["geometry"] == {
        "rotation_deg": 1,
        "zoom": 1.1,
        "shift_px": [3, -2],
        "distortion": 0.05,
        "skew_px": 4,
    }
    assert color["response"]["white_balance"][0] > 1.5
    assert read(tmp_path / "out" / "color.dng", "color").mosaic.pattern == "GRBG"


def test_plain_sensors_with_levels_and_gain(call, views, tmp_path):
    done = call(
        "simulate", *views, "-o", "out", "--bits", 14, "--black", 100, "--white-balance", 2, 1, 1.5,
        "--mono-noise", 1, 0, 0, "--mono-gain", 2, "--color-gain", 3,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    settings = facts(tmp_path / "out")["settings"]
    assert settings["mono"]["sensor"] == {
        "read_noise_e": 1, "row_noise_e": 0, "dark_e": 0, "bits": 12, "black": 0, "gain": 2,
        "full_well_e": None, "prnu": 0, "dsnu_e": 0,
    }  # fmt: skip
    assert (settings["color"]["sensor"]["bits"], settings["color"]["sensor"]["black"]) == (14, 100)
    np.testing.assert_allclose(
        read(tmp_path / "out" / "color.dng", "color").mosaic.white_balance, [2, 1, 1.5], rtol=1e-3
    )


def test_a_phone(call, views, tmp_path):
    done = call("simulate", *views, "-o", "out", "--phone", "--quality", 80, "--brighten", 4)
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "mono.png",
        "color.jpg",
        "truth.png",
        "capture.json",
    }
    assert facts(tmp_path / "out")["settings"]["color"]["phone"]["quality"] == 80


def test_a_turned_camera_has_no_disparity(call, views, tmp_path):
    photo = save(tmp_path / "photo.png", to_bits(scene(60, 90, 3)))
    done = call("simulate", photo, "-o", "out", "--rotation", 2)
    assert done.exit_code == 0 and "no disparity.png" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == NIGHT


def test_deep_files_are_read_as_they_are(call, views, tmp_path):
    linear = scene(48, 64)
    left = tmp_path / "deep.tif"
    cv2.imwrite(str(left), to_bits(linear, 16)[..., ::-1])
    assert call("simulate", left, left, "-o", "out").exit_code == 0
    apart = np.abs(codes(tmp_path / "out" / "truth.png").astype(int) - to_bits(linear))
    assert apart.max() <= 1 and apart.mean() < 0.01  # rounded once more, from 16 bits


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["LEFT", "gone.png"], 4, "gone.png"),
        (["gone.png"], 4, "gone.png"),
        (["LEFT", "small.png"], 2, "72 x 49 and 30 x 20"),
        (["LEFT", "RIGHT", "--level", "noon"], 2, "noon"),
        (["LEFT", "RIGHT", "--scale", "0.5"], 2, "0.5"),
        (["LEFT", "RIGHT", "--scale", "40"], 2, "40"),
        (["small.png", "small.png", "--scale", "12"], 2, "30 x 20"),
        (["small.png", "small.png", "--scale", "2"], 2, "15 x 10"),
        (["LEFT", "RIGHT", "--seed", "-1"], 2, "-1"),
        (["LEFT", "RIGHT", "--color-camera", "kodak"], 2, "kodak"),
        (["LEFT", "RIGHT", "--mono-camera", "sony-a7s2", "--mono-gain", "50"], 2, "50"),
        (["LEFT", "RIGHT", "--mono-weights", "1", "1", "1"], 2, "weights"),
        (["LEFT", "RIGHT", "--parallax", "0.1"], 2, "--parallax"),
        (["LEFT", "--parallax", "0.4"], 2, "0.4"),
        (["LEFT", "--disparity", "small.png"], 2, "--disparity"),
        (["LEFT", "RIGHT", "--disparity", "short.png"], 2, "30 x 20"),
        (["LEFT", "RIGHT", "--disparity", "short.png", "--zoom", "2"], 2, "--disparity"),
        (["LEFT", "gray.png"], 4, "gray.png"),
        (["LEFT", "RIGHT", "-o", "small.png"], 6, "small.png"),
    ],
)
def test_refusals(call, views, tmp_path, arguments, code, named):
    save(tmp_path / "small.png", to_bits(scene(20, 30)))
    cv2.imwrite(str(tmp_path / "short.png"), np.full((20, 30), 500, np.uint16))
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((49, 72), 99, np.uint8))
    before = left_in(tmp_path)
    places = {"LEFT": views[0], "RIGHT": views[1]}
    done = call("simulate", *(places.get(a, a) for a in arguments))
    assert done.exit_code == code, done.stderr
    assert named in done.stderr and "Traceback" not in done.stderr
    assert left_in(tmp_path) == before


def test_nothing_is_overwritten_by_itself(call, views, tmp_path):
    assert call("simulate", *views, "-o", "out").exit_code == 0
    stamp = (tmp_path / "out" / "mono.png").stat().st_mtime_ns
    again = call("simulate", *views, "-o", "out", "--seed", 1)
    assert again.exit_code == 6 and "--overwrite" in again.stderr
    assert (tmp_path / "out" / "mono.png").stat().st_mtime_ns == stamp
    assert call("simulate", *views, "-o", "out", "--seed", 1, "--overwrite").exit_code == 0
    assert facts(tmp_path / "out")["seed"] == 1


def test_an_input_is_never_replaced(call, tmp_path):
    left = save(tmp_path / "truth.png", to_bits(scene(48, 64)))
    kept = left.read_bytes()
    assert call("simulate", left, "-o", tmp_path, "--overwrite").exit_code == 6
    assert left.read_bytes() == kept


def test_help_shows_groups(call):
    shown = call("simulate", "--help").stdout
    places = [
        shown.index(title)
        for title in ("Arguments:", "Options:", "Light:", "Mono camera:", "Phone:", "Examples:")
    ]
    assert places == sorted(places)
