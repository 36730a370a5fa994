"""What runs a file of weights: the interface of both engines, and ONNX Runtime, which is the usual one.

PyTorch, the other one, is ``networks.session``; it is imported by ``engine`` where it is wanted, and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from numpy.typing import NDArray

from dualcam.errors import UnavailableError
from dualcam.neural import devices
from dualcam.neural.manifest import File

REMEDY = "Install dualcam anew, export the weights again, or use --method classical."
"""For weights that cannot be used."""


class Session(Protocol):
    """A file of weights, opened when it is first needed."""

    def run(self, fed: Mapping[str, NDArray[Any]], threads: int) -> dict[str, NDArray[Any]]:
        """Compute: arrays (C, h, w) by name -> the same; inputs that it does not take are left out.

        Args:
            fed: the inputs.
            threads: of the processor that it may use.

        Raises:
            UnavailableError: the weights are missing or damaged, or the engine is.
            MemoryError: too little memory.
        """
        ...

    def rest(self) -> None:
        """Give the memory that it has used back, until the next run."""
        ...


class OnnxSession:
    """One ONNX file on ONNX Runtime, see ``Session``.

    Args:
        folder: holds it.
        file: what the manifest says about it.
        device: of ``devices.DEVICES``.
    """

    def __init__(self, folder: Path, file: File, device: str) -> None:
        self._path, self._sha256, self._device = folder / file.file, file.sha256, device
        self._opened: dict[int, Any] = {}
        self._opening = Lock()

    def run(self, fed: Mapping[str, NDArray[Any]], threads: int) -> dict[str, NDArray[Any]]:
        """Compute, see ``Session.run``."""
        session = self._session(threads)
        taken = {one.name: fed[one.name][None] for one in session.get_inputs()}
        names = [one.name for one in session.get_outputs()]
        try:
            found = session.run(names, taken)
        except Exception as error:
            # ONNX Runtime has no class of its own for this.
            if "allocate" in str(error).lower():
                raise MemoryError(str(error)) from error
            raise
        return {name: out[0] for name, out in zip(names, found, strict=True)}

    def takes(self, name: str, threads: int) -> bool:
        """Whether it has an input of this name; raises what ``run`` does."""
        return any(one.name == name for one in self._session(threads).get_inputs())

    def rest(self) -> None:
        """Give the memory that it has used back to the system, until the next run."""
        with self._opening:
            self._opened.clear()

    def _session(self, threads: int) -> Any:
        with self._opening:
            if threads not in self._opened:
                self._opened[threads] = self._open(threads)
            return self._opened[threads]

    def _open(self, threads: int) -> Any:
        data = checked(self._path, self._sha256)
        options = devices.onnxruntime().SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Threads that wait busily for the next run would take the time of whatever comes first.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            return devices.session(data, options, self._device)
        except UnavailableError:
            raise
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            raise UnavailableError(f"{self._path.name} cannot be run: {first}.", REMEDY) from error


def checked(path: Path, sha256: str) -> bytes:
    """Read an ONNX file and compare it with its checksum, hexadecimal.

    Raises:
        UnavailableError: it is missing or not what was exported.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"the weights {path} cannot be read: {error.strerror}.", REMEDY) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UnavailableError(
            f"the weights {path} are damaged: their checksum is not the manifest's.", REMEDY
        )
    return data
