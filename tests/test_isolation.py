"""What dualcam does not touch: torch, the network, and anything heavy on import. Each in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import pytest

import untrained
from synthetic import Rig, shoot, world

HEAVY = ("torch", "tensorflow", "onnx", "onnxruntime", "rawpy", "skimage", "scipy", "matplotlib", "astropy")
# The networks need it; no other method does.
FUSING = set(HEAVY) - {"onnxruntime"}


@pytest.fixture
def files(tmp_path):
    mono, color = shoot(world(Rig(), 48, 64))
    cv2.imwrite(str(tmp_path / "mono.png"), mono)
    cv2.imwrite(str(tmp_path / "color.png"), color[..., ::-1])
    return tmp_path


def run(code, cwd):
    # Every way onto the network raises; a DNS question too.
    guard = """
    import socket, sys
    def refuse(*args, **kwargs):
        raise AssertionError(f"a connection was tried: {args[1:]}")
    for name in ("connect", "connect_ex", "sendto", "bind"):
        setattr(socket.socket, name, refuse)
    socket.getaddrinfo = socket.create_connection = refuse
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(guard) + textwrap.dedent(code)],
        cwd=cwd,
        env=os.environ | {"OPENCV_FOR_THREADS_NUM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(out):
    return set(out.strip().splitlines()[-1].split())


LIST = "\nprint(*sorted({name.split('.')[0] for name in sys.modules}))\n"


def test_importing_the_package_loads_nothing_heavy(tmp_path):
    modules = loaded(run("import dualcam" + LIST, tmp_path))
    assert "dualcam" in modules
    assert not modules & {*HEAVY, "numpy", "cv2", "PIL", "tifffile", "typer"}


def test_help_loads_nothing_heavy(tmp_path):
    code = """
    from dualcam.cli.app import build
    try:
        build()(["--help"], prog_name="dualcam")
    except SystemExit as end:
        assert not end.code, end.code
    """
    out = run(textwrap.dedent(code) + LIST, tmp_path)
    assert "fuse" in out
    assert not loaded(out) & set(HEAVY)


def test_a_fusion_needs_no_network_and_no_torch(files):
    code = """
    import dualcam
    out = dualcam.fuse("mono.png", "color.png", place="identity")
    dualcam.write("fused.png", out.pixels)
    from dualcam.fusion.report import to_html
    assert to_html(out)
    """
    assert not loaded(run(textwrap.dedent(code) + LIST, files)) & FUSING
    assert (files / "fused.png").stat().st_size > 0


def test_a_fusion_by_networks_needs_no_network_and_no_torch(files):
    untrained.weights(files / "w")
    code = """
    import dualcam
    out = dualcam.fuse("mono.png", "color.png", place="identity", weights="w")
    assert out.method == "neural"
    """
    modules = loaded(run(textwrap.dedent(code) + LIST, files))
    assert "onnxruntime" in modules and not modules & FUSING


def test_the_classical_method_does_without_onnxruntime(files):
    code = """
    import dualcam
    assert dualcam.fuse("mono.png", "color.png", place="identity", method="classical").method == "classical"
    """
    assert not loaded(run(textwrap.dedent(code) + LIST, files)) & set(HEAVY)


def test_the_command_line_needs_no_network(files):
    code = """
    from dualcam.cli.app import build
    arguments = ["fuse", "mono.png", "color.png", "--place", "identity", "-o", "out.png"]
    try:
        build()(arguments, prog_name="dualcam")
    except SystemExit as end:
        assert not end.code, end.code
    """
    assert not loaded(run(textwrap.dedent(code) + LIST, files)) & FUSING
    assert (files / "out.png").exists()


def test_a_fusion_leaves_no_files_behind(files):
    before = sorted(p.name for p in Path(files).iterdir())
    run("import dualcam\ndualcam.fuse('mono.png', 'color.png', place='identity')", files)
    assert sorted(p.name for p in Path(files).iterdir()) == before
