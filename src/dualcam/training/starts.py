"""Weights to start from: of a run (safetensors), or of the networks that the package ships (ONNX)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dualcam.errors import InputError, UsageError
from dualcam.training.graph import EIGHT, HALF, STEP


def begin(nets: nn.ModuleDict, starts: Mapping[str, Path]) -> None:
    """Load weights to start from, .safetensors or .onnx files by network name; the other networks stay as they are.

    Raises:
        InputError: a file that is missing or damaged.
        UsageError: a file of another shape.
    """
    for name, path in starts.items():
        try:
            tensors = (
                _exported(path, set(nets[name].state_dict())) if path.suffix == ".onnx" else load_file(path)
            )
            nets[name].load_state_dict(tensors)
        except (OSError, SafetensorError, DecodeError) as error:
            raise InputError(
                f"{path} cannot be read: {error}.", f"Name a run that trained {name}, or a folder of weights."
            ) from error
        except RuntimeError as error:
            raise UsageError(
                f"{path} holds a network of another shape than the config's [{name}].",
                f"Use the table [{name}] of the config that it was trained with.",
            ) from error


def _exported(path: Path, names: set[str]) -> dict[str, Tensor]:
    """The named weights of an exported network; those stored in 16 or 8 bits are widened."""
    stored = {w.name: onnx.numpy_helper.to_array(w) for w in onnx.load(str(path)).graph.initializer}
    found = {}
    for name in names:
        for ending in ("", HALF, EIGHT):
            if (array := stored.get(name + ending)) is not None:
                step = stored[name + STEP].reshape(-1, 1, 1, 1) if ending == EIGHT else np.float32(1)
                found[name] = torch.from_numpy(array.astype(np.float32) * step)
    return found
