"""Perceptual distance: LPIPS 0.1 with AlexNet, on ONNX Runtime.

Source: Zhang, Isola, Efros, Shechtman, Wang, The unreasonable effectiveness of deep features as a perceptual
metric, CVPR 2018. ``lpips_alex.onnx`` beside this file is made by ``benchmarks/make_lpips.py``: it gives five maps
of feature vectors, weighted so that the distance is a plain mean of squared differences.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import UnavailableError
from dualcam.frame import FloatArray

Features = tuple[FloatArray, ...]

_MODEL = Path(__file__).with_name("lpips_alex.onnx")


def available() -> bool:
    """Say whether ONNX Runtime is installed."""
    return find_spec("onnxruntime") is not None


def features(picture: NDArray[np.uint8]) -> Features:
    """Feature maps of a display picture (H, W, 3) uint8, at least 32 x 32: five (1, C, h, w) float32.

    They are worth keeping where one picture is compared with many.

    Raises:
        UnavailableError: ONNX Runtime is not installed.
    """
    planes = np.ascontiguousarray(np.moveaxis(picture, -1, 0)[None], np.float32) / np.float32(255)
    maps: list[FloatArray] = _session().run(None, {"picture": planes})
    return tuple(maps)


def distance(a: Features, b: Features) -> float:
    """LPIPS between the feature maps of two pictures of one size: 0 when equal, about 0.7 when unlike."""
    total = 0.0
    for mine, other in zip(a, b, strict=True):
        squares = np.square(mine - other).sum(axis=1, dtype=np.float64)
        total += float(squares.mean())
    return total


@cache
def _session() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UnavailableError(
            "LPIPS needs ONNX Runtime, which is not installed.", 'Run: pip install "dualcam[eval]"'
        ) from None
    options = onnxruntime.SessionOptions()
    # One thread: sums are then always taken in the same order, and processes of a benchmark do not compete.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Memory of the largest picture would otherwise be kept for the life of the process.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(_MODEL), options, providers=["CPUExecutionProvider"])
