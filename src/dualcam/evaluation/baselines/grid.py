"""The two pixel grids of a baseline: the mono picture's own, and the same view at the color camera's resolution.

Every baseline assumes what its users assume: both pictures show the same field of view.
"""

from __future__ import annotations

import cv2
import numpy as np

from dualcam.frame import FloatArray

Size = tuple[int, int]


def footprint(full: Size, small: Size) -> tuple[float, float]:
    """Full-size pixels per small pixel, down and across, of two pictures of the same field.

    Where the small size is the full one divided by an integer and rounded down, small pixels are that many
    pixels wide and the ragged edge was cut off, as a sensor does; all else is stretched.
    """
    (height, width), (rows, columns) = full, small
    scale = max(1, round(width / columns))
    if (height // scale, width // scale) == (rows, columns):
        return float(scale), float(scale)
    return height / rows, width / columns


def shrink(picture: FloatArray, rows: int, columns: int) -> FloatArray:
    """Area-average (H, W) or (H, W, C) float32 to (rows, columns[, C]); neither may be larger than the picture's."""
    height, width = picture.shape[:2]
    down, across = footprint((height, width), (rows, columns))
    covered = picture[: round(rows * down), : round(columns * across)]
    return cv2.resize(covered, (columns, rows), interpolation=cv2.INTER_AREA)


def enlarge(picture: FloatArray, height: int, width: int) -> FloatArray:
    """Bicubically enlarge (h, w) or (h, w, C) float32 to (height, width[, C]), the inverse of ``shrink``."""
    rows, columns = picture.shape[:2]
    down, across = footprint((height, width), (rows, columns))
    covered = round(rows * down), round(columns * across)
    large = cv2.resize(picture, (covered[1], covered[0]), interpolation=cv2.INTER_CUBIC)
    missing = height - covered[0], width - covered[1]
    if any(missing):
        large = cv2.copyMakeBorder(large, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(large)
