"""What is computed around refSR: what a tile is fed, and the full-size picture that is made of its answers.

A tile's arrays are larger than a core's cache, so that everything is done in bands of a few rows; channels lie one
behind the other in memory, as the network has them, and are interleaved by the last step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.curves import decode, encode
from dualcam.camera.measure import Measured
from dualcam.classical import upsample
from dualcam.classical.evidence import logistic
from dualcam.frame import Colored, FloatArray
from dualcam.neural import features, tiles
from dualcam.rig import warp

# Confidences closer to 0 and 1 than this cannot be told from them.
_SURE = 1e-6
# Rows of a tile that are computed at a time.
_BAND = 64
# Rows that the noise of a pixel is smoothed over, to both sides.
_SMOOTHED = 8


class Sharpened:
    """The result of refSR while it is made, tile by tile: ``feed`` and ``use`` are called by ``tiles.pieces``.

    Args:
        colored: what refColor made.
        measured: the mono picture, its noise, the same denoised.
        unfitted: (H, W) bool, where colors are wanted as they are, even if no display shows them.

    Attributes:
        pixels: (H, W, 3) float32, linear, in [0, 1] where colors were fitted.
        confidence: (H, W) float32 in [0, 1].
    """

    def __init__(
        self, colored: Colored, measured: Measured, unfitted: NDArray[np.bool_] | None = None
    ) -> None:
        def prepare(rows: slice) -> tuple[FloatArray, ...]:
            mono = colored.mono[rows]
            difference = np.empty((*mono.shape, 3), np.float32)
            for channel in range(3):
                np.subtract(colored.color[rows, :, channel], mono, out=difference[..., channel])
            noise = features.mono_sigma(decode(mono), measured.mono_noise)
            return difference, np.dstack([noise, _logit(colored.confidence[rows])])

        self._difference, self._soft = parallel.banded(prepare, len(colored.mono), _SMOOTHED)
        self._shot, self._clean = measured.mono, measured.mono_cleaner()
        self._weights, self._unfitted = colored.tone.weights, unfitted
        self.pixels = np.empty((*measured.mono.shape, 3), np.float32)
        self.confidence = np.empty(measured.mono.shape, np.float32)

    def feed(self, rows: slice, columns: slice) -> tuple[tiles.Planes, tuple[FloatArray, ...]]:
        """The planes of a tile (7, h, w); the same and the logit (h, w) are wanted again."""
        height, width = self._shot.shape
        shape = rows.stop - rows.start, columns.stop - columns.start
        planes, logit = np.empty((len(features.SR_PLANES), *shape), np.float32), np.empty(shape, np.float32)
        for band, here in _bands(rows):
            rough = warp.enlarged_part(self._difference, band, columns, height, width)
            soft = warp.enlarged_part(self._soft, band, columns, height, width, warp.LINEAR)
            logit[here] = soft[..., 1]
            shot, clean = (encode(p[band, columns]) for p in (self._shot, self._clean))
            shot -= clean
            features.sr_planes(clean, shot, rough, soft[..., 0], logit[here], planes[:, here])
        return planes, (planes, logit)

    def use(self, piece: tiles.Piece) -> None:
        """Finish the pixels of a piece."""
        planes, logit = piece.beside
        residual, more, cleaner = piece.found
        for band, here in _bands(piece.rows):
            fed = planes[:, here]
            color = features.sr_base(fed)
            color += residual[:, here]
            clean = features.sr_noise(fed)
            clean *= cleaner[0, here]
            clean += fed[0]
            # What is wrong in a guessed color is to be its hue, not its brightness.
            upsample.with_luminance(
                np.moveaxis(features.shown(color), 0, -1),
                features.shown(clean),
                self._weights,
                None if self._unfitted is None else self._unfitted[band, piece.columns],
                self.pixels[band, piece.columns],
            )
            self.confidence[band, piece.columns] = logistic(logit[here] + more[0, here])


def _bands(rows: slice) -> Iterator[tuple[slice, slice]]:
    """Rows of the picture in bands, each as rows of the picture and as rows of the tile."""
    for top in range(rows.start, rows.stop, _BAND):
        bottom = min(top + _BAND, rows.stop)
        yield slice(top, bottom), slice(top - rows.start, bottom - rows.start)


def _logit(probability: FloatArray) -> FloatArray:
    p = np.clip(probability, np.float32(_SURE), np.float32(1 - _SURE))
    return np.log(p / (1 - p))
