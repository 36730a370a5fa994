"""The small interface behind hops 5, 6 and 7, and the choice of who fills it."""

from __future__ import annotations

from typing import Protocol

from dualcam.camera.measure import Measured
from dualcam.classical import colorize, exposure, upsample
from dualcam.errors import UnavailableError, UsageError
from dualcam.frame import Colored, Exposed, FloatArray, Pair, Tone
from dualcam.rig.matching import Match

METHODS = ("auto", "classical", "neural")


class Method(Protocol):
    """refEC, refColor and refSR of one kind. Pictures on the match grid are (h, w) linear, denoised mono."""

    name: str

    def ref_ec(self, pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> Exposed:
        """Dark color -> exposed, denoised color in the color view."""
        ...

    def ref_color(self, mono: FloatArray, exposed: Exposed, match: Match) -> Colored:
        """Exposed color -> color in the mono view at the color camera's resolution."""
        ...

    def ref_sr(self, colored: Colored, mono: FloatArray) -> FloatArray:
        """Color and the full mono (H, W) linear -> (H, W, 3) linear in [0, 1]."""
        ...


class Classical:
    """The method without weights."""

    name = "classical"

    def ref_ec(self, pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone) -> Exposed:
        """See ``classical.exposure``."""
        fitted = exposure.fine_tone(pair, mono, match, tone)
        return exposure.expose(pair, measured, mono, match, fitted)

    def ref_color(self, mono: FloatArray, exposed: Exposed, match: Match) -> Colored:
        """See ``classical.colorize``."""
        return colorize.colorize(mono, exposed, match)

    def ref_sr(self, colored: Colored, mono: FloatArray) -> FloatArray:
        """See ``classical.upsample``."""
        return upsample.upsample(colored, mono)


def choose(name: str) -> Method:
    """The method of a name; "auto" takes the best that is installed.

    Raises:
        UnavailableError: for "neural", as long as no weights are shipped.
        UsageError: for an unknown name.
    """
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r}.", f"Use one of {', '.join(METHODS)}.")
    if name == "neural":
        raise UnavailableError(
            "the neural method is not available: this version ships no weights.",
            "Use --method classical (or auto).",
        )
    return Classical()
