"""Which pictures are trained on and which are held back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dualcam.errors import InputError
from dualcam.training import sources


@pytest.fixture
def folders(tmp_path):
    photos, stereo = tmp_path / "photos" / "deep", tmp_path / "stereo"
    photos.mkdir(parents=True)
    for number in range(200):
        (photos / f"p{number}.png").touch()
    (photos / "notes.txt").touch()
    for number in range(40):
        folder = stereo / f"scene{number}"
        folder.mkdir(parents=True)
        (folder / "left.PNG").touch()
        (folder / "right.PNG").touch()
    (stereo / "alone").mkdir()
    (stereo / "alone" / "left.png").touch()
    return [tmp_path / "photos"], [stereo]


def test_the_split_is_disjoint_and_complete(folders):
    train, val = (sources.find(*folders, split) for split in ("train", "val"))
    assert not set(train.photos) & set(val.photos) and not set(train.pairs) & set(val.pairs)
    assert len(train.photos) + len(val.photos) == 200 and 1 <= len(val.photos) <= 15
    assert len(train.pairs) + len(val.pairs) == 40 and 3 <= len(val.pairs) <= 16
    assert all(left.parent == right.parent and right.stem == "right" for left, right in train.pairs)


def test_more_pictures_never_move_the_others(folders):
    before = sources.find(*folders, "val")
    (folders[0][0] / "another.jpg").touch()
    (folders[0][0] / "p9999.webp").touch()
    after = sources.find(*folders, "val")
    assert set(before.photos) <= set(after.photos) and before.pairs == after.pairs


def test_the_fingerprint_follows_names_not_places(folders, tmp_path):
    one = sources.find(*folders, "train")
    mark = sources.fingerprint(one)
    (tmp_path / "photos").rename(tmp_path / "moved")
    assert sources.fingerprint(sources.find([tmp_path / "moved"], folders[1], "train")) == mark
    assert sources.fingerprint(sources.Sources(one.photos[1:], one.pairs)) != mark


def test_nothing_found_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no picture of the train split"):
        sources.find([tmp_path], [], "train")
    with pytest.raises(InputError, match="nowhere is no folder"):
        sources.find([tmp_path / "nowhere"], [], "train")


def test_pictures_are_read_linear_in_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 5, 3), [0, 188, 255], np.uint8))
    read = sources.read_linear(tmp_path / "a.png")
    np.testing.assert_allclose(read[0, 0], [1, 0.5029, 0], atol=1e-3)
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(InputError, match=r"b\.png"):
        sources.read_linear(tmp_path / "b.png")
