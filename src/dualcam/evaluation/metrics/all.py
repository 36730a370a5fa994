"""All scores of one output: what a row of the benchmark holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.errors import UsageError
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.evaluation.metrics import color, confidence, fidelity, lpips
from dualcam.evaluation.metrics.misregistration import misregistration
from dualcam.evaluation.metrics.reference import Reference, prepare
from dualcam.frame import FloatArray

__all__ = ["Assessment", "Reference", "assess", "prepare", "score"]


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is found out about one output.

    Attributes:
        scores: numbers by name, as ``score`` returns them.
        reliability: the calibration curve of its confidence; None without a confidence.
    """

    scores: Mapping[str, float]
    reliability: confidence.Reliability | None


def score(
    output: Output, truth: Truth, inputs: Inputs, reference: Reference | None = None
) -> dict[str, float]:
    """Score an output against the truth. The 8-bit display picture is what is scored.

    Args:
        output: pixels (H, W, 3) linear; confidence (H, W) or None.
        truth: picture (H, W, 3) uint8 display; disparity (H, W) or None.
        inputs: what the method was given; color edges are compared with the mono picture's.
        reference: ``prepare(truth)``, where several outputs are scored against one truth.

    Returns:
        ``psnr`` (dB), ``ssim``, ``de00`` and ``de00_p95`` (mean and 95th percentile of CIEDE2000); each also as
        ``..._visible`` and ``..._occluded`` with a disparity; ``lpips`` with ONNX Runtime; ``misregistration``
        (pixels); ``confidence_error`` and ``confidence_ause`` with a confidence. A score is NaN where it cannot be
        measured: no pixel of that region, or no color edges.

    Raises:
        UnavailableError: scikit-image is not installed.
        UsageError: sizes differ, the output holds values that are not finite, a side is under 32 pixels, or the
            reference is another truth's.
    """
    return dict(assess(output, truth, inputs, reference).scores)


def assess(output: Output, truth: Truth, inputs: Inputs, reference: Reference | None = None) -> Assessment:
    """Score an output and keep the curve behind its calibration error; takes and raises what ``score`` does."""
    _check(output, truth, inputs)
    if reference is None:
        reference = prepare(truth)
    elif reference.truth is not truth:
        raise UsageError("the reference was prepared from another truth.", "Use prepare(truth).")
    picture = fidelity.shown(output.pixels)

    squared = fidelity.squared_error(picture, truth.picture)
    similar = fidelity.ssim_map(fidelity.moments(picture), reference.moments)
    apart = color.de00(color.lab(picture), reference.lab)
    scores = _pixelwise(squared, similar, apart, None)
    if reference.regions is not None:
        for name, mask in (
            ("visible", reference.regions.visible),
            ("occluded", reference.regions.occluded),
        ):
            found = _pixelwise(squared, similar, apart, mask)
            scores |= {f"{key}_{name}": value for key, value in found.items()}
    if reference.features is not None:
        scores["lpips"] = lpips.distance(lpips.features(picture), reference.features)
    scores["misregistration"] = misregistration(picture, encode(inputs.mono.pixels[..., 0]))
    if output.confidence is None:
        return Assessment(scores, None)
    curve = confidence.reliability(output.confidence, apart)
    scores["confidence_error"] = curve.error
    scores["confidence_ause"] = confidence.sparsification(output.confidence, apart).area
    return Assessment(scores, curve)


def _pixelwise(
    squared: NDArray[np.int32],
    similar: NDArray[np.float64],
    apart: FloatArray,
    mask: fidelity.Mask | None,
) -> dict[str, float]:
    picked = apart if mask is None else apart[mask]
    some = picked.size > 0
    return {
        "psnr": fidelity.psnr(squared, mask),
        "ssim": fidelity.ssim(similar, mask),
        "de00": float(picked.mean(dtype=np.float64)) if some else float("nan"),
        "de00_p95": float(np.percentile(picked, 95)) if some else float("nan"),
    }


def _check(output: Output, truth: Truth, inputs: Inputs) -> None:
    shapes: Mapping[str, tuple[int, ...] | None] = {
        "output": output.pixels.shape[:2],
        "confidence": None if output.confidence is None else output.confidence.shape,
        "truth": truth.picture.shape[:2],
        "disparity": None if truth.disparity is None else truth.disparity.shape,
        "mono picture": inputs.mono.pixels.shape[:2],
    }
    sizes = {name: shape for name, shape in shapes.items() if shape is not None}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise UsageError(f"the sizes differ: {listed}.", "A method has to return a picture of mono's size.")
    for name, values in (("picture", output.pixels), ("confidence", output.confidence)):
        if values is not None and not np.isfinite(values).all():
            raise UsageError(
                f"the method's {name} holds values that are not finite.",
                "Repair the method: no score is given.",
            )
