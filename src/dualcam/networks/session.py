"""PyTorch as an engine of ``neural``: the networks that the ONNX files hold, on the CPU or on a GPU.

The CPU is there for comparison and computes in 32 bits what ONNX Runtime does. What is particular to a GPU is in
``networks.cuda``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dualcam.errors import UnavailableError
from dualcam.networks import cuda
from dualcam.neural.devices import CPU, CUDA
from dualcam.neural.manifest import File
from dualcam.neural.parts import INPUT
from dualcam.neural.session import REMEDY, checked

# What torch says where memory is short and the error has no class of its own: of the host, pinned or not.
_SHORT = ("out of memory", "allocate memory", "not enough memory")


class TorchSession:
    """One network in PyTorch, see ``neural.session.Session``.

    Args:
        folder: holds its ONNX file.
        file: what the manifest says about it.
        name: "refec", "refcolor" or "refsr".
        outputs: names of what it returns.
        device: "cpu" or "cuda", which is the current one.
        half: compute the convolutions in 16 bits.
    """

    def __init__(
        self,
        folder: Path,
        file: File,
        name: str,
        outputs: Sequence[str],
        device: str = CPU,
        half: bool = False,
    ) -> None:
        self._path, self._sha256, self._device = folder / file.file, file.sha256, device
        self._name, self._outputs = name, outputs
        self._kind = torch.float16 if half else torch.float32
        self._opened: nn.Module | None = None
        self._opening = Lock()
        self._lanes: list[cuda.Lane] = []

    def run(self, fed: Mapping[str, NDArray[Any]], threads: int) -> dict[str, NDArray[Any]]:
        """Compute, see ``Session.run``."""
        compute = self._on_gpu if self._device == CUDA else self._on_cpu
        try:
            with torch.inference_mode(), _THREADS.allowed(threads):
                found = compute(self.network(), fed[INPUT])
        except RuntimeError as error:
            if not _is_short(error):
                if self._device == CUDA:
                    raise _failed(error) from error
                raise
            said = str(error)
        else:
            return dict(zip(self._outputs, found, strict=True))
        # Not within the handler, where what the error refers to could not be given back.
        self.rest()
        raise MemoryError(said)

    def rest(self) -> None:
        """Give the memory that tiles have used back; the weights, a few megabytes, stay."""
        with self._opening:
            self._lanes.clear()
        if self._device == CUDA and self._opened is not None:
            cuda.give_back()

    def network(self) -> nn.Module:
        """The network on its device; planes (1, C, h, w) of any floating point -> a tuple of float32."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> nn.Module:
        # Not before: it needs the package onnx.
        try:
            from dualcam.networks import exported
        except ImportError as error:
            raise UnavailableError(
                f"the engine torch needs the extra train: {error}.",
                "Install it (pip install 'dualcam[train]').",
            ) from error
        data = checked(self._path, self._sha256)
        try:
            made = exported.network(self._name, data)
        except ValueError as error:
            raise UnavailableError(f"{self._path.name} cannot be run: {error}.", REMEDY) from error
        made.net = _Inside(made.net, self._kind)
        return cuda.placed(made) if self._device == CUDA else made

    def _on_cpu(self, network: nn.Module, planes: NDArray[np.float32]) -> list[NDArray[Any]]:
        found = network(torch.from_numpy(np.ascontiguousarray(planes))[None])
        return [out[0].numpy() for out in _tuple(found)]

    def _on_gpu(self, network: nn.Module, planes: NDArray[np.float32]) -> list[NDArray[Any]]:
        lane = self._lane(network, planes.shape)
        found = lane.run(planes)
        with self._opening:
            self._lanes.append(lane)
        return found

    def _lane(self, network: nn.Module, shape: tuple[int, ...]) -> cuda.Lane:
        """A lane that nobody uses; those for tiles of another shape are given up."""
        with self._opening:
            self._lanes = [lane for lane in self._lanes if lane.shape == shape]
            if self._lanes:
                return self._lanes.pop()
        return cuda.Lane(lambda fed: _tuple(network(fed)), shape, self._kind)


class _Inside(nn.Module):
    """The convolutions of a network in a number format of their own; what is around them stays in 32 bits.

    refColor's weighing has exponentials that 16 bits do not hold.
    """

    def __init__(self, unet: nn.Module, kind: torch.dtype) -> None:
        super().__init__()
        self._kind = kind
        # Tensor cores want channels last, and so do the convolutions of processors.
        self.unet = unet.to(kind).to(memory_format=torch.channels_last)

    def forward(self, planes: Tensor) -> Tensor:
        """(1, C, h, w) -> (1, c, h, w) float32."""
        out = self.unet(planes.to(self._kind).contiguous(memory_format=torch.channels_last))
        return out.to(torch.float32, memory_format=torch.contiguous_format)


def _tuple(found: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return found if isinstance(found, tuple) else (found,)


class _Threads:
    """How many threads torch uses, for a while: the program around it may have its own idea."""

    def __init__(self) -> None:
        self._lock, self._users, self._before = Lock(), 0, 1

    @contextmanager
    def allowed(self, threads: int) -> Iterator[None]:
        """Let torch use this many for what the calling thread does."""
        with self._lock:
            if not self._users:
                self._before = torch.get_num_threads()
            self._users += 1
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                torch.set_num_threads(self._before)


_THREADS = _Threads()


def _failed(error: RuntimeError) -> UnavailableError:
    """A GPU that is there and cannot be used, for want of a driver or program that fits it."""
    first = (str(error).splitlines() or [""])[0]
    return UnavailableError(
        f"the device {CUDA!r} failed: {first}.",
        "Install a driver and a PyTorch that fit each other and the device, or use --device cpu.",
    )


def _is_short(error: BaseException) -> bool:
    """Whether memory was short; a capture that it interrupted ends with an error of its own."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, torch.OutOfMemoryError) or any(said in str(at).lower() for said in _SHORT):
            return True
        at = at.__context__
    return False
