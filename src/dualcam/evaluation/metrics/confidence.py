"""Whether a confidence map tells the truth: calibration, and whether it finds the worst pixels first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualcam.frame import FloatArray

# What a confidence promises: the color is within this CIEDE2000 difference of the truth.
TOLERANCE = 5.0
BINS = 15
STEPS = 100

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """The calibration of a confidence map in ``BINS`` equal parts of [0, 1].

    Attributes:
        confidence: (BINS,) mean confidence of the pixels in a bin; NaN in an empty one.
        share: (BINS,) share of them whose color is within ``TOLERANCE``; NaN in an empty one.
        weight: (BINS,) share of all pixels that are in the bin; sum 1.
        error: expected calibration error, the mean of |confidence - share| by weight, in [0, 1].
    """

    confidence: Curve
    share: Curve
    weight: Curve
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Sparsification:
    """How the color error falls when the least confident pixels are taken away.

    Attributes:
        removed: (STEPS,) share of the pixels taken away: 0, 0.01, ... 0.99.
        error: (STEPS,) mean CIEDE2000 of the rest over the mean of all; begins at 1.
        oracle: (STEPS,) the same where the worst pixels are taken away first.
        area: the mean of error - oracle (AUSE); 0 for a map in the order of the errors.
    """

    removed: Curve
    error: Curve
    oracle: Curve
    area: float


def reliability(confidence: FloatArray, apart: FloatArray) -> Reliability:
    """Compare a confidence map with the color differences it speaks about.

    Source: expected calibration error, Naeini, Cooper, Hauskrecht, AAAI 2015; Guo, Pleiss, Sun, Weinberger, ICML 2017.

    Args:
        confidence: any shape, in [0, 1]: probability that a pixel's color is within ``TOLERANCE``.
        apart: the same shape, CIEDE2000 against the truth.
    """
    given = np.clip(confidence.ravel().astype(np.float64), 0, 1)
    right = (apart.ravel() < TOLERANCE).astype(np.float64)
    place = np.minimum((given * BINS).astype(np.intp), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    some = np.where(count, count, np.nan)
    claimed = np.bincount(place, given, BINS) / some
    share = np.bincount(place, right, BINS) / some
    weight = count / given.size
    return Reliability(claimed, share, weight, float(np.nansum(weight * np.abs(claimed - share))))


def pooled(curves: Sequence[Reliability]) -> Reliability:
    """The calibration over all pixels of several pictures, each picture counting the same; not of none.

    An error of one sign in one picture and of the other in the next cancel here, but not in the mean of the errors.
    """
    weights = np.array([curve.weight for curve in curves])
    weight = weights.mean(axis=0)
    some = np.where(weight > 0, weights.sum(axis=0), np.nan)
    claimed = np.nansum([curve.confidence * curve.weight for curve in curves], axis=0) / some
    share = np.nansum([curve.share * curve.weight for curve in curves], axis=0) / some
    return Reliability(claimed, share, weight, float(np.nansum(weight * np.abs(claimed - share))))


def sparsification(confidence: FloatArray, apart: FloatArray) -> Sparsification:
    """Take away the least confident pixels, a hundredth at a time, and watch the error of the rest.

    Source: Ilg et al., Uncertainty estimates and multi-hypotheses networks for optical flow, ECCV 2018. Pixels of
    equal confidence count with their mean error, which is what taking them away in random order gives on average.

    Args:
        confidence: any shape, larger is surer.
        apart: the same shape, CIEDE2000 against the truth.
    """
    errors = apart.ravel()
    removed = np.arange(STEPS) / STEPS
    mean = float(errors.mean(dtype=np.float64))
    if mean == 0:
        nothing = np.zeros(STEPS)
        return Sparsification(removed, nothing, nothing, 0.0)
    sure = confidence.ravel()
    order = np.argsort(-sure, kind="stable")
    curve = _mean_of_first(_level_ties(errors[order], sure[order]), removed) / mean
    oracle = _mean_of_first(np.sort(errors), removed) / mean
    return Sparsification(removed, curve, oracle, float((curve - oracle).mean()))


def _level_ties(errors: FloatArray, keys: FloatArray) -> Curve:
    """Replace every error by the mean over its run of equal keys."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    lengths = np.diff(np.append(starts, errors.size))
    return np.repeat(np.add.reduceat(errors.astype(np.float64), starts) / lengths, lengths)


def _mean_of_first(errors: Curve | FloatArray, removed: Curve) -> Curve:
    """Mean of the first part of a sorted list that is left when shares of its end are removed."""
    kept = np.maximum(np.rint((1 - removed) * errors.size).astype(np.intp), 1)
    return np.cumsum(errors, dtype=np.float64)[kept - 1] / kept
