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
        "read": (0, 6.46, 9.79, 0),
        "place": (235, 11.8, 20.2, 0),
        "measure": (0, 14.1, 13.7, 0),
        "match": (9.7, 2.82, 157, 0),
        "refEC": (0.849, 1.84, 68.9, 0),
        "refColor": (0, 1.73, 192, 0),
        "refSR": (0, 20.1, 0, 0),
        "render": (0.0288, 0.74, 0, 0),
        "write": (0, 10.7, 0, 0),
    },
    "neural": {
        "read": (0, 7.74, 18.7, 0),
        "place": (266, 7.62, 15.3, 0),
        "measure": (0, 14, 13.6, 0),
        "match": (13.6, 1.48, 208, 0),
        "refEC": (11.2, 1.31, 0, 1.95),
        "refColor": (63.1, 7.59, 0, 3.46),
        "refSR": (21.7, 0, 0, 1.98),
        "render": (0.0522, 0.752, 0.0176, 0),
        "write": (0, 10.2, 4.48, 0),
    },
}
LARGE = ", large"
"""What follows a method's name in ``MIB`` for color pictures that are kept in half precision."""

# MiB that the process has at most: always, per megapixel of mono, per megapixel of color.
MIB: Mapping[str, Mapping[str, Row]] = {
    "classical": {
        "read": (71.3, 25, 10.5),
        "place": (424, 11.6, 18.3),
        "measure": (99.2, 20.4, 14),
        "match": (109, 18.7, 71.5),
        "refEC": (98.6, 11.3, 134),
        "refColor": (89.8, 19.5, 252),
        "refSR": (120, 30.8, 60),
        "render": (98.7, 29.5, 32.1),
        "write": (109, 38.8, 25.1),
    },
    "neural": {
        "read": (154, 23.8, 12.5),
        "place": (516, 9.45, 22.5),
        "measure": (205, 19, 3.82),
        "match": (202, 18.6, 73.2),
        "refEC": (211, 16.2, 146),
        "refColor": (267, 13.3, 256),
        "refSR": (398, 31, 60.8),
        "render": (241, 24.1, 32.1),
        "write": (256, 37.4, 14.1),
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
