"""Ready linear picture -> DNG that raw converters take for a camera file: LinearRaw, three samples a pixel.

Tags after the DNG specification 1.4.0.0 (Adobe, 2012). The "camera" is linear sRGB: the color matrix says so, and the
neutral of the shot is (1, 1, 1), so that a converter that does nothing shows the picture as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import OutputError
from dualcam.files.dng import LINEAR_RAW, camera_tags, color_tags, exposure_tags
from dualcam.files.ifd import ASCII, BYTE, LONG, SHORT, Tag, single_strip
from dualcam.files.metadata import CameraFacts

_LARGEST = 2**32 - 2**20  # of a TIFF file, which counts its bytes in 32 bits


def encode_linear_dng(samples: NDArray[np.uint16], camera: CameraFacts, provenance: str = "") -> bytes:
    """The bytes of a linear DNG file, the same for the same arguments.

    Args:
        samples: (H, W, 3) uint16, linear sRGB, white 65535, upright.
        camera: maker, model and exposure to store.
        provenance: how the picture was made, or "".

    Raises:
        OutputError: samples of another shape or type, or more of them than a TIFF file can hold.
    """
    if samples.ndim != 3 or samples.shape[2] != 3 or samples.dtype != np.uint16 or samples.size == 0:
        raise OutputError(
            f"samples of shape {samples.shape} and type {samples.dtype} cannot be stored as linear DNG.",
            "Give (H, W, 3) uint16.",
        )
    if samples.nbytes > _LARGEST:
        raise OutputError("the picture is too large for DNG, which ends at 4 GB.", "Use TIFF.")
    height, width = samples.shape[:2]
    tags = [
        Tag(254, LONG, [0]),  # NewSubFileType: the main picture
        Tag(256, LONG, [width]),
        Tag(257, LONG, [height]),
        Tag(258, SHORT, [16, 16, 16]),  # BitsPerSample
        Tag(259, SHORT, [1]),  # Compression: none
        Tag(262, SHORT, [LINEAR_RAW]),  # PhotometricInterpretation
        Tag(274, SHORT, [1]),  # Orientation: upright
        Tag(277, SHORT, [3]),  # SamplesPerPixel
        Tag(278, LONG, [height]),  # RowsPerStrip
        Tag(284, SHORT, [1]),  # PlanarConfiguration
        Tag(50706, BYTE, [1, 4, 0, 0]),  # DNGVersion
        Tag(50707, BYTE, [1, 1, 0, 0]),  # DNGBackwardVersion
        Tag(50717, LONG, [65535] * 3),  # WhiteLevel
        *color_tags((1.0, 1.0, 1.0), None),
        *camera_tags(camera),
    ]
    if provenance:
        tags.append(Tag(270, ASCII, provenance.replace("\0", " ")))
    return single_strip(tags, exposure_tags(camera), samples.astype("<u2").tobytes())
