"""The networks on ONNX Runtime: loaded when first used, after their checksum has been compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from dualcam import parallel
from dualcam.errors import UnavailableError
from dualcam.frame import FloatArray
from dualcam.neural import devices, features, manifest
from dualcam.neural.manifest import Entry, Int8
from dualcam.neural.tiles import Layout

PLANES = {"refec": features.EC_PLANES, "refcolor": features.COLOR_PLANES, "refsr": features.SR_PLANES}
"""What the networks of this version are fed; others cannot be run."""

INPUT = "planes"
# Pixels of refSR's tiles side by side, two of the usual ones: while one is computed the next is prepared. The others
# have more planes, and little to prepare.
_TOGETHER = 2 * 768**2

OUTPUTS = {"refec": ("residual",), "refcolor": ("residual", "logit"), "refsr": ("residual", "logit", "mono")}
"""Names of what they return."""

_REMEDY = "Install dualcam anew, export the weights again, or use --method classical."


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """The three networks of a folder of weights.

    Attributes:
        refec: (11, h, w) -> (3, h, w).
        refcolor: (32, h, w) -> (3, h, w), (1, h, w).
        refsr: (7, H, W) -> (3, H, W), (1, H, W), (1, H, W).
        run: name of the training run behind them, of each one where they differ.
    """

    refec: Network
    refcolor: Network
    refsr: Network
    run: str

    @property
    def precision(self) -> str:
        """What they compute in."""
        networks = (self.refec, self.refcolor, self.refsr)
        return ", ".join(dict.fromkeys(network.precision for network in networks))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how they run."""
        named = (("refEC", self.refec), ("refColor", self.refcolor), ("refSR", self.refsr))
        return tuple(
            f"{name} ran in tiles of {network.layout.limit / 1e6:.2g} megapixels at most, since memory is short"
            for name, network in named
            if network.shrunk
        )


class Network:
    """One network of a folder of weights.

    Args:
        folder: holds the ONNX file.
        entry: what the manifest says about it.
        outputs: names of what it returns.
        threads: threads it may use; None for as many as OpenCV uses.
        together: pixels of tiles that are computed side by side at most, where there are threads for it.
        device: of ``devices.DEVICES``.
        int8: whether it computes in 8 bits.
    """

    def __init__(
        self,
        folder: Path,
        entry: Entry,
        outputs: Sequence[str],
        threads: int | None = None,
        together: int = 0,
        device: str = devices.CPU,
        int8: bool = False,
    ) -> None:
        self._file: Entry | Int8 = entry.int8 if int8 and entry.int8 else entry
        self._path = folder / self._file.file
        self._entry = entry
        self._outputs = outputs
        self._threads = threads
        self._device = device
        self._sessions: dict[int, Any] = {}
        self._opening = Lock()
        together = together if (threads or parallel.threads()) > 1 else 0
        self.layout = Layout(entry.multiple, entry.halo, entry.tile**2, together)

    def run(self, planes: FloatArray, at_once: int = 1) -> tuple[FloatArray, ...]:
        """Compute: (C, h, w) float32 -> (c, h, w) float32 for every output; h and w multiples of ``layout.multiple``.

        Args:
            planes: the input.
            at_once: how many threads call this at the same time, and share the network's threads.

        Raises:
            UnavailableError: the weights are missing or damaged, or ONNX Runtime is.
            MemoryError: too little memory.
        """
        session = self._session(max(1, (self._threads or parallel.threads()) // at_once))
        try:
            found = session.run(None, {INPUT: planes[None]})
        except Exception as error:
            # ONNX Runtime has no class of its own for this.
            if "allocate" in str(error).lower():
                raise MemoryError(str(error)) from error
            raise
        return tuple(np.asarray(out[0], np.float32) for out in found)

    @property
    def precision(self) -> str:
        """What it computes in: "int8" or "float32"."""
        return "float32" if self._file is self._entry else "int8"

    def rest(self) -> None:
        """Give the memory that tiles have used back to the system, until the next run."""
        with self._opening:
            self._sessions.clear()

    @property
    def shrunk(self) -> bool:
        """Whether its tiles had to be made smaller for want of memory."""
        return self.layout.limit < self._entry.tile**2

    def _session(self, threads: int) -> Any:
        with self._opening:
            if threads not in self._sessions:
                self._sessions[threads] = self._open(threads)
            return self._sessions[threads]

    def _open(self, threads: int) -> Any:
        data = checked(self._path, self._file.sha256)
        options = devices.onnxruntime().SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = devices.session(data, options, self._device)
        except UnavailableError:
            raise
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            raise UnavailableError(f"{self._path.name} cannot be run: {first}.", _REMEDY) from error
        if [out.name for out in session.get_outputs()] != list(self._outputs):
            raise UnavailableError(
                f"{self._path.name} returns other things than this version of dualcam asks for.",
                "Use weights that were exported by this version.",
            )
        return session


def load(
    folder: Path, threads: int | None = None, device: str = devices.CPU, precision: str = "auto"
) -> Engine:
    """Make the networks of a folder of weights known; nothing is read but the manifest.

    Args:
        folder: holds ``manifest.toml`` and the ONNX files.
        threads: threads every network may use; None for as many as OpenCV uses.
        device: of ``devices.DEVICES``.
        precision: of ``devices.PRECISIONS``.

    Raises:
        UnavailableError: the manifest is missing or damaged, or has not all three networks of this version, or the
            device or precision cannot be had.
    """
    devices.check(device)
    entries = manifest.read(folder)
    missing = [name for name in manifest.NETWORKS if name not in entries]
    if missing:
        raise UnavailableError(
            f"the weights in {folder} lack {' and '.join(missing)}.",
            "Export a run of these networks to the same folder.",
        )
    if precision == "int8" and not any(entry.int8 for entry in entries.values()):
        raise UnavailableError(
            f"the weights in {folder} have no 8-bit networks.",
            "Export them with --int8, or use --precision float32.",
        )
    refec, refcolor, refsr = (alone(folder, name, threads, device, precision) for name in manifest.NETWORKS)
    runs = dict.fromkeys(entries[name].run.name for name in manifest.NETWORKS)
    return Engine(refec, refcolor, refsr, ", ".join(runs))


def alone(
    folder: Path,
    name: str,
    threads: int | None = None,
    device: str = devices.CPU,
    precision: str = "auto",
) -> Network:
    """One network of a folder of weights, by name; in 8 bits if it has them and that is wanted.

    Raises:
        UnavailableError: the manifest is missing or damaged, or has no such network of this version.
    """
    entries = manifest.read(folder)
    if name not in entries:
        raise UnavailableError(
            f"the weights in {folder} lack {name}.", f"Export a run of {name} to the same folder."
        )
    entry = entries[name]
    if entry.planes != PLANES[name]:
        raise UnavailableError(
            f"{name} in {folder} wants other input than this version makes.",
            "Use weights that were exported by this version of dualcam.",
        )
    together = _TOGETHER if name == "refsr" else 0
    int8 = precision == "int8" or (precision == "auto" and devices.DEVICES[device].int8)
    return Network(folder, entry, OUTPUTS[name], threads, together, device, int8)


def checked(path: Path, sha256: str) -> bytes:
    """Read an ONNX file and compare it with its checksum, hexadecimal.

    Raises:
        UnavailableError: it is missing or not what was exported.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"the weights {path} cannot be read: {error.strerror}.", _REMEDY) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UnavailableError(
            f"the weights {path} are damaged: their checksum is not the manifest's.", _REMEDY
        )
    return data
