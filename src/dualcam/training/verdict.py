"""Is an adapted refEC better on pairs that it has not learned from? If that is not clear, it is not kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_GAIN = 0.1
"""A mean gain under this, dB, is not worth other weights; wrong verdicts on simulated rigs were all under it."""
_MOST_LOST = 0.05
# A single pair that gains much is a reason to doubt, and not to keep.
_ERRORS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Scores of held-back pairs, dB of the whole result against that of the picture as shot.

    Attributes:
        before: (pairs, levels) with the weights of before.
        after: the same with the adapted ones.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]

    @property
    def gain(self) -> float:
        """Mean gain over pairs and levels."""
        return float((self.after - self.before).mean())

    @property
    def error(self) -> float:
        """Standard error of that over the pairs; infinite for a single one."""
        gains = (self.after - self.before).mean(1)
        return float(gains.std(ddof=1) / math.sqrt(len(gains))) if len(gains) > 1 else math.inf

    @property
    def by_level(self) -> tuple[float, ...]:
        """Mean gain at every level."""
        return tuple(float(value) for value in (self.after - self.before).mean(0))

    @property
    def reasons(self) -> tuple[str, ...]:
        """What speaks against the adapted weights; none if they are to be kept."""
        found = []
        if not self.gain >= LEAST_GAIN:
            found.append(f"the gain is under {LEAST_GAIN:g} dB")
        if not self.gain > _ERRORS * self.error:
            found.append("the gain is not larger than twice its standard error")
        if min(self.by_level) < -_MOST_LOST:
            found.append("one level of light gets worse")
        return tuple(found)

    @property
    def keep(self) -> bool:
        """Whether they are to be kept."""
        return not self.reasons


def best(verdicts: Sequence[Verdict]) -> int:
    """Which of several has the largest mean gain; one to be kept goes before all that are not."""
    return max(range(len(verdicts)), key=lambda n: (verdicts[n].keep, verdicts[n].gain))


def psnr(result: NDArray[np.floating], wanted: NDArray[np.floating]) -> float:
    """PSNR of two display pictures of one shape, in [0, 1], dB; at most 100."""
    error = float(((np.clip(result, 0, 1) - np.clip(wanted, 0, 1)) ** 2).mean())
    return -10 * math.log10(max(error, 1e-10))
