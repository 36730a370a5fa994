"""Whether a three-channel picture holds color, so that swapped files are noticed before they are fused.

A gray picture stored as RGB has equal channels, but not always exactly: color management rounds by one step
and JPEG may add a little. A real color picture may be dim, pale and buried in noise. What tells them apart is
that noise and rounding vanish in the mean over a patch while color stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.errors import InputError
from dualcam.frame import FloatArray, Role

_MAX_PATCHES = 64
_ENOUGH_PATCHES = 0.005  # share of the patches that have to be colored


def _patches(linear: FloatArray) -> NDArray[np.float32]:
    """Up to 64 x 64 patches spread over the picture: (patches, pixels, 3) in 8-bit display DN."""
    height, width = linear.shape[:2]
    side = max(4, min(16, min(height, width) // 4))
    rows, columns = height // side, width // side
    tiles = linear[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    tiles = tiles[:: -(-rows // _MAX_PATCHES), :, :: -(-columns // _MAX_PATCHES)]
    flat = np.ascontiguousarray(tiles.transpose(0, 2, 1, 3, 4)).reshape(-1, side * side, 3)
    display = encode(flat)
    display *= np.float32(255)
    return display


def has_color(linear: FloatArray) -> bool:
    """Whether real color is in the picture: patches whose mean is not gray, beyond noise and rounding.

    Args:
        linear: (H, W, 3) linear, any exposure.
    """
    patches = _patches(linear)
    chroma = patches[..., ::2] - patches[..., 1:2]
    # A dim 8-bit picture has only a few steps of color, so the demand falls with the brightness.
    floor = float(np.clip(0.06 * np.percentile(patches, 99), 0.35, 1.25))
    doubt = 4 * chroma.std(axis=1) / np.sqrt(patches.shape[1])
    colored = (np.abs(chroma.mean(axis=1)) > floor + doubt).any(axis=1)
    return int(colored.sum()) >= max(1.0, _ENOUGH_PATCHES * len(patches))


def is_gray(linear: FloatArray) -> bool:
    """Whether the three channels are equal but for rounding, as no color camera makes them.

    Noise alone makes the channels of a color camera differ, so a dark picture without any color passes as
    color.

    Args:
        linear: (H, W, 3) linear, any exposure.
    """
    patches = _patches(linear)
    spread = float(np.abs(patches[..., ::2] - patches[..., 1:2]).max())
    if spread > 1.6:
        return False
    # One step between channels is rounding in a bright picture, but a good part of the signal in a very dark
    # one.
    return spread < 0.01 or (float(patches.max()) > 16 and not has_color(linear))


def as_role(pixels: FloatArray, role: Role, name: str) -> FloatArray:
    """Check the channels against the role.

    Args:
        pixels: (H, W, 1) or (H, W, 3) linear, any exposure.
        role: "mono" or "color".
        name: what to call the picture in a message.

    Returns:
        (H, W, 1) for mono, equal channels averaged; (H, W, 3) for color.

    Raises:
        InputError: color given as mono, or gray given as color.
    """
    if role == "mono":
        if pixels.shape[2] == 1:
            return pixels
        if has_color(pixels):
            raise InputError(
                f"{name} looks like a color picture, but was given as mono.",
                "Swap the two files if they are the wrong way round, or convert this one to gray.",
            )
        gray: FloatArray = pixels.mean(axis=2, keepdims=True, dtype=np.float32)
        return gray
    if pixels.shape[2] == 1 or is_gray(pixels):
        swapped = "Perhaps the two files are swapped: the mono picture comes first, the color picture second."
        mosaic = "If it is the mosaic of a color sensor, name its filter, for example --color-pattern RGGB."
        raise InputError(
            f"{name} was given as color, but holds no color.",
            f"{swapped} {mosaic}" if pixels.shape[2] == 1 else swapped,
        )
    return pixels
