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
        "read": (0, 7.03, 8.75, 0),
        "place": (113, 8.33, 16.7, 0),
        "measure": (0.0568, 18.8, 8.09, 0),
        "match": (2.86, 0.716, 124, 0),
        "refEC": (3.29, 0.287, 91.8, 0),
        "refColor": (7.95, 0.678, 151, 0),
        "refSR": (0, 22.2, 10.6, 0),
        "render": (0.0828, 0.637, 0, 0),
        "write": (0.721, 11.4, 0, 0),
    },
    "neural": {
        "read": (1.62, 5.12, 30.9, 0),
        "place": (109, 1.79, 36.2, 0),
        "measure": (0, 12.9, 21.9, 0),
        "match": (2.47, 0, 182, 0),
        "refEC": (13.1, 0, 52.7, 0.423),
        "refColor": (56.4, 0, 0, 1.08),
        "refSR": (0, 28.4, 75.7, 0.203),
        "render": (0.00641, 0.491, 0.876, 0),
        "write": (0, 10.2, 0, 0),
    },
}
# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (71.2, 22, 26.7),
        "place": (352, 16.2, 17),
        "measure": (107, 20.7, 24.9),
        "match": (114, 12.2, 105),
        "refEC": (100, 10.9, 165),
        "refColor": (113, 9.77, 216),
        "refSR": (117, 33.2, 72.7),
        "render": (102, 31.8, 30.3),
        "write": (114, 37.6, 35.8),
    },
    "neural": {
        "read": (150, 21.9, 24.8),
        "place": (441, 15.1, 21.9),
        "measure": (192, 16.2, 33.4),
        "match": (188, 8.58, 125),
        "refEC": (188, 13.5, 178),
        "refColor": (232, 14.3, 264),
        "refSR": (303, 38, 75.7),
        "render": (135, 31.3, 58.5),
        "write": (145, 47, 37),
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
