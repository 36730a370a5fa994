"""The three scores of the protocols beside NIGHT, against one truth whose part in them is computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dualcam.evaluation.metrics import color, fidelity
from dualcam.frame import FloatArray

SCORES = {"psnr": 2, "ssim": 3, "de00": 2}
"""What ``Judge.score`` gives, and the decimals that tables show."""


class Judge:
    """Scores pictures against one truth.

    Args:
        truth: (H, W, 3) uint8, display.

    Raises:
        UnavailableError: scikit-image is not installed.
    """

    def __init__(self, truth: NDArray[np.uint8]) -> None:
        self._truth = truth
        self._moments, self._lab = fidelity.moments(truth), color.lab(truth)

    def score(self, picture: FloatArray) -> dict[str, float]:
        """PSNR, SSIM and mean CIEDE2000 of (H, W, 3) linear, as an 8-bit sRGB screen shows it."""
        shown = fidelity.shown(picture)
        similar = fidelity.ssim_map(fidelity.moments(shown), self._moments)
        return {
            "psnr": fidelity.psnr(fidelity.squared_error(shown, self._truth)),
            "ssim": fidelity.ssim(similar),
            "de00": float(color.de00(color.lab(shown), self._lab).mean()),
        }
