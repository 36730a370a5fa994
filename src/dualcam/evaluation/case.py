"""What a benchmark hands to a method, what it gets back, and what it scores that against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray, Frame


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All that a method may know: the two pictures, read from files like a user's.

    Attributes:
        mono: the mono camera's frame, (H, W, 1) linear.
        color: the color camera's frame, (h, w, 3) linear, dark as shot; with its mosaic on the raw track.
    """

    mono: Frame
    color: Frame


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """What a method makes of it.

    Attributes:
        pixels: (H, W, 3) float32, linear, in [0, 1], the mono camera's view.
        confidence: (H, W) float32, probability that a pixel's color is within 5 CIEDE2000 of the truth; None
            where a method has none.
    """

    pixels: FloatArray
    confidence: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What an output is scored against.

    Attributes:
        picture: (H, W, 3) uint8, display RGB, the mono camera's view.
        disparity: (H, W) float32, x_color = x_mono - disparity in mono pixels of a rectified pair, NaN where
            unknown; None without a true disparity.
    """

    picture: NDArray[np.uint8]
    disparity: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class CaseId:
    """Which capture: the key of every result.

    Attributes:
        scene: name of the scene, such as "midd05/Art".
        level: light level, such as "night".
        scale: mono pixels per color pixel.
        track: "file" (demosaiced 8-bit picture) or "raw" (mosaic in a DNG).
    """

    scene: str
    level: str
    scale: int
    track: str


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One capture of the benchmark with its truth."""

    id: CaseId
    inputs: Inputs
    truth: Truth
