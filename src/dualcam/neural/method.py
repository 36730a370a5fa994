"""refEC, refColor and refSR by the three networks: features in, a correction out, three times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualcam import memory
from dualcam.camera.measure import Measured
from dualcam.classical import exposure
from dualcam.classical.evidence import logistic
from dualcam.frame import Colored, Exposed, Fact, FloatArray, Pair, Size, Tone, Watch
from dualcam.neural import claims, devices, features, tiles
from dualcam.neural.engine import load
from dualcam.neural.network import Load, Whole
from dualcam.neural.sharpened import Sharpened
from dualcam.rig.matching import Match

SHARE = np.float32(0.85)
"""Part of refColor's correction that is believed.

Real scenes differ from those that it was taught with: a part was a little better than all of it, on captures of stereo
pairs of the training data and on crops of held-back pictures (docs/experiments.md).
"""

CLAIM = np.float32(0.96), np.float32(-0.12)
"""Slope and offset for the logit of refColor's confidence.

Fitted to held-back samples, where the networks claim a little too much: 0.814 where 0.797 are right.
"""


class Neural:
    """The method with weights, see ``fusion.method.Method``.

    Args:
        weights: folder with the exported networks.
        threads: threads they may use; None for as many as OpenCV uses.
        device: of ``devices.DEVICES``.
        precision: of ``devices.PRECISIONS``.
        engine: of ``devices.ENGINES``.

    Raises:
        UnavailableError: the folder does not hold all networks of this version, or the engine, device or precision
            cannot be had.
        UsageError: the engine knows no such device or precision.
    """

    name = "neural"
    matches_twice = True
    # On captures of training pairs by 0.05 CIEDE2000 on average, and never worse by more than 0.04 dB.
    polishes = True
    takes_mosaics = True
    # The networks learned from estimates, in which texture counts as some noise: the true number was no better.
    trusts_stated_noise = False

    def __init__(
        self,
        weights: Path,
        threads: int | None = None,
        device: str = devices.CPU,
        precision: str = "auto",
        engine: str = devices.AUTO,
    ) -> None:
        self._engine = load(weights, threads, device, precision, engine)
        self.facts: Mapping[str, Fact] = {
            "weights": self._engine.run,
            "engine": self._engine.name,
            "device": device,
            "precision": self._engine.precision,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the networks ran."""
        return self._engine.notes

    def open(self) -> None:
        """Open the three networks."""
        for network in (self._engine.refec, self._engine.refcolor, self._engine.refsr):
            network.open()

    def loads(self, mono: Size, color: Size, grid: Size) -> Mapping[str, Load]:
        """What the networks will take for pictures of these sizes, by hop."""
        return {
            "refEC": self._engine.refec.load(*color),
            "refColor": self._engine.refcolor.load(*grid),
            "refSR": self._engine.refsr.load(*mono),
        }

    def ref_ec(
        self,
        pair: Pair,
        measured: Measured,
        mono: FloatArray,
        match: Match,
        tone: Tone,
        watch: Watch | None = None,
    ) -> Exposed:
        """The exposure is measured, the noise and the mosaic's traces are the network's; display, unclipped."""
        measured.halve_clean()
        fitted = exposure.fine_tone(pair, mono, match, tone)
        fed = features.ec_input(pair, measured, mono, match, fitted)
        return Exposed(expose(self._engine.refec, fed, watch), fed.sigma, fitted)

    def ref_color(
        self, mono: FloatArray, exposed: Exposed, match: Match, watch: Watch | None = None
    ) -> Colored:
        """The classical refColor's color is corrected; how sure the network may be, ``claims`` says."""
        # Handed over, not held: what has been used up can go.
        given = [exposed]
        tone = exposed.tone
        del exposed
        fed = features.color_input(mono, given.pop(), match)
        match = replace(match, second=None)
        residual, logit = self._engine.refcolor.over(fed.planes, watch)
        display, luma, matched, blended, sigma = fed.mono, fed.luma, fed.matched, fed.blended, fed.sigma
        del fed
        memory.give_back()
        sure = logistic(CLAIM[0] * logit[..., 0] + CLAIM[1])
        sure *= claims.allowed(display, np.asarray(luma, np.float32), match)
        del logit
        found = np.multiply(residual, SHARE, dtype=np.float32)
        found += blended
        found += display[..., None]
        del residual, blended
        kinds = claims.provenance(match, found, matched, sigma)
        claims.fade(display, found, match)
        return Colored(mono=display, color=found, confidence=sure, provenance=kinds, tone=tone)

    def ref_sr(
        self,
        colored: Colored,
        measured: Measured,
        watch: Watch | None = None,
        unfitted: NDArray[np.bool_] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Tile by tile, from mono as shot and denoised: pixels (H, W, 3) linear in [0, 1], confidence (H, W)."""
        sharpened = Sharpened(colored, measured, unfitted)
        del colored
        height, width = measured.mono.shape
        tiles.pieces(self._engine.refsr, height, width, sharpened.feed, sharpened.use, watch)
        return sharpened.pixels, sharpened.confidence


def expose(refec: Whole, fed: features.EcInput, watch: Watch | None = None) -> FloatArray:
    """What refEC makes of its input: (h, w, 3) display, unclipped, in the color view."""
    top, left = fed.phase
    # In training a mosaic begins with red; rows and columns before it are repeated and cut off again.
    planes = (
        [np.pad(np.asarray(p), ((top, 0), (left, 0)), mode="edge") for p in fed.planes]
        if top or left
        else fed.planes
    )
    (residual,) = refec.over(planes, watch)
    return np.add(fed.base, residual[top:, left:], dtype=np.float32)
