"""Simulated capture: a linear picture becomes electrons, a mosaic and digital numbers, in small pure steps.

The model is the usual linear one (EMVA 1288): photons arrive with Poisson statistics, the read-out adds
Gaussian noise, the converter quantises. All pictures are linear float32 with white at 1 unless said.
"""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.frame import FloatArray


def expose(
    linear: FloatArray, full_signal_e: float, read_noise_e: float, rng: np.random.Generator
) -> FloatArray:
    """Expose a sensor: linear picture (any shape, >= 0) -> noisy linear picture of the same scale, unclipped.

    Args:
        linear: linear signal, white 1.
        full_signal_e: electrons that white gives.
        read_noise_e: read noise, electrons rms.
        rng: the source of randomness.
    """
    electrons = rng.poisson(np.maximum(linear, 0).astype(np.float64) * full_signal_e).astype(np.float64)
    electrons += rng.normal(0.0, read_noise_e, linear.shape)
    return (electrons / full_signal_e).astype(np.float32)


def quantise(linear: FloatArray, bits: int) -> FloatArray:
    """Clip to [0, 1] and round to ``bits`` bits, as a converter with black level 0 does; same shape, linear."""
    steps = float(2**bits - 1)
    return (np.rint(np.clip(linear, 0, 1) * steps) / steps).astype(np.float32)


def mosaic_rggb(linear_rgb: FloatArray) -> FloatArray:
    """Sample (H, W, 3) linear through an RGGB color filter array -> (H, W) linear. Odd sizes are fine."""
    out = np.empty(linear_rgb.shape[:2], np.float32)
    out[0::2, 0::2] = linear_rgb[0::2, 0::2, 0]
    out[0::2, 1::2] = linear_rgb[0::2, 1::2, 1]
    out[1::2, 0::2] = linear_rgb[1::2, 0::2, 1]
    out[1::2, 1::2] = linear_rgb[1::2, 1::2, 2]
    return out


def demosaic_rggb(mosaic: FloatArray) -> FloatArray:
    """Edge-aware demosaic (OpenCV) of an RGGB mosaic (H, W) linear in [0, 1] -> (H, W, 3) linear, 16-bit precision."""
    dn = np.rint(np.clip(mosaic, 0, 1) * 65535).astype(np.uint16)
    # OpenCV names the pattern by its second row and column: BayerBG is what everyone else calls RGGB.
    rgb = cv2.cvtColor(dn, cv2.COLOR_BayerBG2RGB_EA)
    return rgb.astype(np.float32) / np.float32(65535)


def bin_average(linear: FloatArray, factor: int) -> FloatArray:
    """Average over factor x factor pixels: (H, W, C) -> (H // factor, W // factor, C); the ragged edge is cropped."""
    height, width = linear.shape[0] // factor, linear.shape[1] // factor
    crop = linear[: height * factor, : width * factor]
    return (
        crop.reshape(height, factor, width, factor, -1).mean(axis=(1, 3), dtype=np.float64).astype(np.float32)
    )
