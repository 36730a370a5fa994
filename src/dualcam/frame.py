"""The values that travel between the hops: frozen dataclasses, no functions.

Color state is part of every description here: *linear* means scene-linear with sRGB primaries (black 0,
white 1), *display* means the sRGB transfer curve applied to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Role = Literal["mono", "color"]
Fact = float | int | str | bool


class Provenance(IntEnum):
    """Where the color of an output pixel comes from."""

    NEUTRAL = 0  # no color camera saw it and nothing near it could be asked: gray
    PROPAGATED = 1  # guessed from measured neighbors of similar mono brightness
    MEASURED = 2  # seen by the color camera and matched both ways


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Poisson-Gaussian noise of a linear signal x in [0, 1]: variance = shot * x + read."""

    shot: float
    read: float


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a frame came from and what has to survive into the output.

    Attributes:
        path: the file, or None for an array.
        format: "PNG", "JPEG", "WebP", "TIFF", "PGM", ... or "array".
        bits: significant bits of a sample (8, 10, 12, 14, 16; 32 for float).
        curve: how samples were linearised: "srgb", "linear", or "icc" for a profile's own curve.
        profile: description of the embedded ICC profile, or "" without one.
        exif: raw TIFF-structured EXIF block without the "Exif\\0\\0" prefix, orientation already reset, or None.
        notes: remarks for the user, such as "alpha channel ignored".
    """

    path: Path | None = None
    format: str = "array"
    bits: int = 32
    curve: str = "linear"
    profile: str = ""
    exif: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        pixels: (H, W, 1) for mono, (H, W, 3) for color; float32, linear, black 0, white 1, upright. Color
            from a wide-gamut file may hold values under 0 or over 1.
        role: "mono" or "color".
        origin: the file's facts.
    """

    pixels: FloatArray
    role: Role
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """How the mono pixel grid lies on the color pixel grid before any parallax is known.

    Attributes:
        matrix: (3, 3) float64 homography from mono to color coordinates, pixels, pixel centers at integer + 0.5.
        scale: mono pixels per color pixel (s in the papers), geometric mean over the overlap.
        overlap: share of the mono picture that falls inside the color picture, 0 to 1.
        quality: 0 to 1, how far the placement can be trusted; 1.0 when given by the user.
        matches: number of feature matches that agree with it (0 when given by the user).
        parallax_px: spread of the matches about the placement, 95th percentile, in mono pixels.
        method: "features", "structure" (gradient correlation) or "identity" (given by the user).
    """

    matrix: NDArray[np.float64]
    scale: float
    overlap: float
    quality: float
    matches: int
    parallax_px: float
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two frames and the mapping between their pixel grids. Nothing is resampled."""

    mono: Frame
    color: Frame
    placement: Placement


@dataclass(frozen=True, slots=True)
class Hop:
    """What one hop did: its name, its seconds and its facts (numbers and short texts for the report)."""

    name: str
    seconds: float
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """The result of a fusion in the base view.

    Attributes:
        pixels: (H, W, 3) float32, linear, clipped to [0, 1].
        confidence: (H, W) float32 in [0, 1], the probability that the color of a pixel is within 5 CIEDE2000
            of the truth.
        provenance: (H, W) uint8, ``Provenance`` values.
        pair: the two inputs and their placement.
        method: "classical" or "neural".
        hops: what every hop did, in order.
        stages: display-domain pictures (H, W) or (H, W, 3) float32 in [0, 1] by name, in order; empty unless
            asked for.
        notes: remarks for the user (low overlap, alpha ignored, ...).
    """

    pixels: FloatArray
    confidence: FloatArray
    provenance: NDArray[np.uint8]
    pair: Pair
    method: str
    hops: tuple[Hop, ...] = ()
    stages: Mapping[str, FloatArray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
