"""PyTorch as an engine: what ONNX Runtime computes, from the same files, imported only where it is wanted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import untrained
from dualcam.errors import UnavailableError, UsageError
from dualcam.fusion.fuser import Fuser
from dualcam.neural import devices, engine, manifest
from synthetic import Rig, shoot, world

SHIPPED = manifest.SHIPPED
# Of 16 bits, against what the network adds at most: they have 11 bits of mantissa, and a few dozen layers.
HALF = 4e-3


def both(name, precision="auto"):
    return (
        engine.alone(SHIPPED, name, 1, precision="float32"),
        engine.alone(SHIPPED, name, 1, precision=precision, engine="torch"),
    )


def picture(network, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.5, (network.inputs, height, width)).astype(np.float32)


@pytest.mark.parametrize("name", manifest.NETWORKS)
def test_it_computes_what_onnxruntime_does_on_odd_sizes_and_in_tiles(name):
    usual, torched = both(name)
    halo = usual.layout.halo
    # Tiles of a little more than their surroundings: 2 in one direction at least.
    limit = (2 * halo + 64) * 96
    planes = picture(usual, 83, 2 * halo + 131)
    torched.layout = replace(torched.layout, limit=limit)
    wanted, found = usual.over([*planes]), torched.over([*planes])
    assert torched.load(*planes.shape[1:]).tiles > 1
    assert len(wanted) == len(found) == len(engine.OUTPUTS[name])
    for one, other in zip(wanted, found, strict=True):
        assert one.shape == other.shape and other.dtype == np.float32 and np.abs(one).max() > 0.1
        np.testing.assert_allclose(other, one, atol=1e-4)


@pytest.mark.parametrize("name", manifest.NETWORKS)
def test_16_bits_are_near(name):
    usual, short = both(name, "float16")
    assert short.precision == "float16"
    planes = picture(usual, 64, 80)
    for one, other in zip(usual.run(planes), short.run(planes), strict=True):
        assert other.dtype == np.float32
        np.testing.assert_allclose(other, one, atol=HALF * np.abs(one).max())
        assert np.abs(other - one).max() > 1e-6  # they are 16 bits


def test_weights_of_any_shape_come_back(tmp_path):
    from dualcam.networks import exported
    from dualcam.training import graph, stages

    shapes = {
        "refec": {"channels": (6, 8, 10), "blocks": (1, 2, 1)},
        "refcolor": {"channels": (6,), "blocks": (2,)},
        "refsr": {"channels": (6, 8), "blocks": (0, 1), "stride": 4},
    }
    for name, shape in shapes.items():
        made = stages.build(name, shape).eval()
        data = graph.to_onnx(made, len(engine.PLANES[name]), made.net.multiple, engine.OUTPUTS[name])
        back = exported.network(name, data)
        assert (back.net.stride, back.net.blocks) == (made.net.stride, made.net.blocks)
        for key, value in made.state_dict().items():
            np.testing.assert_array_equal(back.state_dict()[key], value)


def test_fusing_with_it_gives_the_same_picture():
    mono, color = shoot(world(Rig(), 96, 128))
    options = {"place": "identity", "threads": 1, "precision": "float32"}
    usual = Fuser(**options).fuse(mono, color)
    torched = Fuser(**options, engine="torch").fuse(mono, color)
    np.testing.assert_allclose(torched.pixels, usual.pixels, atol=1e-4)
    np.testing.assert_allclose(torched.confidence, usual.confidence, atol=1e-3)
    facts = [next(hop.facts for hop in fusion.hops if hop.name == "refEC") for fusion in (usual, torched)]
    assert [f["engine"] for f in facts] == ["onnxruntime", "torch"]
    assert [f["precision"] for f in facts] == ["float32", "float32"]


def test_damaged_weights_and_other_networks(tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(SHIPPED, folder)
    path = folder / "refsr.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    made = engine.alone(folder, "refsr", 1, engine="torch")
    with pytest.raises(UnavailableError, match=r"refsr\.onnx are damaged"):
        made.run(picture(made, 16, 16))
    made = engine.alone(untrained.weights(tmp_path / "u"), "refsr", 1, engine="torch")
    with pytest.raises(UnavailableError, match=r"refsr\.onnx cannot be run: not a refsr"):
        made.run(picture(made, 16, 16))


@pytest.mark.parametrize(
    "error", ["[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory", "other"]
)
def test_too_little_memory_is_told_as_such(monkeypatch, error):
    from dualcam.networks import session

    made = engine.alone(SHIPPED, "refsr", 1, engine="torch")

    def full(*_):
        raise RuntimeError(error)

    monkeypatch.setattr(session.TorchSession, "_on_cpu", full)
    with pytest.raises(RuntimeError if error == "other" else MemoryError, match=error[-8:]):
        made.run(picture(made, 16, 16))


def test_the_program_s_own_number_of_threads_stays():
    import torch

    before = torch.get_num_threads()
    made = engine.alone(SHIPPED, "refsr", before + 1, engine="torch")
    made.run(picture(made, 16, 16))
    assert torch.get_num_threads() == before


def test_precisions_that_an_engine_has_not():
    with pytest.raises(UsageError, match="8 bits") as caught:
        engine.load(SHIPPED, precision="int8", engine="torch")
    assert "--engine onnxruntime" in caught.value.remedy
    with pytest.raises(UsageError, match="16 bits") as caught:
        engine.load(SHIPPED, precision="float16")
    assert "--engine torch" in caught.value.remedy
    assert engine.load(SHIPPED, engine="torch").precision == "float32"
    assert devices.settle_precision("torch", "cuda", "auto") == "float16"
    assert devices.settle_precision("torch", "cuda", "float32") == "float32"


def test_it_is_imported_only_where_it_is_wanted():
    code = f"""
import sys
from pathlib import Path
from dualcam.fusion.method import choose
assert choose("neural", {str(SHIPPED)!r}).facts["engine"] == "onnxruntime"
assert "torch" not in sys.modules and "onnxruntime" not in sys.modules
assert choose("neural", {str(SHIPPED)!r}, engine="torch").facts["engine"] == "torch"
assert "torch" in sys.modules and "onnxruntime" not in sys.modules and "onnx" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
