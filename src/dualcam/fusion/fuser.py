"""The eight hops, end to end: read, place, measure, match, refEC, refColor, refSR, render.

``Fuser`` keeps what can be kept between pictures; ``fuse`` is the one-call form. The command line, batches and
evaluation go through here and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from dualcam import memory, parallel
from dualcam.camera.curves import encode
from dualcam.camera.measure import Measured, measure
from dualcam.camera.remosaic import remosaiced
from dualcam.classical.exposure import rough_luma, rough_tone
from dualcam.errors import UsageError
from dualcam.frame import (
    Advice,
    Fact,
    FloatArray,
    Fusion,
    Hop,
    Pair,
    Provenance,
    Tone,
    View,
    Watch,
)
from dualcam.fusion import color_view, render
from dualcam.fusion import highlights as recovery
from dualcam.fusion.advice import advise, refuse_serious
from dualcam.fusion.forecast import Forecast, forecast
from dualcam.fusion.inputs import Picture, frames_of
from dualcam.fusion.method import Method, choose
from dualcam.fusion.past import Past
from dualcam.fusion.remarks import noise_facts, notes_of, placement_facts
from dualcam.rig import warp
from dualcam.rig.calibrated import place_with
from dualcam.rig.cameras import Rig
from dualcam.rig.matching import Match, match, match_grid
from dualcam.rig.place import place
from dualcam.rig.rigfile import read_rig

VIEWS: tuple[View, ...] = get_args(View)
HOPS = ("read", "place", "measure", "match", "refEC", "refColor", "refSR", "render")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What hops 1 to 4 know about a pair when refEC begins: the arguments of ``Method.ref_ec``, in order.

    Attributes:
        pair: the two frames and their placement.
        measured: noise, clipping, mono at full size.
        mono: (h, w) float32, linear, the denoised mono on the match grid, as the method wants it.
        match: the match.
        tone: the rough exposure match.
        advice: what was noticed about the capture; empty unless asked for.
        notes: remarks for the user about the placement.
    """

    pair: Pair
    measured: Measured
    mono: FloatArray
    match: Match
    tone: Tone
    advice: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()


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
        if place not in ("auto", "identity"):
            raise UsageError(f"there is no placement {place!r}.", "Use auto or identity.")
        self._method: Method = choose(method, weights, threads, device, precision, engine)
        if highlights not in recovery.CHOICES:
            raise UsageError(f"there is no {highlights!r} for highlights.", "Use auto or off.")
        self._place = place
        self._highlights = highlights == "auto"
        self._strict = strict
        if distance is not None and (rig is None or not distance > 0):
            raise UsageError(
                "a distance is of use with a rig only, and over 0.", "Give a rig, or leave the distance out."
            )
        if rig is not None and place == "identity":
            raise UsageError("a rig and the placement identity exclude each other.", "Leave one of them out.")
        self._rig = read_rig(rig) if isinstance(rig, (str, Path)) else rig
        self._distance = distance
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
            return self._fuse(mono, color, keep_stages, _Log(on_hop), on_forecast, on_tile)

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
                fusion = self._fuse(mono, color, False, _Log(on_hop), past=past)
            yield fusion

    def _fuse(
        self,
        mono: Picture,
        color: Picture,
        keep_stages: bool,
        log: _Log,
        on_forecast: Callable[[Forecast], None] | None = None,
        on_tile: Watch | None = None,
        past: Past | None = None,
    ) -> Fusion:
        stages: dict[str, FloatArray] = {}
        known = self._prepare(mono, color, log, on_forecast, past, advised=past is None)
        pair, measured, advice, remarks = known.pair, known.measured, known.advice, known.notes
        if self._strict:
            refuse_serious(advice)
        with log.hop("refEC") as facts:
            exposed = self._method.ref_ec(pair, measured, known.mono, known.match, known.tone, on_tile)
            facts |= {
                **self._method.facts,
                "exposure ratio": exposed.tone.gain,
                "spectral weights": " ".join(f"{w:.2f}" for w in exposed.tone.weights),
                "noise (display)": float(exposed.sigma.mean()),
            }
        with log.hop("refColor") as facts:
            if keep_stages:
                stages = render.early_stages(pair, known.mono, known.tone, known.match, exposed)
            turned = None
            if self._view == "color":
                turned = color_view.bring(pair, measured, known.match, exposed)
                facts["detail from mono"] = turned.detailed
                measured = turned.measured
                known = replace(known, measured=measured, mono=turned.mono, match=turned.match)
            colored = self._method.ref_color(known.mono, exposed, known.match, on_tile)
            if self._view == "color" and not self._method.polishes:
                colored = replace(colored, color=exposed.color)
            for kind in Provenance:
                facts[kind.name.lower()] = float((colored.provenance == kind).mean())
            lamps = None
            if self._highlights:
                lamps = recovery.find(pair, measured, known.mono, known.match, exposed.tone)
            # Large, and of no use from here on.
            del known, exposed
        with log.hop("refSR") as facts:
            unfitted = lamps.unfitted if lamps is not None else None
            pixels, confidence = self._method.ref_sr(colored, measured, on_tile, unfitted)
            if turned is not None:
                confidence = color_view.claimed(confidence, turned, self._method.name)
            radiance = None
            if lamps is not None:
                pixels, radiance = recovery.render(pixels, lamps)
                facts |= recovery.facts(lamps)
        with log.hop("render") as facts:
            provenance = render.enlarge_labels(colored.provenance, *pixels.shape[:2])
            facts["mean confidence"] = float(confidence.mean())
            render.refuse_broken(pixels)
            if keep_stages:
                stages |= render.late_stages(colored, pixels, confidence)
        return Fusion(
            pixels=pixels,
            confidence=confidence,
            provenance=provenance,
            pair=pair,
            method=self._method.name,
            view=self._view,
            hops=tuple(log.hops),
            stages=stages,
            notes=notes_of(pair, measured, provenance, self._view, advice) + remarks + self._method.notes,
            radiance=radiance,
            advice=advice,
        )

    def prepare(self, mono: Picture, color: Picture) -> Prepared:
        """Walk hops 1 to 4 only, for whoever looks at refEC, refColor or refSR alone.

        Takes and raises what ``fuse`` does.
        """
        with parallel.sharing():
            return self._prepare(mono, color, _Log(None))

    def advise(self, mono: Picture, color: Picture) -> tuple[Advice, ...]:
        """Say what should be known about a capture and what would make it better, without fusing it.

        Takes and raises what ``fuse`` does; needs no networks.

        Returns:
            The findings, the most serious first.
        """
        with parallel.sharing():
            return self._prepare(mono, color, _Log(None), advised=True).advice

    @property
    def method(self) -> Method:
        """What fills hops 5, 6 and 7."""
        return self._method

    def _prepare(
        self,
        mono: Picture,
        color: Picture,
        log: _Log,
        on_forecast: Callable[[Forecast], None] | None = None,
        past: Past | None = None,
        advised: bool = False,
    ) -> Prepared:
        with log.hop("read") as facts:
            mono_frame, color_frame = frames_of(mono, color)
            if self._method.takes_mosaics:
                color_frame = remosaiced(color_frame)
            frames = mono_frame, color_frame
            for frame in frames:
                height, width = frame.pixels.shape[:2]
                facts[f"{frame.role} size"] = f"{width} x {height}"
                facts[f"{frame.role} format"] = f"{frame.origin.format}, {frame.origin.bits} bits"
            facts["color mosaic"] = frames[1].mosaic.pattern if frames[1].mosaic else "none"
        if on_forecast:
            sizes = [frame.pixels.shape[:2] for frame in frames]
            # In the color view the result is as fine as the finer of both.
            sizes[0] = max(sizes) if self._view == "color" else sizes[0]
            on_forecast(forecast(self._method, sizes[0], sizes[1]))
        with log.hop("place") as facts:
            known = past.placement(*frames) if past is not None else None
            remarks: tuple[str, ...] = ()
            if known is not None:
                placement = known
            elif self._rig is not None:
                placement, remarks = place_with(self._rig, *frames, self._distance)
            else:
                placement = place(*frames, self._place)
            pair = Pair(*frames, placement)
            facts |= placement_facts(pair)
        with log.hop("measure") as facts:
            measured = measure(*frames, trust_color=self._method.trusts_stated_noise)
            tone = rough_tone(pair)
            tone = past.calmed(tone) if past is not None else tone
            facts |= noise_facts(measured)
            facts |= {"exposure ratio": tone.gain, "tone curve exponent": tone.exponent}
            grid = match_grid(pair)
            small = warp.resize(measured.mono_clean, grid.height, grid.width)
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
            )
            agree = float((found.inside & (found.disagreement < 1)).mean())
            facts |= {
                "grid": f"{grid.width} x {grid.height}",
                "rendering": found.rendering,
                "agrees both ways": agree,
                "likeness": float(found.likeness[found.inside].mean()) if found.inside.any() else 0.0,
            }
            advice = advise(pair, measured, small, found, tone) if advised else ()
        if past is not None and found.flows is not None:
            if past.lost(agree):
                past.forget()
                return self._prepare(*frames, log, past=past)
            past.keep(placement, found.flows, agree)
        return Prepared(pair, measured, small, found, tone, advice, remarks)


def fuse(mono: Picture, color: Picture, **options: Any) -> Fusion:
    """Fuse one pair: ``Fuser(**options).fuse(mono, color)``."""
    return Fuser(**options).fuse(mono, color)


class _Log:
    """Times the hops and collects their facts."""

    def __init__(self, on_hop: Callable[[Hop], None] | None) -> None:
        self.hops: list[Hop] = []
        self._on_hop = on_hop

    @contextmanager
    def hop(self, name: str) -> Iterator[dict[str, Fact]]:
        facts: dict[str, Fact] = {}
        started = time.perf_counter()
        yield facts
        memory.give_back()
        self.hops.append(Hop(name, time.perf_counter() - started, facts))
        if self._on_hop:
            self._on_hop(self.hops[-1])
