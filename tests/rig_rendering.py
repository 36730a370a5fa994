"""Pictures of a board, rendered through known cameras: for every pixel the rays that it gathers, and where they hit."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from dualcam.calibration.board import Board
from dualcam.calibration.target import rectangles
from dualcam.rig.cameras import Camera, Rig, unproject

_PER_MM = 8
_RAYS = 2
BOARD = Board(11, 7, 24, 18)
_BORDER_MM = 12.0


def texture(board: Board) -> np.ndarray:
    """The board with a white border: (h, w) float32, 0 to 1, ``_PER_MM`` pixels a millimeter."""
    size = [round((n * board.square_mm + 2 * _BORDER_MM) * _PER_MM) for n in (board.rows, board.columns)]
    picture = np.ones(size, np.float32)
    for x, y, w, h in rectangles(board):
        left, top, right, bottom = (round((v + _BORDER_MM) * _PER_MM) for v in (x, y, x + w, y + h))
        picture[top:bottom, left:right] = 0
    return cv2.GaussianBlur(picture, (0, 0), 2.0)


@lru_cache(maxsize=8)
def _rays(camera: Camera) -> np.ndarray:
    """What a grid finer than the pixels sees: (H * _RAYS, W * _RAYS, 3)."""
    height, width = camera.size
    y, x = np.mgrid[0 : height * _RAYS, 0 : width * _RAYS].astype(np.float64)
    return unproject(camera, np.stack([x + 0.5, y + 0.5], axis=-1) / _RAYS).astype(np.float32)


def render(
    camera: Camera,
    board: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    rng: np.random.Generator,
    noise: float = 0.01,
    blur: float = 0.6,
) -> np.ndarray:
    """A (H, W) uint8 picture of a board texture at X_camera = rotation . X_board + translation (meters)."""
    height, width = camera.size
    rays = _rays(camera)
    rotation, translation = rotation.astype(np.float32), np.asarray(translation, np.float32)
    normal = rotation[:, 2]
    depth = normal @ translation / np.where(np.abs(rays @ normal) > 1e-9, rays @ normal, 1e-9)
    hit = (rays * depth[..., None] - translation) @ rotation
    place = ((hit[..., :2] * 1000 + _BORDER_MM) * _PER_MM - 0.5).astype(np.float32)
    place[(depth <= 0) | (rays[..., 2] < -0.9)] = -1e4
    fine = cv2.remap(board, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderValue=0.35)
    picture = fine.reshape(height, _RAYS, width, _RAYS).mean(axis=(1, 3))
    picture = cv2.GaussianBlur(0.08 + 0.8 * picture, (0, 0), blur)
    picture = picture + rng.normal(0, noise, picture.shape)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def poses(
    board: Board, camera: Camera, count: int, rng: np.random.Generator, distance: tuple[float, float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ways to hold a board before a camera: tilted by up to 35 degrees, its middle spread over the picture."""
    middle = np.array([board.columns, board.rows, 0]) * board.square_mm / 2000
    found = []
    height, width = camera.size
    for i in range(count):
        turn = np.radians(rng.uniform(-35, 35, 3)) * [1, 1, 0.6]
        rotation = cv2.Rodrigues(turn)[0]
        # A grid of places, shaken: every part of the picture gets its turn.
        place = np.array([0.2 + 0.6 * (i % 3) / 2, 0.25 + 0.5 * (i // 3 % 3) / 2]) + rng.uniform(
            -0.08, 0.08, 2
        )
        ray = unproject(camera, place * [width, height])
        found.append((rotation, ray * rng.uniform(*distance) - rotation @ middle))
    return found


def pinhole_pair() -> Rig:
    """A mono camera and a smaller color camera with a wider lens, both distorted."""
    mono = Camera(
        "pinhole",
        (450, 600),
        np.array([[570.0, 0, 307], [0, 571, 222], [0, 0, 1]]),
        (-0.24, 0.09, 8e-4, -5e-4, 0),
    )
    color = Camera(
        "pinhole",
        (420, 560),
        np.array([[440.0, 0, 283], [0, 441, 207], [0, 0, 1]]),
        (-0.3, 0.11, -6e-4, 9e-4, 0),
    )
    rotation = cv2.Rodrigues(np.radians([0.8, -1.5, 0.6]))[0]
    return Rig(mono, color, rotation, np.array([-0.05, 0.004, 0.002]))


def fisheye_pair() -> Rig:
    """A fisheye mono camera and a pinhole color camera of another size."""
    mono = Camera(
        "fisheye",
        (450, 600),
        np.array([[290.0, 0, 303], [0, 290.5, 223], [0, 0, 1]]),
        (-0.02, 0.012, -0.006, 0.001),
    )
    rotation = cv2.Rodrigues(np.radians([-1.0, 2, -0.5]))[0]
    return Rig(mono, pinhole_pair().color, rotation, np.array([0.06, -0.003, 0.001]))


def wall(rng: np.random.Generator, size: int = 900) -> np.ndarray:
    """A colorful texture with detail at all sizes: (size, size, 3) float32 in 0.05 to 0.95."""
    picture = np.zeros((size, size, 3), np.float32)
    for cells, weight in ((9, 1.0), (30, 0.7), (90, 0.6), (300, 0.4)):
        noise = rng.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        picture += weight * cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(0.5 + 0.3 * picture, 0.05, 0.95)


def shoot_board(rig: Rig, folder: Path, count: int, distance: tuple[float, float], seed: int) -> None:
    """Pairs of pictures of a board, in the folders mono and color; the files of a pair have the same number."""
    rng, board = np.random.default_rng(seed), texture(BOARD)
    for name in ("mono", "color"):
        (folder / name).mkdir()
    for i, (rotation, translation) in enumerate(poses(BOARD, rig.mono, count, rng, distance)):
        mono = render(rig.mono, board, rotation, translation, rng)
        turned = rig.rotation @ rotation, rig.rotation @ translation + rig.translation
        color = render(rig.color, board, *turned, rng)
        cv2.imwrite(str(folder / "mono" / f"m_{i:02d}.png"), mono)
        # A warm light: the channels differ.
        cv2.imwrite(
            str(folder / "color" / f"c_{i:02d}.png"),
            np.rint(color[..., None] * [0.7, 0.9, 1.0]).astype(np.uint8),
        )


class Room:
    """Two textured walls across the mono camera's axis: one at ``far`` meters, before its left half one at ``near``."""

    def __init__(self, rng: np.random.Generator, near: float = 1.2, far: float = 2.0) -> None:
        self.walls = ((near, wall(rng), 0.0), (far, wall(rng), np.inf))
        self.width = 6.0

    def hits(self, rays: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 3) where rays from an origin end, in the mono camera's frame, and their colors (..., 3)."""
        points = np.full(rays.shape, np.nan)
        colors = np.zeros(rays.shape, np.float32)
        for depth, texture_, edge in self.walls:
            way = (depth - origin[2]) / np.maximum(rays[..., 2], 1e-6)
            there = origin + rays * way[..., None]
            new = np.isnan(points[..., 0]) & (there[..., 0] < edge)
            place = ((there[..., :2] / self.width + 0.5) * len(texture_) - 0.5).astype(np.float32)
            seen = cv2.remap(
                texture_, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
            )
            points[new], colors[new] = there[new], seen[new]
        return points, colors

    def mono(self, rig: Rig) -> tuple[np.ndarray, np.ndarray]:
        """What the mono camera sees: color (H, W, 3) float32 and points (H, W, 3)."""
        colors = self.hits(_rays(rig.mono).astype(np.float64), np.zeros(3))[1]
        height, width = rig.mono.size
        fine = colors.reshape(height, _RAYS, width, _RAYS, 3).mean(axis=(1, 3))
        y, x = np.mgrid[0:height, 0:width] + 0.5
        return fine, self.hits(unproject(rig.mono, np.stack([x, y], axis=-1)), np.zeros(3))[0]

    def color(self, rig: Rig) -> np.ndarray:
        """What the color camera sees: (h, w, 3) float32."""
        rays = _rays(rig.color).astype(np.float64) @ rig.rotation
        colors = self.hits(rays, -rig.rotation.T @ rig.translation)[1]
        height, width = rig.color.size
        return colors.reshape(height, _RAYS, width, _RAYS, 3).mean(axis=(1, 3))
