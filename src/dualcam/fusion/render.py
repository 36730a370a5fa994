"""The last hop: maps at full size, pictures of every stage, and a refusal to hand out broken pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.classical.exposure import rough_luma
from dualcam.errors import DualcamError
from dualcam.frame import Colored, Exposed, FloatArray, Pair, Tone
from dualcam.rig import mapping, warp
from dualcam.rig.matching import Match


def enlarge_confidence(confidence: FloatArray, height: int, width: int) -> FloatArray:
    """Confidence (h, w) at the size of the result, still in [0, 1]."""
    return np.clip(cv2.resize(confidence, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)


def enlarge_labels(labels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Labels (h, w) at the size of the result, never mixed."""
    return cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)


def refuse_broken(pixels: FloatArray) -> None:
    """Stop before a picture with NaN or Inf is written."""
    bad = int((~np.isfinite(pixels)).sum())
    if bad:
        raise DualcamError(
            f"the result holds {bad} broken values (NaN or Inf); nothing was written.",
            "This is a bug: please report it with the two files.",
        )


def early_stages(
    pair: Pair, mono: FloatArray, tone: Tone, match: Match, exposed: Exposed
) -> dict[str, FloatArray]:
    """A display picture of every hop up to refEC, in order: (h, w) or (h, w, 3) float32 in [0, 1].

    ``mono`` is what the hops were given, (h, w) linear on the match grid.
    """
    placed = np.nan_to_num(mapping.place_color(pair), nan=0.0)
    pictures = {
        "read_mono": encode(pair.mono.pixels[..., 0]),
        "read_color": encode(pair.color.pixels),
        "place_color": encode(placed),
        "measure_mono_denoised": encode(mono),
        "measure_color_brightened": rough_luma(pair.color.pixels, tone),
        "match_flow": _flow_picture(match),
        "match_disagreement": np.minimum(match.disagreement / 5, 1),
        "refec_exposed": exposed.color,
    }
    return _shown(pictures)


def late_stages(colored: Colored, pixels: FloatArray, confidence: FloatArray) -> dict[str, FloatArray]:
    """The same from refColor on; ``confidence`` has the result's size."""
    pictures: dict[str, FloatArray] = {
        "refcolor_color": colored.color,
        "refcolor_confidence": colored.confidence,
        "refcolor_provenance": colored.provenance.astype(np.float32) / np.float32(2),
        "refsr_result": encode(pixels),
        "render_confidence": confidence,
    }
    return _shown(pictures)


def _shown(pictures: dict[str, FloatArray]) -> dict[str, FloatArray]:
    return {name: np.clip(p, 0, 1).astype(np.float32) for name, p in pictures.items()}


def _flow_picture(match: Match) -> FloatArray:
    """Direction as hue, length as saturation: parallax in grid pixels, the longest 2 % at full saturation."""
    step = 1 / warp.sampling_step(match.to_color)
    base = match.grid.mapping.to_color(match.grid.centers())
    moved = (match.to_color - base) * np.float32(step)
    length, angle = cv2.cartToPolar(moved[..., 0], moved[..., 1], angleInDegrees=True)
    full = max(float(np.percentile(length, 98)), 1.0)
    hsv = np.stack([angle, np.minimum(length / full, 1), np.ones_like(length)], axis=-1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
