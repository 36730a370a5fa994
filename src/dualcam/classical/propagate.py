"""Color for pixels that no camera measured, from measured pixels that mono connects with them.

Normalised convolution with the recursive edge-aware filter of Gastal and Oliveira (2011, the domain transform):
values flow along rows and columns and are held up by mono edges, so that a wall passes its color on to the rest
of the wall. Several reaches; the shortest that finds enough evidence wins.
"""

from __future__ import annotations

import numpy as np

from dualcam.frame import FloatArray

_REACHES_PX = (6.0, 30.0, 150.0, 600.0)
# A step of this size in mono (display) stops as much as a way as long as the reach.
_EDGE = 0.2
# Filtered weight at which a reach is believed by half.
_ENOUGH = 0.05
_PASSES = 2


def propagate(values: FloatArray, weight: FloatArray, mono: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fill a picture from its reliable pixels.

    Args:
        values: (h, w, C) float32, any domain; color minus luma here.
        weight: (h, w) float32 in [0, 1], how reliable each value is.
        mono: (h, w) float32, display, the guide.

    Returns:
        filled: (h, w, C), the propagated value of every pixel, near 0 where nothing is connected.
        support: (h, w) in [0, 1], how much measured evidence it rests on; the longer the way, the less.
    """
    filled = np.zeros_like(values)
    missing = np.ones(mono.shape, np.float32)
    support = np.zeros(mono.shape, np.float32)
    stacked = np.concatenate([values * weight[..., None], weight[..., None]], axis=-1)
    for level, reach in enumerate(_REACHES_PX):
        flowed = _filter(stacked, mono, reach)
        found = np.maximum(flowed[..., -1], 0)
        share = missing * (found / (found + np.float32(_ENOUGH)))
        filled += share[..., None] * flowed[..., :-1] / np.maximum(found, 1e-6)[..., None]
        support += share * np.float32(0.7**level)
        missing -= share
    return filled, np.clip(support, 0, 1)


def _filter(stacked: FloatArray, mono: FloatArray, reach: float) -> FloatArray:
    """Edge-aware recursive smoothing of (h, w, C) along both axes."""
    out = stacked
    for i in range(_PASSES):
        # The reaches of the passes add up, in squares, to the whole (equation 14 of the paper).
        sigma = reach * np.sqrt(3) * 2 ** (_PASSES - i - 1) / np.sqrt(4**_PASSES - 1)
        keep = np.float32(np.exp(-np.sqrt(2) / sigma))
        for axis in (1, 0):
            edges = np.abs(np.diff(mono, axis=axis)) * np.float32(reach / _EDGE)
            out = _sweep(out, keep ** (1 + edges), axis)
    return out


def _sweep(picture: FloatArray, feedback: FloatArray, axis: int) -> FloatArray:
    """First-order recursion forth and back along an axis; ``feedback`` lies between neighbors."""
    # The recursion runs over the leading axis, all lines at once; channels lie apart, so that what numpy runs over in
    # one go is a line's length and not the few channels.
    out = np.array(picture.transpose(axis, 2, 1 - axis), order="C")
    gain = np.ascontiguousarray(np.moveaxis(feedback, axis, 0))
    step = np.empty_like(out[0])
    for i in range(1, len(out)):
        np.subtract(out[i - 1], out[i], out=step)
        step *= gain[i - 1]
        out[i] += step
    for i in range(len(out) - 2, -1, -1):
        np.subtract(out[i + 1], out[i], out=step)
        step *= gain[i]
        out[i] += step
    return out.transpose((0, 2, 1) if axis == 0 else (2, 0, 1))
