"""Weights that nobody has trained: small networks of the shape that is shipped, made without torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dualcam.neural import manifest
from dualcam.neural.engine import OUTPUTS, PLANES
from dualcam.neural.manifest import DataSet, Entry, Run

RUN = Run("untrained", "joint", "2026-01-31", 7, 0, {"optimizer.rate": 0.002}, (DataSet("none", "CC0"),))
MULTIPLE = 4
# SpaceToDepth, two 3 x 3 convolutions at half and one at a quarter of the picture, and what enlarging adds.
HALO = 20


def network(planes: int, outputs: int, seed: int = 0, strength: float = 0.02) -> onnx.ModelProto:
    """A U-Net of two scales; its answers are about as large as ``strength``."""
    rng = np.random.default_rng(seed)
    stored = []

    def conv(name, source, given, made, size, scale=1.0, **attributes):
        values = rng.normal(0, scale / np.sqrt(given * size * size), (made, given, size, size))
        stored.append(numpy_helper.from_array(values.astype(np.float32), f"{name}_w"))
        return helper.make_node(
            "Conv", [source, f"{name}_w"], [name], kernel_shape=[size, size], **attributes
        )

    around = {"pads": [1, 1, 1, 1]}
    stored.append(numpy_helper.from_array(np.float32([1, 1, 2, 2]), "twice"))
    nodes = [
        helper.make_node("SpaceToDepth", ["planes"], ["stacked"], blocksize=2),
        conv("head", "stacked", 4 * planes, 6, 3, **around),
        helper.make_node("LeakyRelu", ["head"], ["bent"], alpha=0.1),
        conv("down", "bent", 6, 6, 2, strides=[2, 2]),
        conv("middle", "down", 6, 6, 3, **around),
        helper.make_node("Resize", ["middle", "", "twice"], ["up"], mode="linear"),
        helper.make_node("Add", ["up", "bent"], ["joined"]),
        conv("tail", "joined", 6, 4 * outputs, 3, strength, **around),
        helper.make_node("DepthToSpace", ["tail"], ["out"], blocksize=2, mode="CRD"),
    ]
    names = ["residual", "logit", "mono"][: outputs - 2]
    stored.append(numpy_helper.from_array(np.int64([3, 1, 1][: len(names)]), "parts"))
    nodes.append(helper.make_node("Split", ["out", "parts"], names, axis=1))
    shape = [1, planes, "height", "width"]
    given = helper.make_tensor_value_info("planes", TensorProto.FLOAT, shape)
    made = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, None, "height", "width"]) for n in names]
    graph = helper.make_graph(nodes, "untrained", [given], made, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def weights(folder: Path, tile: int = 256, strength: float = 0.02) -> Path:
    """Write all three networks and their manifest into a folder, which is made."""
    folder.mkdir(parents=True)
    entries = {}
    for seed, (name, planes) in enumerate(PLANES.items()):
        made = network(len(planes), len(OUTPUTS[name]) + 2, seed, strength).SerializeToString()
        (folder / f"{name}.onnx").write_bytes(made)
        digest = hashlib.sha256(made).hexdigest()
        entries[name] = Entry(f"{name}.onnx", digest, len(made), 1000, 250, planes, HALO, MULTIPLE, tile, RUN)
    (folder / manifest.NAME).write_text(manifest.text(entries), "utf-8")
    return folder
