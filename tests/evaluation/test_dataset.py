"""Which scenes a folder holds, and what is said about a folder that cannot be used."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from packs import HEIGHT, WIDTH, add_capture, add_pair, make_pack

from dualcam.errors import InputError
from dualcam.evaluation.dataset import find


def test_pairs_are_found_at_any_depth_and_named_by_their_path(tmp_path):
    make_pack(tmp_path)
    (tmp_path / "index.csv").write_text("file,source\n")
    (tmp_path / ".hidden").mkdir()
    add_pair(tmp_path / ".hidden" / "C")
    scenes = find(tmp_path)
    assert [scene.name for scene in scenes] == ["B", "plane/A"]
    assert all(scene.pixels == HEIGHT * WIDTH for scene in scenes)
    assert scenes[0].views.disparity is None
    assert scenes[1].views.disparity == tmp_path / "plane" / "A" / "disp_left.png"


def test_one_scene_is_named_after_its_folder(tmp_path):
    assert find(add_pair(tmp_path / "Teddy"))[0].name == "Teddy"


def test_views_may_be_of_any_picture_format(tmp_path):
    folder = add_pair(tmp_path / "A", disparity=False)
    cv2.imwrite(str(folder / "left.jpg"), cv2.imread(str(folder / "left.png")))
    (folder / "left.png").unlink()
    assert find(tmp_path)[0].views.left.name == "left.jpg"


def refused(data) -> InputError:
    with pytest.raises(InputError) as caught:
        find(data)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("missing", ["left", "right"])
def test_a_missing_view_names_the_folder(tmp_path, missing):
    folder = add_pair(tmp_path / "plane" / "A")
    (folder / f"{missing}.png").unlink()
    error = refused(tmp_path)
    assert str(folder) in error.cause and f"no {missing} picture" in error.cause


def test_views_of_different_size_are_named_with_their_sizes(tmp_path):
    folder = add_pair(tmp_path / "A")
    cv2.imwrite(str(folder / "right.png"), np.zeros((HEIGHT, WIDTH - 2, 3), np.uint8))
    error = refused(tmp_path)
    for words in (str(folder), "left.png is 96 x 80", "right.png is 94 x 80"):
        assert words in error.cause


def test_a_disparity_of_another_size_is_refused(tmp_path):
    folder = add_pair(tmp_path / "A")
    cv2.imwrite(str(folder / "disp_left.png"), np.zeros((HEIGHT // 2, WIDTH), np.uint16))
    assert "disp_left.png is 96 x 40" in refused(tmp_path).cause


def test_a_file_that_is_no_picture_is_named(tmp_path):
    folder = add_pair(tmp_path / "A")
    (folder / "right.png").write_text("no picture")
    assert str(folder / "right.png") in refused(tmp_path).cause


def test_two_left_views_are_refused(tmp_path):
    folder = add_pair(tmp_path / "A")
    cv2.imwrite(str(folder / "left.jpg"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert "left.png and left.jpg" in refused(tmp_path).cause


def test_folders_without_scenes_and_archives_are_told_apart(tmp_path):
    (tmp_path / "pack.tar").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    assert "holds no scene" in refused(tmp_path / "empty").cause
    assert "does not exist" in refused(tmp_path / "gone").cause
    assert "archive" in refused(tmp_path / "pack.tar").cause
    assert "Unpack" in refused(tmp_path / "pack.tar").remedy


def test_prepared_captures_of_a_scene_lie_side_by_side(tmp_path):
    add_capture(tmp_path / "room" / "Art" / "nightx2", "night", 2)
    add_capture(tmp_path / "room" / "Art" / "darkx4", "dark", 4, raw=True)
    add_capture(tmp_path / "Cones", "custom", 3)
    cones, art = find(tmp_path)
    assert (cones.name, art.name) == ("Cones", "room/Art")
    assert {(c.level, c.scale, c.tracks()) for c in art.captures} == {
        ("night", 2, ("file",)),
        ("dark", 4, ("file", "raw")),
    }
    assert [c.level for c in cones.captures] == ["custom"]


def test_one_capture_is_named_after_its_folder(tmp_path):
    assert find(add_capture(tmp_path / "nightx2"))[0].name == "nightx2"


def test_captures_that_cannot_be_used_are_named(tmp_path):
    folder = add_capture(tmp_path / "A")
    (folder / "truth.png").unlink()
    assert f"{folder} has no truth picture" in refused(tmp_path).cause
    add_capture(tmp_path / "A", scale=2.5)
    assert "2.5" in refused(tmp_path).cause
    add_capture(tmp_path / "A", level="../night")
    assert "names no light level" in refused(tmp_path).cause
    add_capture(tmp_path / "A")
    (folder / "color.png").unlink()
    assert "neither color.png nor color.dng" in refused(tmp_path).cause


def test_two_captures_of_one_scene_and_light_are_refused(tmp_path):
    add_capture(tmp_path / "A")
    add_capture(tmp_path / "A" / "nightx2")
    error = refused(tmp_path)
    assert str(tmp_path / "A" / "nightx2") in error.cause and "both A" in error.cause


def test_pairs_and_captures_do_not_mix(tmp_path):
    add_pair(tmp_path / "A")
    add_capture(tmp_path / "B")
    assert "pairs" in refused(tmp_path).cause and "captures" in refused(tmp_path).cause
