"""Which pixels of the mono view the color camera sees too, from the true disparity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

Mask = NDArray[np.bool_]

# Pixels of disparity by which a surface has to be nearer to hide another: a slanted surface does not hide itself.
NEARER = 1.0
# Neighbors whose disparities differ by no more than this are one surface, without a gap between them.
JOINED = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Three masks (H, W) that make up the whole picture, each pixel in one.

    Attributes:
        visible: seen by both cameras.
        occluded: behind a nearer surface for the color camera, or outside its picture.
        unknown: without a true disparity.
    """

    visible: Mask
    occluded: Mask
    unknown: Mask


def regions(disparity: FloatArray) -> Regions:
    """Tell visible from occluded pixels of a rectified pair of views of one size.

    The surfaces of the mono view are carried to the color view's pixel grid, where the nearest one stays; a pixel is
    visible when it arrives inside the picture and nothing nearer by more than ``NEARER`` is there. Surfaces that
    only the color camera sees are in no disparity of the mono view and can hide nothing here.

    Args:
        disparity: (H, W), x_color = x_mono - disparity in mono pixels; not finite where unknown.
    """
    height, width = disparity.shape
    known = np.isfinite(disparity)
    filled = np.where(known, disparity, 0).astype(np.float64)
    x = np.arange(width) - filled
    nearest = np.full((height, width), -np.inf)
    _keep_nearest(nearest, x, filled, known)
    # A surface that is turned away from the mono camera is wider in the color view: points halfway between
    # neighbors close the gaps that single pixels would leave.
    joined = known[:, 1:] & known[:, :-1] & (np.abs(np.diff(filled, axis=1)) <= JOINED)
    _keep_nearest(nearest, (x[:, 1:] + x[:, :-1]) / 2, (filled[:, 1:] + filled[:, :-1]) / 2, joined)

    column = np.rint(x).astype(np.intp)
    inside = known & (column >= 0) & (column < width)
    found = np.take_along_axis(nearest, np.clip(column, 0, width - 1), axis=1)
    visible = inside & (found <= filled + NEARER)
    return Regions(visible, known & ~visible, ~known)


def _keep_nearest(
    nearest: NDArray[np.float64], x: NDArray[np.float64], disparity: NDArray[np.float64], valid: Mask
) -> None:
    """Write disparities to the columns nearest to x, where they are the largest so far."""
    width = nearest.shape[1]
    column = np.rint(x).astype(np.intp)
    rows, where = np.nonzero(valid & (column >= 0) & (column < width))
    np.maximum.at(nearest.ravel(), rows * width + column[rows, where], disparity[rows, where])
