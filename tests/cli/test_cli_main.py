"""The entry point: help, version, speed of the way there, and what failures look like."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dualcam import __version__
from dualcam.cli import guard, main
from dualcam.errors import InputError


def run_main(monkeypatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["dualcam", *arguments])
    try:
        main.run()
    except SystemExit as end:
        return end.code
    return 0


def test_help_and_version_import_neither_numpy_nor_opencv():
    code = (
        "import sys\n"
        "from dualcam.cli import main\n"
        "for a in (['--help'], ['fuse', '--help'], ['--version']):\n"
        "    sys.argv = ['dualcam', *a]\n"
        "    try: main.run()\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'numpy', 'cv2', 'torch', 'tifffile', 'PIL', 'onnxruntime', 'tqdm'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--mono-curve" in done.stdout
    assert done.stdout.endswith(f"dualcam {__version__}\n")


def test_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "dualcam", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"dualcam {__version__}\n")


@pytest.mark.parametrize("command", ["fuse", "demo", "info", "doctor"])
def test_every_command_has_help(call, command):
    done = call(command, "--help")
    assert done.exit_code == 0
    assert "Usage: dualcam" in done.stdout
    assert command in call("--help").stdout


def test_version_beside_other_words(call):
    assert call("--version", "fuse").stdout == f"dualcam {__version__}\n"


def test_wrong_use_is_code_2(monkeypatch, capsys):
    assert run_main(monkeypatch, "fuse", "a.png") == 2
    assert run_main(monkeypatch, "melt") == 2
    assert run_main(monkeypatch, "fuse", "a.png", "b.png", "--bits", "12") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_failure_before_any_command_is_explained(monkeypatch, capsys):
    def broken() -> None:
        raise RuntimeError("no\nway")

    monkeypatch.setattr("dualcam.cli.app.build", broken)
    assert run_main(monkeypatch, "fuse") == guard.INTERNAL
    assert capsys.readouterr().err.startswith("internal error: RuntimeError: no (run again with -v")
    assert run_main(monkeypatch, "fuse", "-v") == guard.INTERNAL
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("x.png is broken.", "Mend it."), 4, ["error: x.png is broken.", "remedy: Mend it."]),
        (KeyboardInterrupt(), 130, ["interrupted; nothing was written"]),
        (MemoryError(), 71, ["not enough memory"]),
        (ValueError("odd"), 70, ["internal error: ValueError: odd"]),
        (ValueError(), 70, ["internal error: ValueError (run"]),
        (BrokenPipeError(), 141, []),
    ],
)
def test_explain(capsys, error, code, words):
    assert guard.explain(error) == code
    shown = capsys.readouterr().err
    assert all(word in shown for word in words)
    assert "Traceback" not in shown
    assert bool(shown) == bool(words)


def test_explain_verbose_shows_the_traceback_first(capsys):
    try:
        raise InputError("x.png is broken.", "Mend it.")
    except InputError as error:
        guard.explain(error, verbose=True)
    shown = capsys.readouterr().err
    assert shown.index("Traceback") < shown.index("error: x.png")


def test_reader_that_goes_away_leaves_no_noise(pair):
    code = (
        "import sys; sys.argv = ['dualcam', 'info', *sys.argv[1:]]; from dualcam.cli.main import run; run()"
    )
    command = [sys.executable, "-c", code, *[str(pair[0])] * 50]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        done.stdout.close()
        shown = done.stderr.read()
    assert done.returncode == guard.BROKEN_PIPE
    assert shown == ""
