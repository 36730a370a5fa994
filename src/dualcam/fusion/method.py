"""The small interface behind hops 5, 6 and 7, and the choice of who fills it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.measure import Measured
from dualcam.classical import colorize, exposure, upsample
from dualcam.errors import UnavailableError, UsageError
from dualcam.frame import Colored, Exposed, Fact, FloatArray, Pair, Size, Tone, Watch
from dualcam.fusion import render
from dualcam.neural import devices, manifest
from dualcam.neural.method import Neural
from dualcam.neural.network import Load
from dualcam.rig.matching import Match

METHODS = ("auto", "classical", "neural")
DEVICES = ("auto", *devices.DEVICES)


class Method(Protocol):
    """refEC, refColor and refSR of one kind. Mono on the match grid is (h, w) linear, denoised.

    What computes tile by tile tells ``watch`` after every one.

    Attributes:
        name: "classical" or "neural".
        facts: what a report should say about the method itself.
        matches_twice: whether it wants a second opinion on the flow.
        polishes: whether its refColor makes a color better that is in place already.
        takes_mosaics: whether a demosaiced file should become the mosaic that shows in it, and be developed anew.
        trusts_stated_noise: whether it wants the color noise that a file states; else it was fitted to estimates.
    """

    name: str
    facts: Mapping[str, Fact]
    matches_twice: bool
    polishes: bool
    takes_mosaics: bool
    trusts_stated_noise: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how it ran; complete after ``ref_sr``."""
        ...

    def open(self) -> None:
        """Open what will be run, so that the first tile comes as fast as others."""
        ...

    def loads(self, mono: Size, color: Size, grid: Size) -> Mapping[str, Load]:
        """What networks will take for pictures of these heights and widths, by hop; none for a method without any."""
        ...

    def ref_ec(
        self,
        pair: Pair,
        measured: Measured,
        mono: FloatArray,
        match: Match,
        tone: Tone,
        watch: Watch | None = None,
    ) -> Exposed:
        """Dark color -> exposed, denoised color in the color view."""
        ...

    def ref_color(
        self, mono: FloatArray, exposed: Exposed, match: Match, watch: Watch | None = None
    ) -> Colored:
        """Exposed color -> color in the mono view at the color camera's resolution."""
        ...

    def ref_sr(
        self,
        colored: Colored,
        measured: Measured,
        watch: Watch | None = None,
        unfitted: NDArray[np.bool_] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Color and the full mono -> pixels (H, W, 3) linear in [0, 1], confidence (H, W) in [0, 1].

        Where ``unfitted`` (H, W) is true, colors of mono's luminance are not made to fit [0, 1].
        """
        ...


class Classical:
    """The method without weights."""

    name = "classical"
    facts: Mapping[str, Fact] = {}
    matches_twice = False
    polishes = False
    # Its models of evidence were fitted to files as they are.
    takes_mosaics = False
    trusts_stated_noise = True
    notes = ()

    def open(self) -> None:
        """Nothing to open."""

    def loads(self, mono: Size, color: Size, grid: Size) -> Mapping[str, Load]:
        """No networks."""
        return {}

    def ref_ec(
        self,
        pair: Pair,
        measured: Measured,
        mono: FloatArray,
        match: Match,
        tone: Tone,
        watch: Watch | None = None,
    ) -> Exposed:
        """See ``classical.exposure``."""
        fitted = exposure.fine_tone(pair, mono, match, tone)
        return exposure.expose(pair, measured, mono, match, fitted)

    def ref_color(
        self, mono: FloatArray, exposed: Exposed, match: Match, watch: Watch | None = None
    ) -> Colored:
        """See ``classical.colorize``."""
        return colorize.colorize(mono, exposed, match)

    def ref_sr(
        self,
        colored: Colored,
        measured: Measured,
        watch: Watch | None = None,
        unfitted: NDArray[np.bool_] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """See ``classical.upsample``; the confidence is enlarged."""
        pixels = upsample.upsample(colored, measured.mono_clean, unfitted)
        return pixels, render.enlarge_confidence(colored.confidence, *pixels.shape[:2])


def choose(
    name: str,
    weights: str | Path | None = None,
    threads: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    engine: str = devices.AUTO,
) -> Method:
    """The method of a name; "auto" takes the neural one, and the classical one where no weights are installed.

    Args:
        name: one of ``METHODS``.
        weights: folder with exported networks; None for those of the package.
        threads: threads of the networks; None for as many as OpenCV uses.
        device: one of ``DEVICES``.
        precision: one of ``devices.PRECISIONS``.
        engine: one of ``devices.ENGINES``.

    Raises:
        UnavailableError: "neural" without weights, weights that cannot be used, an engine or device that cannot.
        UsageError: an unknown name, device or engine, a device or precision that the engine has not, no threads,
            weights for a method that has none.
    """
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r}.", f"Use one of {', '.join(METHODS)}.")
    if device not in DEVICES:
        raise UsageError(f"there is no device {device!r}.", f"Use one of {', '.join(DEVICES)}.")
    if precision not in devices.PRECISIONS:
        raise UsageError(
            f"there is no precision {precision!r}.", f"Use one of {', '.join(devices.PRECISIONS)}."
        )
    if engine not in devices.ENGINES:
        raise UsageError(f"there is no engine {engine!r}.", f"Use one of {', '.join(devices.ENGINES)}.")
    chosen = devices.CPU if device == "auto" else device
    settled = devices.settle(engine, chosen)
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads cannot compute anything.", "Give 1 or more.")
    installed = manifest.there(manifest.SHIPPED)
    if name == "classical" or (name == "auto" and weights is None and not installed):
        if weights is not None:
            raise UsageError(
                "the classical method has no weights.", "Leave --weights out, or use --method neural."
            )
        if chosen != devices.CPU:
            raise UsageError("the classical method runs on the CPU only.", "Leave --device out.")
        if precision != "auto" or engine != devices.AUTO:
            raise UsageError("the classical method has no networks.", "Leave --precision and --engine out.")
        return Classical()
    if weights is not None:
        return Neural(Path(weights), threads, chosen, precision, settled)
    if installed:
        return Neural(manifest.SHIPPED, threads, chosen, precision, settled)
    raise UnavailableError(
        "the neural method is not available: this installation holds no weights.",
        "Name exported ones with --weights, or use --method classical (or auto).",
    )
