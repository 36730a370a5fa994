"""What is foretold has the shape of what happens; how true the seconds are is measured in benchmarks/speed.py."""

from __future__ import annotations

import pytest

import untrained
from dualcam.fusion import forecast as forecasts
from dualcam.fusion.forecast import Forecast, forecast
from dualcam.fusion.fuser import Fuser
from dualcam.fusion.hops import HOPS
from dualcam.fusion.method import choose
from synthetic import Light, Rig, shoot, world


@pytest.mark.parametrize("tile", [96, 256])
def test_as_many_tiles_as_foretold(tmp_path, tile):
    mono, color = shoot(world(Rig(), 150, 202), Light())
    fuser = Fuser(weights=untrained.weights(tmp_path / "w", tile))
    told, walked, hops = [], [], []

    def on_tile(done, total):
        walked.append((len(hops), done, total))

    fuser.fuse(mono, color, on_hop=hops.append, on_forecast=told.append, on_tile=on_tile)
    (found,) = told
    assert found.tiles == len(walked) >= 3
    for hop in range(HOPS.index("refEC"), HOPS.index("refSR") + 1):
        here = [(done, total) for at, done, total in walked if at == hop]
        assert here == [(n + 1, len(here)) for n in range(len(here))]
    assert list(found.hops) == [*HOPS, "write"]
    assert found.seconds == pytest.approx(sum(found.hops.values())) and found.seconds > 0
    assert found.megapixels == pytest.approx(mono.size / 1e6)


@pytest.mark.parametrize("method", ["classical", "neural"])
def test_more_pixels_take_more(method, tmp_path):
    weights = untrained.weights(tmp_path / "w") if method == "neural" else None
    chosen = choose(method, weights)
    small, large = (forecast(chosen, (side, side), (side // 2, side // 2)) for side in (500, 4000))
    assert small.seconds < large.seconds and small.mib < large.mib
    assert (small.tiles < large.tiles) == (method == "neural")
    assert (small.tiles == 0) == (method == "classical")


def test_seconds_are_those_of_this_machine(monkeypatch):
    monkeypatch.setattr(forecasts, "standard_task", lambda: 0.01)
    once = forecast(choose("classical"), (1000, 1000), (500, 500))
    monkeypatch.setattr(forecasts, "standard_task", lambda: 0.03)
    assert forecast(choose("classical"), (1000, 1000), (500, 500)).seconds == pytest.approx(3 * once.seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "about 1 s"), (21.4, "about 21 s"), (119, "about 119 s"), (190, "about 3 min")],
)
def test_one_line(seconds, text):
    said = str(Forecast(20.2, 96, {"read": seconds}, 1050.0))
    assert said == f"20.2 MP, 96 tiles, {text}, 1.1 GB"
    assert "tiles" not in str(Forecast(20.2, 0, {"read": seconds}, 1050.0))
