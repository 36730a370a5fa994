"""What the networks can run on: ONNX Runtime's execution providers under the names that users know.

Nothing is replaced silently: a device that cannot be had is an error with the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dualcam.errors import UnavailableError


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


CPU = "cpu"
DEVICES = {
    CPU: Device("CPUExecutionProvider", "onnxruntime", int8=True),
    "cuda": Device("CUDAExecutionProvider", "onnxruntime-gpu"),
    "coreml": Device("CoreMLExecutionProvider", "onnxruntime (on macOS)"),
    "directml": Device("DmlExecutionProvider", "onnxruntime-directml"),
    "openvino": Device("OpenVINOExecutionProvider", "onnxruntime-openvino"),
}
"""By name; "cpu" is what "auto" means, since its results are the same everywhere."""


PRECISIONS = ("auto", "int8", "float32")
"""What the networks compute in; "auto" is 8 bits where that is faster and the weights have it (refEC and refColor)."""


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
    return UnavailableError(
        f"the device {name!r} cannot be had: {why}.",
        f"Install {DEVICES[name].package} in place of onnxruntime, and the device's driver, or use --device cpu.",
    )
