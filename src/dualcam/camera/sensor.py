"""A simulated sensor: light becomes electrons, electrons become digital numbers, in small pure steps.

The model is the linear one of EMVA 1288 (release 3.1): electrons arrive with Poisson statistics, dark
signal and read noise are added, and the system gain turns electrons into digital numbers (DN), which are rounded
and clipped. Row noise is the banding term of Wei et al. (ELD, CVPR 2020). All pictures are linear float32 with
white at 1 unless said.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

PATTERNS = ("RGGB", "BGGR", "GRBG", "GBRG")
"""Bayer color filters of the first two rows, two letters a row."""

# OpenCV names a pattern by the second and third pixel of the second row: BayerBG is what everyone else calls RGGB.
_EDGE_AWARE = {
    "RGGB": cv2.COLOR_BayerBG2RGB_EA,
    "BGGR": cv2.COLOR_BayerRG2RGB_EA,
    "GRBG": cv2.COLOR_BayerGB2RGB_EA,
    "GBRG": cv2.COLOR_BayerGR2RGB_EA,
}


def shot_noise(expected_e: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float64]:
    """Count electrons: expected numbers (any shape, >= 0) -> Poisson-distributed numbers (EMVA 1288, noise model)."""
    return rng.poisson(expected_e).astype(np.float64)


def read_noise(shape: tuple[int, ...], rms_e: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Signal-independent noise of the read-out, electrons, Gaussian and independent for every pixel."""
    return rng.normal(0.0, rms_e, shape)


def row_noise(shape: tuple[int, ...], rms_e: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """One Gaussian offset for every row, electrons, (H, 1, ...) to be added (banding in ELD)."""
    return rng.normal(0.0, rms_e, (shape[0], *(1 for _ in shape[1:])))


def fixed_pattern(shape: tuple[int, ...], number: int) -> NDArray[np.float64]:
    """Standard normal numbers that are always the same: how the pixels of a sensor of this size differ.

    Args:
        shape: of the picture.
        number: of the pattern; others are independent of it.
    """
    return np.random.default_rng([number, *shape]).standard_normal(shape)


def expose(
    linear: NDArray[np.floating],
    full_signal_e: float,
    read_noise_e: float,
    rng: np.random.Generator,
    *,
    row_noise_e: float = 0.0,
    dark_e: float = 0.0,
    full_well_e: float | None = None,
    prnu: float = 0.0,
    dsnu_e: float = 0.0,
) -> FloatArray:
    """Expose a sensor: linear picture -> noisy linear picture of the same scale, unclipped.

    With signal x, the result has the mean x + dark_e / F and the variance
    (x F + dark_e + read_noise_e^2 + row_noise_e^2) / F^2, where F is ``full_signal_e``.

    Args:
        linear: (H, W) or (H, W, C) linear signal, white 1; negative light counts as none.
        full_signal_e: electrons that white gives.
        read_noise_e: read noise, electrons rms.
        rng: the source of randomness.
        row_noise_e: row noise, electrons rms.
        dark_e: dark signal, electrons; it comes with its own shot noise and is not subtracted.
        full_well_e: electrons that a pixel can hold, or None for any number.
        prnu: relative standard deviation of the pixels' sensitivity, a pattern that is the same in every exposure.
        dsnu_e: the same of their dark offset, electrons.
    """
    expected = np.maximum(linear, 0).astype(np.float64) * full_signal_e
    if prnu > 0:
        expected *= np.maximum(1 + prnu * fixed_pattern(linear.shape, 1), 0)
    electrons = shot_noise(expected + dark_e, rng)
    if full_well_e is not None:
        electrons = np.minimum(electrons, full_well_e)
    if dsnu_e > 0:
        electrons += dsnu_e * fixed_pattern(linear.shape, 2)
    electrons += read_noise(linear.shape, read_noise_e, rng)
    if row_noise_e > 0:
        electrons += row_noise(linear.shape, row_noise_e, rng)
    return (electrons / full_signal_e).astype(np.float32)


def digitise(linear: FloatArray, bits: int, black: int = 0, white: int | None = None) -> NDArray[np.uint16]:
    """Convert to digital numbers: 0 becomes ``black``, 1 becomes ``white``; rounded and clipped to ``bits`` bits.

    Args:
        linear: any shape, linear, saturation at 1.
        bits: bits of the converter, at most 16.
        black: DN without light. Noise below it survives down to DN 0.
        white: DN of saturation; None for the largest.

    Returns:
        DN of the same shape. Rounding adds a variance of 1/12 DN^2 (EMVA 1288).
    """
    top = 2**bits - 1
    dn = np.rint(linear * np.float32((top if white is None else white) - black) + np.float32(black))
    return np.clip(dn, 0, top).astype(np.uint16)


def to_linear(dn: NDArray[np.uint16], bits: int, black: int = 0, white: int | None = None) -> FloatArray:
    """Undo ``digitise``: DN of any shape -> linear, black 0, saturation 1; noise under black is negative."""
    top = 2**bits - 1 if white is None else white
    return (dn.astype(np.float32) - np.float32(black)) / np.float32(top - black)


def mosaic(linear_rgb: FloatArray, pattern: str = "RGGB") -> FloatArray:
    """Sample (H, W, 3) linear through a Bayer color filter array -> (H, W) linear. Odd sizes are fine.

    Args:
        linear_rgb: (H, W, 3) linear, camera colors.
        pattern: one of ``PATTERNS``.
    """
    out = np.empty(linear_rgb.shape[:2], np.float32)
    for site, letter in enumerate(pattern):
        rows, columns = slice(site // 2, None, 2), slice(site % 2, None, 2)
        out[rows, columns] = linear_rgb[rows, columns, "RGB".index(letter)]
    return out


def demosaic(mosaiced: FloatArray, pattern: str = "RGGB") -> FloatArray:
    """Edge-aware demosaic (OpenCV): (H, W) linear in [0, 1] -> (H, W, 3) linear, 16-bit precision.

    Args:
        mosaiced: (H, W) linear, at least 2 x 2 pixels; clipped to [0, 1].
        pattern: one of ``PATTERNS``.
    """
    return demosaic_dn(to_16_bits(mosaiced), pattern).astype(np.float32) / np.float32(65535)


def to_16_bits(linear: FloatArray) -> NDArray[np.uint16]:
    """Clip linear values of any shape to [0, 1] and round them to 0 .. 65535."""
    return np.rint(np.clip(linear, 0, 1) * 65535).astype(np.uint16)


def demosaic_dn(dn: NDArray[np.uint16], pattern: str = "RGGB") -> NDArray[np.uint16]:
    """Edge-aware demosaic (OpenCV) of integers: (H, W) -> (H, W, 3), RGB, the same scale."""
    return cv2.cvtColor(np.ascontiguousarray(dn), _EDGE_AWARE[pattern])


def bin_average(linear: NDArray[np.floating], factor: int) -> FloatArray:
    """Average over factor x factor pixels: (H, W, C) -> (H // factor, W // factor, C); the ragged edge is cropped.

    Added in float64 and in a fixed order, rows first, so that every machine rounds alike.
    """
    height, width = linear.shape[0] // factor, linear.shape[1] // factor
    crop = linear[: height * factor, : width * factor].astype(np.float64, copy=False)
    rows = sum((crop[start::factor] for start in range(1, factor)), crop[0::factor])
    total = sum((rows[:, start::factor] for start in range(1, factor)), rows[:, 0::factor])
    return (total / factor**2).astype(np.float32)
