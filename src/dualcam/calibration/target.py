"""A board to print: a PDF of rectangles, so that its size is exact at any resolution.

A PDF of filled rectangles and a line of text is so simple that writing it takes no library.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.calibration.board import DICTIONARIES, Board, check
from dualcam.errors import UsageError

# Width and height in millimeters, lying on the long side, and the board that fits.
PAPERS = {
    "a4": ((297.0, 210.0), Board(11, 7, 24, 18)),
    "a3": ((420.0, 297.0), Board(11, 7, 35, 26)),
    "letter": ((279.4, 215.9), Board(11, 7, 23, 17)),
}
_POINTS = 72 / 25.4
# Printers leave about 5 mm white; text and ruler need the rest, below the board.
_MARGIN_MM, _TEXT_MM = 6.0, 12.0
Rectangle = tuple[float, float, float, float]
"""Left, top, width, height, in millimeters from the top left corner."""


def rectangles(board: Board) -> list[Rectangle]:
    """The black areas of a board, from its own top left corner."""
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, DICTIONARIES[board.dictionary]))
    charuco, square = board.charuco(), board.square_mm
    # Which squares hold a marker is the library's to say: the rule has changed between its versions.
    holders = {
        (int(corners[:, 0].mean() // square), int(corners[:, 1].mean() // square)): int(name)
        for corners, name in zip(charuco.getObjPoints(), np.ravel(charuco.getIds()), strict=True)
    }
    cells = words.markerSize + 2
    step, inset = board.marker_mm / cells, (square - board.marker_mm) / 2
    found: list[Rectangle] = []
    for row in range(board.rows):
        for column in range(board.columns):
            left, top = column * square, row * square
            if (column, row) not in holders:
                found.append((left, top, square, square))
                continue
            bits = cv2.aruco.generateImageMarker(words, holders[column, row], cells, borderBits=1)
            found += [
                (left + inset + first * step, top + inset + line * step, count * step, step)
                for line in range(cells)
                for first, count in _runs(bits[line] == 0)
            ]
    return found


def to_pdf(board: Board, paper: str = "a4") -> bytes:
    """A page with the board at its exact size, its parameters and a ruler of 100 mm.

    Args:
        board: what to print.
        paper: a key of ``PAPERS``.

    Raises:
        UsageError: an unknown paper, or a board that cannot be or does not fit on it.
    """
    check(board)
    if paper not in PAPERS:
        raise UsageError(f"there is no paper {paper!r}.", f"Use one of {', '.join(PAPERS)}.")
    width, height = PAPERS[paper][0]
    across, down = board.columns * board.square_mm, board.rows * board.square_mm
    room = width - 2 * _MARGIN_MM, height - 2 * _MARGIN_MM - _TEXT_MM
    if across > room[0] or down > room[1]:
        raise UsageError(
            f"a board of {across:g} x {down:g} mm does not fit on {paper} (there is room for "
            f"{room[0]:g} x {room[1]:g} mm).",
            "Use fewer or smaller squares, or larger paper.",
        )
    left, top = (width - across) / 2, (height - _TEXT_MM - down) / 2
    marks = [(x + left, y + top, w, h) for x, y, w, h in rectangles(board)]
    base = height - _MARGIN_MM
    # A bar of 100 mm with ends, for a ruler to be laid on.
    marks += [(left, base - 0.15, 100, 0.3), (left, base - 2, 0.3, 4), (left + 99.7, base - 2, 0.3, 4)]
    drawn = [f"{x:.4f} {height - y - h:.4f} {w:.4f} {h:.4f} re" for x, y, w, h in marks]
    text = (
        f"dualcam calibrate --board {board}    (print at 100 %; this bar is 100 mm; squares {board.square_mm:g} mm, "
        f"markers {board.marker_mm:g} mm)"
    )
    lines = [
        "q",
        f"{_POINTS:.10f} 0 0 {_POINTS:.10f} 0 0 cm",
        "0 g",
        *drawn,
        "f",
        f"BT /F1 2.9 Tf {left + 104:.4f} {height - base - 1:.4f} Td ({_escaped(text)}) Tj ET",
        "Q",
    ]
    return _document("\n".join(lines).encode("ascii"), width * _POINTS, height * _POINTS)


def _runs(black: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index and length of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], black.astype(np.int8), [0]])))
    return [(int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "()\\" else c for c in text)


def _document(content: bytes, width: float, height: float) -> bytes:
    """A PDF 1.4 file of one page of this size in points."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences 6 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.4f} {height:.4f}] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>".encode("ascii"),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        # Printers that shrink pages to fit would change the size of the squares.
        b"<< /PrintScaling /None >>",
    ]
    data, starts = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        starts.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    count = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, len(data))
    )
