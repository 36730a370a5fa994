"""Pictures as data URIs, for pages that hold everything they show."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def jpeg(samples: NDArray[np.uint8], quality: int = 92) -> str:
    """Encode a display picture, (H, W) or (H, W, 3) RGB uint8, as a JPEG data URI with full chroma resolution."""
    if samples.ndim == 3:
        samples = np.ascontiguousarray(samples[..., ::-1])
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        cv2.IMWRITE_JPEG_OPTIMIZE,
        1,
    ]
    return _data_uri("image/jpeg", cv2.imencode(".jpg", samples, options)[1])


def png(samples: NDArray[np.uint8]) -> str:
    """Encode (H, W) uint8 as a gray PNG data URI, losslessly."""
    return _data_uri("image/png", cv2.imencode(".png", samples)[1])


def _data_uri(kind: str, encoded: NDArray[Any]) -> str:
    return f"data:{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
