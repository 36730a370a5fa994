"""The printed board: exact to the millimeter, and found again."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualcam.calibration.board import Board, parse
from dualcam.calibration.detect import find
from dualcam.calibration.target import PAPERS, to_pdf
from dualcam.errors import UsageError


def page(pdf):
    """Size of the page and all rectangles, in millimeters from the top left corner."""
    text = pdf.decode("latin-1")
    width, height = (
        float(v) * 25.4 / 72 for v in re.search(r"MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", text).groups()
    )
    scale = float(re.search(r"([\d.]+) 0 0 [\d.]+ 0 0 cm", text)[1]) * 25.4 / 72
    marks = np.array(re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", text), float) * scale
    marks[:, 1] = height - marks[:, 1] - marks[:, 3]
    return (width, height), marks, text


@pytest.mark.parametrize("paper", list(PAPERS))
def test_a_printed_board_is_found_at_its_exact_size(paper):
    size, board = PAPERS[paper]
    printed, marks, text = page(to_pdf(board, paper))
    assert printed == pytest.approx(size, abs=0.01)
    assert str(board) in text
    assert any(np.allclose(mark[2:], (100, 0.3)) for mark in marks)
    dots = 6
    picture = np.full((round(size[1] * dots), round(size[0] * dots)), 255, np.uint8)
    for x, y, w, h in marks * dots:
        picture[round(y) : round(y + h), round(x) : round(x + w)] = 0
    found = find(board, picture)
    assert len(found) == board.corners
    known = board.points()[found.numbers, :2] * 1000
    apart = found.pixels / dots - known
    assert apart - apart.mean(axis=0) == pytest.approx(np.zeros_like(apart), abs=0.05)
    assert (apart.mean(axis=0) > 5).all()


def test_the_file_is_a_pdf_whose_table_points_at_its_objects():
    data = to_pdf(Board(5, 4, 20, 15), "a4")
    start = int(re.search(rb"startxref\n(\d+)", data)[1])
    assert data[start : start + 4] == b"xref"
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", data), start=1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)


@given(
    st.integers(3, 12),
    st.integers(3, 12),
    st.integers(10, 60),
    st.floats(0.3, 0.95),
    st.sampled_from(["4x4_250", "5x5_100", "6x6_1000", "7x7_250"]),
    st.booleans(),
)
def test_what_is_printed_on_a_board_describes_it(columns, rows, square, share, dictionary, legacy):
    board = Board(columns, rows, square, round(square * share, 2), dictionary, legacy)
    assert parse(str(board)) == board


def test_a_square_measured_on_paper_scales_the_markers():
    assert parse("11x7,24,18,5x5_100", 23.8) == Board(11, 7, 23.8, 17.85)


@pytest.mark.parametrize(
    "text", ["", "11x7", "11,7,24,18", "11x7,24,30", "2x7,24,18", "11x7,24,18,9x9", "30x20,9,7,4x4_50"]
)
def test_no_board(text):
    with pytest.raises(UsageError):
        parse(text)


def test_a_board_larger_than_the_paper_is_refused():
    with pytest.raises(UsageError, match="fit"):
        to_pdf(Board(11, 7, 30, 22), "a4")
