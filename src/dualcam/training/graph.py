"""Networks as ONNX files: plain graphs that old and small runtimes know."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import torch
from torch import nn

from dualcam.networks.exported import EIGHT, HALF, STEP
from dualcam.neural.parts import INPUT
from dualcam.training import int8

OPSET, IR = 17, 8  # both are known to ONNX Runtime 1.17


def to_onnx(
    network: nn.Module,
    planes: int,
    multiple: int,
    outputs: Sequence[str],
    half: bool = False,
    eight: Collection[str] = (),
) -> bytes:
    """Write a network as ONNX: input "planes" (1, C, H, W), H and W free; the file's bytes.

    Args:
        network: the network.
        planes: number of its input planes.
        multiple: of height and width.
        outputs: names of what it returns.
        half: store weights of more than one dimension in 16 bits; ONNX Runtime widens them when it loads them.
        eight: names of the weights that are stored in 8 bits; they are already rounded so.
    """
    free = {2: "height", 3: "width"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is announced to go, but the newer one computes the shapes of the picture in the graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, planes, 4 * multiple, 5 * multiple),),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes={name: free for name in (INPUT, *outputs)},
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    model.ir_version = IR
    # Names of modules and of the machine's files are of no use in the product.
    for node in model.graph.node:
        node.ClearField("doc_string")
    _store_int8(model.graph, eight)
    if half:
        _store_half(model.graph, eight)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _store_int8(graph: Any, names: Collection[str]) -> None:
    """Keep weights that are whole numbers of steps as such, each followed by its conversion."""
    nodes = []
    for weight in [w for w in graph.initializer if w.name in names]:
        values = torch.from_numpy(onnx.numpy_helper.to_array(weight).copy())
        step = int8.step_of(values)
        whole = (values / step).round().to(torch.int8).numpy()
        for array, ending in ((whole, EIGHT), (step.flatten().numpy(), STEP)):
            graph.initializer.append(onnx.numpy_helper.from_array(array, weight.name + ending))
        nodes.append(
            onnx.helper.make_node(
                "DequantizeLinear", [weight.name + EIGHT, weight.name + STEP], [weight.name], axis=0
            )
        )
        graph.initializer.remove(weight)
    _put_first(graph, nodes)


def _put_first(graph: Any, first: Sequence[Any]) -> None:
    nodes = [*first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _store_half(graph: Any, others: Collection[str]) -> None:
    """Keep the weights of a graph in 16 bits, each followed by a cast to the 32 that are computed with."""
    wide = [
        w
        for w in graph.initializer
        if w.data_type == onnx.TensorProto.FLOAT and len(w.dims) > 1 and w.name not in others
    ]
    casts = []
    for weight in wide:
        short = onnx.numpy_helper.to_array(weight).astype(np.float16)
        graph.initializer.append(onnx.numpy_helper.from_array(short, weight.name + HALF))
        casts.append(
            onnx.helper.make_node("Cast", [weight.name + HALF], [weight.name], to=onnx.TensorProto.FLOAT)
        )
        graph.initializer.remove(weight)
    _put_first(graph, casts)
