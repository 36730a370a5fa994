"""Networks on ONNX Runtime: loaded when needed, refused when damaged."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import untrained
from dualcam.errors import UnavailableError
from dualcam.neural import engine, manifest


@pytest.fixture
def folder(tmp_path):
    return untrained.weights(tmp_path / "w")


def planes(count, height=12, width=20):
    return np.random.default_rng(0).normal(size=(count, height, width)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "given", "made"), [("refec", 11, [3]), ("refcolor", 32, [3, 1]), ("refsr", 7, [3, 1, 1])]
)
def test_the_networks_compute_what_their_files_say(folder, name, given, made):
    found = getattr(engine.load(folder, threads=1), name).run(planes(given))
    assert [out.shape for out in found] == [(n, 12, 20) for n in made]
    wanted = ReferenceEvaluator(onnx.load(folder / f"{name}.onnx")).run(None, {"planes": planes(given)[None]})
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other[0], atol=1e-5)


def test_nothing_is_loaded_before_it_is_needed(folder):
    code = f"""
import sys
from pathlib import Path
from dualcam.neural import engine
made = engine.load(Path({str(folder)!r}))
assert made.run == "untrained"
assert "onnxruntime" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_threads_give_what_one_gives(folder):
    one, two = (engine.load(folder, threads=n).refcolor.run(planes(32, 64, 96)) for n in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_damaged_weights(folder):
    path = folder / "refsr.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    made = engine.load(folder)
    made.refec.run(planes(11))
    with pytest.raises(UnavailableError, match=r"refsr\.onnx are damaged") as caught:
        made.refsr.run(planes(6))
    assert caught.value.remedy


def test_missing_weights(folder):
    (folder / "refec.onnx").unlink()
    with pytest.raises(UnavailableError, match=r"refec\.onnx cannot be read"):
        engine.load(folder).refec.run(planes(11))


def test_weights_that_are_no_network(folder):
    path = folder / "refec.onnx"
    text = (folder / manifest.NAME).read_text()
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(b"no network")
    (folder / manifest.NAME).write_text(text.replace(old, hashlib.sha256(b"no network").hexdigest()))
    with pytest.raises(UnavailableError, match=r"refec\.onnx cannot be run"):
        engine.load(folder).refec.run(planes(11))


def test_a_network_that_is_not_there_or_wants_other_planes(folder):
    entries = manifest.read(folder)
    (folder / manifest.NAME).write_text(manifest.text({n: entries[n] for n in ("refec", "refsr")}))
    with pytest.raises(UnavailableError, match="lack refcolor"):
        engine.load(folder)
    text = manifest.text(entries).replace("confidence logit", "something else")
    (folder / manifest.NAME).write_text(text)
    with pytest.raises(UnavailableError, match=r"refsr .* other input"):
        engine.load(folder)


def test_a_network_of_another_version_s_outputs(folder):
    path = folder / "refsr.onnx"
    content = untrained.network(len(engine.PLANES["refsr"]), 4).SerializeToString()
    text = (folder / manifest.NAME).read_text()
    old, new = (hashlib.sha256(data).hexdigest() for data in (path.read_bytes(), content))
    path.write_bytes(content)
    (folder / manifest.NAME).write_text(text.replace(old, new))
    with pytest.raises(UnavailableError, match="return residual, logit, not residual, logit, mono") as caught:
        engine.load(folder).refsr.run(planes(7))
    assert "this version" in caught.value.remedy


def test_too_little_memory_is_told_as_such(folder, monkeypatch):
    made = engine.load(folder)

    class Full:
        def get_inputs(self):
            return []

        def get_outputs(self):
            return []

        def run(self, *_):
            raise RuntimeError("Failed to allocate memory for requested buffer of size 9")

    monkeypatch.setattr(made.refec._session, "_session", lambda threads: Full())
    with pytest.raises(MemoryError, match="allocate"):
        made.refec.run(planes(11))
