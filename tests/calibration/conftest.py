"""Folders of pictures of a board, taken by rendered rigs. Rendered once for all tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dualcam.calibration.board import Board
from rig_rendering import Rig, fisheye_pair, pinhole_pair, poses, render, texture

BOARD = Board(11, 7, 24, 18)


def shoot(rig: Rig, folder: Path, count: int, distance: tuple[float, float], seed: int) -> None:
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


@pytest.fixture(scope="session")
def pinhole_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pinhole")
    shoot(pinhole_pair(), folder, 12, (0.32, 0.5), seed=3)
    return folder


@pytest.fixture(scope="session")
def fisheye_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fisheye")
    shoot(fisheye_pair(), folder, 12, (0.22, 0.4), seed=4)
    return folder
