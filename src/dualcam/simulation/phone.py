"""A phone-like picture: what the processing of a small camera leaves of the noise, and JPEG.

Raw noise is white and independent; the noise of a phone's JPEG is neither. Demosaicing spreads it, chroma smoothing
turns color noise into soft blotches, the tone curve stretches or squeezes it, and JPEG cuts it into blocks.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from dualcam.camera.curves import encode
from dualcam.frame import FloatArray
from dualcam.simulation.codes import Codes8
from dualcam.simulation.lens import blurred
from dualcam.simulation.settings import Phone


def s_curve(display: FloatArray, contrast: float) -> FloatArray:
    """Mix in the tone curve 3 x^2 - 2 x^3 (Brooks et al., CVPR 2019), display in [0, 1], any shape."""
    return display + np.float32(contrast) * (display * display * (3 - 2 * display) - display)


def smooth_chroma(display: FloatArray, sigma_px: float) -> FloatArray:
    """Blur the color differences to luma (BT.601, as JPEG has them) and keep luma, (H, W, 3) display."""
    if sigma_px <= 0:
        return display
    luma = (display @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    return luma + blurred(display - luma, sigma_px)


def render(linear_rgb: FloatArray, phone: Phone) -> Codes8:
    """Linear sRGB (H, W, 3) -> 8-bit display codes before JPEG: brighten, sRGB curve, tone curve, chroma smoothing."""
    display = encode(np.clip(linear_rgb * np.float32(phone.brighten), 0, 1))
    display = smooth_chroma(s_curve(display, phone.contrast), phone.chroma_px)
    return np.rint(np.clip(display, 0, 1) * 255).astype(np.uint8)


def jpeg(codes: Codes8, quality: int) -> bytes:
    """Encode (H, W, 3) display codes as JPEG with half-resolution chroma, as phones do."""
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()


def decoded(data: bytes) -> Codes8:
    """Decode a JPEG of ``jpeg``: (H, W, 3) display codes."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(bgr[..., ::-1])
