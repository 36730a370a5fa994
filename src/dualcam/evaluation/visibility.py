"""Which pixels of the mono view the color camera sees too, from the true disparity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

Mask = NDArray[np.bool_]

# Pixels of disparity by which a surface has to be nearer to hide another.
NEARER = 1.0
# Neighbors whose disparities differ by no more than this are one surface: it has no gap between them and, because
# the order of its pixels stays, does not hide itself.
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

    The surfaces of the mono view are carried to the color view's pixel grid, where the nearest one stays. A pixel is
    visible when it arrives inside the picture and no other surface, nearer by more than ``NEARER``, is there.
    Surfaces that only the color camera sees are in no disparity of the mono view and can hide nothing here.

    Args:
        disparity: (H, W), x_color = x_mono - disparity in mono pixels; not finite where unknown.
    """
    height, width = disparity.shape
    known = np.isfinite(disparity)
    filled = np.where(known, disparity, 0).astype(np.float64)
    x = np.arange(width) - filled
    joined = known[:, 1:] & known[:, :-1] & (np.abs(np.diff(filled, axis=1)) <= JOINED)
    surface = np.zeros((height, width), np.intp)
    np.cumsum(~joined, axis=1, out=surface[:, 1:])

    view = _View(np.full((height, width), -np.inf), np.full((height, width), -1, np.intp))
    # A surface that is turned away from the mono camera is wider in the color view: points halfway between
    # neighbors close the gaps that single pixels would leave.
    points = _Points(x, filled, surface, known)
    halfway = _Points(_middle(x), _middle(filled), surface[:, 1:], joined)
    for some in (points, halfway):
        view.keep_nearest(some)
    for some in (points, halfway):
        view.name_surfaces(some)

    column = np.rint(x).astype(np.intp)
    inside = known & (column >= 0) & (column < width)
    column = np.clip(column, 0, width - 1)
    nearer = np.take_along_axis(view.nearest, column, axis=1) > filled + NEARER
    other = np.take_along_axis(view.surface, column, axis=1) != surface
    visible = inside & ~(nearer & other)
    return Regions(visible, known & ~visible, ~known)


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Points of surfaces in the color view, row by row: column, disparity, surface number, and which ones count."""

    x: NDArray[np.float64]
    disparity: NDArray[np.float64]
    surface: NDArray[np.intp]
    valid: Mask


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the color camera sees, (H, W): the largest disparity and the surface it belongs to."""

    nearest: NDArray[np.float64]
    surface: NDArray[np.intp]

    def keep_nearest(self, points: _Points) -> None:
        cells, index = self._cells(points)
        np.maximum.at(self.nearest.reshape(-1), cells, points.disparity[index])

    def name_surfaces(self, points: _Points) -> None:
        cells, index = self._cells(points)
        won = points.disparity[index] == self.nearest.reshape(-1)[cells]
        np.maximum.at(self.surface.reshape(-1), cells[won], points.surface[index][won])

    def _cells(self, points: _Points) -> tuple[NDArray[np.intp], tuple[NDArray[np.intp], ...]]:
        width = self.nearest.shape[1]
        column = np.rint(points.x).astype(np.intp)
        index = np.nonzero(points.valid & (column >= 0) & (column < width))
        return index[0] * width + column[index], index


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return (values[:, 1:] + values[:, :-1]) / 2
