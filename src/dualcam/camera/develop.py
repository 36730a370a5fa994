"""Mosaic -> linear sRGB picture: white balance, demosaic, highlights, color matrix."""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.camera.demosaic import demosaic
from dualcam.frame import FloatArray, Mosaic

_NEARLY_CLIPPED = 0.95


def develop(mosaic: Mosaic) -> FloatArray:
    """Develop a mosaic, without clipping and without any rendering intent.

    Args:
        mosaic: linear samples of a color sensor.

    Returns:
        (H, W, 3) float32, linear sRGB, on the mosaic's pixel grid; white of the scene at the camera's green
        saturation is 1. Noise around black is negative, saturated colors exceed the range.
    """
    camera = limit_highlights(demosaic(balanced(mosaic), mosaic.pattern), mosaic.white_balance)
    return to_srgb(camera, mosaic.matrix)


def balanced(mosaic: Mosaic) -> FloatArray:
    """Samples (H, W) of a mosaic after white balance, linear."""
    out = mosaic.samples.copy()
    for site, letter in enumerate(mosaic.pattern):
        out[site // 2 :: 2, site % 2 :: 2] *= mosaic.white_balance["RGB".index(letter)]
    return out


def to_srgb(camera: FloatArray, matrix: FloatArray) -> FloatArray:
    """White-balanced camera RGB (H, W, 3), linear -> linear sRGB, by a (3, 3) matrix; nothing is clipped."""
    if np.array_equal(matrix, np.eye(3, dtype=np.float32)):
        return camera
    out: FloatArray = cv2.transform(camera, matrix)
    return out


def limit_highlights(camera: FloatArray, white_balance: FloatArray) -> FloatArray:
    """Keep clipped highlights from turning pink: nothing beside a clipped channel exceeds it.

    A clipped sample is only a lower bound. Where green is clipped, white balance would raise red and blue over
    it and a white lamp would turn pink; there they are lowered to green, gradually over the last 5 % before
    saturation.

    Args:
        camera: (H, W, 3) linear, white-balanced camera RGB.
        white_balance: (3,) the factors, which are the saturation levels of the three channels.

    Returns:
        (H, W, 3) linear; ``camera`` itself where nothing is near to saturation.
    """
    limits = np.float32(_NEARLY_CLIPPED) * white_balance
    near = camera[..., 0] > limits[0]
    for channel in (1, 2):
        near |= camera[..., channel] > limits[channel]
    if not near.any():
        return camera
    pixels = camera[near]  # (n, 3): mostly few
    clipped = (pixels / white_balance - np.float32(_NEARLY_CLIPPED)) / np.float32(1 - _NEARLY_CLIPPED)
    clipped = np.clip(clipped, 0, 1)
    for channel in np.argsort(white_balance)[::-1]:  # from the highest limit down to the lowest
        pixels -= clipped[:, channel, None] * np.maximum(pixels - white_balance[channel], 0)
    out = camera.copy()
    out[near] = pixels
    return out
