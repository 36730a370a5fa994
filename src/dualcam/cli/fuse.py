"""``dualcam fuse``: two files in, one picture out."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dualcam.cli import inputs
from dualcam.cli.guard import guarded, say
from dualcam.cli.plan import Plan
from dualcam.cli.show import Progress, summary
from dualcam.errors import UsageError

if TYPE_CHECKING:
    pass

EPILOG = """\b
Examples:
  dualcam fuse mono.tif color.jpg
  dualcam fuse mono.tif color.jpg -o night.tif --bits 16 --report night.html
  dualcam fuse mono.png color.png --mono-curve linear --mono-white 4095
  dualcam fuse mono.png color.dng --view color
  dualcam fuse L.fits OSC.fits -o night.fits
  dualcam fuse mono.raw color.raw --mono-raw 1280x1024x12 --color-raw 1280x1024x12:RGGB
  dualcam fuse mono.png color.png --stages steps --confidence sure.png -v
"""


class View(StrEnum):
    """Where the picture is rendered."""

    mono = "mono"
    color = "color"


class Method(StrEnum):
    """How color gets onto the mono picture."""

    auto = "auto"
    classical = "classical"
    neural = "neural"


class Device(StrEnum):
    """What computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    coreml = "coreml"
    directml = "directml"
    openvino = "openvino"


class Engine(StrEnum):
    """What runs the networks."""

    auto = "auto"
    onnxruntime = "onnxruntime"
    torch = "torch"


class Precision(StrEnum):
    """What the networks compute in."""

    auto = "auto"
    int8 = "int8"
    float16 = "float16"
    float32 = "float32"


class Place(StrEnum):
    """How the two pixel grids are brought together."""

    auto = "auto"
    identity = "identity"


class Bits(StrEnum):
    """Bits of a sample in the output."""

    eight = "8"
    sixteen = "16"
    float = "32"


class Highlights(StrEnum):
    """Where lamps come from that mono clipped."""

    auto = "auto"
    off = "off"


class OutputCurve(StrEnum):
    """The transfer curve of the output."""

    auto = "auto"
    srgb = "srgb"
    linear = "linear"


def fuse(
    mono: Annotated[Path, typer.Argument(metavar="MONO", help="Picture of the mono camera.")],
    color: Annotated[Path, typer.Argument(metavar="COLOR", help="Picture of the color camera.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to make. [default: name of the view's file + _fused.png]"),
    ] = None,
    confidence: Annotated[
        Path | None, typer.Option(help="Also write how sure the color of every pixel is, as a gray picture.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a report: .html to look at, .json for programs.")
    ] = None,
    stages: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also write the pictures between the hops; the report shows them too."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    bits: Annotated[
        Bits | None, typer.Option(help="Bits of a sample. [default: what the format does best]")
    ] = None,
    output_curve: Annotated[
        OutputCurve,
        typer.Option(
            help="Of the picture; linear is for TIFF and PNG of 16 bits. [default: sRGB; FITS, DNG, float: linear]",
            show_default=False,
        ),
    ] = OutputCurve.auto,
    method: Annotated[Method, typer.Option(help="How color is transferred.")] = Method.auto,
    device: Annotated[Device, typer.Option(help="What computes; never replaced silently.")] = Device.auto,
    engine: Annotated[
        Engine,
        typer.Option(
            help="What runs the networks; auto: PyTorch only for cuda that ONNX Runtime has not got."
        ),
    ] = Engine.auto,
    precision: Annotated[
        Precision,
        typer.Option(
            help="What the networks compute in; auto: 8 bits, on PyTorch with cuda 16, where that is faster."
        ),
    ] = Precision.auto,
    place: Annotated[
        Place, typer.Option(help="auto finds how the pictures lie on each other; identity: they already do.")
    ] = Place.auto,
    rig: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="How the cameras are calibrated, from `dualcam calibrate`."),
    ] = None,
    distance: Annotated[
        float | None,
        typer.Option(
            metavar="M", help="With --rig: how far away the scene is. [default: found in the pictures]"
        ),
    ] = None,
    view: Annotated[View, typer.Option(help="Whose view the result shows.")] = View.mono,
    highlights: Annotated[
        Highlights,
        typer.Option(help="auto: lamps that mono clipped come from the color camera; off: they are white."),
    ] = Highlights.auto,
    headroom: Annotated[
        float,
        typer.Option(
            metavar="EV",
            min=0,
            max=8,
            help="Write a 16-bit picture so many EV darker, so that lamps over white survive in it.",
        ),
    ] = 0.0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a capture with a serious fault; see 'dualcam advise'.")
    ] = False,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Other weights than those of the package, from `dualcam export`."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="CPU threads. [default: all of them]")
    ] = None,
    mono_curve: inputs.MonoCurve = inputs.Curve.auto,
    color_curve: inputs.ColorCurve = inputs.Curve.auto,
    mono_white: inputs.MonoWhite = "auto",
    color_white: inputs.ColorWhite = "auto",
    mono_black: inputs.MonoBlack = "auto",
    color_black: inputs.ColorBlack = "auto",
    mono_raw: inputs.MonoRaw = None,
    color_raw: inputs.ColorRaw = None,
    mono_frame: inputs.MonoFrame = None,
    color_frame: inputs.ColorFrame = None,
    mono_pattern: inputs.MonoPattern = "auto",
    color_pattern: inputs.ColorPattern = "auto",
    color_balance: inputs.ColorBalance = "auto",
    mono_sensor: inputs.MonoSensor = None,
    color_sensor: inputs.ColorSensor = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the output path and nothing else.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every hop, and tracebacks.")] = False,
) -> None:
    """Fuse a sharp mono picture with a dark, noisy color picture of the same scene.

    Reads PNG, JPEG, WebP, TIFF, PGM/PPM/PFM, FITS, SER, camera raw files (DNG, ...) and flat samples. Writes PNG, TIFF,
    JPEG, WebP, PPM, FITS and linear DNG. All outputs appear together at the end, or none of them.
    """
    with guarded(verbose):
        started = time.perf_counter()
        base = mono if view is View.mono else color
        target = output if output is not None else base.with_name(f"{base.stem}_fused.png")
        mono_file = inputs.source(
            mono,
            "mono",
            curve=mono_curve,
            white=mono_white,
            black=mono_black,
            raw=mono_raw,
            frame=mono_frame,
            pattern=mono_pattern,
            sensor=mono_sensor,
        )
        color_file = inputs.source(
            color,
            "color",
            curve=color_curve,
            white=color_white,
            black=color_black,
            raw=color_raw,
            frame=color_frame,
            pattern=color_pattern,
            sensor=color_sensor,
            balance=color_balance,
        )
        _check_call(mono, color, report)

        from dualcam import memory
        from dualcam.files.outputs import Outputs
        from dualcam.fusion.fuser import Fuser
        from dualcam.fusion.report import facts

        memory.reuse()
        given = [mono, color, *filter(None, (mono_sensor, color_sensor, rig))]
        with Outputs(overwrite=overwrite, inputs=given) as outputs:
            plan = Plan(
                outputs,
                target,
                confidence,
                report,
                stages,
                int(bits) if bits else None,
                overwrite,
                output_curve.value,
                headroom,
            )
            if threads is not None:
                import cv2

                cv2.setNumThreads(threads)
            fuser = Fuser(
                method=method.value,
                device=device.value,
                place=place.value,
                view=view.value,
                weights=weights,
                threads=threads,
                precision=precision.value,
                highlights=highlights.value,
                strict=strict,
                rig=rig,
                distance=distance,
                engine=engine.value,
            )
            with Progress(quiet, verbose) as progress:
                fusion = fuser.fuse(
                    mono_file.open(),
                    color_file.open(),
                    keep_stages=stages is not None,
                    on_hop=progress.on_hop,
                    on_forecast=None if quiet else progress.on_forecast,
                    on_tile=progress.on_tile,
                )
            plan.write(fusion)
        if not quiet:
            for line in summary(facts(fusion), time.perf_counter() - started, verbose):
                say(line)
            for path in filter(None, (confidence, report, stages)):
                say(f"  also wrote {path}")
        print(target)


def _check_call(mono: Path, color: Path, report: Path | None) -> None:
    if report is not None and report.suffix.lower() not in (".html", ".htm", ".json"):
        raise UsageError(f"the report {report} is neither .html nor .json.", "Give it one of these suffixes.")
    if mono.exists() and color.exists():
        if os.path.samefile(mono, color):
            raise UsageError(
                f"{mono} was given twice.", "Give the mono camera's picture first, then the color camera's."
            )
        return
    # Reading says best what is wrong with a missing file, and it has to come before any word about outputs.
    from dualcam.files.read import read

    for path, role in ((mono, "mono"), (color, "color")):
        if not path.exists():
            read(path, "mono" if role == "mono" else "color")
