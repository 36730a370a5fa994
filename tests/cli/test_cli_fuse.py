"""``dualcam fuse``: outputs, refusals, words and exit codes."""

from __future__ import annotations

import json
import os
import shutil

import cv2
import numpy as np
import pytest
from cli_helpers import HEIGHT, WIDTH, left_in

from dualcam.errors import InputError, OutputError, PlacementError, UnavailableError
from dualcam.frame import Frame
from dualcam.neural import devices


def test_default_output_is_beside_the_mono_file(call, pair, fuser, tmp_path):
    done = call("fuse", *pair)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'night_fused.png'}\n"
    picture = cv2.imread(str(tmp_path / "night_fused.png"), cv2.IMREAD_UNCHANGED)
    assert (picture.shape, picture.dtype) == ((HEIGHT, WIDTH, 3), np.uint16)
    assert left_in(tmp_path) == {"night.png", "dark.png", "night_fused.png"}


def test_summary_says_what_was_done(call, pair, fuser):
    shown = call("fuse", *pair).stderr
    for words in (
        "64 x 48",
        "scale 2",
        "quality 0.90",
        "100.0 % measured",
        "80.0 % on average",
        "note: a remark",
    ):
        assert words in shown


def test_quiet_prints_the_path_only(call, pair, fuser):
    done = call("fuse", *pair, "-o", "out.tif", "-q")
    assert (done.stdout, done.stderr) == ("out.tif\n", "")


def test_verbose_prints_every_hop(call, pair, fuser):
    shown = call("fuse", *pair, "-v").stderr
    assert shown.count("0.25 s   matches 311") == 8


def test_all_outputs(call, pair, fuser, tmp_path):
    done = call(
        "fuse", *pair, "-o", "out.jpg", "--confidence", "sure.png", "--report", "r.html", "--stages", "steps/night"
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert left_in(tmp_path) == {
        "night.png",
        "dark.png",
        "out.jpg",
        "sure.png",
        "r.html",
        "steps",
        "steps/night",
        "steps/night/01_read_mono_x.png",
        "steps/night/02_result.png",
    }
    sure = cv2.imread("sure.png", cv2.IMREAD_UNCHANGED)
    assert (sure.shape, sure.dtype, sure[0, 0]) == ((HEIGHT, WIDTH), np.uint8, 204)
    stage = cv2.imread("steps/night/01_read_mono_x.png", cv2.IMREAD_UNCHANGED)
    assert (stage.dtype, stage[0, 0], stage[1, 1]) == (np.uint8, 0, 128)
    assert "<html" in (tmp_path / "r.html").read_text("utf-8")


def test_json_report(call, pair, fuser, tmp_path):
    assert call("fuse", *pair, "--report", "r.json").exit_code == 0
    known = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert known["inputs"]["mono"]["file"] == "night.png"
    assert known["placement"]["scale"] == 2


@pytest.mark.parametrize(("bits", "kind"), [("8", np.uint8), ("16", np.uint16), ("32", np.float32)])
def test_bits(call, pair, fuser, bits, kind):
    assert call("fuse", *pair, "-o", "out.tif", "--bits", bits).exit_code == 0
    assert cv2.imread("out.tif", cv2.IMREAD_UNCHANGED).dtype == kind


def test_options_reach_the_fuser(call, pair, fuser):
    call("fuse", *pair, "--method", "classical", "--device", "cpu", "--place", "identity")
    assert fuser.options == {
        "method": "classical",
        "device": "cpu",
        "place": "identity",
        "view": "mono",
        "weights": None,
        "threads": None,
        "precision": "auto",
        "highlights": "auto",
        "strict": False,
        "rig": None,
        "distance": None,
        "engine": "auto",
    }
    assert fuser.sources == pair


def test_threads_and_weights_reach_the_fuser(call, pair, fuser, tmp_path, monkeypatch):
    counts = []
    monkeypatch.setattr(cv2, "setNumThreads", counts.append)
    done = call("fuse", *pair, "--weights", tmp_path / "w", "--threads", 3)
    assert done.exit_code == 0, done.stderr
    assert fuser.options["weights"] == tmp_path / "w" and fuser.options["threads"] == 3
    assert counts == [3]
    assert call("fuse", *pair, "--threads", 0).exit_code == 2


def test_curve_and_white_reach_the_reader(call, pair, fuser):
    done = call("fuse", *pair, "--mono-curve", "linear", "--mono-white", "32767.5", "-o", "a.png")
    assert done.exit_code == 0, done.stderr
    mono, color = fuser.sources
    assert isinstance(mono, Frame) and color == pair[1]
    stored = cv2.imread(str(pair[0]), cv2.IMREAD_UNCHANGED)
    assert np.allclose(mono.pixels[..., 0], np.minimum(stored / 32767.5, 1), atol=1e-4)
    assert call("fuse", *pair, "--color-white", "much", "-o", "b.png").exit_code == 2


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--report", "r.pdf"], 2, ".html"),
        (["-o", "out.gif"], 6, "out.gif"),
        (["-o", "out"], 6, "suffix"),
        (["-o", "out.jpg", "--bits", "16"], 6, "out.jpg cannot hold 16 bits"),
        (["-o", "out.pgm"], 6, "out.pgm cannot hold this picture"),
        (["-o", "missing/out.png"], 6, "missing"),
        (["-o", "dark.png", "--overwrite"], 6, "one of the inputs"),
        (["-o", "same.png", "--confidence", "same.png"], 6, "two outputs"),
        (["--confidence", "sure.xyz"], 6, "sure.xyz"),
        (["--stages", "night.png"], 6, "is a file"),
    ],
)
def test_refused_before_the_work_starts(call, pair, fuser, tmp_path, options, code, words):
    done = call("fuse", *pair, *options)
    assert done.exit_code == code, done.stderr
    assert words in done.stderr and "remedy: " in done.stderr
    assert ".part" not in done.stderr, "a hidden name was shown"
    assert fuser.sources is None, "the work had started"
    assert left_in(tmp_path) == {"night.png", "dark.png"}


def test_same_picture_twice(call, pair, fuser, tmp_path):
    os.link(pair[0], tmp_path / "again.png")
    done = call("fuse", pair[0], tmp_path / "again.png")
    assert done.exit_code == 2
    assert "given twice" in done.stderr


@pytest.mark.parametrize("place", [0, 1])
def test_missing_input(call, pair, fuser, tmp_path, place):
    files = [pair[0], pair[1]]
    files[place] = tmp_path / "no" / "gone.png"
    done = call("fuse", *files)
    assert done.exit_code == 4
    assert "gone.png" in done.stderr
    assert done.stdout == ""


def test_existing_outputs_stay_without_overwrite(call, pair, fuser, tmp_path):
    (tmp_path / "night_fused.png").write_text("mine")
    done = call("fuse", *pair, "--report", "r.html")
    assert done.exit_code == 6
    assert "--overwrite" in done.stderr
    assert (tmp_path / "night_fused.png").read_text() == "mine"
    assert call("fuse", *pair, "--overwrite").exit_code == 0
    assert (tmp_path / "night_fused.png").stat().st_size > 100


def test_existing_stage_pictures_stay_without_overwrite(call, pair, fuser, tmp_path):
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "02_result.png").write_text("mine")
    assert call("fuse", *pair, "--stages", "steps").exit_code == 6
    assert left_in(tmp_path) == {"night.png", "dark.png", "steps", "steps/02_result.png"}
    assert call("fuse", *pair, "--stages", "steps", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (InputError("a.", "b."), 4, "error: a.\nremedy: b."),
        (PlacementError("a.", "b."), 5, "error: a."),
        (UnavailableError("a.", ""), 3, "error: a."),
        (OutputError("a.", "b."), 6, "error: a."),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
        (MemoryError(), 71, "not enough memory"),
        (ZeroDivisionError("0"), 70, "internal error: ZeroDivisionError: 0"),
    ],
)
def test_failure_leaves_nothing_behind(call, pair, fuser, tmp_path, failure, code, words):
    fuser.fail = failure
    done = call("fuse", *pair, "--report", "r.html", "--stages", "deep/steps", "--confidence", "c.png")
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert left_in(tmp_path) == {"night.png", "dark.png"}


def test_failure_while_writing_leaves_nothing_behind(call, pair, fuser, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    done = call("fuse", *pair, "--report", "r.html")
    assert done.exit_code == 6
    assert "r.html cannot be written: No space left on device" in done.stderr
    assert left_in(tmp_path) == {"night.png", "dark.png"}


def test_verbose_shows_the_traceback(call, pair, fuser):
    fuser.fail = InputError("a.", "b.")
    done = call("fuse", *pair, "-v")
    assert "Traceback" in done.stderr and done.stderr.endswith("error: a.\nremedy: b.\n")


def test_unavailable_options_of_the_real_fuser(call, pair, tmp_path):
    lacking = devices.torch_lacks_cuda() and "cuda" not in devices.available()
    cuda = [["--device", "cuda"]] if lacking else []
    for options in (["--weights", "nowhere"], *cuda):
        done = call("fuse", *pair, *options)
        assert done.exit_code == 3, done.stderr
        assert "remedy: " in done.stderr
    if cuda:
        assert "onnxruntime-gpu" in done.stderr and "--engine torch" in done.stderr
    assert left_in(tmp_path) == {"night.png", "dark.png"}


def test_real_fusion_of_files(call, tmp_path):
    from dualcam.camera.curves import encode
    from dualcam.cli.selftest import make_pair

    mono, color, truth = make_pair()
    cv2.imwrite(str(tmp_path / "m.png"), np.rint(encode(mono) * 65535).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "c.png"), np.rint(encode(color) * 255).astype(np.uint8)[..., ::-1])
    done = call("fuse", "m.png", "c.png", "--report", "r.html", "--stages", "steps", "--bits", "8")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "m_fused.png\n"
    picture = cv2.imread("m_fused.png")[..., ::-1]
    assert np.abs(picture - 255 * encode(truth)).mean() < 14
    page = (tmp_path / "r.html").read_text("utf-8")
    assert page.count('class="thumb"') == len(list((tmp_path / "steps").glob("*.png"))) > 0


def test_tqdm_bar_on_a_terminal(monkeypatch, capsys):
    import sys

    from dualcam.cli.show import Progress
    from dualcam.frame import Hop
    from dualcam.fusion.forecast import Forecast

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    foretold = Forecast(20.2, 96, {"read": 1.0, "place": 1.0, "refEC": 6.0, "write": 2.0}, 1050.0)
    with Progress() as progress:
        progress.on_hop(Hop("read", 0.1, {}))
        progress.on_forecast(foretold)
        progress.on_hop(Hop("place", 0.1, {}))
        progress.on_tile(1, 4)
    shown = capsys.readouterr().err
    assert "20.2 MP, 96 tiles, about 10 s, 1.1 GB" in shown
    # 1 + 1 seconds are done, and a quarter of 6.
    assert "refEC" in shown and "35 %" in shown and "100 %" not in shown
    with Progress(quiet=True) as progress:
        progress.on_forecast(foretold)
        progress.on_hop(Hop("read", 0.1, {}))
    assert capsys.readouterr().err == ""


def test_paths_with_odd_names(call, pair, fuser, tmp_path):
    odd = tmp_path / "Fenster; Straße [1].png"
    shutil.copy(pair[0], odd)
    done = call("fuse", odd, pair[1], "--report", "r.html")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "Fenster; Straße [1]_fused.png").exists()
