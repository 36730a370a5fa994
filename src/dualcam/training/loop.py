"""The training loop: one for all stages; it can be stopped at any time and resumed to the same bits on a CPU."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dualcam.training import batches, config as configs, stages
from dualcam.training.config import Config
from dualcam.training.store import Store


def train(
    config: Config,
    train_store: Store,
    val_store: Store,
    out: Path,
    *,
    starts: Mapping[str, Path] | None = None,
    resume: bool = False,
) -> None:
    """Train a stage.

    Args:
        config: all settings.
        train_store: samples to train on.
        val_store: samples held back.
        out: folder of the run.
        starts: safetensors files to start networks from, by network name.
        resume: go on from ``out``'s last checkpoint.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    nets = stages.networks(config)
    for name, path in (starts or {}).items():
        nets[name].load_state_dict(load_file(path))
    step_of = stages.Step(nets, config).to(device)
    step_of = step_of.to(memory_format=torch.channels_last)
    average = copy.deepcopy(nets)
    settings = config.optimizer
    optimizer = torch.optim.AdamW(
        nets.parameters(), settings.rate, betas=(0.9, 0.99), weight_decay=settings.decay
    )
    out.mkdir(parents=True, exist_ok=True)
    step = 0
    if resume and (out / "state.pt").exists():
        state = torch.load(out / "state.pt", map_location=device, weights_only=True)
        nets.load_state_dict(state["nets"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    (out / "config.toml").write_text(configs.write(config), encoding="utf-8")
    held_back = batches.validation(val_store, config.stage, config.data)
    saved = time.monotonic()
    running: dict[str, list[float]] = {}
    while step < settings.steps:
        for group in optimizer.param_groups:
            group["lr"] = rate(settings, step)
        batch = batches.batch(train_store, config.stage, config.data, config.seed, step)
        batch = {name: value.to(device) for name, value in batch.items()}
        loss, numbers = step_of(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.mean().backward()
        nn.utils.clip_grad_norm_(nets.parameters(), settings.clip)
        optimizer.step()
        step += 1
        _follow(average, nets, min(settings.ema, step / (step + 10)))
        for name, value in {"loss": loss, **numbers}.items():
            running.setdefault(name, []).append(float(value.detach().mean()))
        if time.monotonic() - saved > 60 * config.checkpoint_minutes or step == settings.steps:
            saved = time.monotonic()
            scores = score(average, held_back, config)
            means = {name: sum(values) / len(values) for name, values in running.items()}
            running.clear()
            row = {"step": step, "rate": rate(settings, step), "train": means, "validation": scores}
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)
            _save(out, config, nets, average, optimizer, step)


def rate(settings: configs.Optimizer, step: int) -> float:
    """Learning rate of a step: a linear rise, then half a cosine."""
    rise = min(1.0, (step + 1) / settings.warmup)
    fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / settings.steps))
    return settings.least + (settings.rate - settings.least) * rise * fall


def score(nets: nn.ModuleDict, held_back: list[dict[str, Tensor]], config: Config) -> dict[str, float]:
    """Means over held-back crops."""
    step_of = stages.Step(nets, config)
    device = next(nets.parameters()).device
    totals: dict[str, float] = {}
    with torch.no_grad():
        for batch in held_back:
            loss, numbers = step_of({name: value.to(device) for name, value in batch.items()})
            for name, value in {"loss": loss, **numbers}.items():
                totals[name] = totals.get(name, 0.0) + float(value.mean())
    return {name: total / len(held_back) for name, total in totals.items()}


@torch.no_grad()
def _follow(average: nn.ModuleDict, nets: nn.ModuleDict, decay: float) -> None:
    for slow, fast in zip(average.parameters(), nets.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


def _save(
    out: Path, config: Config, nets: nn.ModuleDict, average: nn.ModuleDict, optimizer: torch.optim.Optimizer, step: int
) -> None:
    state: dict[str, Any] = {
        "nets": nets.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    partial = out / "state.part"
    torch.save(state, partial)
    partial.replace(out / "state.pt")
    for name, net in average.items():
        arguments = getattr(config, name).arguments()
        facts = {"network": name, "config": json.dumps(arguments), "step": str(step)}
        partial = out / f"{name}.part"
        save_file({k: v.contiguous() for k, v in net.state_dict().items()}, partial, metadata=facts)
        partial.replace(out / f"{name}.safetensors")
