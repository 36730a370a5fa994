"""A device is there or refused with the remedy; none is replaced silently."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

import untrained
from dualcam.errors import UnavailableError
from dualcam.neural import devices, engine


def runtime(monkeypatch, built, working):
    """An ONNX Runtime that was built for some providers, of which some work."""
    asked = []

    def session(data, options, providers):
        asked.append(providers)
        found = [p for p in providers if p in working]
        return SimpleNamespace(get_providers=lambda: found)

    fake = SimpleNamespace(get_available_providers=lambda: built, InferenceSession=session)
    monkeypatch.setattr(devices, "onnxruntime", lambda: fake)
    return asked


def test_the_cpu_is_always_there():
    devices.check("cpu")
    assert "cpu" in devices.available()


def test_what_the_runtime_was_not_built_for_is_refused(monkeypatch, tmp_path):
    runtime(monkeypatch, ["CPUExecutionProvider"], ["CPUExecutionProvider"])
    monkeypatch.setattr(devices, "torch_lacks_cuda", lambda: "PyTorch is not installed")
    with pytest.raises(UnavailableError, match="'cuda' cannot be had") as caught:
        engine.load(untrained.weights(tmp_path / "w"), device="cuda")
    assert "PyTorch is not installed" in caught.value.cause
    for way in ("onnxruntime-gpu", "--engine torch", "--device cpu"):
        assert way in caught.value.remedy


CPU_ONLY = ["CPUExecutionProvider"]
GPU_TOO = ["CUDAExecutionProvider", *CPU_ONLY]


@pytest.mark.parametrize(
    ("asked", "device", "built", "cuda", "found"),
    [
        ("auto", "cpu", CPU_ONLY, True, "onnxruntime"),
        ("auto", "cuda", GPU_TOO, True, "onnxruntime"),
        ("auto", "cuda", CPU_ONLY, True, "torch"),
        ("auto", "cuda", CPU_ONLY, False, None),
        ("onnxruntime", "cuda", CPU_ONLY, True, None),
        ("torch", "cuda", GPU_TOO, True, "torch"),
        ("torch", "cuda", GPU_TOO, False, None),
        ("torch", "cpu", CPU_ONLY, False, "torch"),
    ],
)
def test_the_engine_that_has_the_device(monkeypatch, asked, device, built, cuda, found):
    runtime(monkeypatch, built, built)
    fake = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: cuda))
    monkeypatch.setattr(devices, "torch", lambda: fake)
    monkeypatch.setattr(devices, "find_spec", lambda name: name)
    if found:
        assert devices.settle(asked, device) == found
    else:
        with pytest.raises(UnavailableError, match="'cuda' cannot be had") as caught:
            devices.settle(asked, device)
        assert "onnxruntime-gpu" in caught.value.remedy and "--engine torch" in caught.value.remedy


def test_an_engine_that_is_not_there(monkeypatch):
    # Whether another test has asked for PyTorch before must not matter.
    monkeypatch.delitem(sys.modules, "dualcam.networks.present", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UnavailableError, match="PyTorch cannot be imported") as caught:
        devices.settle("torch", "cpu")
    assert "dualcam[train]" in caught.value.remedy
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert devices.torch_version() is None
    assert devices.torch_lacks_cuda() == "PyTorch is not installed"


def test_a_missing_driver_is_no_silent_cpu(monkeypatch):
    built = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    asked = runtime(monkeypatch, built, ["CPUExecutionProvider"])
    devices.check("cuda")
    with pytest.raises(UnavailableError, match="driver"):
        devices.session(b"", None, "cuda")
    assert asked == [built]


def test_a_device_that_works_is_used(monkeypatch):
    built = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    runtime(monkeypatch, built, built)
    assert devices.available() == ("cpu", "cuda")
    assert devices.session(b"", None, "cuda").get_providers() == built


def test_every_device_of_the_command_line_is_known():
    from dualcam.cli.fuse import Device, Engine, Precision
    from dualcam.fusion.method import DEVICES

    assert [d.value for d in Device] == list(DEVICES)
    assert [e.value for e in Engine] == list(devices.ENGINES)
    assert [p.value for p in Precision] == list(devices.PRECISIONS)
