"""Batches in the order of the steps; other processes may prepare them ahead, which changes nothing in them."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from dualcam.errors import DualcamError
from dualcam.training import batches
from dualcam.training.config import Config
from dualcam.training.store import Store

# Batches that every worker keeps ready.
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class _Steps:
    """A data set whose item ``step`` is the batch of that step."""

    store: Store
    config: Config
    rank: int
    ranks: int

    def __len__(self) -> int:
        return self.config.optimizer.steps

    def __getitem__(self, step: int) -> dict[str, Tensor] | DualcamError:
        config = self.config
        try:
            return batches.batch(
                self.store, config.stage, config.data, config.seed, step, self.rank, self.ranks
            )
        except DualcamError as error:
            # A worker would wrap it in its own traceback; the training process raises it.
            return error


def load(
    store: Store, config: Config, start: int, rank: int, ranks: int, device: torch.device
) -> Generator[dict[str, Tensor]]:
    """Batches of the steps from ``start`` to the last, on a device: this rank's share of each.

    Args:
        store: the samples.
        config: the run; ``data.workers`` processes are shared by all ranks of a machine, at least one each.
        start: first step.
        rank: this process.
        ranks: of so many.
        device: where the tensors go.

    Raises:
        DualcamError: a sample cannot be made or read.
    """
    steps = _Steps(store, config, rank, ranks)
    order = range(start, config.optimizer.steps)
    workers = -(-config.data.workers // ranks)
    prepared: Iterator[dict[str, Tensor] | DualcamError]
    if workers:
        prepared = iter(
            DataLoader(
                steps,
                batch_size=None,
                sampler=order,
                num_workers=workers,
                prefetch_factor=_AHEAD,
                pin_memory=device.type == "cuda",
                worker_init_fn=_begin_worker,
                # A forked process would inherit locks of threads that it does not have.
                multiprocessing_context="spawn",
            )
        )
    else:
        prepared = (steps[step] for step in order)
    try:
        for batch in prepared:
            if isinstance(batch, DualcamError):
                raise batch
            yield {name: value.to(device, non_blocking=True) for name, value in batch.items()}
    finally:
        # Without its last reference the loader ends its workers. Nobody else can: they ignore the SIGTERM that
        # multiprocessing sends at exit, and would be waited for forever where an error's traceback keeps them.
        prepared = iter(())


def _begin_worker(number: int) -> None:
    # Ctrl-C and torchrun's SIGTERM reach every process of the group. The training process decides when these end; they
    # also end soon after it.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    cv2.setNumThreads(1)
