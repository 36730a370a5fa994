"""What makes a pair hard, for ``hard_pairs.py``: how each camera's pixels lie on its clean view of the scene.

Both views are wider than what the cameras show, so that a turned or bent camera sees scene and no mirrored border.
Positions are pixels of the picture as it is shown (before the scale), centers at integer + 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dualcam.rig import warp
from dualcam.simulation.settings import MonoResponse, Settings

SHOWN = 0.8  # of the views' width and height


def straight(points, size):
    """Look at the middle of the view."""
    return points


def turned(degrees, zoom=1.0):
    def look(points, size):
        middle = np.array([size[1] / 2, size[0] / 2], np.float32)
        a = math.radians(degrees)
        turn = np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) / zoom
        return (points - middle) @ turn.astype(np.float32) + middle

    return look


def distorted(amount):
    """A pixel at the radius r (1 in the corners) looks at r (1 + amount (r^2 - 1)): corners stay, 3 % is 0.03."""

    def look(points, size):
        middle = np.array([size[1] / 2, size[0] / 2], np.float32)
        away = points - middle
        r2 = (away**2).sum(-1, keepdims=True) / (middle**2).sum()
        return away * (1 + amount * (r2 - 1)) + middle

    return look


def fisheye(half_angle):
    """An equidistant lens whose corners look as far as the view reaches."""

    def look(points, size):
        middle = np.array([size[1] / 2, size[0] / 2], np.float32)
        away = points - middle
        r = np.sqrt((away**2).sum(-1, keepdims=True) / (middle**2).sum())
        grow = np.tan(np.minimum(r, 1.2) * half_angle) / np.maximum(r, 1e-6)
        return away * grow / (math.tan(half_angle) * SHOWN) + middle

    return look


def rolling(skew, wobble):
    """A camera that pans and shakes while its rows are read: ``skew`` and ``wobble`` in shares of the width."""

    def look(points, size):
        time = points[..., 1] / size[0]
        x = skew * (time - 0.5) + wobble * np.sin(2 * np.pi * (1.3 * time + 0.1))
        y = 0.7 * wobble * np.sin(2 * np.pi * (1.7 * time + 0.4))
        return points + (np.stack([x, y], axis=-1) * size[1]).astype(np.float32)

    return look


@dataclass(frozen=True)
class Kind:
    """One kind of hard pair.

    Attributes:
        name: what the table calls it.
        mono: where in its view the mono camera looks.
        color: the same of the color camera.
        moved: parts of the color view move by up to this share of the width.
        infrared: near-infrared leak of the mono camera, relative to visible light.
    """

    name: str
    mono: Callable = straight
    color: Callable = straight
    moved: float = 0.0
    infrared: float = 0.0

    def settings(self, base: Settings) -> Settings:
        """The simulator's settings for this kind of mono camera."""
        response = replace(MonoResponse(), infrared=self.infrared)
        return replace(base, mono=replace(base.mono, response=response))


def both(look):
    return {"mono": look, "color": look}


KINDS = (
    Kind("straight"),
    Kind("turned +5°", color=turned(5)),
    Kind("turned -5°", color=turned(-5)),
    Kind("turned +15°", color=turned(15)),
    Kind("turned -15°", color=turned(-15)),
    Kind("barrel 1 % in color", color=distorted(0.01)),
    Kind("barrel 3 % in color", color=distorted(0.03)),
    Kind("pincushion 3 % in color", color=distorted(-0.03)),
    Kind("barrel 3 % in both", **both(distorted(0.03))),
    Kind("barrel 3 % in mono, turned 5°", mono=distorted(0.03), color=turned(5)),
    Kind("fisheye color", color=fisheye(0.9)),
    Kind("rolling shutter", color=rolling(0.012, 0.006)),
    Kind("moving objects", moved=0.10),
    Kind("near-infrared mono", infrared=10.0),
)

STARS = (
    Kind("straight"),
    Kind("turned +5°, zoom 1.3", color=turned(5, 1.3)),
    Kind("turned -15°, zoom 0.85", color=turned(-15, 0.85)),
    Kind("barrel 3 % in color", color=distorted(0.03)),
    Kind("near-infrared mono", infrared=1.0, color=turned(2, 1.1)),
)


def shown(view, look):
    """Render (H, W, 3) linear as a camera with this look shows it: a smaller picture, and its map into the view."""
    height, width = view.shape[:2]
    size = round(height * SHOWN), round(width * SHOWN)
    places = map_of(look, size, (height, width))(warp.centers(*size))
    picture = warp.sample(np.ascontiguousarray(view, np.float32), places, interpolation=warp.CUBIC)
    return np.clip(picture, 0, 1)


def map_of(look, size, view):
    """The function from positions in the shown picture to positions in the view."""
    margin = np.array([(view[1] - size[1]) / 2, (view[0] - size[0]) / 2], np.float32)
    return lambda points: np.asarray(look(np.asarray(points, np.float32), size) + margin, np.float32)


def with_moved_objects(view, share, rng, count=6):
    """Parts of a view moved elsewhere, up to this share of the width, edges soft."""
    height, width = view.shape[:2]
    out = np.array(view, np.float32)
    for _ in range(count):
        x, y = rng.uniform(0.2, 0.8, 2) * [width, height]
        axes = rng.uniform(0.05, 0.11, 2) * width
        away = rng.uniform(0.3, 1.0) * share * width
        angle = rng.uniform(0, 2 * np.pi)
        mask = np.zeros((height, width), np.float32)
        cv2.ellipse(mask, ((x, y), (2 * axes[0], 2 * axes[1]), 0.0), 1.0, -1, cv2.LINE_AA)
        shift = np.float32([[1, 0, away * math.cos(angle)], [0, 1, away * math.sin(angle)]])
        there = cv2.warpAffine(mask, shift, (width, height))[..., None]
        moved = cv2.warpAffine(out, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
        out = out * (1 - there) + moved * there
    return out
