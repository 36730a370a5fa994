"""Pictures of the benchmark between file and array: views, truths, disparities, scored outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError
from dualcam.files import decode
from dualcam.files.samples import Samples, upright
from dualcam.frame import FloatArray

DISPARITY_STEPS = 256
"""Steps per pixel in a disparity file; the value 0 says that the disparity is unknown."""


def size(path: Path) -> tuple[int, int]:
    """Rows and columns of a picture, upright, from its header alone.

    Raises:
        InputError: missing, not a picture, corrupt, too small or too large.
    """
    _, header = decode.open_header(path)
    turned = header.orientation > 4
    return (header.width, header.height) if turned else (header.height, header.width)


def rgb8(path: Path) -> NDArray[np.uint8]:
    """Read a picture as it is shown: (H, W, 3) uint8 display RGB; gray is repeated, 16 bits are rounded to 8.

    Unlike ``files.read`` nothing is judged here: a gray output is an output like any other, and an embedded
    profile is not applied.

    Raises:
        InputError: missing, not a picture, corrupt, or of float samples.
    """
    samples = _samples(path)
    if samples.dtype == np.uint16:
        samples = ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if samples.dtype != np.uint8:
        raise InputError(
            f"{path} holds {samples.dtype} samples.", "Give an 8-bit or 16-bit picture with the sRGB curve."
        )
    if samples.shape[2] == 1:
        samples = np.repeat(samples, 3, axis=2)
    return np.ascontiguousarray(samples)


def gray01(path: Path) -> FloatArray:
    """Read a map, such as a confidence: (H, W) float32 in [0, 1], from 8 or 16 bits.

    Raises:
        InputError: missing, not a picture, corrupt, in color or of float samples.
    """
    samples = _samples(path)
    if samples.shape[2] != 1 or samples.dtype.kind != "u":
        raise InputError(f"{path} is not a gray picture of 8 or 16 bits.", "Give a gray PNG.")
    return samples[..., 0].astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)


def disparity(path: Path) -> FloatArray:
    """Read a disparity file: (H, W) float32 in mono pixels, NaN where unknown; stored as 16 bits, 256 a pixel.

    Raises:
        InputError: missing, not a picture, corrupt, or not 16-bit gray.
    """
    samples = _samples(path)
    if samples.shape[2] != 1 or samples.dtype != np.uint16:
        raise InputError(
            f"{path} is not a 16-bit gray picture.",
            f"Store disparity x {DISPARITY_STEPS} in 16 bits, 0 where it is unknown, or remove the file.",
        )
    stored = samples[..., 0]
    return np.where(stored > 0, stored / np.float32(DISPARITY_STEPS), np.float32(np.nan)).astype(np.float32)


def _samples(path: Path) -> Samples:
    data, header = decode.open_header(path)
    return upright(decode.open_samples(path, data, header), header.orientation)
