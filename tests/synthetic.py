"""A world of known truth: a textured, colorful scene seen by a mono and a color camera side by side.

The two views share a plane (one homography) and may have one nearer object in front of it, which the color camera
sees shifted, so that it hides other parts of the background: true occlusion, not a bent picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from dualcam.camera import sensor

WEIGHTS = np.array([0.30, 0.50, 0.20], np.float32)
# The scene goes on around the mono view by this share of its size on every side.
MARGIN = 0.5


def to_display(linear):
    """The sRGB curve, written again on purpose: the tests do not take it from the code they test."""
    x = np.clip(np.asarray(linear, np.float64), 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-12) ** (1 / 2.4) - 0.055)


def to_linear(display):
    """Undo ``to_display``."""
    y = np.asarray(display, np.float64)
    return np.where(y <= 0.04045, y / 12.92, ((y + 0.055) / 1.055) ** 2.4)


def to_bits(linear, bits=8):
    """Store a linear picture as an sRGB file would: uint8 or uint16."""
    kind = np.uint8 if bits == 8 else np.uint16
    return np.rint(to_display(linear) * (2**bits - 1)).astype(kind)


def psnr(a, b):
    """Peak signal-to-noise ratio of two display pictures with white at 1, in dB."""
    return float(-10 * np.log10(np.mean((np.asarray(a, np.float64) - b) ** 2) + 1e-12))


def color_error(a, b):
    """Mean difference of the chroma (color less its own mean) of two display pictures, 0 to 1."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.abs((a - a.mean(-1, keepdims=True)) - (b - b.mean(-1, keepdims=True))).mean())


@cache
def scene(height=480, width=640, seed=0, texture=1.0, saturation=1.0):
    """A linear picture (height, width, 3) in [0.01, 0.9]: shaded colored shapes, edges, fine texture."""
    rng = np.random.default_rng([seed, height, width])
    unit = max(height, width)
    picture = np.empty((height, width, 3), np.float32)
    for c in range(3):
        coarse = rng.uniform(0.15, 0.6, (5, 6)).astype(np.float32)
        picture[..., c] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for size in np.geomspace(unit / 5, unit / 40, 70):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        color = tuple(float(v) for v in rng.uniform(0.03, 0.85, 3))
        spread, turn = size * rng.uniform(0.4, 1.0, 2), float(rng.uniform(0, 180))
        if rng.random() < 0.5:
            cv2.ellipse(picture, ((x, y), tuple(float(s) for s in spread), turn), color, -1, cv2.LINE_AA)
        else:
            box = cv2.boxPoints(((x, y), tuple(float(s) for s in spread), turn))
            cv2.fillConvexPoly(picture, np.rint(box).astype(np.int32), color, cv2.LINE_AA)
    fine = np.zeros((height, width), np.float32)
    for cell, strength in ((2, 0.5), (4, 0.7), (9, 1.0), (25, 1.0)):
        noise = rng.normal(0, strength, (height // cell + 2, width // cell + 2)).astype(np.float32)
        fine += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    picture *= np.exp(0.12 * texture * fine)[..., None]
    gray = picture.mean(-1, keepdims=True)
    picture = np.clip(gray + saturation * (picture - gray), 0.01, 0.9)
    picture.setflags(write=False)
    return picture


@dataclass(frozen=True)
class Rig:
    """How the two cameras differ.

    Attributes:
        scale: mono pixels per color pixel.
        fov: width of the color camera's field over the mono camera's.
        rotation: degrees.
        shift: of the color view, in mono pixels.
        tilt: perspective terms of the homography, per mono pixel.
        parallax: shift of the near object in the color view, in mono pixels; None without an object.
    """

    scale: float = 2.0
    fov: float = 1.0
    rotation: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    tilt: tuple[float, float] = (0.0, 0.0)
    parallax: tuple[float, float] | None = None

    def color_size(self, height, width):
        return max(1, round(height * self.fov / self.scale)), max(1, round(width * self.fov / self.scale))

    def matrix(self, height, width):
        """Mono to color pixels, pixel centers at integer + 0.5."""
        rows, columns = self.color_size(height, width)
        angle = np.radians(self.rotation)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / self.scale
        out = np.eye(3)
        out[:2, :2] = turn
        out[:2, 2] = [columns / 2, rows / 2]
        out[:2, 2] += turn @ (np.array(self.shift) - [width / 2, height / 2])
        bend = np.eye(3)
        bend[2, :2] = self.tilt
        bend[2, 2] = 1 - np.dot(self.tilt, [width / 2, height / 2])
        return out @ bend


@dataclass(frozen=True, eq=False)
class World:
    """Two noise-free views and what is true about them.

    Attributes:
        truth: (H, W, 3) linear, the mono view in color.
        color: (h, w, 3) linear, the color view.
        matrix: (3, 3), mono to color pixels on the background.
        near: (H, W) bool, the near object in the mono view.
        hidden: (H, W) bool, background that the near object hides from the color camera.
        seen: (H, W) bool, inside the color camera's field.
    """

    truth: np.ndarray
    color: np.ndarray
    matrix: np.ndarray
    near: np.ndarray
    hidden: np.ndarray
    seen: np.ndarray


def grid(height, width):
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x, y], -1)


def apply(matrix, points):
    """Apply a homography to (..., 2) points, in float64."""
    moved = np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ np.asarray(matrix).T
    return moved[..., :2] / moved[..., 2:]


def look_up(picture, positions):
    x, y = (np.ascontiguousarray(positions[..., i] - 0.5, np.float32) for i in (0, 1))
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def world(rig=None, height=480, width=640, seed=0, **look):
    """Build both views of a scene; ``look`` goes to ``scene``."""
    rig = rig or Rig()
    top, left = round(height * MARGIN), round(width * MARGIN)
    corner = np.array([left, top])
    back = scene(height + 2 * top, width + 2 * left, seed, **look)
    front = scene(height + 2 * top, width + 2 * left, seed + 1000, **look)
    mask = np.zeros(back.shape[:2], np.float32)
    if rig.parallax is not None:
        middle = (left + round(0.5 * width), top + round(0.55 * height))
        cv2.ellipse(mask, middle, (round(0.16 * width), round(0.24 * height)), 20, 0, 360, 1.0, -1)
    moved = np.array(rig.parallax or (0.0, 0.0))
    near = mask[top : top + height, left : left + width] > 0.5
    window = np.s_[top : top + height, left : left + width]
    truth = np.where(near[..., None], front[window], back[window])

    matrix = rig.matrix(height, width)
    rows, columns = rig.color_size(height, width)
    fine = max(1, int(np.ceil(rig.scale)))
    positions = apply(np.linalg.inv(matrix), grid(rows * fine, columns * fine) / fine) + corner
    covered = look_up(mask, positions - moved) > 0.5
    color = np.where(covered[..., None], look_up(front, positions - moved), look_up(back, positions))
    color = color.reshape(rows, fine, columns, fine, 3).mean((1, 3)).astype(np.float32)

    points = grid(height, width)
    hidden = (look_up(mask, points + corner - moved) > 0.5) & ~near
    x, y = np.moveaxis(apply(matrix, points + near[..., None] * moved), -1, 0)
    seen = (x >= 0) & (x <= columns) & (y >= 0) & (y <= rows)
    return World(truth, color, matrix, near, hidden, seen)


@dataclass(frozen=True)
class Light:
    """Electrons at white, how much darker color is shot, read noise in electrons, and the color file's bits."""

    mono_electrons: float = 4000.0
    color_electrons: float = 4000.0
    ratio: float = 8.0
    read: float = 2.0
    bits: int = 8
    mosaic: bool = True
    gamma: float = 1.0


CLEAN = Light(1e7, 1e7, 1.0, 0.0, 16, False)


def shoot(view, light=None, weights=WEIGHTS, seed=0, mono=None):
    """Take both pictures of a world: mono (H, W) uint16 and color (h, w, 3) uint8 or uint16, as files hold them.

    ``mono`` replaces the linear mono signal, for spectra that color does not explain.
    """
    light = light or Light()
    rng = np.random.default_rng([seed, 7])
    signal = view.truth @ np.asarray(weights, np.float32) if mono is None else mono
    plane = sensor.expose(signal, light.mono_electrons, light.read, rng)
    dark = view.color
    if light.mosaic:
        dark = sensor.mosaic(dark)
    dark = sensor.expose(dark, light.color_electrons / light.ratio, light.read, rng) / np.float32(light.ratio)
    if light.mosaic:
        dark = sensor.demosaic(np.clip(dark, 0, 1))
    return to_bits(plane, 16), to_bits(np.clip(dark, 0, 1) ** light.gamma, light.bits)


def corner_error(matrix, true, height, width):
    """Mean distance of the mono picture's corners (a tenth inside) after both matrices, in color pixels."""
    corners = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]) * [width, height]
    return float(np.linalg.norm(apply(matrix, corners) - apply(true, corners), axis=-1).mean())


def corner_errors_inside(matrix, true, seen):
    """The 95th percentile of the placement error over the field both cameras see, in color pixels."""
    points = grid(*seen.shape)[::8, ::8][seen[::8, ::8]]
    return float(np.percentile(np.linalg.norm(apply(matrix, points) - apply(true, points), axis=-1), 95))
