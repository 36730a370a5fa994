"""The values that travel between the hops: frozen dataclasses, no functions.

Color state is part of every description here: *linear* means scene-linear with sRGB primaries (black 0,
white 1), *display* means the sRGB transfer curve applied to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Role = Literal["mono", "color"]
View = Literal["mono", "color"]
"""Whose place a result is seen from."""
Fact = float | int | str | bool
Size = tuple[int, int]
"""Height and width."""
Watch = Callable[[int, int], None]
"""Told how many tiles of how many are done."""


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


@dataclass(frozen=True, slots=True)
class KnownNoise:
    """Noise that a file states, so that it need not be estimated from the picture.

    Attributes:
        models: one for mono; three for camera red, green and blue. They hold for linear samples as the converter gave
            them, black 0, saturation 1, before white balance, demosaic and color matrix: those of ``Frame.pixels``
            for mono, of ``Mosaic.samples`` for color.
        source: where it is stated, such as "NoiseProfile in night.dng".
    """

    models: tuple[NoiseModel, ...]
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    r"""Where a frame came from and what has to survive into the output.

    Attributes:
        path: the file, or None for an array.
        format: "PNG", "JPEG", "WebP", "TIFF", "PGM", ... or "array".
        bits: significant bits of a sample (8, 10, 12, 14, 16; 32 for float).
        curve: how samples were linearised: "srgb", "linear", or "icc" for a profile's own curve.
        profile: description of the embedded ICC profile, or "" without one.
        exif: raw TIFF-structured EXIF block without the "Exif\0\0" prefix, orientation already reset, or None.
        notes: remarks for the user, such as "alpha channel ignored".
        cards: header of a FITS file, 80 characters a card, without what describes the stored array; else "".
    """

    path: Path | None = None
    format: str = "array"
    bits: int = 32
    curve: str = "linear"
    profile: str = ""
    exif: bytes | None = None
    notes: tuple[str, ...] = ()
    cards: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """Samples of a color sensor before demosaicing, in the camera's own colors.

    Attributes:
        samples: (H, W) float32, linear, black 0, white (saturation) 1, upright; noise around black may be
            negative.
        pattern: color filter of the first two rows, such as "RGGB".
        white_balance: (3,) float32, what camera red, green and blue are multiplied with; green is 1.
        matrix: (3, 3) float32, white-balanced camera RGB to linear sRGB; its rows sum to 1.
    """

    samples: FloatArray
    pattern: str
    white_balance: FloatArray
    matrix: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        pixels: (H, W, 1) for mono, (H, W, 3) for color; float32, linear, black 0, white 1, upright. Color
            from a wide-gamut file may hold values under 0 or over 1.
        role: "mono" or "color".
        origin: the file's facts.
        mosaic: the samples that ``pixels`` were demosaiced from, on the same pixel grid; None unless the file
            was raw.
        noise: the noise of the samples where a file states it; None to estimate it from the picture.
    """

    pixels: FloatArray
    role: Role
    origin: Origin = field(default_factory=Origin)
    mosaic: Mosaic | None = None
    noise: KnownNoise | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """What a homography between two pictures leaves over: lens distortion, a rolling shutter. Smooth, and finite.

    The nodes of a field are spread over a picture from edge to edge: node (i, j) of (gh, gw) lies at
    x = j * width / (gw - 1), y = i * height / (gh - 1). ``rig/mapping.py`` interpolates between them.

    Attributes:
        forward: (gh, gw, 2) float32, color pixels to add to ``matrix`` times a mono position; nodes over the mono
            picture.
        backward: (gh', gw', 2) float32, mono pixels to add to the inverse of ``matrix`` times a color position;
            nodes over the color picture.
    """

    forward: FloatArray
    backward: FloatArray


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
        bend: what the homography leaves over, or None.
    """

    matrix: NDArray[np.float64]
    scale: float
    overlap: float
    quality: float
    matches: int
    parallax_px: float
    method: str
    bend: Bend | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two frames and the mapping between their pixel grids. Nothing is resampled."""

    mono: Frame
    color: Frame
    placement: Placement


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """How color becomes as bright as mono: luminance y = gain * weights . rgb, brought to y ** exponent.

    Attributes:
        gain: mono signal over color luminance; the exposure ratio of the pair when the exponent is 1.
        exponent: 1 for linear files; else the difference between two unknown tone curves, as a power.
        weights: (3,) float32, sum 1: the mono camera's response to the color camera's red, green and blue.
    """

    gain: float
    exponent: float
    weights: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Exposed:
    """What refEC hands on, in the color camera's view and pixels.

    Attributes:
        color: (h, w, 3) float32, display, as bright as the mono picture, denoised.
        sigma: (h, w) float32, display, standard deviation of the noise before denoising, mean of the channels.
        tone: how the brightness was matched.
    """

    color: FloatArray
    sigma: FloatArray
    tone: Tone


@dataclass(frozen=True, slots=True, eq=False)
class Colored:
    """What refColor hands on, in the mono view at the color camera's resolution.

    Attributes:
        mono: (h, w) float32, display, the mono picture on this grid.
        color: (h, w, 3) float32, display.
        confidence: (h, w) float32 in [0, 1].
        provenance: (h, w) uint8, ``Provenance`` values.
        tone: how color and mono brightness relate.
    """

    mono: FloatArray
    color: FloatArray
    confidence: FloatArray
    provenance: NDArray[np.uint8]
    tone: Tone


@dataclass(frozen=True, slots=True)
class Hop:
    """What one hop did: its name, its seconds and its facts (numbers and short texts for the report)."""

    name: str
    seconds: float
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """The result of a fusion, as the mono camera sees the scene or, if asked for, as the color camera does.

    Attributes:
        pixels: (H, W, 3) float32, linear, clipped to [0, 1].
        confidence: (H, W) float32 in [0, 1], the probability that the color of a pixel is within 5 CIEDE2000
            of the truth.
        provenance: (H, W) uint8, ``Provenance`` values.
        pair: the two inputs and their placement.
        method: "classical" or "neural".
        view: whose view it is: "mono" or "color".
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
    view: View = "mono"
    hops: tuple[Hop, ...] = ()
    stages: Mapping[str, FloatArray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> Frame:
        """The input whose view this is: orientation, date and lens of the result are its own."""
        return self.pair.mono if self.view == "mono" else self.pair.color
