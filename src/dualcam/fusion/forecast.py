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
from dualcam.camera.half import is_large
from dualcam.frame import Size
from dualcam.fusion.method import Method

Row = tuple[float, ...]
# Units of the standard task: always, per megapixel of mono, per megapixel of color, per unit that the networks' tiles
# take by their trial. "write" is a 16-bit PNG.
UNITS: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (3.67, 4.28, 7.11, 0),
        "place": (198, 10.6, 0, 0),
        "measure": (0.781, 0.825, 2.31, 0),
        "match": (9.9, 0, 105, 0),
        "refEC": (29, 0, 93.7, 0),
        "refColor": (24.7, 3.09, 155, 0),
        "refSR": (4.89, 13, 3.87, 0),
        "render": (0.561, 0.807, 0.496, 0),
        "write": (5.95, 8.97, 8.01, 0),
    },
    "neural": {
        "read": (7.87, 5.62, 11.3, 0),
        "place": (175, 15.3, 0, 0),
        "measure": (1.07, 0.944, 0.911, 0),
        "match": (9.25, 0.106, 177, 0),
        "refEC": (33.3, 13.2, 16.7, 1.26),
        "refColor": (46.6, 9.16, 309, 0),
        "refSR": (7.11, 60.6, 0, 0),
        "render": (0.535, 0.954, 0, 0),
        "write": (0, 13.7, 0, 0),
    },
}
LARGE = ", large"
"""What follows a method's name in ``MIB`` for color pictures that are kept in half precision."""

# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (81.7, 3.91, 16.4),
        "place": (407, 17.2, 0.415),
        "measure": (65.9, 14.5, 18),
        "match": (106, 8.62, 82.4),
        "refEC": (88.3, 14.2, 125),
        "refColor": (101, 10.4, 189),
        "refSR": (88.9, 26.9, 110),
        "render": (83.8, 26.8, 12.1),
        "write": (91.4, 25.1, 11.4),
    },
    "classical, large": {
        "read": (105, 6.71, 0),
        "place": (392, 16.5, 0),
        "measure": (87.4, 0, 72.5),
        "match": (100, 30.1, 0),
        "refEC": (209, 37.3, 0),
        "refColor": (182, 43.5, 0),
        "refSR": (124, 51.3, 0),
        "render": (83, 0, 120),
        "write": (88, 28.1, 0),
    },
    "neural": {
        "read": (158, 5.59, 16.8),
        "place": (484, 19.5, 4.44),
        "measure": (149, 7.69, 44.2),
        "match": (187, 8.42, 102),
        "refEC": (184, 23.6, 146),
        "refColor": (197, 17.2, 241),
        "refSR": (252, 27.5, 40.7),
        "render": (114, 22.9, 12.5),
        "write": (121, 21.2, 13.2),
    },
    "neural, large": {
        "read": (215, 0, 26.1),
        "place": (510, 13, 0),
        "measure": (299, 0, 64.3),
        "match": (166, 35, 0),
        "refEC": (352, 38.4, 0),
        "refColor": (454, 0, 150),
        "refSR": (163, 37.7, 0),
        "render": (113, 26.1, 0),
        "write": (128, 24, 0),
    },
}

_SIDE, _TRIALS = 1024, 5


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
    memory = MIB[method.name + LARGE * is_large(color[0] * color[1])]
    hops = {}
    for name, row in UNITS[method.name].items():
        tiles = loads[name].seconds / unit if name in loads else 0.0
        hops[name] = unit * _sum(row, [*sizes, tiles])
    return Forecast(
        megapixels=mono[0] * mono[1] / 1e6,
        tiles=sum(load.tiles for load in loads.values()),
        hops=hops,
        mib=max(_sum(row, sizes) for row in memory.values()),
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
