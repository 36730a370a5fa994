"""What scoring needs of a truth, computed once for all the methods that are scored against it."""

from __future__ import annotations

from dataclasses import dataclass

from dualcam.errors import UsageError
from dualcam.evaluation.case import Truth
from dualcam.evaluation.metrics import color, fidelity, lpips
from dualcam.evaluation.visibility import Regions, regions
from dualcam.frame import FloatArray

SMALLEST = 32
"""Pixels of a side that LPIPS and the similarity windows need."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A truth, prepared.

    Attributes:
        truth: what it was made of.
        lab: (H, W, 3) CIELAB of the truth.
        moments: windowed means and variances of the truth.
        features: LPIPS features of the truth, or None where LPIPS is not scored.
        regions: visible and occluded pixels, or None without a disparity.
    """

    truth: Truth
    lab: FloatArray
    moments: fidelity.Moments
    features: lpips.Features | None
    regions: Regions | None


def prepare(truth: Truth, *, with_lpips: bool | None = None) -> Reference:
    """Prepare a truth for scoring; about 130 bytes a pixel.

    Args:
        truth: the picture is (H, W, 3) uint8, display.
        with_lpips: True asks for LPIPS, False leaves it out; without it, LPIPS is scored where ONNX Runtime is
            installed.

    Raises:
        UnavailableError: scikit-image is not installed; or LPIPS is asked for and ONNX Runtime is not installed.
        UsageError: a side is under 32 pixels.
    """
    if min(truth.picture.shape[:2]) < SMALLEST:
        raise UsageError(
            f"a picture of {truth.picture.shape[:2]} is too small to be scored.",
            f"Use pictures of at least {SMALLEST} x {SMALLEST} pixels.",
        )
    wanted = lpips.available() if with_lpips is None else with_lpips
    return Reference(
        truth=truth,
        lab=color.lab(truth.picture),
        moments=fidelity.moments(truth.picture),
        features=lpips.features(truth.picture) if wanted else None,
        regions=None if truth.disparity is None else regions(truth.disparity),
    )
