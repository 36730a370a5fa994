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
        "read": (0, 7.41, 0, 0),
        "place": (113, 1.89, 8.34, 0),
        "measure": (1.06, 13.2, 2.33, 0),
        "match": (3.16, 0, 86.6, 0),
        "refEC": (5.17, 0, 59.1, 0),
        "refColor": (6.46, 0, 86.4, 0),
        "refSR": (0, 15.2, 18.3, 0),
        "render": (0.194, 0.386, 0, 0),
        "write": (2.09, 7.55, 0, 0),
    },
    "neural": {
        "read": (1.72, 6.79, 1.65, 0),
        "place": (113, 2.99, 8.13, 0),
        "measure": (2.86, 12.5, 0.102, 0),
        "match": (7.43, 0.809, 115, 0),
        "refEC": (19.4, 0.125, 14.2, 0.697),
        "refColor": (42.3, 4.73, 177, 0.0187),
        "refSR": (5.53, 24.2, 0, 0.192),
        "render": (0.142, 0.422, 0, 0),
        "write": (1.42, 7.61, 0, 0),
    },
}
# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (75, 17.1, 17.8),
        "place": (355, 14, 29.9),
        "measure": (103, 18.4, 32.9),
        "match": (109, 9.04, 120),
        "refEC": (97.5, 11.9, 139),
        "refColor": (108, 11.3, 202),
        "refSR": (113, 36.1, 51.4),
        "render": (94.6, 33.6, 31.7),
        "write": (105, 40.4, 23.1),
    },
    "neural": {
        "read": (75.6, 16.9, 18.9),
        "place": (348, 15.5, 22.2),
        "measure": (100, 19, 22),
        "match": (115, 8.03, 117),
        "refEC": (155, 13.9, 165),
        "refColor": (209, 14.6, 262),
        "refSR": (288, 34.4, 74),
        "render": (142, 25.8, 36.4),
        "write": (149, 40.6, 24.8),
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
