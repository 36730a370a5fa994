"""What a lens does to a picture beside forming it: blur and light falloff."""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.frame import FloatArray


def blurred(linear: FloatArray, sigma_px: float) -> FloatArray:
    """Convolve with a Gaussian point spread; the border is mirrored, so that light is neither lost nor won.

    Defocus and aberrations of a small camera together are close to a Gaussian (Subbarao, "Parallel depth recovery by
    changing camera parameters", ICCV 1988). The kernel is the discrete analog of the Gaussian (Lindeberg, "Scale-space
    for discrete signals", PAMI 1990), whose variance is right for widths under a pixel too.

    Args:
        linear: (H, W) or (H, W, C) linear.
        sigma_px: standard deviation in pixels of this picture; 0 returns the picture itself.

    Returns:
        The same shape, float32, linear.
    """
    if sigma_px <= 0:
        return linear
    kernel = _discrete_gaussian(sigma_px)
    return cv2.sepFilter2D(linear, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)


def _discrete_gaussian(sigma: float) -> FloatArray:
    """The kernel exp(-t) I_n(t), t = sigma^2, by its Fourier transform exp(t (cos w - 1))."""
    radius = int(np.ceil(5 * sigma)) + 3
    frequency = 2 * np.pi * np.arange(radius + 1) / (2 * radius + 1)
    kernel = np.fft.irfft(np.exp(sigma**2 * (np.cos(frequency) - 1)), 2 * radius + 1)
    return np.fft.fftshift(kernel).astype(np.float32)


def falloff(height: int, width: int, corner_loss: float) -> FloatArray:
    """Natural vignetting: the cos^4 law about the picture's center, scaled to a given loss in the corners.

    cos^4(angle) is 1 / (1 + tan^2(angle))^2, and the tangent grows with the distance from the center. The law is that
    of a thin lens; here it also stands for mechanical vignetting, which is steeper.

    Args:
        height: rows in pixels.
        width: columns in pixels.
        corner_loss: share of the light lost in the outermost corners, 0 to under 1.

    Returns:
        (H, W) float32 factors, 1 in the center.
    """
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / height) - 1
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / width) - 1
    diagonal = height**2 + width**2
    radius2 = (y**2 * (height**2 / diagonal))[:, None] + x**2 * (width**2 / diagonal)
    corner = (1 - corner_loss) ** -0.5 - 1
    return ((1 + corner * radius2) ** -2).astype(np.float32)


def vignetted(linear: FloatArray, corner_loss: float) -> FloatArray:
    """Apply ``falloff`` to (H, W) or (H, W, C) linear; a loss of 0 returns the picture itself."""
    if corner_loss <= 0:
        return linear
    factors = falloff(linear.shape[0], linear.shape[1], corner_loss)
    return linear * (factors if linear.ndim == 2 else factors[..., None])
