"""What a fusion will take, told before it begins: tiles, seconds and memory.

Seconds are made of two kinds of work, each tried out for a few hundredths of a second on the machine as it is: tiles of
the networks, and everything else, which is counted in units of a small standard task. How many units the hops take was
measured by ``benchmarks/fit_forecast.py``, and so was the memory.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from dualcam.camera.curves import encode
from dualcam.frame import Size
from dualcam.fusion.method import Method

Row = tuple[float, ...]
# Units of the standard task: always, per megapixel of mono, per megapixel of color, per unit that the networks' tiles
# take by their trial. "write" is a 16-bit PNG.
UNITS: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (0, 6.57, 8.19, 0),
        "place": (97.1, 12.5, 0, 0),
        "measure": (0, 15.5, 10.2, 0),
        "match": (0, 1.45, 127, 0),
        "refEC": (0, 2.17, 89.1, 0),
        "refColor": (2.67, 2.84, 121, 0),
        "refSR": (0, 18.2, 10.4, 0),
        "render": (0, 0.642, 0, 0),
        "write": (0, 10.8, 0, 0),
    },
    "neural": {
        "read": (0.889, 6.44, 15.2, 0),
        "place": (108, 3.03, 33.8, 0),
        "measure": (0, 15.4, 7.79, 0),
        "match": (0.539, 0, 198, 0),
        "refEC": (5.22, 0, 108, 0.811),
        "refColor": (41.4, 0, 255, 0.849),
        "refSR": (0, 44.2, 44.5, 0.361),
        "render": (0.0889, 0.484, 0.644, 0),
        "write": (0, 9.95, 1.39, 0),
    },
}
# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (71.1, 22.1, 26.5),
        "place": (351, 15.4, 25.8),
        "measure": (105, 20.8, 22.9),
        "match": (117, 9.77, 112),
        "refEC": (100, 9.67, 166),
        "refColor": (113, 11.2, 199),
        "refSR": (121, 32.7, 52.1),
        "render": (103, 30.3, 33.6),
        "write": (112, 39.3, 32.1),
    },
    "neural": {
        "read": (150, 22, 24.7),
        "place": (438, 15.6, 18.2),
        "measure": (193, 20.6, 7.75),
        "match": (205, 10.7, 98.7),
        "refEC": (204, 17, 149),
        "refColor": (249, 17, 230),
        "refSR": (313, 41, 42.9),
        "render": (147, 36.2, 11),
        "write": (159, 48.8, 2.53),
    },
}

_SIDE, _TRIALS = 1024, 9


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a fusion will take.

    Attributes:
        megapixels: of the mono picture.
        tiles: that networks compute.
        hops: seconds by hop, "write" the last.
        mib: peak resident memory of the process, MiB.
    """

    megapixels: float
    tiles: int
    hops: Mapping[str, float]
    mib: float

    @property
    def seconds(self) -> float:
        """From the first hop to the written file."""
        return sum(self.hops.values())

    def __str__(self) -> str:
        """Say it in one line: ``20.2 MP, 96 tiles, about 21 s, 1.1 GB``."""
        tiles = f"{self.tiles} tiles, " if self.tiles else ""
        return f"{self.megapixels:.1f} MP, {tiles}about {_rounded(self.seconds)}, {self.mib * 2**20 / 1e9:.1f} GB"


def forecast(method: Method, mono: Size, color: Size) -> Forecast:
    """Say what a pair of pictures of these heights and widths will take.

    Args:
        method: what fuses.
        mono: of the mono picture.
        color: of the color picture; the match grid is taken to be about as large.
    """
    unit = standard_task()
    loads = method.loads(mono, color, color)
    sizes = [1.0, *(height * width / 1e6 for height, width in (mono, color))]
    hops = {}
    for name, row in UNITS[method.name].items():
        tiles = loads[name].seconds / unit if name in loads else 0.0
        hops[name] = unit * _sum(row, [*sizes, tiles])
    return Forecast(
        megapixels=mono[0] * mono[1] / 1e6,
        tiles=sum(load.tiles for load in loads.values()),
        hops=hops,
        mib=max(_sum(row, sizes) for row in MIB[method.name].values()),
    )


def standard_task() -> float:
    """Seconds that a blur and a transfer curve take on a megapixel, the median of a few."""
    picture = np.random.default_rng(0).random((_SIDE, _SIDE), np.float32)
    seconds = []
    for _ in range(_TRIALS):
        started = time.perf_counter()
        encode(cv2.GaussianBlur(picture, (0, 0), 2.0))
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[_TRIALS // 2]


def _sum(row: Row, sizes: list[float]) -> float:
    return sum(share * size for share, size in zip(row, sizes, strict=True))


def _rounded(seconds: float) -> str:
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
