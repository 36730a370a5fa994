"""A network back from the ONNX file that it was exported to: its weights, and its shape, which they tell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from dualcam.networks.refcolor import RefColor
from dualcam.networks.refec import RefEC
from dualcam.networks.refsr import RefSR

KINDS: Mapping[str, type[nn.Module]] = {"refec": RefEC, "refcolor": RefColor, "refsr": RefSR}
"""By name."""

HALF = ".half"
"""What the name of a weight ends in that is stored in 16 bits."""
EIGHT, STEP = ".int8", ".step"
"""What the names of a weight that is stored in 8 bits, and of its steps, end in."""


def weights(data: bytes) -> dict[str, Tensor]:
    """The weights of an exported network by their names in its state dict; those stored in 16 or 8 bits are widened.

    Args:
        data: the ONNX file.

    Raises:
        ValueError: it is no ONNX file.
    """
    try:
        graph = onnx.load_model_from_string(data).graph
    except DecodeError as error:
        raise ValueError(f"no ONNX file: {error}") from error
    stored = {w.name: onnx.numpy_helper.to_array(w) for w in graph.initializer}
    # What several weights have in common is stored once.
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    stored |= {name: stored[other] for name, other in same.items() if other in stored}
    found = {}
    for full, array in stored.items():
        if full.endswith(STEP):
            continue
        name = full.removesuffix(HALF).removesuffix(EIGHT)
        step = stored[name + STEP].reshape(-1, 1, 1, 1) if full.endswith(EIGHT) else np.float32(1)
        found[name] = torch.from_numpy(array.astype(np.float32) * step)
    return found


def network(name: str, data: bytes) -> nn.Module:
    """An exported network, ready to compute.

    Args:
        name: of ``KINDS``.
        data: the ONNX file.

    Raises:
        ValueError: it is not such a network.
    """
    found = weights(data)
    try:
        made = KINDS[name](**_shape(name, found))
        made.load_state_dict(found)
    except (KeyError, RuntimeError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise ValueError(f"not a {name} of this version: {first}") from error
    return made.requires_grad_(False).eval()


def _shape(name: str, found: Mapping[str, Tensor]) -> dict[str, object]:
    """The arguments that a network was made with."""
    finer = _count(found, "net.down.{}.weight")
    channels = [len(found[f"net.{layer}.weight"]) for layer in ("head", *(f"down.{n}" for n in range(finer)))]
    stacks = (*(f"net.encoders.{n}" for n in range(finer)), "net.middle")
    out: dict[str, object] = {
        "channels": channels,
        "blocks": [_count(found, stack + ".{}.first.weight") for stack in stacks],
    }
    if name == "refsr":
        # Its first convolution looks one pixel beyond the stride on both sides.
        out["stride"] = found["net.head.weight"].shape[-1] - 2
    return out


def _count(found: Mapping[str, Tensor], pattern: str) -> int:
    number = 0
    while pattern.format(number) in found:
        number += 1
    return number
