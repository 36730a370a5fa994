"""Scene colors -> what the two sensors respond to. Pixel by pixel, linear but for the near-infrared guess.

An sRGB picture says nothing about the spectrum beyond its three bands. The mono response is therefore a weighting of
the three, and near-infrared is a guess that gets the well-known differences to visible light right: foliage bright,
sky dark, everything gray as it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray
from dualcam.simulation.settings import ColorResponse, MonoResponse

FOLIAGE = 4.0
SKY = 0.3


def near_infrared(linear_rgb: NDArray[np.floating]) -> NDArray[np.floating]:
    """Guess the near-infrared picture behind a color picture.

    It is red + 4 max(0, green - max(red, blue)) - 0.3 max(0, blue - max(red, green)), clipped to [0, 1]: red is the
    nearest band and the best single predictor; chlorophyll is green and reflects several times more beyond 700 nm
    (the red edge); Rayleigh's law makes a blue sky dark there. Dyes, which mostly turn bright, and skin are not
    modelled. The two factors were chosen so that grass of linear (0.1, 0.2, 0.05) gets 0.5 and a sky of
    (0.2, 0.35, 0.7) gets 0.1.

    Args:
        linear_rgb: (H, W, 3) linear sRGB.

    Returns:
        (H, W), linear, white 1, the dtype of the input.
    """
    red, green, blue = (linear_rgb[..., c] for c in range(3))
    foliage = np.maximum(green - np.maximum(red, blue), 0)
    sky = np.maximum(blue - np.maximum(red, green), 0)
    return np.clip(red + FOLIAGE * foliage - SKY * sky, 0, 1)


def mono_signal(linear_rgb: NDArray[np.floating], response: MonoResponse) -> FloatArray:
    """What a mono sensor responds with: (weights . rgb + infrared * NIR) / (1 + infrared), so that white stays 1.

    Multiplied and added element by element in the dtype of the input, not as a matrix product, whose order of
    additions depends on the machine.

    Args:
        linear_rgb: (H, W, 3) linear sRGB.
        response: weights and near-infrared leak.

    Returns:
        (H, W) float32, linear, white 1.
    """
    w = response.weights
    visible = linear_rgb[..., 0] * w[0] + linear_rgb[..., 1] * w[1] + linear_rgb[..., 2] * w[2]
    if response.infrared > 0:
        visible = (visible + response.infrared * near_infrared(linear_rgb)) / (1 + response.infrared)
    return visible.astype(np.float32)


def camera_rgb(linear_rgb: FloatArray, response: ColorResponse) -> FloatArray:
    """What a color sensor responds with behind its filters: the inverse color matrix, then the inverse white balance.

    These are the two linear steps of Brooks et al. ("Unprocessing Images for Learned Raw Denoising", CVPR 2019),
    without their treatment of clipped highlights: the sensor here clips by itself.

    Args:
        linear_rgb: (H, W, 3) linear sRGB.
        response: white balance and color matrix.

    Returns:
        (H, W, 3) float32, linear; a white surface gives 1 / white balance. Colors outside the camera's gamut are
        negative.
    """
    if response == ColorResponse():
        return linear_rgb.astype(np.float32, copy=False)
    back = np.linalg.inv(np.array(response.matrix, np.float64)) / np.array(response.white_balance)[:, None]
    return mixed(linear_rgb, back)


def mixed(rgb: NDArray[np.floating], matrix: NDArray[np.float64]) -> FloatArray:
    """Apply a (3, 3) matrix to the colors of a picture (H, W, 3) -> (H, W, 3) float32, element by element."""
    red, green, blue = (rgb[..., c] for c in range(3))
    rows = [red * float(m[0]) + green * float(m[1]) + blue * float(m[2]) for m in matrix]
    return np.stack(rows, axis=-1).astype(np.float32, copy=False)
