"""What a capture is like, measured before anything is fused: light, noise, sharpness, movement.

Everything here comes from hops 1 to 4 and costs far less than they do. ``advice`` judges the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dualcam.camera.measure import Measured
from dualcam.files.metadata import CameraFacts, camera_facts
from dualcam.frame import FloatArray, NoiseModel, Pair, Tone
from dualcam.fusion import movement, sharpness
from dualcam.rig.matching import Match

GRAY = 0.18
"""Linear signal of a mid-gray surface in the mono picture, where noise is compared."""
_NOISELESS = 1000.0


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """A capture in numbers; None where the pictures cannot tell.

    Attributes:
        ratio: how many times more signal a mid-gray surface gives in the mono picture than in the color picture.
        color_snr: signal over noise of a color sample (mean of the channels) where mono shows mid-gray.
        mono_snr: the same of a mono sample.
        color_shot: noise of a color sample that grows with the light, as ``NoiseModel.shot``.
        color_read: noise of a color sample without light, as ``NoiseModel.read``.
        color_bits: of a sample of the color file.
        mono_clipped: share of clipped mono samples.
        color_clipped: share of color pixels with a clipped channel.
        overlap: share of the mono picture inside the color picture.
        quality: of the placement, 0 to 1.
        parallax: spread of the matches about the placement, 95th percentile, as a share of the mono width.
        agreement: share of the common field where both directions of the match agree within a pixel.
        moved: share of the well-matched picture that moved in a way that parallax does not explain.
        moved_px: how far it moved, median, in mono pixels; 0 where nothing did.
        color_blur_px: how much softer color is than mono, as the standard deviation of a Gaussian in color pixels;
            negative where mono is the softer one.
        mono_blur_px: the least softness of the mono picture itself, the same in mono pixels.
        apart_s: seconds between the two shots by the cameras' clocks.
        mono_camera: what the mono camera wrote about the exposure.
        color_camera: the same of the color camera.
    """

    ratio: float
    color_snr: float
    mono_snr: float
    color_shot: float
    color_read: float
    color_bits: int
    mono_clipped: float
    color_clipped: float
    overlap: float
    quality: float
    parallax: float
    agreement: float
    moved: float | None
    moved_px: float
    color_blur_px: float | None
    mono_blur_px: float | None
    apart_s: float | None
    mono_camera: CameraFacts
    color_camera: CameraFacts


def capture_facts(pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> CaptureFacts:
    """Measure a capture.

    Args:
        pair: the two frames and their placement.
        measured: noise and clipping.
        mono: (h, w) float32, linear, the denoised mono on the match grid.
        match: the match.
        tone: the rough exposure match.
    """
    ratio = exposure_ratio(tone)
    shot, read = (
        float(np.mean([getattr(m, name) for m in measured.color_noise])) for name in ("shot", "read")
    )
    cameras = tuple(camera_facts(frame.origin.exif) for frame in (pair.mono, pair.color))
    moving = movement.measure(match, mono)
    step = pair.mono.pixels.shape[1] / match.grid.width
    inside = match.inside
    return CaptureFacts(
        ratio=ratio,
        color_snr=snr(NoiseModel(shot, read), GRAY / ratio),
        mono_snr=snr(measured.mono_noise, GRAY),
        color_shot=shot,
        color_read=read,
        color_bits=pair.color.origin.bits,
        mono_clipped=measured.mono_clipped,
        color_clipped=measured.color_clipped,
        overlap=pair.placement.overlap,
        quality=pair.placement.quality,
        parallax=pair.placement.parallax_px / pair.mono.pixels.shape[1],
        agreement=float((match.disagreement[inside] < 1).mean()) if inside.any() else 0.0,
        moved=moving.share if moving is not None else None,
        moved_px=moving.distance_px * step if moving is not None else 0.0,
        color_blur_px=sharpness.relative(pair, measured.mono, measured.mono_noise, match, tone),
        mono_blur_px=sharpness.own(measured.mono, measured.mono_noise),
        apart_s=seconds_apart(*cameras),
        mono_camera=cameras[0],
        color_camera=cameras[1],
    )


def exposure_ratio(tone: Tone) -> float:
    """How many times brighter a mid-gray surface is in the mono picture than in the color picture."""
    return float(GRAY / (GRAY ** (1 / tone.exponent) / max(tone.gain, 1e-9)))


def snr(noise: NoiseModel, signal: float) -> float:
    """Signal over noise, 1000 at most."""
    variance = noise.shot * signal + noise.read
    return min(_NOISELESS, signal / variance**0.5) if variance > 0 else _NOISELESS


def seconds_apart(mono: CameraFacts, color: CameraFacts) -> float | None:
    """Seconds between two shots by their dates, None where one has no date that can be read."""
    times = [_seconds(camera.date) for camera in (mono, color)]
    return None if times[0] is None or times[1] is None else abs(times[0] - times[1])


def _seconds(date: str) -> float | None:
    for form in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"):
        try:
            return (datetime.strptime(date.strip(), form) - datetime(2000, 1, 1)).total_seconds()
        except ValueError:
            continue
    return None
