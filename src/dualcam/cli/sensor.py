"""``dualcam sensor``: flats and darks in, gain, read noise and full well of a sensor out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dualcam.cli.guard import guarded, say
from dualcam.cli.texts import write_text
from dualcam.errors import OutputError, UsageError

if TYPE_CHECKING:
    from dualcam.camera.sensor_model import Channel, SensorModel

EPILOG = """\b
Examples:
  dualcam sensor --flats flats --darks darks -o sensor.json
  dualcam sensor --flats 'shots/flat_*.dng' --darks 'shots/dark_*.dng' --plot curve.svg
  dualcam sensor --flats flats --darks darks --pattern RGGB -o color.json
\b
FLATS and DARKS are folders, patterns in quotes, or single files; the options may be repeated.
How to shoot them: docs/recipes/sensor.md. What for: dualcam fuse --mono-sensor sensor.json
"""


class Pattern(StrEnum):
    """Bayer patterns."""

    rggb = "RGGB"
    bggr = "BGGR"
    grbg = "GRBG"
    gbrg = "GBRG"


def sensor(
    context: typer.Context,
    flats: Annotated[
        list[str] | None,
        typer.Option("--flats", metavar="FLATS", help="Evenly lit pictures, two or more a brightness."),
    ] = None,
    darks: Annotated[
        list[str] | None,
        typer.Option("--darks", metavar="DARKS", help="Pictures with the lens cap on, two or more."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to make.")] = Path("sensor.json"),
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Also draw variance against mean, with the fit.")
    ] = None,
    pattern: Annotated[
        Pattern | None,
        typer.Option(help="Color filter of the mosaics in PGM, TIFF or PNG files; raw files name their own."),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(metavar="N", min=8, max=16, help="Of the converter. [default: from the files]"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the output path and nothing else.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Name every file; show tracebacks.")
    ] = False,
) -> None:
    """Measure a sensor: gain, read noise, full well, black level and nonuniformities, by photon transfer.

    Reads camera raw files, and gray PGM, TIFF and PNG files that hold the sensor's own numbers.
    """
    with guarded(verbose):
        if context.args:
            raise UsageError(
                f"{context.args[0]} belongs to no option.",
                "After --flats and --darks comes one folder, one file, or a pattern in quotes: --flats 'flat_*.dng'.",
            )
        if plot is not None and plot.suffix.lower() != ".svg":
            raise OutputError(f"the plot {plot} is no .svg.", "Give it this suffix.")

        from dualcam.files import sensor_series
        from dualcam.files.outputs import Outputs
        from dualcam.files.sensor_file import to_json

        bright, dark = (
            sensor_series.gather(flats or (), "--flats"),
            sensor_series.gather(darks or (), "--darks"),
        )
        with Outputs(overwrite=overwrite, inputs=[*bright, *dark]) as outputs:
            hidden = outputs.reserve(output, (".json",))
            drawn = outputs.reserve(plot) if plot is not None else None
            model, transfer = sensor_series.characterise(
                bright,
                dark,
                pattern=pattern.value if pattern else None,
                bits=bits,
                on_file=(lambda path: say(f"  {path}")) if verbose else None,
            )
            write_text(output, hidden, to_json(model))
            if plot is not None and drawn is not None:
                from dualcam.camera.transfer_plot import svg

                write_text(plot, drawn, svg(transfer, f"{title(model)}: photon transfer"))
        if not quiet:
            for line in lines(model):
                say(line)
            if plot is not None:
                say(f"  also wrote {plot}")
        print(output)


def title(model: SensorModel) -> str:
    """The camera's name, as far as the files tell it."""
    name = model.model if model.model.startswith(model.make) else f"{model.make} {model.model}".strip()
    return f"{name or 'sensor'}{f', ISO {model.iso:g}' if model.iso else ''}"


def lines(model: SensorModel) -> list[str]:
    """Write the results for people."""
    black = ", ".join(f"{level:.2f}" for level in model.black_dn)
    rows = [
        f"{title(model)}: {model.width} x {model.height}, {model.bits} bits, {model.pattern or 'monochrome'}, "
        f"from {len(model.flats)} flats and {len(model.darks)} darks",
        f"  {'black':<14}{black} DN",
    ]
    names = list(model.channels)
    columns = [*model.channels.values(), *([model.pooled] if len(names) > 1 else [])]
    if len(names) > 1:
        rows.append(f"  {'':<14}" + "".join(f"{name:>14}" for name in [*names, "all"]))
    for label, show in _ROWS:
        rows.append(f"  {label:<14}" + "".join(f"{show(channel):>14}" for channel in columns))
    return [*rows, *(f"  note: {note}" for note in model.notes)]


def _full_well(channel: Channel) -> str:
    return f"{'' if channel.saturation_dn is not None else '> '}{channel.full_well_e:.0f} e-"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2%}"


_ROWS = (
    ("gain", lambda c: f"{c.gain_e_per_dn:.4g} e-/DN"),
    ("", lambda c: f"{c.gain_dn_per_e:.4g} DN/e-"),
    ("read noise", lambda c: f"{c.read_noise_e:.3g} e-"),
    ("", lambda c: f"{c.read_noise_dn:.3g} DN"),
    ("row noise", lambda c: f"{c.row_noise_e:.2g} e-"),
    ("full well", _full_well),
    ("saturation", lambda c: "unknown" if c.saturation_dn is None else f"{c.saturation_dn:.0f} DN"),
    ("PRNU", lambda c: _share(c.prnu)),
    ("DSNU", lambda c: f"{c.dsnu_e:.2g} e-"),
    ("linearity", lambda c: _share(c.linearity_error)),
    ("off the line", lambda c: _share(c.fit_error)),
)
