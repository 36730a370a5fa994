"""JPEG and WebP through Pillow's decoders.

The decoder classes are called directly instead of ``Image.open``: the kind is already known, sizes are
checked against our own limit, and Pillow's process-wide limit and warnings stay out of the way.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, JpegImagePlugin, WebPImagePlugin

from dualcam.errors import InputError
from dualcam.files.metadata import orientation
from dualcam.files.samples import Header, Samples, check_size


def _open(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks about broken metadata, which is judged elsewhere
        if data.startswith(b"\xff\xd8"):
            return JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        return WebPImagePlugin.WebPImageFile(io.BytesIO(data))


def header(data: bytes, path: Path) -> Header:
    """Facts of a JPEG or WebP file.

    Raises:
        ValueError, OSError, SyntaxError: truncated or corrupt.
        InputError: a CMYK picture, or a size that is refused.
    """
    is_jpeg = data.startswith(b"\xff\xd8")
    # libjpeg invents a missing end, and a host program may have told Pillow to do so for truncated files.
    if is_jpeg and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise ValueError("its end is missing")
    if not is_jpeg and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise ValueError("it ends early")
    with _open(data) as image:
        check_size(image.width, image.height, path)
        if image.mode in ("CMYK", "YCCK"):
            raise InputError(
                f"{path} is a CMYK picture, made for printing.", "Convert it to RGB or gray first."
            )
        exif = image.info.get("exif")
        return Header(
            format="JPEG" if is_jpeg else "WebP",
            width=image.width,
            height=image.height,
            channels=1 if image.mode == "L" else 3,
            bits=8,
            sample="uint8",
            white=255.0,
            has_alpha=image.mode.endswith("A"),
            orientation=orientation(exif),
            icc=image.info.get("icc_profile"),
            exif=exif,
            notes=("first frame of an animation",) if getattr(image, "is_animated", False) else (),
        )


def samples(data: bytes, header: Header, shrink: int = 1) -> Samples:
    """Decode the pixels.

    Args:
        data: the file.
        header: its facts.
        shrink: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, for a quick look.

    Returns:
        (H, W, 1 or 3) uint8, RGB order, as stored.

    Raises:
        OSError: truncated or corrupt.
    """
    with _open(data) as image:
        if shrink > 1 and isinstance(image, JpegImagePlugin.JpegImageFile):
            image.draft(None, (header.width // shrink, header.height // shrink))
        image.load()
        array = np.asarray(image)
    return array.reshape(array.shape[0], array.shape[1], -1)[..., : header.channels]
