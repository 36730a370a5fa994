"""Hops 1 to 4: two pictures are read, placed, measured and matched, whatever method follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dualcam import parallel
from dualcam.camera.curves import encode
from dualcam.camera.measure import Measured, measure
from dualcam.camera.remosaic import remosaiced
from dualcam.classical.exposure import rough_luma, rough_tone
from dualcam.errors import UsageError
from dualcam.frame import FloatArray, Frame, Pair, Tone, View
from dualcam.fusion.forecast import Forecast, forecast
from dualcam.fusion.hops import Log
from dualcam.fusion.inputs import Picture, frames_of
from dualcam.fusion.method import Method
from dualcam.fusion.past import Past
from dualcam.fusion.remarks import noise_facts, placement_facts
from dualcam.rig import warp
from dualcam.rig.calibrated import place_with
from dualcam.rig.cameras import Rig
from dualcam.rig.matching import Match, match, match_grid
from dualcam.rig.place import place
from dualcam.rig.rigfile import read_rig


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What hops 1 to 4 know about a pair when refEC begins: the arguments of ``Method.ref_ec``, in order.

    Attributes:
        pair: the two frames and their placement.
        measured: noise, clipping, mono at full size.
        mono: (h, w) float32, linear, the denoised mono on the match grid, as the method wants it.
        match: the match.
        tone: the rough exposure match.
        notes: remarks for the user about the placement.
    """

    pair: Pair
    measured: Measured
    mono: FloatArray
    match: Match
    tone: Tone
    notes: tuple[str, ...] = ()


class Preparation:
    """Walks hops 1 to 4 with one set of options.

    Args:
        method: what follows.
        how: "auto", or "identity" to insist that both pictures show the same field of view.
        view: whose view the result will have.
        rig: how the two cameras are calibrated, or the file that says so; None where nothing is known.
        distance: with a rig, how far away the scene is, in meters; None finds it in the pictures.

    Raises:
        InputError: the rig's file cannot be used.
        UsageError: for options that are unknown or exclude each other.
    """

    def __init__(
        self, method: Method, how: str, view: View, rig: Rig | str | Path | None, distance: float | None
    ) -> None:
        if how not in ("auto", "identity"):
            raise UsageError(f"there is no placement {how!r}.", "Use auto or identity.")
        if distance is not None and (rig is None or not distance > 0):
            raise UsageError(
                "a distance is of use with a rig only, and over 0.", "Give a rig, or leave the distance out."
            )
        if rig is not None and how == "identity":
            raise UsageError("a rig and the placement identity exclude each other.", "Leave one of them out.")
        self._method = method
        self._how = how
        self._view: View = view
        self._rig = read_rig(rig) if isinstance(rig, (str, Path)) else rig
        self._distance = distance

    def prepare(
        self,
        mono: Picture,
        color: Picture,
        log: Log,
        on_forecast: Callable[[Forecast], None] | None = None,
        past: Past | None = None,
    ) -> Prepared:
        """Walk hops 1 to 4.

        Args:
            mono: as ``Fuser.fuse`` takes it.
            color: the same.
            log: times the hops.
            on_forecast: called once both pictures have been read, with what the rest will take.
            past: what is known from the frame before, of a video.

        Raises:
            InputError: when a file or array cannot be used.
            PlacementError: when the two cannot be placed on each other.
            UsageError: when both are the same file.
        """
        # Every file is unpacked by one thread, and the smaller one is soon done.
        with parallel.beside(self._method.open if on_forecast else _nothing) as opened:
            frames = self._read(mono, color, log)
            opened()
        if on_forecast:
            sizes = [frame.pixels.shape[:2] for frame in frames]
            # In the color view the result is as fine as the finer of both.
            sizes[0] = max(sizes) if self._view == "color" else sizes[0]
            on_forecast(forecast(self._method, sizes[0], sizes[1]))
        # Placement keeps one core busy at most times: the other measures and denoises meanwhile.
        with parallel.beside(partial(self._measured, *frames)) as measuring:
            with log.hop("place") as facts:
                pair, notes = self._placed(*frames, past)
                facts |= placement_facts(pair)
            with log.hop("measure") as facts:
                measured = measuring()
                tone = rough_tone(pair)
                tone = past.calmed(tone) if past is not None else tone
                facts |= noise_facts(measured)
                facts |= {"exposure ratio": tone.gain, "tone curve exponent": tone.exponent}
                grid = match_grid(pair)
                small = warp.resize(measured.mono_clean, grid.height, grid.width)
        placement = pair.placement
        with log.hop("match") as facts:
            promised = placement.parallax_px / max(1.0, placement.scale) if placement.matches else None
            luma = rough_luma(pair.color.pixels, tone)
            found = match(
                grid,
                encode(small),
                luma,
                promised,
                twice=self._method.matches_twice,
                start=past.flows() if past is not None else None,
                keep=past is not None,
                back=self._view == "color",
            )
            agree = float((found.inside & (found.disagreement < 1)).mean())
            facts |= {
                "grid": f"{grid.width} x {grid.height}",
                "rendering": found.rendering,
                "agrees both ways": agree,
                "likeness": float(found.likeness[found.inside].mean()) if found.inside.any() else 0.0,
            }
        if past is not None and found.flows is not None:
            if past.lost(agree):
                past.forget()
                return self.prepare(*frames, log, past=past)
            past.keep(placement, found.flows, agree)
        return Prepared(pair, measured, small, found, tone, notes)

    def _read(self, mono: Picture, color: Picture, log: Log) -> tuple[Frame, Frame]:
        with log.hop("read") as facts:
            frames = frames_of(mono, color)
            if self._method.takes_mosaics:
                frames = frames[0], remosaiced(frames[1])
            for frame in frames:
                height, width = frame.pixels.shape[:2]
                facts[f"{frame.role} size"] = f"{width} x {height}"
                facts[f"{frame.role} format"] = f"{frame.origin.format}, {frame.origin.bits} bits"
            facts["color mosaic"] = frames[1].mosaic.pattern if frames[1].mosaic else "none"
        return frames

    def _placed(self, mono: Frame, color: Frame, past: Past | None) -> tuple[Pair, tuple[str, ...]]:
        known = past.placement(mono, color) if past is not None else None
        if known is not None:
            return Pair(mono, color, known), ()
        if self._rig is None:
            return Pair(mono, color, place(mono, color, self._how)), ()
        placement, notes = place_with(self._rig, mono, color, self._distance)
        return Pair(mono, color, placement), notes

    def _measured(self, mono: Frame, color: Frame) -> Measured:
        measured = measure(mono, color, trust_color=self._method.trusts_stated_noise)
        _ = measured.mono_clean  # computed when first asked for
        return measured


def _nothing() -> None:
    pass
