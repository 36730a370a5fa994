"""Folders of pictures of a board, taken by rendered rigs. Rendered once for all tests."""

from __future__ import annotations

import pytest

from rig_rendering import fisheye_pair, pinhole_pair, shoot_board


@pytest.fixture(scope="session")
def pinhole_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pinhole")
    shoot_board(pinhole_pair(), folder, 12, (0.32, 0.5), seed=3)
    return folder


@pytest.fixture(scope="session")
def fisheye_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fisheye")
    shoot_board(fisheye_pair(), folder, 12, (0.22, 0.4), seed=4)
    return folder
