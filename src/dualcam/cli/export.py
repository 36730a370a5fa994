"""``dualcam export``: a training run becomes weights that ``dualcam fuse`` uses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dualcam.cli.guard import guarded, say
from dualcam.errors import UnavailableError

EPILOG = """\b
Examples:
  dualcam export runs/joint
  dualcam export runs/joint --out weights --data photos --data stereo --force
  dualcam fuse mono.tif color.jpg --weights runs/joint/weights
"""


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the weights, added to what it holds. [default: RUN/weights]"
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Folder that was trained on, with an index.csv that names licenses; for the model cards. Repeatable.",
        ),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store weights in 16 bits: half the size.")] = False,
    int8: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write refEC and refColor in 8 bits, twice to three times as fast on a CPU, and refSR's coarsest "
            "scale; DIR holds samples of `dualcam train samples`, which give the ranges.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace networks that are there.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Write the networks of a training run as ONNX, with manifest and model cards.

    What is written is compared with the trained network first. All files appear together, or none of them.
    """
    with guarded(verbose):
        try:
            from dualcam.training import export as exporter
        except ImportError as error:
            raise UnavailableError(
                f"what `dualcam export` needs is not installed: {error}.",
                'Install it with pip install "dualcam[train]".',
            ) from error

        folder = out if out is not None else run / "weights"
        done = exporter.export(
            run,
            folder,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            data=tuple(data or ()),
            half=half,
            int8_samples=int8,
            force=force,
        )
        for one in done:
            say(
                f"{one.name}: {one.entry.parameters:,} parameters, {one.entry.bytes / 1e6:.2f} MB, "
                f"{one.entry.multiply_adds:,} multiply-adds a pixel; off by {one.error:.1e} "
                f"({'by rounding' if half else 'in 16 bits it would be'} {one.half_error:.1e})"
            )
            if one.entry.int8:
                size = sum(file.bytes for file in one.entry.int8.files)
                say(f"  in 8 bits {size / 1e6:.2f} MB; off by {one.entry.int8.error:.1e} (rms)")
        print(folder)
