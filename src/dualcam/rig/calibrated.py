"""Placement by a calibrated rig: geometry from the rig, and from the pictures only how far away the scene is.

The placement is what both cameras would see of one surface: a plane across the mono camera's axis, or a sphere about a
fisheye. With it lens distortion and pose are done with; what is left is parallax, and that lies along known lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError, PlacementError, UsageError
from dualcam.frame import Bend, FloatArray, Frame, Placement, Size
from dualcam.rig import drift, warp
from dualcam.rig.cameras import Array, Camera, Rig, project, scaled, unproject
from dualcam.rig.features import match_pictures
from dualcam.rig.mapping import Mapping, nodes

# Nodes along the longer side of a picture, made finer until interpolation between them is this exact, in pixels.
_NODES = (17, 33, 65, 129, 257)
EXACT_PX = 0.05
# A bend smaller than this is none.
_STRAIGHT_PX = 0.01
_EPIPOLAR_NODES = 33
_MIN_OVERLAP = 0.05
# Pictures scaled along with the rig may be rounded to whole pixels.
_ROUNDING_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What both cameras see of one surface, exactly.

    Attributes:
        rig: the rig, its cameras of the size of the pictures.
        inverse: 1 over the distance of the surface in meters: along the mono camera's axis, or for a fisheye along
            every ray. 0 is infinity.
    """

    rig: Rig
    inverse: float

    def to_color(self, points: NDArray[np.floating], nearer: float = 0.0) -> Array:
        """Mono pixels (..., 2) -> color pixels (..., 2); ``nearer`` is added to the inverse distance."""
        rays = unproject(self.rig.mono, points)
        if self.rig.mono.model == "pinhole":
            rays = rays / rays[..., 2:]
        return project(
            self.rig.color, rays @ self.rig.rotation.T + (self.inverse + nearer) * self.rig.translation
        )

    def to_mono(self, points: NDArray[np.floating]) -> Array:
        """Color pixels (..., 2) -> mono pixels (..., 2)."""
        rig, inverse = self.rig, self.inverse
        rays = unproject(rig.color, points) @ rig.rotation
        origin = -inverse * (rig.rotation.T @ rig.translation)
        if rig.mono.model == "pinhole":
            # Rays that never reach the plane lead far outside.
            lengths = (1 - origin[2]) / np.maximum(rays[..., 2], 0.05)
        else:
            along = rays @ origin
            lengths = -along + np.sqrt(np.maximum(along**2 - origin @ origin + 1, 0.0))
        return project(rig.mono, origin + rays * lengths[..., None])


def fitted(rig: Rig, mono: Size, color: Size) -> tuple[Rig, tuple[str, ...]]:
    """The rig for pictures of another size: scaled, where both sides have changed by the same factor.

    Args:
        rig: the rig.
        mono: height and width of the mono picture.
        color: height and width of the color picture.

    Returns:
        The rig, and remarks for the user.

    Raises:
        InputError: a picture has another shape than the rig's camera.
    """
    notes = []
    cameras = {}
    for role, camera, size in (("mono", rig.mono, mono), ("color", rig.color, color)):
        if size != camera.size:
            factor = np.sqrt(size[0] * size[1] / (camera.size[0] * camera.size[1]))
            off = max(abs(size[i] - factor * camera.size[i]) for i in (0, 1))
            if off > _ROUNDING_PX * max(1.0, factor):
                raise InputError(
                    f"the rig's {role} camera takes pictures of {camera.size[1]} x {camera.size[0]} pixels; "
                    f"this one has {size[1]} x {size[0]}, another shape.",
                    "Calibrate with pictures cropped and turned like those to be fused.",
                )
            notes.append(
                f"the {role} picture is {factor:.3g} times the size that the rig was calibrated for; taken as the "
                "whole picture scaled. If it was cropped, calibrate at this size"
            )
        cameras[role] = scaled(camera, size)
    return replace(rig, mono=cameras["mono"], color=cameras["color"]), tuple(notes)


def place_with(
    rig: Rig, mono: Frame, color: Frame, distance: float | None = None
) -> tuple[Placement, tuple[str, ...]]:
    """Place a pair by its rig.

    Args:
        rig: the rig, calibrated at the size of the pictures or a multiple of it.
        mono: the mono frame.
        color: the color frame.
        distance: of the surface at which parallax is 0, in meters; None for the middle of what feature matches show,
            or infinity where there are too few.

    Returns:
        The placement and remarks for the user.

    Raises:
        InputError: a picture has another shape than the rig's camera.
        PlacementError: the rig's cameras do not look at the same things.
        UsageError: the distance is not over 0.
    """
    if distance is not None and not distance > 0:
        raise UsageError(f"the distance is {distance:g} m.", "Give one over 0.")
    mono_size: Size = mono.pixels.shape[0], mono.pixels.shape[1]
    color_size: Size = color.pixels.shape[0], color.pixels.shape[1]
    rig, notes = fitted(rig, mono_size, color_size)
    found = drift.measure(rig, match_pictures(mono.pixels, color.pixels))
    inverse = 1 / distance if distance is not None else 0.0
    if distance is None and found.known:
        inverse = float(np.median(_to_surface(rig.mono, found)))
        # Nothing is farther than infinity; a little noise says so of a far scene.
        inverse = max(inverse, 0.0)
    elif distance is None:
        notes += (
            "too few feature matches to tell the distance of the scene: placed for infinity (see --distance)",
        )
    reference = Reference(rig, inverse)
    placement = of_reference(reference)
    if found.known:
        mapping = Mapping(placement.matrix, placement.bend, mono_size, color_size)
        away = np.linalg.norm(mapping.to_color(found.positions) - found.color_positions, axis=1)
        placement = replace(
            placement, matches=found.matches, parallax_px=float(np.percentile(away, 95)) * placement.scale
        )
    if found.moved:
        notes += (
            f"the rig seems to have moved since it was calibrated (epipolar lines are off by {found.bias_px:.1f} px; "
            "see dualcam rig check): the color is searched for in all directions",
        )
        return replace(placement, epipolar=None, quality=0.5), notes
    return placement, notes


def of_reference(reference: Reference) -> Placement:
    """The placement of a rig for one surface: homography, bend, and the direction of parallax.

    Raises:
        PlacementError: hardly anything of the mono picture lies in the color picture.
    """
    rig = reference.rig
    points = _middles(nodes(66, 66, rig.mono.size))
    there = reference.to_color(points)
    inside = _inside(there, rig.color.size)
    overlap = float(inside.mean())
    if overlap < _MIN_OVERLAP:
        raise PlacementError(
            f"by the rig, only {overlap:.0%} of the mono picture lies inside the color picture.",
            "Check that this is the right rig, and that mono and color are not confused.",
        )
    matrix = _homography(points[inside], there[inside], rig)
    bend = Bend(
        _field(reference.to_color, matrix, rig.mono.size, rig.color.size),
        _field(
            reference.to_mono, np.asarray(np.linalg.inv(matrix), np.float64), rig.color.size, rig.mono.size
        ),
    )
    straight = max(float(np.abs(field).max()) for field in (bend.forward, bend.backward)) < _STRAIGHT_PX
    return Placement(
        matrix=matrix,
        scale=_scale(reference, points[inside]),
        overlap=overlap,
        quality=1.0,
        matches=0,
        parallax_px=0.0,
        method="rig",
        bend=None if straight else bend,
        epipolar=_directions(reference),
    )


def _to_surface(camera: Camera, found: drift.Drift) -> Array:
    """Inverse distances along the rays -> along the axis, where the surface is a plane."""
    if camera.model == "fisheye":
        return found.inverse_distance
    return found.inverse_distance / unproject(camera, found.positions)[..., 2]


def _middles(grid: FloatArray) -> FloatArray:
    return np.asarray((grid[:-1, :-1] + grid[1:, 1:]) / 2, np.float32)


def _inside(points: Array, size: Size, margin: float = 0.0) -> NDArray[np.bool_]:
    return warp.inside(points.astype(np.float32), *size, margin=margin)


def _homography(points: FloatArray, there: Array, rig: Rig) -> Array:
    """The homography that fits best where both cameras look; affine where it would bend over elsewhere."""
    matrix, _ = cv2.findHomography(points.astype(np.float64), there, 0)
    if matrix is not None:
        matrix = np.asarray(matrix, np.float64) / matrix[2, 2]
        if _mild(matrix, rig.mono.size) and _mild(
            np.asarray(np.linalg.inv(matrix), np.float64), rig.color.size
        ):
            return matrix
    flat = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    affine = np.linalg.lstsq(flat, there, rcond=None)[0]
    return np.vstack([affine.T, [0, 0, 1.0]])


def _mild(matrix: Array, size: Size) -> bool:
    """Whether a homography is nearly affine all over a picture."""
    corners = np.array([[0, 0, 1], [size[1], 0, 1], [size[1], size[0], 1], [0, size[0], 1]], np.float64)
    depth = corners @ matrix[2]
    return bool(depth.min() > 0 and depth.max() < 2 * depth.min())


def _field(exact: Callable[[FloatArray], Array], matrix: Array, size: Size, target: Size) -> FloatArray:
    """What a homography leaves over of an exact mapping, at the fewest nodes that say it well inside the target."""
    rest = np.empty((0, 0, 2), np.float32)
    for count in _NODES:
        longest = max(size)
        height, width = (max(2, round((count - 1) * n / longest) + 1) for n in size)
        grid = nodes(height, width, size)
        rest = (exact(grid) - warp.transform(matrix, grid)).astype(np.float32)
        middles = _middles(grid)
        there = exact(middles)
        # Two pixels around, because matches lead a little outside.
        near = _inside(there, target, margin=-2.0)
        between = (rest[:-1, :-1] + rest[1:, 1:] + rest[:-1, 1:] + rest[1:, :-1]) / 4
        error = np.linalg.norm(warp.transform(matrix, middles) + between - there, axis=-1)
        if not near.any() or error[near].max() < EXACT_PX / 2:
            break
    return rest


def _scale(reference: Reference, points: FloatArray) -> float:
    """Mono pixels per color pixel, geometric mean over the overlap."""
    here = reference.to_color(points)
    right, down = (reference.to_color(points + step) - here for step in ([1.0, 0.0], [0.0, 1.0]))
    area = np.abs(right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0])
    return float(1 / np.sqrt(np.median(area)))


def _directions(reference: Reference) -> FloatArray | None:
    """Which way parallax moves what is nearer, in mono pixels; None where that is no smooth field."""
    size = reference.rig.mono.size
    height, width = (max(2, round((_EPIPOLAR_NODES - 1) * n / max(size)) + 1) for n in size)
    points = nodes(height, width, size).astype(np.float64)
    here = reference.to_color(points)
    right, down = (reference.to_color(points + step) - here for step in ([1.0, 0.0], [0.0, 1.0]))
    small = 1e-3 / max(reference.rig.baseline, 1e-9)
    away = reference.to_color(points, small) - here
    determinant = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
    determinant = np.where(np.abs(determinant) > 1e-9, determinant, np.nan)
    x = (away[..., 0] * down[..., 1] - away[..., 1] * down[..., 0]) / determinant
    y = (right[..., 0] * away[..., 1] - right[..., 1] * away[..., 0]) / determinant
    length = np.hypot(x, y)
    inside = _inside(here, reference.rig.color.size)
    if not inside.any() or not np.isfinite(length[inside]).all() or length[inside].min() < 1e-6:
        return None
    unit = np.stack([x, y], axis=-1) / np.where(length > 0, length, 1)[..., None]
    mean = unit[inside].mean(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    # Around an epipole inside the picture, as of cameras behind each other, lines run in all directions.
    if (unit[inside] @ mean).min() < 0.5:
        return None
    unit = np.where(inside[..., None] & np.isfinite(unit), unit, mean)
    return unit.astype(np.float32)
