"""What a run keeps in its folder to go on from, and the averaged networks that are its result."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from dualcam.errors import InputError, OutputError, UsageError
from dualcam.files.whole import replacing, write_whole
from dualcam.training import config as configs
from dualcam.training.config import Config

STATE, CONFIG = "state.pt", "config.toml"


@dataclass(slots=True)
class Training:
    """What changes while a run goes on.

    Attributes:
        nets: the networks that are trained, by name.
        average: their exponential moving averages.
        optimizer: AdamW of ``nets``.
        step: steps done.
    """

    nets: nn.ModuleDict
    average: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    step: int = 0


def check_free(folder: Path, resume: bool) -> None:
    """Refuse to begin a run in a folder that holds one.

    Raises:
        UsageError: it holds one, and it is not to be resumed.
    """
    if not resume and (folder / STATE).exists():
        raise UsageError(f"{folder} holds a run already.", "Add --resume to go on, or name another --out.")


def restore(folder: Path, config: Config, training: Training) -> list[str]:
    """Go on from the last checkpoint of a folder, if there is one.

    Args:
        folder: of the run.
        config: the settings to go on with.
        training: is filled.

    Returns:
        What differs from the settings before, for the user to read.

    Raises:
        UsageError: the run there is one of other networks, or of other shapes.
        InputError: its state is damaged.
    """
    path = folder / STATE
    if not path.exists():
        return []
    device = next(training.nets.parameters()).device
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        _check_shapes(folder, state["nets"], training.nets.state_dict())
        training.nets.load_state_dict(state["nets"])
        training.average.load_state_dict(state["average"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.step = int(state["step"])
    except (OSError, RuntimeError, KeyError, ValueError, EOFError, pickle.UnpicklingError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path} is damaged: {first}.", "Begin anew in another folder.") from error
    before = folder / CONFIG
    return configs.differences(configs.read(before, config.stage), config) if before.exists() else []


def _check_shapes(folder: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    theirs, ours = ({name.split(".")[0] for name in state} for state in (stored, wanted))
    if theirs != ours:
        raise UsageError(
            f"{folder} holds a run of {' and '.join(sorted(theirs))}, not of {' and '.join(sorted(ours))}.",
            "Name the stage that was begun there, or another --out.",
        )
    if {k: v.shape for k, v in stored.items()} != {k: v.shape for k, v in wanted.items()}:
        raise UsageError(
            f"the run in {folder} has networks of another shape than the config.",
            f"Use --config {folder / CONFIG}, or another --out.",
        )


def save(folder: Path, config: Config, training: Training) -> None:
    """Write everything that a run needs to go on, and its averaged networks; each file whole or not at all.

    Raises:
        OutputError: a file cannot be written.
    """
    state = {
        "nets": training.nets.state_dict(),
        "average": training.average.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "step": training.step,
    }
    try:
        with replacing(folder / STATE) as hidden:
            torch.save(state, hidden)
    except RuntimeError as error:
        raise _full(folder, error) from error
    save_networks(folder, config, training.average, training.step)


def save_networks(folder: Path, config: Config, nets: nn.ModuleDict, step: int) -> None:
    """Write what a run is for, NAME.safetensors, and its settings; each file whole or not at all.

    Raises:
        OutputError: a file cannot be written.
    """
    write_whole(folder / CONFIG, configs.write(config).encode())
    try:
        for name, net in nets.items():
            facts = {
                "network": name,
                "config": json.dumps(getattr(config, name).arguments()),
                "step": str(step),
            }
            with replacing(folder / f"{name}.safetensors") as hidden:
                save_file({k: v.contiguous() for k, v in net.state_dict().items()}, hidden, metadata=facts)
    except (RuntimeError, SafetensorError) as error:
        raise _full(folder, error) from error


def _full(folder: Path, error: Exception) -> OutputError:
    # torch and safetensors report a full disk as errors of their own.
    return OutputError(f"the checkpoint in {folder} cannot be written: {error}.", "Check the disk.")
