"""A device is there or refused with the remedy; none is replaced silently."""

from __future__ import annotations

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
    with pytest.raises(UnavailableError, match="'cuda' cannot be had") as caught:
        engine.load(untrained.weights(tmp_path / "w"), device="cuda")
    assert "onnxruntime-gpu" in caught.value.remedy and "--device cpu" in caught.value.remedy


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
    from dualcam.cli.fuse import Device
    from dualcam.fusion.method import DEVICES

    assert [d.value for d in Device] == list(DEVICES)
