"""What alignment could win: ``levin`` with the true disparity in the place of matches.

It is no strict upper bound. A matcher prefers, by its own criterion, colors that fit mono after noise and
demosaicing: where DIS errs by a tenth of a pixel only, it was up to 0.1 dB better than the truth.
"""

from __future__ import annotations

import numpy as np

from dualcam.camera.curves import decode, encode
from dualcam.errors import UsageError
from dualcam.evaluation.baselines import colorization, upsampling
from dualcam.evaluation.baselines.grid import footprint, shrink
from dualcam.evaluation.baselines.prepare import Prepared, prepare
from dualcam.evaluation.case import Inputs, Output, Truth
from dualcam.evaluation.visibility import Mask, regions
from dualcam.frame import FloatArray
from dualcam.rig import warp


def oracle(inputs: Inputs, truth: Truth) -> Output:
    """Align by the true disparity; color hidden from the color camera is spread there by Levin's colorization.

    Returns:
        (H, W, 3) linear in [0, 1].

    Raises:
        UsageError: without a disparity, or with one that is not of mono's size.
    """
    shape = inputs.mono.pixels.shape[:2]
    if truth.disparity is None or truth.disparity.shape != shape:
        raise UsageError(
            "the oracle was asked without a true disparity of the mono picture's size.",
            "Run it on scenes whose disparity is known.",
        )
    given = prepare(inputs)
    visible = regions(truth.disparity).visible
    seen, share = _look_up(given, truth.disparity, visible)
    spread = colorization.colorize(given.small, seen, share > 0.5)
    return Output(upsampling.guided(spread, given.mono))


def _look_up(given: Prepared, disparity: FloatArray, visible: Mask) -> tuple[FloatArray, FloatArray]:
    """Color at the true places, averaged over the visible mono pixels in each color-sized one, and their share."""
    rows, columns = given.small.shape
    down, across = footprint(given.mono.shape, (rows, columns))
    places = warp.centers(*given.mono.shape)
    places[..., 0] -= np.where(visible, disparity, 0)
    places /= np.array([across, down], np.float32)
    color = warp.sample(encode(np.clip(given.color, 0, 1)), places, interpolation=warp.CUBIC)
    weight = visible.astype(np.float32)
    share = shrink(weight, rows, columns)
    mean = shrink(color * weight[..., None], rows, columns) / np.maximum(share, 1e-3)[..., None]
    return np.maximum(decode(mean), 0), share
