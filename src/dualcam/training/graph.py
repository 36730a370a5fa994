"""Networks as ONNX files: plain graphs that old and small runtimes know."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import torch
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from dualcam.frame import FloatArray
from dualcam.neural.engine import INPUT
from dualcam.training import int8

HALF = ".half"
"""What the name of a weight ends in that is stored in 16 bits."""
EIGHT, STEP = ".int8", ".step"
"""What the names of a weight that is stored in 8 bits, and of its steps, end in."""

_OPSET, _IR = 17, 8  # both are known to ONNX Runtime 1.17
# Of what a layer gives; the rest is cut off. All of it would make the steps coarser for everything else.
_PERCENTILE = 99.99


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
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes={name: free for name in (INPUT, *outputs)},
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    model.ir_version = _IR
    # Names of modules and of the machine's files are of no use in the product.
    for node in model.graph.node:
        node.ClearField("doc_string")
    _store_int8(model.graph, eight)
    if half:
        _store_half(model.graph, eight)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def to_int8(model: bytes, planes: Sequence[FloatArray]) -> bytes:
    """The same network computed in 8 bits; its first and last convolution, and what follows, in 32.

    Args:
        model: of ``to_onnx``, weights in 32 bits.
        planes: inputs (C, H, W) such as it will get; they give every layer's range.
    """
    with TemporaryDirectory() as folder:
        plain, ready, done = (str(Path(folder) / name) for name in ("plain", "ready", "done"))
        Path(plain).write_bytes(model)
        # What the package says while it works is of no use here.
        with _quiet():
            quant_pre_process(plain, ready, skip_symbolic_shape=True)
            nodes = list(onnx.load(ready).graph.node)
            convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
            quantization.quantize_static(
                ready,
                done,
                _Planes(planes),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "LeakyRelu", "Add", "Resize"],
                per_channel=True,
                reduce_range=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                nodes_to_exclude=[nodes[convolutions[0]].name, *(n.name for n in nodes[convolutions[-1] :])],
                calibrate_method=quantization.CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": _PERCENTILE},
            )
        out = onnx.load(done)
    out.ir_version = _IR
    onnx.checker.check_model(out, full_check=True)
    return bytes(out.SerializeToString(deterministic=True))


class _Planes(quantization.CalibrationDataReader):
    """Hands planes to the calibration, one input after the other."""

    def __init__(self, planes: Sequence[FloatArray]) -> None:
        self._left = iter(planes)

    def get_next(self) -> dict[str, FloatArray] | None:
        """The next input, or None after the last."""
        found = next(self._left, None)
        return None if found is None else {INPUT: found[None]}


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


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
