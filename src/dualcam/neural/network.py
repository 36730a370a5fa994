"""One network of a folder of weights, over pictures of any size: opened when first used."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dualcam import memory, parallel
from dualcam.errors import UnavailableError
from dualcam.frame import FloatArray, Watch
from dualcam.neural import devices, parts, tiles
from dualcam.neural.manifest import Entry, Int8
from dualcam.neural.session import OnnxSession, Session
from dualcam.neural.tiles import Layout, Planes

# Side of the tile that is computed to see how fast a network is; any network divides by less.
_TRIAL = 192


@dataclass(frozen=True, slots=True)
class Load:
    """What a network will take for a picture.

    Attributes:
        tiles: how many of them are computed.
        seconds: for all of them, on this machine as it is at the moment.
    """

    tiles: int
    seconds: float


class Whole(Protocol):
    """Whatever computes a network over pictures of any size."""

    def over(self, planes: Planes, watch: Watch | None = None) -> tuple[FloatArray, ...]:
        """Planes (H, W) -> (H, W, c) for every output."""
        ...


class Network:
    """One network of a folder of weights, in one file.

    Args:
        session: runs its file.
        entry: what the manifest says about it.
        outputs: names of what it returns.
        threads: threads it may use; None for as many as OpenCV uses.
        together: pixels of tiles that are computed side by side at most, where there are threads for it.
        most: pixels of a tile at most; None for what the manifest says.
        precision: what the session computes in, of ``devices.PRECISIONS``.
        trial: side of the tile that tells how fast it is.
    """

    def __init__(
        self,
        session: Session,
        entry: Entry,
        outputs: Sequence[str],
        threads: int | None = None,
        together: int = 0,
        most: int | None = None,
        precision: str = "float32",
        trial: int = _TRIAL,
    ) -> None:
        self._session = session
        self._entry = entry
        self._outputs = outputs
        self._threads = threads
        self._most = most or entry.tile**2
        self.precision, self.trial = precision, trial
        self._is_open = False
        together = together if (threads or parallel.threads()) > 1 else 0
        self.layout = Layout(entry.multiple, entry.halo, self._most, together)

    def run(self, planes: FloatArray, at_once: int = 1) -> tuple[FloatArray, ...]:
        """Compute: (C, h, w) float32 -> (c, h, w) float32 for every output; h and w multiples of ``layout.multiple``.

        Args:
            planes: the input.
            at_once: how many threads call this at the same time, and share the network's threads.

        Raises:
            UnavailableError: the weights are missing or damaged, or the engine is.
            MemoryError: too little memory.
        """
        threads = max(1, (self._threads or parallel.threads()) // at_once)
        found = _wanted(self._session.run({parts.INPUT: planes}, threads), self._outputs)
        return tuple(np.asarray(out, np.float32) for out in found)

    def over(self, planes: Planes, watch: Watch | None = None) -> tuple[FloatArray, ...]:
        """Compute a picture of any size: planes (H, W) -> (H, W, c) for every output."""
        return tiles.whole(self, planes, watch)

    def open(self) -> None:
        """Read its files and compute something small, unless that has been done: the first run takes longer."""
        if not self._is_open:
            self.try_out(_nothing(self))

    def load(self, height: int, width: int) -> Load:
        """What a picture of this size will take, by a trial on a small one."""
        count, pixels = tiles.load(height, width, self.layout)
        return Load(count, pixels * _seconds_a_pixel(self))

    def rest(self) -> None:
        """Give the memory that tiles have used back to the system, until the next run, unless it is to be kept."""
        if not memory.is_kept():
            self._is_open = False
            self._session.rest()

    def try_out(self, planes: FloatArray) -> None:
        """Compute one tile, to see how long it takes."""
        self.run(planes)
        self._is_open = True

    @property
    def inputs(self) -> int:
        """How many planes it is fed."""
        return len(self._entry.planes)

    @property
    def shrunk(self) -> bool:
        """Whether its tiles had to be made smaller for want of memory."""
        return self.layout.limit < self._most


class PartedNetwork:
    """One network of a folder of weights, in 8 bits.

    Args:
        folder: holds the ONNX files.
        entry: what the manifest says about it.
        int8: the same, about its parts.
        outputs: names of what it returns.
        threads: threads it may use; None for as many as OpenCV uses.
        device: of ``devices.DEVICES``.
    """

    precision = "int8"
    trial = _TRIAL

    def __init__(
        self,
        folder: Path,
        entry: Entry,
        int8: Int8,
        outputs: Sequence[str],
        threads: int | None = None,
        device: str = devices.CPU,
    ) -> None:
        files = zip(parts.PARTS, int8.files, strict=True)
        self._parts = {name: OnnxSession(folder, file, device) for name, file in files}
        self._most = int8.tile**2
        self._inputs = len(entry.planes)
        self._outputs = outputs
        self._threads = threads
        self._is_open = False
        self.layout = Layout(entry.multiple, int8.halo, self._most)

    def part(self, name: str, fed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Compute a part, see ``parts.RunsParts``.

        Raises:
            UnavailableError: the weights are missing or damaged, or ONNX Runtime is.
            MemoryError: too little memory.
        """
        found = self._parts[name].run(fed, self._threads or parallel.threads())
        if name == parts.UP:
            _wanted(found, self._outputs)
        return found

    def takes_planes(self, name: str) -> bool:
        """Whether a part looks at the picture itself, see ``parts.RunsParts``."""
        return self._parts[name].takes(parts.INPUT, self._threads or parallel.threads())

    def over(self, planes: Planes, watch: Watch | None = None) -> tuple[FloatArray, ...]:
        """Compute a picture of any size: planes (H, W) -> (H, W, c) for every output."""
        return parts.whole(self, planes, self._outputs, watch)

    def open(self) -> None:
        """Read its files and compute something small, unless that has been done: the first run takes longer."""
        if not self._is_open:
            self.try_out(_nothing(self))

    def load(self, height: int, width: int) -> Load:
        """What a picture of this size will take, by a trial on a small one."""
        count, pixels = parts.load(height, width, self.layout)
        return Load(count, pixels * _seconds_a_pixel(self))

    def rest(self) -> None:
        """Give the memory that it has used back to the system, until the next run, unless it is to be kept."""
        if not memory.is_kept():
            self._is_open = False
            for session in self._parts.values():
                session.rest()

    def try_out(self, planes: FloatArray) -> None:
        """Compute one tile, to see how long it takes."""
        known: dict[str, NDArray[Any]] = {parts.INPUT: planes}
        for name in parts.PARTS:
            known |= self.part(name, known)
        self._is_open = True

    @property
    def inputs(self) -> int:
        """How many planes it is fed."""
        return self._inputs

    @property
    def shrunk(self) -> bool:
        """Whether its tiles had to be made smaller for want of memory."""
        return self.layout.limit < self._most


AnyNetwork = Network | PartedNetwork


def _nothing(network: AnyNetwork) -> FloatArray:
    return np.zeros((network.inputs, network.trial, network.trial), np.float32)


def _seconds_a_pixel(network: AnyNetwork) -> float:
    """What a pixel of a tile takes, by that of a small one."""
    network.open()
    planes = _nothing(network)
    started = time.perf_counter()
    network.try_out(planes)
    return (time.perf_counter() - started) / network.trial**2


def _wanted(found: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
    if list(found) != list(names):
        raise UnavailableError(
            f"the weights return {', '.join(found)}, not {', '.join(names)} as this version of dualcam asks for.",
            "Use weights that were exported by this version.",
        )
    return [found[name] for name in names]
