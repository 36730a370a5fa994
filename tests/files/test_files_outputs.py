"""All outputs of a command appear, or none."""

from __future__ import annotations

import os

import pytest

from dualcam.errors import OutputError
from dualcam.files import outputs as module
from dualcam.files.outputs import Outputs


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_files_appear_together_at_the_end(tmp_path):
    with Outputs() as outputs:
        for name in ("a.png", "b.tif"):
            hidden = outputs.reserve(tmp_path / name)
            assert hidden.suffix == os.path.splitext(name)[1]
            assert hidden.parent == tmp_path
            assert hidden.name.startswith(".")
            hidden.write_text(name)
        assert not (tmp_path / "a.png").exists()
    assert names(tmp_path) == ["a.png", "b.tif"]
    assert (tmp_path / "b.tif").read_text() == "b.tif"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_a_failure(tmp_path, error):
    with pytest.raises(error), Outputs() as outputs:
        outputs.reserve(tmp_path / "a.png").write_text("a")
        outputs.reserve(tmp_path / "b.png")
        outputs.reserve_dir(tmp_path / "stages" / "deep")
        outputs.reserve(tmp_path / "stages" / "deep" / "1.png").write_text("1")
        raise error
    assert names(tmp_path) == []


def test_existing_file(tmp_path):
    (tmp_path / "a.png").write_text("old")
    with Outputs() as outputs, pytest.raises(OutputError) as caught:
        outputs.reserve(tmp_path / "a.png")
    assert "exists" in caught.value.cause
    assert "--overwrite" in caught.value.remedy
    with Outputs(overwrite=True) as outputs:
        outputs.reserve(tmp_path / "a.png").write_text("new")
        assert (tmp_path / "a.png").read_text() == "old"
    assert (tmp_path / "a.png").read_text() == "new"
    assert names(tmp_path) == ["a.png"]


def test_a_file_that_appears_meanwhile_is_not_clobbered(tmp_path):
    with pytest.raises(OutputError, match="exists"), Outputs() as outputs:
        outputs.reserve(tmp_path / "a.png").write_text("ours")
        outputs.reserve(tmp_path / "b.png").write_text("ours")
        (tmp_path / "b.png").write_text("theirs")
    assert names(tmp_path) == ["b.png"]
    assert (tmp_path / "b.png").read_text() == "theirs"


def test_without_hard_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module.os, "link", no_links)
    with Outputs() as outputs:
        outputs.reserve(tmp_path / "a.png").write_text("a")
    with pytest.raises(OutputError, match="exists"), Outputs() as outputs:
        outputs.reserve(tmp_path / "b.png").write_text("ours")
        (tmp_path / "b.png").write_text("theirs")
    with Outputs(overwrite=True) as outputs:
        outputs.reserve(tmp_path / "a.png").write_text("new")
    assert names(tmp_path) == ["a.png", "b.png"]
    assert (tmp_path / "a.png").read_text() == "new"
    assert (tmp_path / "b.png").read_text() == "theirs"


@pytest.mark.parametrize("links", [True, False])
def test_a_failing_rename_takes_everything_back(tmp_path, monkeypatch, links):
    (tmp_path / "a.png").write_text("old")
    (tmp_path / "c.png").write_text("old")
    real = os.replace

    def replace(source, target):
        if os.path.basename(target) == "c.png" and ".part" in str(source):
            raise OSError(28, "No space left on device")
        real(source, target)

    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module.os, "replace", replace)
    if not links:
        monkeypatch.setattr(module.os, "link", no_links)
    with pytest.raises(OutputError, match="No space left"), Outputs(overwrite=True) as outputs:
        for name in ("a.png", "b.png", "c.png"):
            outputs.reserve(tmp_path / name).write_text("new")
    assert names(tmp_path) == ["a.png", "c.png"]
    assert [(tmp_path / n).read_text() for n in names(tmp_path)] == ["old", "old"]


def test_inputs_are_never_written(tmp_path):
    source = tmp_path / "in.png"
    source.write_text("raw")
    (tmp_path / "soft.png").symlink_to(source)
    os.link(source, tmp_path / "hard.png")
    for name in ("in.png", "soft.png", "hard.png", "../" + tmp_path.name + "/in.png"):
        with Outputs(overwrite=True, inputs=[source]) as outputs, pytest.raises(OutputError, match="inputs"):
            outputs.reserve(tmp_path / name)
    with Outputs(overwrite=True, inputs=[tmp_path / "soft.png"]) as outputs:
        with pytest.raises(OutputError, match="inputs"):
            outputs.reserve(source)
    assert source.read_text() == "raw"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "real.png").write_text("old")
    (tmp_path / "link.png").symlink_to(tmp_path / "store" / "real.png")
    with Outputs(overwrite=True) as outputs:
        outputs.reserve(tmp_path / "link.png").write_text("new")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "store" / "real.png").read_text() == "new"


def test_bad_places(tmp_path, monkeypatch):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("x")
    with Outputs(overwrite=True) as outputs:
        for name, word in [
            ("none/a.png", "does not exist"),
            ("folder.png", "directory"),
            ("file/a.png", "not a folder"),
        ]:
            with pytest.raises(OutputError, match=word) as caught:
                outputs.reserve(tmp_path / name)
            assert caught.value.remedy
        with pytest.raises(OutputError, match=r"\.png, \.tif"):
            outputs.reserve(tmp_path / "a.gif", suffixes=(".png", ".tif"))
        with pytest.raises(OutputError, match="not a folder"):
            outputs.reserve_dir(tmp_path / "file")
        monkeypatch.setattr(module.os, "access", lambda *_: False)
        with pytest.raises(OutputError, match="not writable"):
            outputs.reserve(tmp_path / "a.png")


def test_same_name_twice_and_forgotten_file(tmp_path):
    with pytest.raises(OutputError, match="not written"), Outputs() as outputs:
        outputs.reserve(tmp_path / "a.png").write_text("a")
        with pytest.raises(OutputError, match="two outputs"):
            outputs.reserve(tmp_path / "a.png")
        outputs.reserve(tmp_path / "b.png")
    assert names(tmp_path) == []


def test_long_names(tmp_path):
    name = "n" * 245 + ".png"
    with Outputs() as outputs:
        outputs.reserve(tmp_path / name).write_text("a")
    assert names(tmp_path) == [name]


def test_reserve_dir_keeps_what_was_there(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "mine.txt").write_text("x")
    with pytest.raises(ValueError, match="stop"), Outputs() as outputs:
        outputs.reserve_dir(tmp_path / "stages")
        raise ValueError("stop")
    assert names(tmp_path / "stages") == ["mine.txt"]
