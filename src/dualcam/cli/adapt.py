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
  dualcam adapt pairs/* -o mymodel
  dualcam adapt m1.dng c1.dng m2.dng c2.dng ... -o mymodel --color-sensor sensor.json
  dualcam fuse mono.dng color.dng --weights mymodel
\b
docs/recipes/adapt.md says what to shoot, and for which cameras it is worth it.
"""


_FINISHED = {".png", ".jpg", ".jpeg", ".webp"}


def adapt(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="PAIR...", help="Folders with mono.* and color.*, or files: mono, color, mono, color, ..."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the weights.")],
    steps: Annotated[
        int, typer.Option(metavar="N", min=1, help="Steps of training; 600 take minutes on a CPU.")
    ] = 600,
    hold: Annotated[
        int | None,
        typer.Option("--held-back", metavar="N", min=1, help="Pairs to score with. [default: half]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of everything that is random.")] = 0,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Weights to begin with. [default: those of the package]"),
    ] = None,
    mono_sensor: inputs.MonoSensor = None,
    color_sensor: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What `dualcam sensor` measured of the color camera: its noise, stripes included.",
        ),
    ] = None,
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
        named = pairs_of(files)
        need_extra()
        _check_free(output, overwrite)

        from datetime import UTC, datetime

        from dualcam.files.outputs import Outputs
        from dualcam.neural import manifest
        from dualcam.training import adapt as adapting

        if threads is not None:
            import cv2

            cv2.setNumThreads(threads)
        tell = (lambda line: None) if quiet else say
        pairs = _owned(named, mono_sensor, color_sensor, tell)
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
        with Outputs(overwrite=overwrite, inputs=[path for pair in named for path in pair]) as outputs:
            outputs.reserve_dir(output)
            for name, content in done.files.items():
                outputs.reserve(output / name).write_bytes(content)
        if not as_json:
            print(output)


def pairs_of(named: list[Path]) -> list[tuple[Path, Path]]:
    """Mono and color files of pairs that were named as folders or one after the other.

    Raises:
        UsageError: a file without its partner.
        InputError: a folder without a mono or a color picture.
    """
    found, left = [], list(named)
    while left:
        first = left.pop(0)
        if first.is_dir():
            found.append((_in(first, "mono"), _in(first, "color")))
        elif left and not left[0].is_dir():
            found.append((first, left.pop(0)))
        else:
            raise UsageError(f"{first} has no partner.", "Give mono, color, mono, color, ..., or folders.")
    return found


def _in(folder: Path, role: str) -> Path:
    """The picture of a camera in a folder; samples as they were taken go before finished pictures."""
    files = sorted(folder.glob(f"{role}.*"), key=lambda path: (path.suffix.lower() in _FINISHED, path.name))
    if not files:
        raise InputError(
            f"{folder} holds no {role}.dng, {role}.png or the like.", "Name the files themselves."
        )
    return files[0]


def _check_free(folder: Path, overwrite: bool) -> None:
    from dualcam.neural import manifest

    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder.", "Give another -o.")
    if manifest.there(folder) and not overwrite:
        raise OutputError(f"{folder} holds weights.", "Use --overwrite or another -o.")


def _owned(
    named: list[tuple[Path, Path]], mono_sensor: Path | None, color_sensor: Path | None, tell: Any
) -> list[Owned]:
    """Read the pairs; those that cannot be learned from are told and left out."""
    from dualcam.files.read import read
    from dualcam.training.adapt import LEAST_PAIRS
    from dualcam.training.owned import of_one_camera, own

    found: list[Owned] = []
    last: DualcamError | None = None
    row = _row(color_sensor)
    for first, second in named:
        mono, color = read(first, "mono", sensor=mono_sensor), read(second, "color", sensor=color_sensor)
        try:
            found.append(own(mono, color, str(second), row))
        except (InputError, PlacementError) as error:
            tell(f"left out: {error.cause}")
            last = error
    if len(found) < LEAST_PAIRS and last is not None:
        raise InputError(
            f"only {len(found)} of {len(named)} pairs can be learned from, {LEAST_PAIRS} are needed; the last "
            f"one that cannot: {last.cause}",
            last.remedy,
        )
    return of_one_camera(found)


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
