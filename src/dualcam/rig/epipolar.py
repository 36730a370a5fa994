"""What a rig says about where a mono pixel may be seen by the color camera, and how far matches are from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.rig.cameras import Array, Rig, focal, project, unproject


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Matches seen along and across the lines of a rig.

    Attributes:
        inverse_distance: (n,) 1 over the distance along the mono ray, per meter, that explains a match best.
        across_px: (n,) how far the match is from its epipolar line, signed, in mono pixels.
        along_px: (n,) parallax: how far along the line it is from where infinity would be seen, in mono pixels.
    """

    inverse_distance: Array
    across_px: Array
    along_px: Array


def residuals(rig: Rig, mono: NDArray[np.floating], color: NDArray[np.floating]) -> Residuals:
    """Measure matches against a rig.

    Args:
        rig: the rig, its cameras of the size of the pictures.
        mono: (n, 2) positions in the mono picture.
        color: (n, 2) positions in the color picture.
    """
    rays = unproject(rig.mono, mono) @ rig.rotation.T
    color = np.asarray(color, np.float64)
    unit = _step(rig)
    inverse = np.zeros(len(rays))
    for _ in range(8):
        here = project(rig.color, rays + inverse[:, None] * rig.translation)
        slope = (project(rig.color, rays + (inverse + unit)[:, None] * rig.translation) - here) / unit
        steepness = np.maximum((slope**2).sum(axis=1), 1e-12)
        inverse = inverse + ((color - here) * slope).sum(axis=1) / steepness
        # Beyond the baseline's own length lies nothing that both could see; a step past the pole has no way back.
        inverse = np.clip(inverse, -20 * unit, 0.9 / max(rig.baseline, 1e-9))
    here = project(rig.color, rays + inverse[:, None] * rig.translation)
    slope = project(rig.color, rays + (inverse + unit)[:, None] * rig.translation) - here
    normal = np.stack([-slope[:, 1], slope[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    to_mono = focal(rig.mono) / focal(rig.color)
    far = project(rig.color, rays)
    along = np.linalg.norm(here - far, axis=1) * np.sign(inverse)
    return Residuals(inverse, ((color - here) * normal).sum(axis=1) * to_mono, along * to_mono)


def _step(rig: Rig) -> float:
    """Inverse distance that moves a point by about a tenth of a color pixel."""
    return 0.1 / max(focal(rig.color) * rig.baseline, 1e-9)
