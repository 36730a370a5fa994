"""Files of a run folder and pictures of the benchmark; peak memory."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from dualcam.errors import InputError, OutputError
from dualcam.evaluation import memory, pictures
from dualcam.evaluation.case import CaseId
from dualcam.evaluation.layout import RunFolder, is_whole_png, read_json, write_json
from dualcam.files.whole import write_whole

CASE = CaseId("midd03/Teddy", "night", 2, "raw")


def test_every_file_has_its_place(tmp_path):
    run = RunFolder(tmp_path)
    places = [
        run.capture("midd03/Teddy", "night", 2),
        run.picture(CASE, "dis"),
        run.confidence(CASE, "dis"),
        run.note(CASE, "dis"),
        run.score(CASE, "dis"),
    ]
    assert [path.relative_to(tmp_path).as_posix() for path in places] == [
        "captures/midd03/Teddy/nightx2",
        "outputs/dis/midd03/Teddy/nightx2-raw.png",
        "outputs/dis/midd03/Teddy/nightx2-raw-confidence.png",
        "outputs/dis/midd03/Teddy/nightx2-raw.json",
        "scores/dis/midd03/Teddy/nightx2-raw.json",
    ]
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "folder" / "a.json"
    write_json(path, {"b": 1, "a": None})
    assert read_json(path) == {"a": None, "b": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": None, "b": 1}
    with pytest.raises(OutputError, match="cannot be written"):
        write_whole(path / "below a file", b"")
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("text", ["", "[1]", '{"a": ', "\xff"])
def test_anything_else_than_an_object_counts_as_missing(tmp_path, text):
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    assert read_json(tmp_path / "a.json") is None


def test_a_png_without_its_end_is_noticed(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((20, 20, 3), np.uint8))
    data = path.read_bytes()
    assert is_whole_png(path)
    for size in (0, 5, 20, len(data) - 1):
        path.write_bytes(data[:size])
        assert not is_whole_png(path)
    assert not is_whole_png(tmp_path / "gone.png")


def test_sweeping_and_clearing_leave_other_files_alone(tmp_path):
    run = RunFolder(tmp_path)
    write_json(run.config, {})
    write_whole(run.picture(CASE, "dis"), b"picture")
    mine = [tmp_path / ".mine.part.txt", tmp_path / "notes" / ".a.part"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    run.mark("something")
    run.sweep()
    assert run.picture(CASE, "dis").read_bytes() == b"picture"
    assert not (tmp_path / "working").exists()
    run.clear()
    assert {p.name for p in tmp_path.iterdir()} == {".mine.part.txt", "notes"}


def test_a_process_says_what_it_is_busy_with(tmp_path):
    run = RunFolder(tmp_path)
    run.mark("midd03/Teddy, night")
    assert run.busy_with(os.getpid()) == "midd03/Teddy, night"
    run.unmark()
    run.unmark()
    assert run.busy_with(os.getpid()) == ""


def test_pictures_are_read_as_they_are_shown(tmp_path):
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (20, 24, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "8.png"), codes[..., ::-1])
    cv2.imwrite(str(tmp_path / "16.png"), codes[..., ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "near.png"), np.full((20, 24), 1000, np.uint16))
    cv2.imwrite(str(tmp_path / "gray.png"), codes[..., 0])
    assert np.array_equal(pictures.rgb8(tmp_path / "8.png"), codes)
    assert np.array_equal(pictures.rgb8(tmp_path / "16.png"), codes)
    assert np.all(pictures.rgb8(tmp_path / "near.png") == round(1000 / 257))
    assert np.array_equal(pictures.rgb8(tmp_path / "gray.png"), np.repeat(codes[..., :1], 3, 2))
    assert pictures.size(tmp_path / "8.png") == (20, 24)
    assert pictures.gray01(tmp_path / "gray.png") == pytest.approx(codes[..., 0] / 255, abs=1e-6)
    with pytest.raises(InputError, match="not a gray picture"):
        pictures.gray01(tmp_path / "8.png")


def test_a_disparity_is_in_pixels_and_unknown_where_it_is_zero(tmp_path):
    stored = np.full((20, 24), 640, np.uint16)
    stored[3, 4] = 0
    cv2.imwrite(str(tmp_path / "d.png"), stored)
    read = pictures.disparity(tmp_path / "d.png")
    assert np.isnan(read[3, 4]) and np.isnan(read).sum() == 1
    assert np.nanmin(read) == np.nanmax(read) == 2.5
    cv2.imwrite(str(tmp_path / "d.png"), stored.astype(np.uint8))
    with pytest.raises(InputError, match="16-bit"):
        pictures.disparity(tmp_path / "d.png")


def test_peak_memory_is_that_of_the_step():
    if not memory.reset_peak():
        pytest.skip("the system does not reset the peak")
    before = memory.peak_mib()
    block = np.ones(64 << 20, np.uint8)
    during = memory.peak_mib()
    del block
    assert 60 < during - before < 80
    assert memory.peak_mib() == pytest.approx(during, abs=1)
    memory.reset_peak()
    assert memory.peak_mib() < during - 60


def test_peak_memory_is_unknown_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_PROC", tmp_path / "no proc")
    assert memory.reset_peak() is False
    assert memory.peak_mib() is None
