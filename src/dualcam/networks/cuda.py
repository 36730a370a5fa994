"""What is particular to CUDA: tiles on their way to a GPU, through a network, and back, several at a time.

Not run on a GPU yet: there was none where it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Compute = Callable[[Tensor], tuple[Tensor, ...]]

# Starting the small tasks of a network one by one takes a fraction of a millisecond, which counts in a video only; a
# graph of them, which is started as one, is worth its making where many tiles of a shape follow.
_PLAIN_RUNS = 3

# Making a graph must not be disturbed by what other threads ask of the GPU. What is under the lock waits for nothing
# that the GPU does, but for the making of a graph.
_ASKING = Lock()

_DEVICE, _PINNED = "cuda", True


class Lane:
    """A stream of its own with room for one tile, so that one is copied while another, in another lane, is computed.

    Used by one thread at a time.

    Args:
        compute: the network on the GPU: (1, C, h, w) -> a tuple of (1, c, h, w).
        shape: of a tile, (C, h, w).
        kind: what tiles are copied in; they are float32 before and after.
    """

    def __init__(self, compute: Compute, shape: tuple[int, ...], kind: torch.dtype) -> None:
        self.shape = shape
        self._compute, self._kind = compute, kind
        self._stream = torch.cuda.Stream()
        # Waiting must not cost the processor time that the next tile needs.
        self._done = torch.cuda.Event(blocking=True)
        with _ASKING, torch.cuda.stream(self._stream):
            # Only pinned memory is copied while the processor does something else.
            self._given = torch.empty((1, *shape), dtype=kind, pin_memory=_PINNED)
            self._fed = torch.empty((1, *shape), dtype=kind, device=_DEVICE)
        self._taken: list[Tensor] = []
        self._graph: Any = None
        self._made: tuple[Tensor, ...] = ()
        self._runs = 0

    def run(self, planes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Compute a tile: (C, h, w) -> (c, h, w), one for every output.

        Raises:
            RuntimeError: what CUDA says, among it that memory is short.
        """
        self._given[0].copy_(torch.from_numpy(planes))
        with _ASKING, torch.cuda.stream(self._stream), _exactly():
            self._fed.copy_(self._given, non_blocking=True)
            made = self._computed()
            if not self._taken:
                self._taken = [torch.empty(out.shape, dtype=self._kind, pin_memory=_PINNED) for out in made]
            for host, out in zip(self._taken, made, strict=True):
                host.copy_(out, non_blocking=True)
            self._done.record(self._stream)
        self._done.synchronize()
        # The room is used again by the next tile.
        return [host[0].to(torch.float32, copy=True).numpy() for host in self._taken]

    def _computed(self) -> tuple[Tensor, ...]:
        """What the network makes of the tile at hand, in the number format of the copies."""
        self._runs += 1
        if self._runs <= _PLAIN_RUNS:
            return self._all()
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                self._made = self._all()
            self._graph = graph
        self._graph.replay()
        return self._made

    def _all(self) -> tuple[Tensor, ...]:
        # Changed on the GPU: a copy that changes the format would not run beside other work.
        return tuple(out.to(self._kind).contiguous() for out in self._compute(self._fed))


def placed(network: nn.Module) -> nn.Module:
    """Bring a network to the GPU; lanes have streams of their own, which would not wait for it."""
    with _ASKING:
        there = network.to(_DEVICE)
        torch.cuda.synchronize()
    return there


def give_back() -> None:
    """Return the memory that torch holds for later to the GPU."""
    with _ASKING:
        torch.cuda.empty_cache()


def _exactly() -> Any:
    """Let 32 bits be 32 bits, and the same be chosen for the same: by rule, not by the fastest of a few trials."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False)
