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
        "read": (1.79, 4.96, 0, 0),
        "place": (219, 1.03, 0, 0),
        "measure": (6.01, 10.7, 3.15, 0),
        "match": (4.06, 0, 87.5, 0),
        "refEC": (7.27, 0, 70.9, 0),
        "refColor": (7.6, 0.935, 135, 0),
        "refSR": (3.5, 17, 1.35, 0),
        "render": (0.354, 0.365, 0, 0),
        "write": (3.3, 7.33, 2.15, 0),
    },
    "neural": {
        "read": (4.36, 5.61, 3.27, 0),
        "place": (181, 4.02, 1.66, 0),
        "measure": (3.67, 12, 0, 0),
        "match": (9.65, 0.608, 107, 0),
        "refEC": (23.4, 0.808, 0, 0.873),
        "refColor": (63.4, 2.88, 0, 1.11),
        "refSR": (19.3, 21, 0, 0.604),
        "render": (0.295, 0.421, 0, 0),
        "write": (1.94, 8.01, 0, 0),
    },
}
# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (75.1, 17.1, 17.6),
        "place": (371, 14.2, 23.9),
        "measure": (109, 21, 16.6),
        "match": (115, 9.01, 111),
        "refEC": (102, 11.7, 174),
        "refColor": (97.4, 12.5, 346),
        "refSR": (112, 32.4, 97.9),
        "render": (99.9, 30.8, 34.3),
        "write": (109, 40.7, 20.9),
    },
    "neural": {
        "read": (75.4, 17, 17.8),
        "place": (441, 15.9, 0),
        "measure": (95.4, 20.8, 15.3),
        "match": (104, 7.5, 123),
        "refEC": (146, 13.6, 182),
        "refColor": (203, 13.4, 261),
        "refSR": (283, 31.7, 83.9),
        "render": (121, 27, 36.5),
        "write": (131, 41.3, 39.7),
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
