"""Stored samples -> the linear pixels of a frame, band by band, in the same memory where they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera import curves
from dualcam.files import icc
from dualcam.files.samples import Header, Samples
from dualcam.frame import FloatArray

_Curve = Callable[[NDArray[np.float64]], NDArray[Any]]
# Samples of a band: numpy's lookup wants indices of 8 bytes, which should stay in the cache of a core.
_BAND = 1 << 17


class Room:
    """Memory for a picture: for its stored samples first, at the end, and from the front on for its pixels.

    Pixels are made from top to bottom. As no sample is larger than a pixel, those that are overwritten have been used.

    Attributes:
        pixels: (H, W, C) float32.
        samples: (H, W, C), of the stored type.
    """

    def __init__(self, header: Header) -> None:
        shape, kind = (header.height, header.width, header.channels), np.dtype(header.sample)
        self.pixels: FloatArray = np.empty(shape, np.float32)
        front = self.pixels.size * (self.pixels.itemsize - kind.itemsize)
        self.samples: Samples = self.pixels.reshape(-1).view(np.uint8)[front:].view(kind).reshape(shape)

    @staticmethod
    def fits(header: Header) -> bool:
        """Whether stored rows are the picture's rows, and samples not larger than pixels."""
        return header.orientation == 1 and np.dtype(header.sample).itemsize <= 4


def linearise(
    array: Samples,
    black: float,
    level: float,
    curve: str,
    linear: bool,
    profile: icc.Profile | None,
    notes: list[str],
    pixels: FloatArray | None = None,
) -> tuple[FloatArray, str]:
    """Undo the transfer curve of stored samples, and lead their colors to sRGB primaries.

    Args:
        array: (H, W, C) samples, upright.
        black: DN of black.
        level: DN of white.
        curve: "auto", "srgb" or "linear": what the user said.
        linear: whether samples without a profile are linear.
        profile: the embedded profile, or None.
        notes: gets what was done about a profile.
        pixels: where the result is to lie, the whole of the memory at whose end ``array`` may lie (``Room``); None for
            new memory.

    Returns:
        (H, W, C) float32 linear, C order; and which curve was undone: "icc", "linear" or "srgb".
    """
    if profile is not None and not profile.exact:
        converted = _through_lut(array, level, profile, notes)
        if converted is not None:
            return converted, "icc"
        profile = None
    undo: list[_Curve]
    if profile is not None and curve == "auto":
        # A gray file with an RGB profile: equal channels, so the green curve stands for all.
        own = profile.curves if len(profile.curves) == array.shape[2] else profile.curves[1:2]
        undo, used = list(own), "icc"
    else:
        undo = [_as_it_is if linear else curves.decode] * array.shape[2]
        used = "linear" if linear else "srgb"
    tables = {id(step): _table(step, array.dtype, black, level) for step in undo if array.dtype.kind == "u"}
    steps = [tables[id(step)] for step in undo] if tables else None
    matrix = _primaries(profile, array.shape[2])
    if pixels is None:
        pixels = np.empty(array.shape, np.float32)
    out = pixels

    def band(part: tuple[slice, Samples]) -> None:
        rows, samples = part
        linear_rows = out[rows]
        if steps is not None and all(step is steps[0] for step in steps):
            np.take(steps[0], samples, out=linear_rows, mode="clip")
        else:
            for c in range(samples.shape[2]):
                if steps is not None:
                    linear_rows[..., c] = np.take(steps[c], samples[..., c], mode="clip")
                else:
                    scaled = (samples[..., c].astype(np.float64) - black) / (level - black)
                    linear_rows[..., c] = undo[c](scaled)
        if matrix is not None:
            linear_rows[...] = (linear_rows.reshape(-1, 3) @ matrix.T).reshape(linear_rows.shape)

    for _ in parallel.each(band, _bands(array, np.may_share_memory(array, out))):
        pass
    return pixels, used


def _as_it_is(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


def _bands(array: Samples, copied: bool) -> Iterator[tuple[slice, Samples]]:
    """Rows and their samples from top to bottom; as copies, made before later bands are asked for."""
    rows = max(1, _BAND // (array.shape[1] * array.shape[2]))
    for top in range(0, len(array), rows):
        part = array[top : top + rows]
        yield slice(top, top + rows), part.copy() if copied else part


def _table(undo: _Curve, kind: np.dtype[Any], black: float, level: float) -> FloatArray:
    """The linear value of every code: exact, and far quicker than a curve over all pixels."""
    codes = (np.arange(int(np.iinfo(kind).max) + 1) - black) / (level - black)
    return undo(np.minimum(codes, 1.0)).astype(np.float32)


def _primaries(profile: icc.Profile | None, channels: int) -> FloatArray | None:
    """The matrix to sRGB primaries; None if there is nothing to do."""
    if profile is None or profile.matrix is None or channels != 3:
        return None
    matrix = profile.matrix.astype(np.float32)
    return None if np.array_equal(matrix, np.eye(3, dtype=np.float32)) else matrix


def _through_lut(array: Samples, level: float, profile: icc.Profile, notes: list[str]) -> FloatArray | None:
    """A profile that is only a lookup table goes through LittleCMS, which Pillow offers at 8 bits."""
    scaled = np.clip(array.astype(np.float32) / np.float32(level), 0, 1)
    display = icc.lut_to_srgb(np.round(scaled * 255).astype(np.uint8), profile)
    if display is None:
        notes.append("the ICC profile cannot be used: sRGB assumed")
        return None
    notes.append("the ICC profile is a lookup table: converted at 8 bits")
    return curves.decode(display.astype(np.float32) / np.float32(255))
