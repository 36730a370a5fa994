"""``dualcam adapt``: an owner's pairs in, weights for this rig out; or the numbers why they are not worth it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dualcam.cli import inputs
from dualcam.cli.guard import guarded, say
from dualcam.cli.train import need_extra
from dualcam.errors import DualcamError, InputError, OutputError, PlacementError, UsageError

if TYPE_CHECKING:
    from dualcam.training.adapt import Adapted
    from dualcam.training.owned import Owned

EPILOG = """\b
Examples:
  dualcam adapt shots/*.dng -o mymodel
  dualcam adapt m1.dng c1.dng m2.dng c2.dng ... -o mymodel --color-sensor sensor.json
  dualcam fuse mono.dng color.dng --weights mymodel
\b
docs/recipes/adapt.md says what to shoot, and for which cameras it is worth it.
"""


def adapt(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Mono, color, mono, color, ...: pairs in good light."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the weights.")],
    steps: Annotated[
        int, typer.Option(metavar="N", min=1, help="Steps of training; 600 take minutes on a CPU.")
    ] = 600,
    hold: Annotated[
        int | None,
        typer.Option("--held-back", metavar="N", min=1, help="Pairs to score with. [default: a third]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of everything that is random.")] = 0,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Weights to begin with. [default: those of the package]"),
    ] = None,
    mono_sensor: inputs.MonoSensor = None,
    color_sensor: inputs.ColorSensor = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="CPU threads. [default: all of them]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores for programs.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace weights that exist.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the folder and nothing else.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Let refEC learn the noise of your color camera from pairs of your own, which need no truth.

    Pairs shot in good light are made darker; what refEC makes of them as shot is what it learns to make of them in the
    dark. Pairs that were held back decide: weights that are not clearly better are not written, and the exit code is 1.
    """
    with guarded(verbose):
        if len(files) % 2:
            raise UsageError(f"{len(files)} pictures are no pairs.", "Give mono, color, mono, color, ...")
        need_extra()
        _check_free(output, overwrite)

        from datetime import UTC, datetime

        import torch

        from dualcam.files.outputs import Outputs
        from dualcam.neural import manifest
        from dualcam.training import adapt as adapting

        if threads is not None:
            import cv2

            cv2.setNumThreads(threads)
            torch.set_num_threads(threads)
        tell = (lambda line: None) if quiet else say
        pairs = _owned(files, mono_sensor, color_sensor, tell)
        done = adapting.adapt(
            pairs,
            weights if weights is not None else manifest.SHIPPED,
            name=output.resolve().name,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            steps=steps,
            seed=seed,
            hold=hold,
            threads=threads,
            tell=tell,
        )
        if as_json:
            import json

            print(json.dumps(facts(done), indent=2))
        if not quiet:
            for line in lines(done):
                say(line)
        if not done.files:
            raise DualcamError(
                f"the adapted weights are not kept: {' and '.join(done.verdict.reasons)}.",
                "Stay with the weights that you have. More pairs of other scenes can help, and --color-sensor where "
                "rows show in the noise.",
            )
        with Outputs(overwrite=overwrite, inputs=files) as outputs:
            outputs.reserve_dir(output)
            for name, content in done.files.items():
                outputs.reserve(output / name).write_bytes(content)
        if not as_json:
            print(output)


def _check_free(folder: Path, overwrite: bool) -> None:
    from dualcam.neural import manifest

    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder.", "Give another -o.")
    if manifest.there(folder) and not overwrite:
        raise OutputError(f"{folder} holds weights.", "Use --overwrite or another -o.")


def _owned(files: list[Path], mono_sensor: Path | None, color_sensor: Path | None, tell: Any) -> list[Owned]:
    """Read the pairs; those that cannot be learned from are told and left out."""
    from dualcam.files.read import read
    from dualcam.training.adapt import LEAST_PAIRS
    from dualcam.training.owned import check_light, of_one_camera, own

    found: list[Owned] = []
    last: DualcamError | None = None
    row = _row(color_sensor)
    for first, second in zip(files[::2], files[1::2], strict=True):
        mono, color = read(first, "mono", sensor=mono_sensor), read(second, "color", sensor=color_sensor)
        try:
            found.append(own(mono, color, str(second), row))
        except (InputError, PlacementError) as error:
            tell(f"left out: {error.cause}")
            last = error
    bright = []
    for one in of_one_camera(found):
        try:
            check_light(one)
            bright.append(one)
        except InputError as error:
            tell(f"left out: {error.cause}")
            last = error
    if len(bright) < LEAST_PAIRS and last is not None:
        raise InputError(
            f"only {len(bright)} of {len(files) // 2} pairs can be learned from, {LEAST_PAIRS} are needed; the last "
            f"one that cannot: {last.cause}",
            last.remedy,
        )
    return bright


def _row(color_sensor: Path | None) -> float | None:
    """Electrons that rows share, rms, as a sensor file says."""
    if color_sensor is None:
        return None
    from dualcam.files.sensor_file import read_sensor

    return read_sensor(color_sensor).pooled.row_noise_e


def facts(done: Adapted) -> dict[str, Any]:
    """The scores for programs."""
    from dualcam.training.owned import LEVELS

    verdict = done.verdict
    return {
        "kept": bool(done.files),
        "gain_db": verdict.gain,
        "standard_error_db": verdict.error,
        "stay": done.stay,
        "steps": done.steps,
        "seconds": done.seconds,
        "levels": [
            {"electrons": level, "before_db": float(before), "after_db": float(after)}
            for level, before, after in zip(
                LEVELS, verdict.before.mean(0), verdict.after.mean(0), strict=True
            )
        ],
        "reasons": list(verdict.reasons),
    }


def lines(done: Adapted) -> list[str]:
    """The scores for people."""
    known = facts(done)
    out = ["held-back pairs made darker, PSNR against their results as shot:"]
    out += [
        f"  {row['electrons']:4.0f} electrons  {row['before_db']:.2f} -> {row['after_db']:.2f} dB "
        f"({row['after_db'] - row['before_db']:+.2f})"
        for row in known["levels"]
    ]
    out.append(f"  mean {known['gain_db']:+.2f} dB, standard error {known['standard_error_db']:.2f}")
    return out
