"""``dualcam fuse``: two files in, one picture out."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dualcam._version import __version__
from dualcam.cli import inputs
from dualcam.cli.guard import guarded, say
from dualcam.cli.show import Progress, summary
from dualcam.cli.texts import write_text
from dualcam.errors import DualcamError, OutputError, UsageError

if TYPE_CHECKING:
    from dualcam.files.outputs import Outputs
    from dualcam.frame import FloatArray, Fusion

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


class Precision(StrEnum):
    """What the networks compute in."""

    auto = "auto"
    int8 = "int8"
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
    precision: Annotated[
        Precision,
        typer.Option(help="What the networks compute in; auto: 8 bits where that is faster and as good."),
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
        mono_file = inputs.mono_source(
            mono, mono_curve, mono_white, mono_black, mono_raw, mono_frame, mono_pattern, mono_sensor
        )
        color_file = inputs.color_source(
            color,
            color_curve,
            color_white,
            color_black,
            color_raw,
            color_frame,
            color_pattern,
            color_balance,
            color_sensor,
        )
        _check_call(mono, color, report)

        from dualcam.files.outputs import Outputs
        from dualcam.fusion.fuser import Fuser
        from dualcam.fusion.report import facts

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


@dataclass(frozen=True, slots=True)
class _Planned:
    final: Path
    hidden: Path


class Plan:
    """The output files of a fusion: claimed and tried before the work, written after it.

    Args:
        outputs: the set they join.
        picture: the result.
        confidence: the confidence map, or None.
        report: the report, .html or .json, or None.
        stages: folder for the stage pictures, or None.
        bits: bits of a sample of the result, or None for the format's default.
        overwrite: existing stage pictures may be replaced.
        curve: of the result: "auto", "srgb" or "linear".
        headroom: EV by which a 16-bit result is written darker.

    Raises:
        OutputError: one of them cannot be made.
        UsageError: headroom for a result that is not written in 16 bits.
    """

    def __init__(
        self,
        outputs: Outputs,
        picture: Path,
        confidence: Path | None = None,
        report: Path | None = None,
        stages: Path | None = None,
        bits: int | None = None,
        overwrite: bool = False,
        curve: str = "auto",
        headroom: float = 0.0,
    ) -> None:
        import numpy as np

        from dualcam.files.write import SUFFIXES, depth_of, is_linear, write, write_gray

        self._outputs = outputs
        self._bits = bits
        self._curve = curve
        self._picture = _Planned(picture, outputs.reserve(picture, SUFFIXES))
        self._confidence = _Planned(confidence, outputs.reserve(confidence, SUFFIXES)) if confidence else None
        self._report = _Planned(report, outputs.reserve(report)) if report else None
        self._stages = outputs.reserve_dir(stages) if stages else None
        # One black pixel tells about format, bits and disk before minutes of work do.
        with _real_name(self._picture):
            write(self._picture.hidden, np.zeros((1, 1, 3), np.float32), bits=bits, curve=curve)
        self._linear, self._headroom = is_linear(picture, bits, curve), headroom
        depth = depth_of(picture, bits)
        if headroom and depth != 16:
            kept = "32 bits keep lamps anyway." if depth == 32 else "8 bits have no steps to spare."
            raise UsageError(
                f"--headroom is for results in 16 bits, and {picture} holds {depth}.",
                f"Leave it out: {kept}" if depth == 32 else f"{kept} Write a 16-bit TIFF or PNG.",
            )
        if self._confidence is not None:
            with _real_name(self._confidence):
                write_gray(self._confidence.hidden, np.zeros((1, 1), np.float32))
        if self._stages is not None and not overwrite:
            old = sorted(self._stages.glob("[0-9][0-9]_*.png"))
            if old:
                raise OutputError(f"{old[0]} exists.", "Use --overwrite or another folder for --stages.")

    def write(self, fusion: Fusion) -> None:
        """Write all of them under their hidden names."""
        from dualcam.files.write import write, write_gray
        from dualcam.fusion.highlights import for_file
        from dualcam.fusion.report import to_html, to_json

        with _real_name(self._picture):
            write(
                self._picture.hidden,
                for_file(fusion, self._linear, self._headroom),
                origin=fusion.base.origin,
                bits=self._bits,
                curve=self._curve,
                overwrite=True,
                provenance=provenance(fusion)
                + (f", {self._headroom:g} EV of headroom" if self._headroom else ""),
            )
        if self._confidence is not None:
            with _real_name(self._confidence):
                write_gray(
                    self._confidence.hidden,
                    fusion.confidence,
                    overwrite=True,
                    provenance=f"{provenance(fusion)}; probability that the color is within 5 CIEDE2000",
                )
        if self._report is not None:
            make = to_json if self._report.final.suffix.lower() == ".json" else to_html
            write_text(self._report.final, self._report.hidden, make(fusion))
        if self._stages is not None:
            for number, (name, picture) in enumerate(fusion.stages.items(), start=1):
                final = self._stages / f"{number:02d}_{re.sub(r'[^A-Za-z0-9-]+', '_', name)}.png"
                planned = _Planned(final, self._outputs.reserve(final))
                with _real_name(planned):
                    write_gray(
                        planned.hidden, _finite(picture), bits=8, provenance=f"{name}, {provenance(fusion)}"
                    )


def provenance(fusion: Fusion) -> str:
    """Say in one line how a picture was made, without folders."""
    names = [
        frame.origin.path.name if frame.origin.path is not None else f"{frame.role} array"
        for frame in (fusion.pair.mono, fusion.pair.color)
    ]
    return f"dualcam {__version__}, {fusion.method} method, mono {names[0]}, color {names[1]}"


def _finite(picture: FloatArray) -> FloatArray:
    """Stage pictures may have places that nobody saw (NaN): black in a file."""
    import numpy as np

    return np.nan_to_num(picture, nan=0.0)


@contextmanager
def _real_name(planned: _Planned) -> Iterator[None]:
    """Name the file that the user asked for, not the hidden one, in an error."""
    try:
        yield
    except DualcamError as error:
        error.cause = error.cause.replace(str(planned.hidden), str(planned.final))
        raise
