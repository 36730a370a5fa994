"""Raw files for the tests, tag by tag, where ``write_dng`` would not make such a file."""

from __future__ import annotations

import io

import numpy as np
import tifffile

from dualcam.files.dng import SRGB_TO_XYZ
from dualcam.files.ifd import ASCII, BYTE, LONG, RATIONAL, SHORT, SRATIONAL, Tag, single_strip

CFA, LINEAR_RAW = 32803, 34892


def dng(samples, *changes, without=()):
    """A plain Bayer DNG (RGGB, black 0, white 4095, identity colors) with some tags replaced, added or left out."""
    height, width = samples.shape[:2]
    tags = [
        Tag(254, LONG, [0]),
        Tag(256, LONG, [width]),
        Tag(257, LONG, [height]),
        Tag(258, SHORT, [16] * (samples.shape[2] if samples.ndim == 3 else 1)),
        Tag(259, SHORT, [1]),
        Tag(262, SHORT, [CFA]),
        Tag(274, SHORT, [1]),
        Tag(277, SHORT, [samples.shape[2] if samples.ndim == 3 else 1]),
        Tag(278, LONG, [height]),
        Tag(284, SHORT, [1]),
        Tag(33421, SHORT, [2, 2]),
        Tag(33422, BYTE, [0, 1, 1, 2]),
        Tag(50706, BYTE, [1, 4, 0, 0]),
        Tag(50708, ASCII, "Test"),
        Tag(50717, LONG, [4095]),
        Tag(50721, SRATIONAL, np.linalg.inv(SRGB_TO_XYZ).ravel().tolist()),
        Tag(50728, RATIONAL, [1, 1, 1]),
        Tag(50778, SHORT, [21]),
    ]
    replaced = {*(tag.code for tag in changes), *without}
    return single_strip(
        [*(tag for tag in tags if tag.code not in replaced), *changes], [], samples.astype("<u2").tobytes()
    )


def dng_with_preview(samples, preview, make="Maker"):
    """As cameras and converters store it: a small RGB picture first, the mosaic in a sub-directory."""
    buffer = io.BytesIO()
    matrix = [
        number for value in np.linalg.inv(SRGB_TO_XYZ).ravel() for number in (round(value * 10**6), 10**6)
    ]
    with tifffile.TiffWriter(buffer) as file:
        file.write(
            preview,
            photometric="rgb",
            subfiletype=1,
            subifds=1,
            metadata=None,
            extratags=[
                (271, 2, 0, make, True),
                (274, 3, 1, 1, True),
                (50706, 1, 4, (1, 4, 0, 0), True),
                (50708, 2, 0, "Test", True),
                (50721, 10, 9, tuple(matrix), True),
                (50728, 5, 3, (1, 2, 1, 1, 2, 3), True),
                (50778, 3, 1, 21, True),
            ],
        )
        file.write(
            samples,
            photometric=CFA,
            subfiletype=0,
            metadata=None,
            extratags=[
                (33421, 3, 2, (2, 2), True),
                (33422, 1, 4, (2, 1, 1, 0), True),
                (50714, 5, 1, (129, 2), True),
                (50717, 3, 1, 4095, True),
            ],
        )
    return buffer.getvalue()
