"""The ChArUco board: a chessboard whose white squares hold markers, so that any part of it can be told from the rest.

Garrido-Jurado et al. 2014 (markers), An et al. 2018 (board); found by OpenCV.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.errors import UsageError

# Words as they are printed on a board, OpenCV's names behind them.
DICTIONARIES = {
    f"{cells}x{cells}_{count}": f"DICT_{cells}X{cells}_{count}"
    for cells in (4, 5, 6, 7)
    for count in (50, 100, 250, 1000)
}


@dataclass(frozen=True, slots=True)
class Board:
    """A board as printed.

    Attributes:
        columns: squares from left to right.
        rows: squares from top to bottom.
        square_mm: side of a square in millimeters.
        marker_mm: side of a marker in millimeters, its black border included.
        dictionary: family of markers, a key of ``DICTIONARIES``.
        legacy: an even number of rows begins with a white square, as OpenCV did before 4.6.
    """

    columns: int
    rows: int
    square_mm: float
    marker_mm: float
    dictionary: str = "5x5_100"
    legacy: bool = False

    def __str__(self) -> str:
        text = f"{self.columns}x{self.rows},{self.square_mm:g},{self.marker_mm:g},{self.dictionary}"
        return f"{text},legacy" if self.legacy else text

    @property
    def markers(self) -> int:
        """Number of its markers."""
        return self.columns * self.rows // 2

    @property
    def corners(self) -> int:
        """Number of its inner corners."""
        return (self.columns - 1) * (self.rows - 1)

    def points(self) -> NDArray[np.float64]:
        """Its inner corners (n, 3) in meters, in the order of their numbers; z is 0."""
        return np.asarray(self.charuco().getChessboardCorners(), np.float64) / 1000

    def charuco(self) -> cv2.aruco.CharucoBoard:
        """The board as OpenCV knows it, in millimeters."""
        words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, DICTIONARIES[self.dictionary]))
        board = cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_mm, self.marker_mm, words)
        board.setLegacyPattern(self.legacy)
        return board


def parse(text: str, square_mm: float | None = None) -> Board:
    """Read what is printed on a board, such as "11x7,24,18,5x5_100".

    Args:
        text: squares across x down, side of a square, side of a marker (millimeters), dictionary, and "legacy" or
            nothing.
        square_mm: the side of a square as measured on the paper; markers have grown or shrunk with it.

    Raises:
        UsageError: it is no board.
    """
    parts = [part.strip() for part in text.lower().split(",")]
    size = re.fullmatch(r"(\d+)x(\d+)", parts[0])
    legacy = parts[-1] == "legacy"
    parts = parts[:-1] if legacy else parts
    try:
        if size is None or len(parts) not in (3, 4):
            raise ValueError
        dictionary = parts[3] if len(parts) == 4 else "5x5_100"
        board = Board(int(size[1]), int(size[2]), float(parts[1]), float(parts[2]), dictionary, legacy)
    except ValueError:
        raise UsageError(
            f"{text!r} describes no board.",
            "Copy the line that is printed on it, such as 11x7,24,18,5x5_100.",
        ) from None
    if square_mm is not None and board.square_mm > 0:
        board = replace(
            board, square_mm=square_mm, marker_mm=round(board.marker_mm * square_mm / board.square_mm, 4)
        )
    check(board)
    return board


def check(board: Board) -> None:
    """Refuse a board that cannot be.

    Raises:
        UsageError: too few squares, a marker that does not fit its square, an unknown or too small dictionary.
    """
    problem = ""
    if not (3 <= board.columns <= 60 and 3 <= board.rows <= 60):
        problem, remedy = f"it has {board.columns} x {board.rows} squares", "Use 3 to 60 each way."
    elif not 0 < board.marker_mm < board.square_mm < 10_000:
        problem = f"a marker of {board.marker_mm:g} mm does not fit a square of {board.square_mm:g} mm"
        remedy = "Make markers about 3/4 of the square."
    elif board.dictionary not in DICTIONARIES:
        problem = f"the dictionary {board.dictionary!r} is not known"
        remedy = f"Use one of {', '.join(DICTIONARIES)}."
    elif board.markers > int(board.dictionary.split("_")[1]):
        problem = f"it needs {board.markers} markers, more than {board.dictionary} has"
        remedy = "Use a larger dictionary, or fewer squares."
    if problem:
        raise UsageError(f"the board {board} cannot be: {problem}.", remedy)
