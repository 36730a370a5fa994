"""Tiles give what the whole picture gives, wherever their borders lie."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import untrained
from dualcam import parallel
from dualcam.neural import engine, tiles
from dualcam.neural.tiles import Layout

LAYOUT = Layout(untrained.MULTIPLE, untrained.HALO, 10**9)


class Recorded:
    """A network that keeps the shapes it was given and can be laid out in another way."""

    def __init__(self, network, layout=LAYOUT):
        self.network, self.layout, self.shapes = network, layout, []

    def run(self, planes, at_once=1):
        self.shapes.append(planes.shape)
        return self.network.run(planes, at_once)

    def rest(self):
        self.rested = len(self.shapes)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = untrained.weights(tmp_path_factory.mktemp("tiles") / "w", strength=1.0)
    return engine.load(folder, threads=1).refcolor


def picture(height, width, seed=0):
    return np.random.default_rng(seed).normal(size=(32, height, width)).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(131, 97), (64, 203), (9, 150), (128, 128), (3, 2)])
@pytest.mark.parametrize("limit", [60**2, 90**2])
def test_tiles_equal_the_whole(network, height, width, limit):
    planes = picture(height, width)
    once, often = Recorded(network), Recorded(network, Layout(untrained.MULTIPLE, untrained.HALO, limit))
    wanted, found = tiles.whole(once, planes), tiles.whole(often, planes)
    assert [w.shape for w in wanted] == [(height, width, 3), (height, width, 1)]
    assert len(once.shapes) == 1 and len(set(often.shapes)) == 1
    if height * width > limit:
        assert len(often.shapes) > 1
    for one, other in zip(wanted, found, strict=True):
        assert np.abs(one).max() > 0.1
        np.testing.assert_allclose(other, one, atol=1e-4)


def test_two_tiles_at_a_time_equal_the_whole(network, monkeypatch):
    monkeypatch.setattr(parallel, "threads", lambda: 4)
    planes, shared = picture(131, 97), []

    class Watched(Recorded):
        def run(self, planes, at_once=1):
            shared.append(at_once)
            return super().run(planes, at_once)

    layout = Layout(untrained.MULTIPLE, untrained.HALO, 60**2, 2 * 60**2)
    found = tiles.whole(Watched(network, layout), planes)
    assert set(shared) == {2} and len(shared) > 2
    for one, other in zip(tiles.whole(Recorded(network), planes), found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-4)


def test_a_halo_that_is_too_small_shows(network):
    """The test above could not fail otherwise."""
    planes = picture(131, 97)
    wanted = tiles.whole(Recorded(network), planes)[0]
    found = tiles.whole(Recorded(network, Layout(untrained.MULTIPLE, 0, 60**2)), planes)[0]
    assert np.abs(found - wanted).max() > 1e-2


def test_padding_repeats_the_edge(network):
    planes = picture(30, 45)
    padded = np.pad(planes, ((0, 0), (0, 2), (0, 3)), mode="edge")
    found, wanted = tiles.whole(network, planes)[0], tiles.whole(network, padded)[0]
    np.testing.assert_allclose(found, wanted[:30, :45], atol=1e-6)


def test_pieces_bring_back_what_came_with_the_planes(network):
    planes = picture(131, 97)
    number = np.arange(131 * 97).reshape(131, 97)
    seen = np.full((131, 97), -1)

    def use(piece):
        assert (seen[piece.rows, piece.columns] == -1).all()
        seen[piece.rows, piece.columns] = piece.beside[0]
        assert piece.found[1].shape == (1, *piece.beside[0].shape)

    tiles.pieces(
        Recorded(network, Layout(4, untrained.HALO, 70**2)),
        131,
        97,
        lambda r, c: (planes[:, r, c], (number[r, c],)),
        use,
    )
    np.testing.assert_array_equal(seen, number)


def test_an_error_in_a_tile_is_raised(network):
    def feed(rows, columns):
        raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"):
        tiles.pieces(network, 40, 40, feed, lambda piece: None)


@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    multiple=st.sampled_from([1, 2, 8, 16]),
    halo=st.integers(0, 270),
    side=st.integers(1, 2048),
)
def test_every_pixel_once_with_all_its_surroundings(height, width, multiple, halo, side):
    layout = Layout(multiple, halo, side**2)
    shape = tiles.tile_shape(height, width, layout)
    for length, tile in zip((height, width), shape, strict=True):
        padded = -(-length // multiple) * multiple
        spans = tiles.spans(padded, tile, layout)
        assert tile % multiple == 0 and tile <= padded
        assert spans[0].first == 0 and spans[-1].last == padded
        for span, following in pairwise(spans):
            assert span.last == following.first
        for span in spans:
            assert span.start % multiple == 0 and 0 <= span.start <= padded - tile
            assert span.first < span.last
            assert span.start == 0 or span.first - span.start >= halo
            assert span.start + tile == padded or span.start + tile - span.last >= halo


@pytest.mark.parametrize(("height", "width"), [(3000, 4000), (700, 30000), (4500, 6000)])
def test_large_pictures_keep_to_the_limit_and_waste_little(height, width):
    layout = Layout(4, 38, 1024**2)
    tall, wide = tiles.tile_shape(height, width, layout)
    assert tall * wide <= layout.limit
    count = len(tiles.spans(height, tall, layout)) * len(tiles.spans(width, wide, layout))
    assert count * tall * wide < 1.3 * height * width


def test_differences_are_taken_where_they_are_wanted(network):
    planes = picture(70, 81)
    others = picture(70, 81, seed=1)
    lazy = [tiles.Difference(a, b) for a, b in zip(planes, others, strict=True)]
    assert lazy[0].shape == (70, 81)
    np.testing.assert_array_equal(np.asarray(lazy[3][2:9, 4:6]), (planes[3] - others[3])[2:9, 4:6])
    layout = Layout(untrained.MULTIPLE, untrained.HALO, 60**2)
    for one, other in zip(
        tiles.whole(Recorded(network, layout), lazy),
        tiles.whole(Recorded(network, layout), planes - others),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_planes_in_one_array_are_not_copied_again():
    planes = picture(8, 12)
    assert tiles.stacked(planes, 8, 12) is planes
    other = np.empty_like(planes)
    assert tiles.stacked(planes, 8, 12, other) is other
    np.testing.assert_array_equal(other, planes)
    large = tiles.stacked(planes, 12, 16)
    np.testing.assert_array_equal(large, np.pad(planes, ((0, 0), (0, 4), (0, 4)), mode="edge"))


class Short(Recorded):
    """A network on a machine that has memory for so many pixels."""

    def __init__(self, network, pixels):
        super().__init__(network)
        self.pixels = pixels

    def run(self, planes, at_once=1):
        if planes[0].size > self.pixels:
            raise MemoryError("no more")
        return super().run(planes, at_once)


def test_tiles_are_halved_where_memory_is_short(network):
    planes = picture(200, 211)
    short = Short(network, 100**2)
    for one, other in zip(tiles.whole(short, planes), tiles.whole(network, planes), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    tried = len(short.shapes)
    assert tried > 1 and short.rested == tried
    # The next picture begins with what is left.
    assert short.layout.limit <= 200 * 212 // 2
    tiles.whole(short, planes)
    assert len(short.shapes) == 2 * tried


def test_memory_for_no_tile_at_all_is_an_error(network):
    short = Short(network, 10)
    with pytest.raises(MemoryError, match="no more"):
        tiles.whole(short, picture(200, 211))
    assert short.rested == 0
