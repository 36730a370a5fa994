"""Calibration of rendered rigs: what is found against what was rendered, and verdicts on bad pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.calibration.calibrate import calibrate, pair_up
from dualcam.errors import InputError, UsageError
from dualcam.rig import epipolar
from dualcam.rig.cameras import project, unproject
from rig_rendering import BOARD, fisheye_pair, pinhole_pair


def run(folder, **options):
    mono, color = (sorted((folder / name).iterdir()) for name in ("mono", "color"))
    pairs, how = pair_up(mono, color)
    assert how == "the same number in the name"
    return calibrate(mono, color, pairs, BOARD, **options)


def assert_same_camera(found, true):
    assert found.matrix[0, 0] == pytest.approx(true.matrix[0, 0], rel=0.005)
    assert found.matrix[1, 1] == pytest.approx(true.matrix[1, 1], rel=0.005)
    assert found.matrix[:2, 2] == pytest.approx(true.matrix[:2, 2], abs=0.005 * max(true.size))


def assert_same_rig(found, true):
    turn = cv2.Rodrigues(found.rotation @ true.rotation.T)[0]
    assert np.degrees(np.linalg.norm(turn)) < 0.15
    assert found.translation == pytest.approx(true.translation, abs=2e-3)
    # Points of a scene, far and near, against the epipolar lines of what was found.
    rng = np.random.default_rng(0)
    middle = 0.5 + rng.uniform(-0.3, 0.3, (300, 2))
    mono = middle * true.mono.size[::-1]
    points = unproject(true.mono, mono) * rng.uniform(0.5, 10, (300, 1))
    color = project(true.color, points @ true.rotation.T + true.translation)
    seen = ((color > 0) & (color < true.color.size[::-1])).all(axis=1)
    assert seen.sum() > 50
    across = epipolar.residuals(found, mono[seen], color[seen]).across_px
    assert np.percentile(np.abs(across), 95) < 0.3


def test_a_pinhole_pair_of_different_sizes(pinhole_folder):
    found, true = run(pinhole_folder), pinhole_pair()
    assert found.mono.fit.lens == found.color.fit.lens == "pinhole"
    assert_same_camera(found.rig.mono, true.mono)
    assert_same_camera(found.rig.color, true.color)
    assert_same_rig(found.rig, true)
    assert found.after_px < 0.3 < 3 < found.before_px
    assert all(shot.used and shot.rms_px < 0.3 for shot in found.mono.shots)
    assert found.mono.covered > 0.5
    assert found.rig.facts["board"] == str(BOARD)


def test_a_fisheye_beside_a_pinhole(fisheye_folder):
    found, true = run(fisheye_folder), fisheye_pair()
    assert (found.mono.fit.lens, found.color.fit.lens) == ("fisheye", "pinhole")
    assert found.mono.held_out_px["fisheye"] < found.mono.held_out_px["pinhole"]
    assert_same_camera(found.rig.mono, true.mono)
    assert_same_rig(found.rig, true)
    assert found.after_px < 0.3


@pytest.fixture
def spoiled(pinhole_folder, tmp_path):
    """The pinhole pair's pictures, of which some mono ones are bad, each in its own way."""
    shutil.copytree(pinhole_folder, tmp_path, dirs_exist_ok=True)

    def change(number, how):
        path = tmp_path / "mono" / f"m_{number:02d}.png"
        cv2.imwrite(str(path), how(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))

    change(10, lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.5))
    change(2, lambda picture: np.full_like(picture, 90))
    change(3, lambda picture: picture[:-20])
    # As if the board had been moved before the color camera took its picture.
    change(4, lambda picture: np.roll(picture, (6, 9), (0, 1)))
    (tmp_path / "mono" / "m_05.png").write_bytes(b"no picture")
    return tmp_path


def test_bad_pictures_are_left_out_with_a_reason(spoiled):
    found = run(spoiled, mono_lens="pinhole", color_lens="pinhole")
    verdicts = [shot.verdict for shot in found.mono.shots]
    for number, word in ((10, "blurred"), (2, "no board"), (3, "another size"), (5, "cannot be used")):
        assert word in verdicts[number]
    assert "partner" in verdicts[4] or "outlier" in verdicts[4]
    assert [verdicts[i] for i in (0, 1, 6, 7, 8, 9, 11)] == ["used"] * 7
    assert not {2, 3, 4, 5, 10} & {a for a, _ in found.pairs}
    assert_same_camera(found.rig.mono, pinhole_pair().mono)
    assert found.after_px < 0.3
    assert any("mono: 7 pictures" in text or "mono: 8 pictures" in text for text in found.advice)


def test_too_few_pictures_are_an_error_that_says_why(pinhole_folder, tmp_path):
    shutil.copytree(pinhole_folder, tmp_path, dirs_exist_ok=True)
    for path in sorted((tmp_path / "mono").iterdir())[2:]:
        cv2.imwrite(str(path), np.full((450, 600), 80, np.uint8))
    with pytest.raises(InputError, match=r"only 2 of 12 .* mono .*no board found"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("mono", "color", "pairs"),
    [
        (["a.png", "b.png"], ["b.tif", "a.tif"], [(0, 1), (1, 0)]),
        (["IMG_7.png", "IMG_9.png", "IMG_10.png"], ["c09.jpg", "c10.jpg"], [(1, 0), (2, 1)]),
        (["x.png", "y.png"], ["p.png", "q.png"], [(0, 0), (1, 1)]),
    ],
)
def test_pairs_are_found_by_name_number_or_order(mono, color, pairs):
    assert pair_up([Path(p) for p in mono], [Path(p) for p in color])[0] == pairs


def test_pictures_that_cannot_be_paired_are_refused():
    with pytest.raises(UsageError, match="paired"):
        pair_up([Path("x.png")], [Path("p.png"), Path("q.png")])
