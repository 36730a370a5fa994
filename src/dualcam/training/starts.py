"""Weights to start from: of a run (safetensors), or of the networks that the package ships (ONNX)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from dualcam.errors import InputError, UsageError
from dualcam.networks import exported


def begin(nets: nn.ModuleDict, starts: Mapping[str, Path]) -> None:
    """Load weights to start from, .safetensors or .onnx files by network name; the other networks stay as they are.

    Raises:
        InputError: a file that is missing or damaged.
        UsageError: a file of another shape.
    """
    for name, path in starts.items():
        try:
            tensors = exported.weights(path.read_bytes()) if path.suffix == ".onnx" else load_file(path)
            nets[name].load_state_dict(tensors)
        except (OSError, SafetensorError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read: {error}.", f"Name a run that trained {name}, or a folder of weights."
            ) from error
        except RuntimeError as error:
            raise UsageError(
                f"{path} holds a network of another shape than the config's [{name}].",
                f"Use the table [{name}] of the config that it was trained with.",
            ) from error
