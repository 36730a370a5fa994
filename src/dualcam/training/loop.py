"""The training loop: one for all stages; it can be stopped at any time and resumed to the same bits on a CPU."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dualcam.errors import DualcamError, UsageError
from dualcam.training import batches, checkpoint, loader, memory, stages
from dualcam.training import config as configs
from dualcam.training.config import Config
from dualcam.training.interrupt import Interrupt
from dualcam.training.journal import Journal, Row
from dualcam.training.processes import Group, joined
from dualcam.training.starts import begin
from dualcam.training.store import Store

# Electrons at white, halfway between the NIGHT protocol's levels of 4000, 1000 and 250.
_LEAST_DUSK, _LEAST_NIGHT = 2000.0, 500.0


def train(
    config: Config,
    train_store: Store,
    val_store: Store,
    out: Path,
    *,
    starts: Mapping[str, Path] | None = None,
    resume: bool = False,
    device: str = "auto",
    tell: Callable[[str], None] = print,
) -> bool:
    """Train a stage, alone or as one of the processes that ``torchrun`` has started.

    Args:
        config: all settings.
        train_store: samples to train on.
        val_store: samples held back.
        out: folder of the run; made if needed.
        starts: .safetensors or .onnx files to start networks from, by network name; when a run is resumed, only
            ``optimizer.stay`` still asks for them.
        resume: go on from ``out``'s last checkpoint, or begin where there is none.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        tell: gets lines for the user.

    Returns:
        Whether the run is complete; False after SIGTERM or Ctrl-C, when it has been saved to be resumed.

    Raises:
        UsageError: ``out`` holds a run and ``resume`` is not set, or one of other networks; settings that do not fit.
        InputError: a file cannot be used.
        OutputError: a file cannot be written.
        DualcamError: the loss is no number any more; the last checkpoint stays.
    """
    checkpoint.check_free(out, resume)
    memory.keep_freed()
    if config.threads:
        torch.set_num_threads(config.threads)
    with Interrupt() as interrupt, joined(device) as group:
        if config.data.batch % group.ranks:
            raise UsageError(
                f"a batch of {config.data.batch} cannot be shared by {group.ranks} processes.",
                f"Set data.batch to a multiple of {group.ranks}.",
            )
        out.mkdir(parents=True, exist_ok=True)
        training = prepare(config, group.device, starts or {})
        begun = _begun(config, training, starts or {})
        changed = checkpoint.restore(out, config, training)
        if not group.leads:
            return _run(config, training, train_store, group, interrupt, None)
        for line in changed:
            tell(f"note: other settings than before, {line}")
        held_back = batches.validation(val_store, config.stage, config.data)
        journal = Journal(out, config, training.step, tell)
        keeper = _Keeper(out, config, training, held_back, journal)
        done = _run(config, training, train_store, group, interrupt, keeper)
        if done:
            if begun is not None:
                follow(begun, training.average, config.optimizer.stay)
                checkpoint.save_networks(out, config, begun, training.step)
            left = training.average if begun is None else begun
            journal.finish(score_by_light(left, held_back, config))
        return done


def _begun(config: Config, training: checkpoint.Training, starts: Mapping[str, Path]) -> nn.ModuleDict | None:
    """The weights that a run begins with, where its result is to stay near them (Wortsman et al., CVPR 2022)."""
    if not config.optimizer.stay:
        return None
    if missing := [name for name in training.nets if name not in starts]:
        raise UsageError(
            f"optimizer.stay wants the weights that the run began with, and {' and '.join(missing)} began with none.",
            "Name them with --refec, --refcolor and --refsr, when the run is resumed as well.",
        )
    return copy.deepcopy(training.nets)


def prepare(config: Config, device: torch.device, starts: Mapping[str, Path]) -> checkpoint.Training:
    """Build networks from the seed (or ``starts``), their averages and the optimizer, on a device."""
    torch.manual_seed(config.seed)
    nets = stages.networks(config)
    begin(nets, starts)
    nets = nets.to(device).to(memory_format=torch.channels_last)
    settings = config.optimizer
    optimizer = torch.optim.AdamW(
        nets.parameters(), settings.rate, betas=(0.9, 0.99), weight_decay=settings.decay
    )
    return checkpoint.Training(nets, copy.deepcopy(nets), optimizer)


class _Keeper:
    """Scores and saves on the leading process."""

    def __init__(
        self,
        out: Path,
        config: Config,
        training: checkpoint.Training,
        held_back: list[dict[str, Tensor]],
        journal: Journal,
    ) -> None:
        self._out, self._config, self._training = out, config, training
        self._held_back, self._journal = held_back, journal
        self._totals: dict[str, Tensor] = {}
        self._count, self._saved = 0, time.monotonic()

    def note(self, numbers: Mapping[str, Tensor]) -> None:
        """Take note of a step's numbers, each (B,)."""
        for name, value in numbers.items():
            # In float64 on the device: no transfer in every step.
            self._totals[name] = self._totals.get(name, 0.0) + value.detach().double().mean()
        self._count += 1
        self._journal.note_step(self._training.step)

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._saved > 60 * self._config.checkpoint_minutes

    def keep(self) -> None:
        """Score, save and log."""
        training = self._training
        scores = score(training.average, self._held_back, self._config)
        means = {name: float(total) / self._count for name, total in self._totals.items()}
        checkpoint.save(self._out, self._config, training)
        self._journal.add(Row(training.step, rate(self._config.optimizer, training.step), means, scores))
        self._totals.clear()
        self._count, self._saved = 0, time.monotonic()


def _run(
    config: Config,
    training: checkpoint.Training,
    store: Store,
    group: Group,
    interrupt: Interrupt,
    keeper: _Keeper | None,
) -> bool:
    """Walk the steps that are left; only the leading process has a keeper. False if interrupted."""
    settings = config.optimizer
    module: Any = stages.Step(training.nets, config)
    if group.ranks > 1:
        module = DistributedDataParallel(module)
    prepared = loader.load(store, config, training.step, group.rank, group.ranks, group.device)
    # Closed at once, however the loop ends: a traceback would keep its processes alive.
    with closing(prepared):
        for batch in prepared:
            for parameters in training.optimizer.param_groups:
                parameters["lr"] = rate(settings, training.step)
            loss, numbers = module(batch)
            training.optimizer.zero_grad(set_to_none=True)
            loss.mean().backward()
            norm = nn.utils.clip_grad_norm_(training.nets.parameters(), settings.clip)
            sick = not math.isfinite(float(norm + loss.detach().mean()))
            sick, ended = group.any(sick, bool(interrupt))
            if sick:
                raise DualcamError(
                    f"the loss or its gradient is no number at step {training.step}; the last checkpoint is as it was.",
                    "Go on from it with --resume and a smaller optimizer.rate, or with optimizer.amp=none.",
                )
            training.optimizer.step()
            training.step += 1
            follow(training.average, training.nets, min(settings.ema, training.step / (training.step + 10)))
            if keeper is not None:
                keeper.note({"loss": loss, **numbers})
                if ended or keeper.due or training.step == settings.steps:
                    keeper.keep()
            if ended:
                break
    group.wait()
    return training.step >= settings.steps


def rate(settings: configs.Optimizer, step: int) -> float:
    """Learning rate of a step: a linear rise, then half a cosine (Loshchilov and Hutter 2017)."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup))
    fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / settings.steps))
    return settings.least + (settings.rate - settings.least) * rise * fall


def score(nets: nn.ModuleDict, held_back: list[dict[str, Tensor]], config: Config) -> dict[str, float]:
    """Means of the loss and of all numbers over held-back batches."""
    step_of = stages.Step(nets, config)
    device = next(nets.parameters()).device
    totals: dict[str, float] = {}
    with torch.no_grad():
        for batch in held_back:
            loss, numbers = step_of({name: value.to(device) for name, value in batch.items()})
            for name, value in {"loss": loss, **numbers}.items():
                totals[name] = totals.get(name, 0.0) + float(value.mean())
    return {name: total / len(held_back) for name, total in totals.items()}


def score_by_light(
    nets: nn.ModuleDict, held_back: list[dict[str, Tensor]], config: Config
) -> dict[str, dict[str, float]]:
    """Means over the held-back batches of all levels of light and of each, with the number of batches as "samples"."""
    levels: dict[str, list[dict[str, Tensor]]] = {"all": held_back, "dusk": [], "night": [], "dark": []}
    for batch in held_back:
        electrons = float(batch["light"][0, 0])
        level = "dusk" if electrons >= _LEAST_DUSK else "night" if electrons >= _LEAST_NIGHT else "dark"
        levels[level].append(batch)
    return {
        level: {"samples": len(some), **score(nets, some, config)} for level, some in levels.items() if some
    }


@torch.no_grad()
def follow(average: nn.ModuleDict, nets: nn.ModuleDict, decay: float) -> None:
    """Move the averages towards the networks: average = decay * average + (1 - decay) * nets."""
    for slow, fast in zip(average.parameters(), nets.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)
