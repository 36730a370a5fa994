"""The eight hops, end to end: read, place, measure, match, refEC, refColor, refSR, render.

``Fuser`` keeps what can be kept between pictures; ``fuse`` is the one-call form. The command line, batches and
evaluation go through here and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from dualcam import memory, parallel
from dualcam.camera.measure import Measured
from dualcam.errors import UsageError
from dualcam.frame import (
    Advice,
    Colored,
    FloatArray,
    Fusion,
    Hop,
    Provenance,
    View,
    Watch,
)
from dualcam.fusion import color_view, render
from dualcam.fusion import highlights as recovery
from dualcam.fusion.advice import advise, refuse_serious
from dualcam.fusion.forecast import Forecast
from dualcam.fusion.hops import Log
from dualcam.fusion.inputs import Picture
from dualcam.fusion.method import Method, choose
from dualcam.fusion.past import Past
from dualcam.fusion.preparation import Preparation, Prepared
from dualcam.fusion.remarks import notes_of
from dualcam.rig.cameras import Rig

VIEWS: tuple[View, ...] = get_args(View)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What refSR goes on with."""

    colored: Colored
    measured: Measured
    turned: color_view.ColorView | None
    lamps: recovery.Highlights | None
    stages: dict[str, FloatArray]


class Fuser:
    """Fuses pairs with one set of options.

    Args:
        method: "auto", "classical" or "neural".
        device: "auto", "cpu", "cuda", "coreml", "directml" or "openvino".
        place: "auto", or "identity" to insist that both pictures show the same field of view.
        rig: how the two cameras are calibrated, or the file that says so; None where nothing is known.
        distance: with a rig, how far away the scene is, in meters; None finds it in the pictures.
        view: whose view the result has, "mono" or "color".
        weights: folder with exported networks; None for those of the package.
        threads: threads of the networks; None for as many as OpenCV uses.
        precision: what the networks compute in: "auto", "int8", "float16" or "float32".
        highlights: "auto" takes lamps that mono clipped from the color camera, "off" leaves them white.
        strict: refuse a capture with a serious fault (``fusion.advice``).
        engine: what runs the networks: "auto", "onnxruntime" or "torch".

    Raises:
        UnavailableError: for a method, engine, device or weights that are not there.
        UsageError: for an unknown option value.
    """

    def __init__(
        self,
        method: str = "auto",
        device: str = "auto",
        place: str = "auto",
        view: View = "mono",
        weights: str | Path | None = None,
        threads: int | None = None,
        precision: str = "auto",
        highlights: str = "auto",
        strict: bool = False,
        rig: Rig | str | Path | None = None,
        distance: float | None = None,
        engine: str = "auto",
    ) -> None:
        if view not in VIEWS:
            raise UsageError(f"there is no view {view!r}.", f"Use one of {', '.join(VIEWS)}.")
        self._method: Method = choose(method, weights, threads, device, precision, engine)
        self._preparation = Preparation(self._method, place, view, rig, distance)
        if highlights not in recovery.CHOICES:
            raise UsageError(f"there is no {highlights!r} for highlights.", "Use auto or off.")
        self._highlights = highlights == "auto"
        self._strict = strict
        self._view: View = view

    def fuse(
        self,
        mono: Picture,
        color: Picture,
        *,
        keep_stages: bool = False,
        on_hop: Callable[[Hop], None] | None = None,
        on_forecast: Callable[[Forecast], None] | None = None,
        on_tile: Watch | None = None,
    ) -> Fusion:
        """Fuse one pair.

        Args:
            mono: a path, a frame, or an array: (H, W) uint8 or uint16 display, or float linear.
            color: a path, a frame, or an array: (h, w, 3) RGB, the same.
            keep_stages: keep a display picture of every hop in ``Fusion.stages``.
            on_hop: called after every hop.
            on_forecast: called once both pictures have been read, with what the rest will take.
            on_tile: called after every tile of the hop under way: how many of how many are done.

        Raises:
            InputError: when a file or array cannot be used; with ``strict``, when the capture has a serious fault.
            PlacementError: when the two cannot be placed on each other.
            UsageError: when both are the same file.
        """
        with parallel.sharing():
            return self._fuse(mono, color, keep_stages, Log(on_hop), on_forecast, on_tile)

    def stream(
        self, pairs: Iterable[tuple[Picture, Picture]], *, on_hop: Callable[[Hop], None] | None = None
    ) -> Iterator[Fusion]:
        """Fuse the frames of a video, one after the other.

        Placement, exposure and flow are handed on from frame to frame, and found anew where the rig has moved or the
        frames change their size; networks and memory are kept.

        Args:
            pairs: mono and color of every frame, each as ``fuse`` takes it; taken when the frame before is done.
            on_hop: called after every hop.

        Yields:
            One result for every frame.

        Raises:
            InputError: when a frame cannot be used.
            PlacementError: when the two cannot be placed on each other.
            UsageError: when both are the same file.
        """
        past = Past()
        for mono, color in pairs:
            # Not around the yield: what the caller does between two frames is its own business.
            with parallel.sharing(), memory.kept():
                fusion = self._fuse(mono, color, False, Log(on_hop), past=past)
            yield fusion

    def _fuse(
        self,
        mono: Picture,
        color: Picture,
        keep_stages: bool,
        log: Log,
        on_forecast: Callable[[Forecast], None] | None = None,
        on_tile: Watch | None = None,
        past: Past | None = None,
    ) -> Fusion:
        known = self._preparation.prepare(mono, color, log, on_forecast, past)
        pair, notes = known.pair, known.notes
        # Nothing that follows needs it, and little that follows keeps all cores busy at all times.
        with parallel.beside(_judging(known, self._view) if past is None else tuple) as advice:
            if self._strict:
                refuse_serious(advice())
            # Handed over, not held here: what has been used up can go.
            given = [known]
            del known
            made = self._colored(given.pop(), keep_stages, log, on_tile)
            measured, turned, lamps, stages = made.measured, made.turned, made.lamps, made.stages
            kinds, shown = made.colored.provenance, made.colored if keep_stages else None
            colored = [made.colored]
            del made
            with log.hop("refSR") as facts:
                unfitted = lamps.unfitted if lamps is not None else None
                pixels, confidence = self._method.ref_sr(colored.pop(), measured, on_tile, unfitted)
                if turned is not None:
                    confidence = color_view.claimed(confidence, turned, self._method.name)
                radiance = None
                if lamps is not None:
                    pixels, radiance = recovery.render(pixels, lamps)
                    facts |= recovery.facts(lamps)
            with log.hop("render") as facts:
                provenance = render.enlarge_labels(kinds, *pixels.shape[:2])
                facts["mean confidence"] = float(confidence.mean())
                render.refuse_broken(pixels)
                if shown is not None:
                    stages |= render.late_stages(shown, pixels, confidence)
            remarks = notes_of(pair, measured, provenance, self._view, advice())
            return Fusion(
                pixels=pixels,
                confidence=confidence,
                provenance=provenance,
                pair=pair,
                method=self._method.name,
                view=self._view,
                hops=tuple(log.hops),
                stages=stages,
                notes=remarks + notes + self._method.notes,
                radiance=radiance,
                advice=advice(),
            )

    def _colored(self, known: Prepared, keep_stages: bool, log: Log, on_tile: Watch | None) -> _Made:
        """Hops 5 and 6."""
        stages: dict[str, FloatArray] = {}
        pair, measured, mono, match = known.pair, known.measured, known.mono, known.match
        with log.hop("refEC") as facts:
            exposed = self._method.ref_ec(pair, measured, mono, match, known.tone, on_tile)
            facts |= {
                **self._method.facts,
                "exposure ratio": exposed.tone.gain,
                "spectral weights": " ".join(f"{w:.2f}" for w in exposed.tone.weights),
                "noise (display)": float(exposed.sigma.mean()),
            }
        with log.hop("refColor") as facts:
            if keep_stages:
                stages = render.early_stages(pair, mono, known.tone, match, exposed)
            del known
            turned, tone, own = None, exposed.tone, None
            if self._view == "color":
                turned = color_view.bring(pair, measured, match, exposed)
                facts["detail from mono"] = turned.detailed
                measured, mono, match = turned.measured, turned.mono, turned.match
                own = exposed.color
            else:
                match = match.one_way()
            # The second opinion and refEC's color are large, and used up before the network begins.
            lit, second = [exposed], [match]
            del exposed
            match = replace(match, second=None)
            colored = self._method.ref_color(mono, lit.pop(), second.pop(), on_tile)
            if own is not None and not self._method.polishes:
                colored = replace(colored, color=own)
            for kind in Provenance:
                facts[kind.name.lower()] = float((colored.provenance == kind).mean())
            lamps = None
            if self._highlights:
                memory.give_back()
                lamps = recovery.find(pair, measured, mono, match, tone)
        return _Made(colored, measured, turned, lamps, stages)

    def prepare(self, mono: Picture, color: Picture) -> Prepared:
        """Walk hops 1 to 4 only, for whoever looks at refEC, refColor or refSR alone.

        Takes and raises what ``fuse`` does.
        """
        with parallel.sharing():
            return self._preparation.prepare(mono, color, Log())

    def advise(self, mono: Picture, color: Picture) -> tuple[Advice, ...]:
        """Say what should be known about a capture and what would make it better, without fusing it.

        Takes and raises what ``fuse`` does; needs no networks.

        Returns:
            The findings, the most serious first.
        """
        with parallel.sharing():
            return _judging(self._preparation.prepare(mono, color, Log()), self._view)()

    @property
    def method(self) -> Method:
        """What fills hops 5, 6 and 7."""
        return self._method


def fuse(mono: Picture, color: Picture, **options: Any) -> Fusion:
    """Fuse one pair: ``Fuser(**options).fuse(mono, color)``."""
    return Fuser(**options).fuse(mono, color)


def _judging(known: Prepared, view: View) -> Callable[[], tuple[Advice, ...]]:
    """What judges a capture; it holds only what it needs."""
    return partial(advise, known.pair, known.measured, known.mono, known.match, known.tone, view)
