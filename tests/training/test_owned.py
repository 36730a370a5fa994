"""Pieces of an owner's pair: the same mosaic, the same mapping, and darker pictures of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dualcam.camera import develop
from dualcam.errors import InputError
from dualcam.frame import Bend, Frame, KnownNoise, Mosaic, NoiseModel, Origin, Pair, Placement
from dualcam.rig import mapping
from dualcam.training import darker, owned

MODEL = NoiseModel(1e-4, 1e-7)
HEIGHT, WIDTH = 900, 1200


def pair(bend=None, pattern="GBRG"):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: HEIGHT // 2, : WIDTH // 2].astype(np.float32)
    samples = 0.3 + 0.2 * np.sin(x / 9) * np.cos(y / 7) + rng.normal(0, 0.005, x.shape).astype(np.float32)
    mosaic = Mosaic(samples.astype(np.float32), pattern, np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    noise = KnownNoise((MODEL,) * 3, "a test")
    color = Frame(develop.develop(mosaic), "color", Origin(bits=12), mosaic, noise)
    mono = Frame(rng.random((HEIGHT, WIDTH, 1), np.float32), "mono")
    turn = np.array([[0.5, 0.004, 3.0], [-0.004, 0.5, -2.0], [0, 0, 1]])
    return Pair(mono, color, Placement(turn, 2.0, 1.0, 1.0, 100, 2.0, "features", bend))


def own(whole):
    known = darker.stated(whole.color, 0.0)
    return owned.Owned("c.dng", whole, known, darker.electrons(whole.color, known), True)


@pytest.mark.parametrize("bent", [False, True])
def test_a_piece_looks_where_the_whole_picture_does(bent):
    field = np.zeros((3, 4, 2), np.float32)
    field[..., 0] = np.linspace(0, 4, 4)
    whole = pair(Bend(field, -2 * field) if bent else None)
    for cut in owned.pieces(own(whole), 3, np.random.default_rng(1)):
        assert cut.mono.pixels.shape == (512, 512, 1) and cut.placement.bend is None
        rows, columns = cut.color.mosaic.samples.shape
        assert 220 <= min(rows, columns) <= 256 and cut.color.pixels.shape == (rows, columns, 3)
        y, x = np.argwhere(whole.mono.pixels[..., 0] == cut.mono.pixels[0, 0, 0])[0]
        top, left = np.argwhere(whole.color.mosaic.samples == cut.color.mosaic.samples[0, 0])[0]
        # The pattern goes on in step.
        assert top % 2 == 0 and left % 2 == 0
        inside = np.array([[100.0, 80.0], [256.0, 300.0], [450.0, 410.0]])
        here = mapping.of(cut).to_color(inside) + np.array([left, top])
        there = mapping.of(whole).to_color(inside + np.array([x, y]))
        np.testing.assert_allclose(here, there, atol=0.1)


def test_pictures_that_share_nothing_have_no_pieces():
    whole = pair()
    away = whole.placement.matrix + np.array([[0, 0, 5000], [0, 0, 0], [0, 0, 0]])
    apart = replace(whole, placement=replace(whole.placement, matrix=away))
    with pytest.raises(InputError, match="share too little"):
        owned.pieces(own(apart), 2, np.random.default_rng(0))


def test_darkened_pieces_have_the_electrons_that_are_left():
    mine = own(pair())
    piece = owned.pieces(mine, 1, np.random.default_rng(0))[0]
    dark = owned.darkened(piece, mine.noise, mine.electrons, mine.electrons / 10, np.random.default_rng(0))
    assert dark.color.mosaic.samples.mean() == pytest.approx(piece.color.mosaic.samples.mean() / 10, rel=0.02)
    assert dark.mono.pixels.mean() == pytest.approx(piece.mono.pixels.mean(), rel=0.05)
    same = owned.darkened(piece, mine.noise, 100.0, 200.0, np.random.default_rng(0))
    assert same.color.mosaic.samples.mean() == pytest.approx(piece.color.mosaic.samples.mean(), rel=1e-3)


def test_what_rows_share_is_the_median_of_all_pairs_unless_it_is_known():
    mine = own(pair())
    rows = [replace(mine, row_known=False, noise=replace(mine.noise, row=v)) for v in (0.0, 1.0, 9.0)]
    assert [one.noise.row for one in owned.of_one_camera(rows)] == [1.0, 1.0, 1.0]
    assert owned.of_one_camera([mine])[0].noise == mine.noise
    assert owned.of_one_camera([]) == []
