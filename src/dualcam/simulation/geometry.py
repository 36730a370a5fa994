"""How the color camera's pixels lie on its view of the scene, and the one resampling that follows them.

The *view* is the clean picture from the color camera's place, on the mono camera's pixel grid. Pixel centers lie at
integer + 0.5, as everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.sensor import bin_average
from dualcam.errors import UsageError
from dualcam.frame import FloatArray
from dualcam.rig import warp
from dualcam.simulation.settings import Geometry

_MOST_STEPS = 40


def color_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """Rows and columns of the color picture of a view; the ragged edge is left out.

    Raises:
        UsageError: less than 2 x 2 pixels would be left.
    """
    rows, columns = int(height / scale), int(width / scale)
    if min(rows, columns) < 2:
        raise UsageError(
            f"the scale is {scale:g}, too large for views of {width} x {height} pixels.",
            "Use a smaller scale.",
        )
    return rows, columns


def to_view(
    points: NDArray[np.floating], size: tuple[int, int], scale: float, geometry: Geometry
) -> FloatArray:
    """Where on its view the color camera looks.

    A color pixel is scaled to mono pixels, distorted about the center, turned, divided by the zoom, and shifted; the
    shift of a row grows with the time at which it is read (rolling shutter of a camera that pans evenly). The radial
    polynomial is the first term of Brown's (1971), in the direction from distorted to undistorted.

    Args:
        points: (..., 2) x and y in color pixels.
        size: rows and columns of the view.
        scale: mono pixels per color pixel.
        geometry: the rest.

    Returns:
        (..., 2) float32, x and y in pixels of the view.
    """
    height, width = size
    x = points[..., 0] * scale - width / 2
    y = points[..., 1] * scale - height / 2
    time = y / height
    if geometry.distortion:
        grow = 1 + geometry.distortion * (x * x + y * y) / ((width / 2) ** 2 + (height / 2) ** 2)
        x, y = x * grow, y * grow
    angle = math.radians(geometry.rotation_deg)
    cos, sin = math.cos(angle) / geometry.zoom, math.sin(angle) / geometry.zoom
    x, y = cos * x - sin * y, sin * x + cos * y
    x = x + geometry.skew_px * time + (geometry.shift_px[0] + width / 2)
    y = y + (geometry.shift_px[1] + height / 2)
    return np.stack([x, y], axis=-1).astype(np.float32)


def to_color(
    points: NDArray[np.floating], size: tuple[int, int], scale: float, geometry: Geometry
) -> FloatArray:
    """Undo ``to_view`` by fixed-point iteration: where the color camera sees a point of its view.

    Together with a true disparity this is the true map from mono to color pixels.

    Args:
        points: (..., 2) x and y in pixels of the view.
        size: rows and columns of the view.
        scale: mono pixels per color pixel.
        geometry: the rest; distortions from -0.1 to 0.3 are undone to 0.01 pixels.

    Returns:
        (..., 2) float32, x and y in color pixels.
    """
    height, width = size
    angle = math.radians(geometry.rotation_deg)
    back = (
        np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        * geometry.zoom
        / scale
    )
    found = np.asarray(points, np.float64) - [width / 2, height / 2]
    found = found @ back.T + np.array([width / 2, height / 2]) / scale
    for _ in range(_MOST_STEPS):
        error = to_view(found, size, scale, geometry) - points
        if np.abs(error).max(initial=0) < 1e-3:
            break
        found = found - error @ back.T
    return found.astype(np.float32)


def integrate(view: NDArray[np.floating], scale: float, geometry: Geometry) -> FloatArray:
    """Collect the light of every color pixel: (H, W, 3) linear view -> (h, w, 3) linear, before any filter.

    A straight camera with a whole scale averages s x s pixels exactly. Otherwise the view is interpolated once
    (cubic), at n x n places inside every color pixel with n chosen so that no pixel of the view is skipped, and
    averaged. Beyond its border the view is mirrored.

    Args:
        view: (H, W, 3) linear.
        scale: mono pixels per color pixel.
        geometry: how the color camera is turned.

    Raises:
        UsageError: less than 2 x 2 color pixels would be left.
    """
    size = view.shape[0], view.shape[1]
    rows, columns = color_size(*size, scale)
    if geometry == Geometry() and scale == int(scale):
        return bin_average(view, int(scale))
    fine = max(1, math.ceil(scale / geometry.zoom - 1e-6))
    picture = np.ascontiguousarray(view, dtype=np.float32)
    total = np.zeros((rows, columns, view.shape[2]), np.float32)
    for y in range(fine):
        for x in range(fine):
            inside = np.array([(x + 0.5) / fine - 0.5, (y + 0.5) / fine - 0.5], np.float32)
            places = to_view(warp.centers(rows, columns) + inside, size, scale, geometry)
            total += warp.sample(picture, _mirrored(places, size), interpolation=warp.CUBIC)
    # A cubic overshoots beside bright edges; there is no negative light.
    return np.maximum(total / np.float32(fine**2), 0)


def _mirrored(places: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Fold positions beyond the picture back into it, at its outer edge."""
    limit = np.array([size[1], size[0]], np.float32)
    return limit - np.abs(limit - np.abs(places) % (2 * limit))
