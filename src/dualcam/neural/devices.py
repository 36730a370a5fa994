"""What the networks can run on: engines, and devices under the names that users know.

The engines are ONNX Runtime, whose execution providers are the devices, and PyTorch, which is imported only where it is
needed. Nothing is replaced silently: a device that cannot be had is an error with the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from dualcam.errors import UnavailableError, UsageError


@dataclass(frozen=True, slots=True)
class Device:
    """One kind of device.

    Attributes:
        provider: ONNX Runtime's name for it.
        package: what has to be installed for it.
        int8: whether it computes in 8 bits faster than in floating point.
    """

    provider: str
    package: str
    int8: bool = False


CPU, CUDA = "cpu", "cuda"
DEVICES = {
    CPU: Device("CPUExecutionProvider", "onnxruntime", int8=True),
    CUDA: Device("CUDAExecutionProvider", "onnxruntime-gpu"),
    "coreml": Device("CoreMLExecutionProvider", "onnxruntime (on macOS)"),
    "directml": Device("DmlExecutionProvider", "onnxruntime-directml"),
    "openvino": Device("OpenVINOExecutionProvider", "onnxruntime-openvino"),
}
"""By name; "cpu" is what "auto" means, since its results are the same everywhere."""

ENGINES = AUTO, ONNXRUNTIME, TORCH = "auto", "onnxruntime", "torch"
"""What runs the networks; "auto" is ONNX Runtime, and PyTorch for CUDA where ONNX Runtime has not got it."""
_TORCH_DEVICES = (CPU, CUDA)

PRECISIONS = ("auto", "int8", "float16", "float32")
"""What the networks compute in; "auto" is what is fastest at no loss worth the name.

On ONNX Runtime that is 8 bits where the device is faster so and the weights have it (of refSR a part), else 32. On
PyTorch it is 16 bits on CUDA, else 32.
"""


def settle(engine: str, device: str) -> str:
    """Say which engine, ``ONNXRUNTIME`` or ``TORCH``, computes on a device.

    Args:
        engine: of ``ENGINES``.
        device: of ``DEVICES``.

    Raises:
        UnavailableError: the engine or the device cannot be had.
        UsageError: the engine knows no such device.
    """
    if engine == AUTO:
        # ONNX Runtime is there for every device; torch takes seconds to import and is asked last.
        engine = ONNXRUNTIME
        if device == CUDA and not _onnxruntime_has(CUDA):
            missing = torch_lacks_cuda()
            if missing:
                raise _refusal(device, f"the installed ONNX Runtime was not built for it, and {missing}")
            engine = TORCH
    elif engine == TORCH:
        if device not in _TORCH_DEVICES:
            raise UsageError(
                f"PyTorch runs the networks on {' and '.join(_TORCH_DEVICES)}, not on {device}.",
                "Leave --engine out.",
            )
        torch()
        if device == CUDA and (missing := torch_lacks_cuda()):
            raise _refusal(device, missing)
    if engine == ONNXRUNTIME:
        check(device)
    return engine


def settle_precision(engine: str, device: str, precision: str) -> str:
    """Say what an engine computes in: "auto" on ONNX Runtime stays, since it differs from network to network.

    Args:
        engine: ``ONNXRUNTIME`` or ``TORCH``.
        device: of ``DEVICES``.
        precision: of ``PRECISIONS``.

    Raises:
        UsageError: the engine does not compute in that.
    """
    if engine == TORCH and precision == "int8":
        raise UsageError(
            "PyTorch does not run the networks in 8 bits.", "Use --precision auto, or --engine onnxruntime."
        )
    if engine == ONNXRUNTIME and precision == "float16":
        raise UsageError(
            "ONNX Runtime does not run the networks in 16 bits.", "Use --precision auto, or --engine torch."
        )
    if engine == TORCH and precision == "auto":
        return "float16" if device == CUDA else "float32"
    return precision


def torch() -> Any:
    """Import PyTorch.

    Raises:
        UnavailableError: it is not there, or cannot be loaded.
    """
    try:
        from dualcam.networks.present import torch
    except (ImportError, OSError) as error:
        raise UnavailableError(
            f"PyTorch cannot be imported: {error}.",
            "Install it (pip install 'dualcam[train]'), or leave --engine out.",
        ) from error
    return torch


def torch_version() -> str | None:
    """The installed PyTorch's version, without importing it, which takes seconds; None if there is none."""
    if find_spec("torch") is None:
        return None
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("torch")
    except PackageNotFoundError:
        return "of unknown version"


def _onnxruntime_has(device: str) -> bool:
    try:
        return device in available()
    except UnavailableError:
        return False


def torch_lacks_cuda() -> str:
    """Why PyTorch cannot use CUDA; empty if it can."""
    if find_spec("torch") is None:
        return "PyTorch is not installed"
    try:
        return "" if torch().cuda.is_available() else "PyTorch finds no CUDA device"
    except UnavailableError as error:
        return error.cause.rstrip(".")


def onnxruntime() -> Any:
    """Import ONNX Runtime.

    Raises:
        UnavailableError: it is not there, or cannot be loaded.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(
            f"ONNX Runtime cannot be imported: {error}.", "Install it (pip install onnxruntime)."
        ) from error
    return onnxruntime


def available() -> tuple[str, ...]:
    """Names of the devices that the installed ONNX Runtime was built for.

    Raises:
        UnavailableError: there is no ONNX Runtime.
    """
    built = onnxruntime().get_available_providers()
    return tuple(name for name, device in DEVICES.items() if device.provider in built)


def check(name: str) -> None:
    """Refuse a device that the installed ONNX Runtime was not built for.

    Raises:
        UnavailableError: it cannot be had.
    """
    # Every ONNX Runtime computes on the CPU: nothing has to be imported to know that.
    if name != CPU and name not in available():
        raise _refusal(name, "the installed ONNX Runtime was not built for it")


def session(data: bytes, options: Any, name: str) -> Any:
    """Open a network on a device; single operations that it does not know run on the CPU.

    Args:
        data: the ONNX file.
        options: ONNX Runtime's.
        name: of ``DEVICES``.

    Raises:
        UnavailableError: the device or its libraries are not there.
    """
    wanted = DEVICES[name].provider
    providers = list(dict.fromkeys([wanted, DEVICES[CPU].provider]))
    made = onnxruntime().InferenceSession(data, options, providers=providers)
    # ONNX Runtime goes on with the CPU where a driver or library is missing.
    if made.get_providers()[0] != wanted:
        raise _refusal(name, "its driver or its libraries were not found")
    return made


def _refusal(name: str, why: str) -> UnavailableError:
    others = ", or PyTorch for CUDA (the extra train, --engine torch)" if name == CUDA else ""
    return UnavailableError(
        f"the device {name!r} cannot be had: {why}.",
        f"Install {DEVICES[name].package} in place of onnxruntime{others}, and the device's driver, "
        "or use --device cpu.",
    )
