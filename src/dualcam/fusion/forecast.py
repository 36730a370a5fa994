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
        "read": (3.8, 3.9, 6.49, 0),
        "place": (290, 0.276, 0, 0),
        "measure": (0.382, 1.11, 0.0577, 0),
        "match": (4.17, 0.723, 109, 0),
        "refEC": (30.4, 1.5, 79.9, 0),
        "refColor": (19.2, 1.35, 143, 0),
        "refSR": (0, 10.7, 20.6, 0),
        "render": (0, 0.777, 0.0213, 0),
        "write": (2.79, 4.79, 0, 0),
    },
    "neural": {
        "read": (9, 4.52, 13.1, 0),
        "place": (276, 3.62, 0, 0),
        "measure": (0.159, 1.21, 0.72, 0),
        "match": (3.62, 1.69, 166, 0),
        "refEC": (35.1, 2.86, 70.5, 1.1),
        "refColor": (35.8, 6.79, 272, 0),
        "refSR": (0, 23.7, 23.9, 0.86),
        "render": (0, 0.9, 0, 0),
        "write": (1.26, 6.45, 0, 0),
    },
}
LARGE = ", large"
"""What follows a method's name in ``MIB`` for color pictures that are kept in half precision."""

# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (79.9, 4.73, 14.7),
        "place": (396, 20.7, 1.45),
        "measure": (396, 20.7, 1.5),
        "match": (397, 20.7, 1.53),
        "refEC": (393, 19.7, 26.2),
        "refColor": (380, 16.3, 99.8),
        "refSR": (380, 18.9, 82.6),
        "render": (411, 15.5, 0),
        "write": (410, 15.9, 0),
    },
    "classical, large": {
        "read": (110, 6.62, 0),
        "place": (286, 0, 74.5),
        "measure": (65.8, 19, 0),
        "match": (256, 0, 109),
        "refEC": (114, 37.6, 0),
        "refColor": (242, 41.9, 0),
        "refSR": (638, 32.9, 0),
        "render": (88.7, 29.8, 0),
        "write": (92, 28, 0),
    },
    "neural": {
        "read": (161, 5.49, 15.9),
        "place": (500, 15.3, 15.6),
        "measure": (500, 15.3, 15.6),
        "match": (499, 14.9, 24.9),
        "refEC": (396, 2.25, 167),
        "refColor": (446, 3.12, 212),
        "refSR": (448, 26.5, 0),
        "render": (504, 0, 11.4),
        "write": (505, 0, 18.7),
    },
    "neural, large": {
        "read": (212, 6.55, 0),
        "place": (542, 0, 50.8),
        "measure": (256, 17.6, 0),
        "match": (163, 35.3, 0),
        "refEC": (370, 38.2, 0),
        "refColor": (461, 36.7, 0),
        "refSR": (173, 36.5, 9.13),
        "render": (114, 26, 0),
        "write": (126, 24.1, 0),
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
