"""Networks in 8 bits as ONNX files: all of a network in three parts, or its coarsest scale only, in one file.

The parts are fine scales down, coarse scales, fine scales up. The fine scales look a few pixels far and are most of the
work: they are computed tile by tile. The coarse ones look far, and are small enough for the whole picture at once
(``neural.parts``).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx.utils import Extractor
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from dualcam.frame import FloatArray
from dualcam.neural.parts import INNER, INPUT, OUTER, skip
from dualcam.training.graph import IR

# Of what a layer gives; the rest is cut off. All of it would make the steps coarser for everything else.
_PERCENTILE = 99.99
# Where nothing is to be cut off, ranges are those of stronger planes, too: pictures hold more than a few samples do.
_STRONGER = 3.0


def to_int8(
    model: bytes, planes: Sequence[FloatArray], outputs: Sequence[str], fine: int
) -> dict[str, bytes]:
    """The same network computed in 8 bits; its first and last convolution, and what follows, in 32.

    Args:
        model: of ``graph.to_onnx``, weights in 32 bits.
        planes: inputs (C, H, W) such as it will get; they give every layer's range.
        outputs: names of what it returns.
        fine: how many of its scales are fine.

    Returns:
        The files of the parts "down", "middle" and "up".
    """
    whole = onnx.shape_inference.infer_shapes(_rounded(model, planes, _all_but_the_ends, whole_ranges=False))
    made = {output: node for node in whole.graph.node for output in node.output}
    nodes = {node.name: node for node in whole.graph.node}

    def stored(name: str) -> str:
        """Where the 8-bit tensor is that becomes a convolution's input."""
        return str(made[nodes[name].input[0]].input[0])

    names = {stored(f"/net/down.{scale}/Conv"): skip(scale) for scale in range(fine)}
    skips = list(names)
    inner = nodes[f"/net/down.{fine - 1}/Conv"].output[0] + "_QuantizeLinear_Output"
    outer = stored(f"/net/up.{fine - 1}/Conv")
    names |= {inner: INNER, outer: OUTER}
    cut = Extractor(whole)
    parts = {
        "down": cut.extract_model([INPUT], [*skips, inner]),
        "middle": cut.extract_model([inner], [outer]),
        "up": cut.extract_model([outer, *skips, *_also_fed(whole, made, outputs)], list(outputs)),
    }
    return {name: _finished(part, names) for name, part in parts.items()}


def middle_to_int8(model: bytes, planes: Sequence[FloatArray]) -> bytes:
    """The same network with its coarsest scale computed in 8 bits.

    The finer scales pass it by, and nothing of a layer's range is cut off, that of stronger planes included: it loses
    hardly anything.

    Args:
        model: as for ``to_int8``.
        planes: the same.
    """
    planes = [*planes, *(np.float32(_STRONGER) * p for p in planes)]
    return _finished(_rounded(model, planes, _all_but_the_middle, whole_ranges=True), {})


def _all_but_the_ends(nodes: Sequence[Any]) -> list[str]:
    """What is not rounded: the first convolution, the last, and what follows."""
    convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    return [nodes[convolutions[0]].name, *(node.name for node in nodes[convolutions[-1] :])]


def _all_but_the_middle(nodes: Sequence[Any]) -> list[str]:
    return [node.name for node in nodes if not node.name.startswith("/net/middle/")]


def _also_fed(whole: Any, made: Mapping[str, Any], outputs: Sequence[str]) -> list[str]:
    """The input, if the end of the network looks at it again."""
    first = "/net/head/Conv"
    waiting, seen = list(outputs), set()
    while waiting:
        name = waiting.pop()
        if name == INPUT:
            return [INPUT]
        node = made.get(name)
        if node is not None and node.name not in seen and node.name != first:
            seen.add(node.name)
            waiting += node.input
    return []


def _finished(part: Any, names: Mapping[str, str]) -> bytes:
    """A network or a part of one as a file, its ends renamed."""
    for node in part.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(end, end) for end in ends]
    for end in (*part.graph.input, *part.graph.output):
        end.name = names.get(end.name, end.name)
    del part.graph.value_info[:]
    part.ir_version = IR
    onnx.checker.check_model(part, full_check=True)
    return bytes(part.SerializeToString(deterministic=True))


def _rounded(
    model: bytes,
    planes: Sequence[FloatArray],
    excluded: Callable[[Sequence[Any]], list[str]],
    whole_ranges: bool,
) -> Any:
    """The network in 8 bits, as ONNX Runtime's own package makes it, but for the ``excluded`` of its nodes."""
    method, options = quantization.CalibrationMethod.Percentile, {"CalibPercentile": _PERCENTILE}
    if whole_ranges:
        method, options = quantization.CalibrationMethod.MinMax, {}
    with TemporaryDirectory() as folder, _quiet():
        plain, ready, done = (str(Path(folder) / name) for name in ("plain", "ready", "done"))
        Path(plain).write_bytes(model)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        nodes = list(onnx.load(ready).graph.node)
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
            nodes_to_exclude=excluded(nodes),
            calibrate_method=method,
            extra_options=options,
        )
        return onnx.load(done)


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
    """Nothing of what the package says while it works is of use here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
