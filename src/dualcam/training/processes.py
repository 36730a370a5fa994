"""The processes of one training run: a single one, or those that ``torchrun`` has started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from dualcam.errors import UnavailableError, UsageError


@dataclass(frozen=True, slots=True)
class Group:
    """One process's place among all.

    Attributes:
        rank: number of this process; 0 logs and saves.
        ranks: how many there are.
        device: where it computes.
    """

    rank: int
    ranks: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    def any(self, *facts: bool) -> tuple[bool, ...]:
        """Which facts hold in any process; all processes get the same answer at the same step."""
        if self.ranks == 1:
            return facts
        shared = torch.tensor(facts, dtype=torch.int32, device=self.device)
        distributed.all_reduce(shared, distributed.ReduceOp.MAX)
        return tuple(bool(fact) for fact in shared.tolist())

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.ranks > 1:
            distributed.barrier()


@contextmanager
def joined(device: str = "auto") -> Iterator[Group]:
    """Join the processes that ``torchrun`` has started (gloo on CPUs, NCCL on GPUs), or be the only one.

    Args:
        device: "auto" (a GPU where there is one), "cpu" or "cuda".

    Raises:
        UsageError: an unknown device.
        UnavailableError: a GPU was asked for and there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"there is no device {device!r}.", "Use auto, cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise UnavailableError("torch finds no GPU here.", "Use --device cpu.")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    where = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(where)
        torch.backends.cudnn.benchmark = True
    if ranks == 1:
        yield Group(0, 1, where)
        return
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Group(distributed.get_rank(), ranks, where)
    finally:
        distributed.destroy_process_group()
