"""``dualcam train``: pictures in, trained networks out; goes on where it was stopped."""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dualcam.cli.guard import INTERRUPTED, guarded, say
from dualcam.errors import InputError, UnavailableError, UsageError

if TYPE_CHECKING:
    from dualcam.training.config import Config
    from dualcam.training.store import Store

EPILOG = """\b
Examples:
  dualcam train refec --config configs/default.toml --photos photos --stereo pairs \\
      --out runs/refec
  dualcam train refec --config configs/default.toml --out runs/refec --resume \\
      --samples runs/refec/samples
  dualcam train joint --config configs/default.toml --samples samples --out runs/joint \\
      --refec runs/refec --refcolor runs/refcolor --refsr runs/refsr
  dualcam train samples --config configs/default.toml --photos photos --samples samples \\
      --part 1/8
  torchrun --nproc-per-node=4 -m dualcam train refec ...
\b
It can be stopped at any time (Ctrl-C, SIGTERM) and goes on with --resume. docs/training.md tells more.
"""

_NEEDED = ("torch", "safetensors", "onnx")
_TOLD_SECONDS = 15.0


class What(StrEnum):
    """What is trained, or that samples are only prepared."""

    refec = "refec"
    refcolor = "refcolor"
    refsr = "refsr"
    joint = "joint"
    samples = "samples"


def train(
    stage: Annotated[
        What,
        typer.Argument(metavar="STAGE", help="refec, refcolor, refsr, joint; samples: prepare them only."),
    ],
    config: Annotated[Path, typer.Option(metavar="FILE", help="Settings, such as configs/default.toml.")],
    photos: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Folder with sharp photos. Can be repeated.")
    ] = None,
    stereo: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder with left/right pairs, at any depth. Can be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Folder of the run.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in RUN.")] = False,
    samples: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where prepared samples are kept. [default: RUN/samples]"),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting. Can be repeated."),
    ] = None,
    refec: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Start refEC from this run or folder of weights. samples: the weights that expose the color for "
            "refColor. [default: the classical refEC does]",
        ),
    ] = None,
    refcolor: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Start refColor from this one.")
    ] = None,
    refsr: Annotated[Path | None, typer.Option(metavar="RUN", help="Start refSR from this one.")] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")] = "auto",
    count: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="samples: how many. [default: data.pool]")
    ] = None,
    part: Annotated[
        str, typer.Option(metavar="I/N", help="samples: this share of them, 1/N to N/N.")
    ] = "1/1",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print RUN and nothing else.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Train one of the three networks, or all of them jointly, on pairs made from photos and stereo pictures.

    Writes checkpoints, the networks, a log and curves into RUN. `dualcam export RUN` makes of it what `dualcam fuse`
    runs. Needs torch: pip install "dualcam[train]".
    """
    with guarded(verbose):
        _check_options(
            stage, out, samples, count, part, {"refec": refec, "refcolor": refcolor, "refsr": refsr}
        )
        if stage is not What.samples:
            need_extra()

        from dualcam.training import config as configs

        # Samples do not depend on the stage.
        name = cast("configs.Stage", "joint" if stage is What.samples else stage.value)
        chosen = configs.read(config, name, changes or [])
        folder = samples if samples is not None else (out or Path()) / "samples"
        tell = (lambda line: None) if quiet else say
        if stage is What.samples:
            index, parts = _part(part)
            _prepare(chosen, _stores(folder, chosen, photos, stereo, refec), count, index, parts, quiet)
            print(folder)
            return
        assert out is not None

        from dualcam.training import checkpoint, loop

        checkpoint.check_free(out, resume)
        given = {"refec": refec, "refcolor": refcolor, "refsr": refsr}
        starts = {key: _weights(key, run) for key, run in given.items() if run is not None}
        done = loop.train(
            chosen,
            *_stores(folder, chosen, photos, stereo),
            out,
            starts=starts,
            resume=resume,
            device=device,
            tell=tell,
        )
        # One of several processes of torchrun; the first one speaks.
        leads = os.environ.get("RANK", "0") == "0"
        if not done:
            if leads:
                say(f"stopped and saved; add --resume to go on from what is in {out}")
            raise typer.Exit(INTERRUPTED)
        if leads:
            print(out)
        if leads and not quiet:
            say(f"next: dualcam export {shlex.quote(str(out))}")


def _check_options(
    stage: What,
    out: Path | None,
    samples: Path | None,
    count: int | None,
    part: str,
    starts: dict[str, Path | None],
) -> None:
    given = [name for name, run in starts.items() if run is not None]
    if stage is What.samples:
        if samples is None:
            raise UsageError("there is no folder to keep samples in.", "Name one with --samples.")
        if out is not None or set(given) - {"refec"}:
            raise UsageError("samples are not trained.", "Leave out --out, --refcolor and --refsr.")
        _part(part)
        return
    if out is None:
        raise UsageError("there is no folder for the run.", "Name one with --out.")
    if count is not None or part != "1/1":
        raise UsageError("--count and --part are for `dualcam train samples`.", "Leave them out.")
    if strange := [name for name in given if stage not in (What.joint, name)]:
        raise UsageError(f"stage {stage} has no {strange[0]}.", f"Leave out --{strange[0]}.")


def need_extra() -> None:
    """Refuse to train without the packages of the extra."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"training needs {' and '.join(missing)}, which is not installed.", 'pip install "dualcam[train]"'
        )


def _weights(name: str, run: Path) -> Path:
    """The file of a network, given a run, a folder of weights, or the file itself."""
    candidates = [run / f"{name}.safetensors", run / f"{name}.onnx"] if run.is_dir() else [run]
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(
        f"{run} holds neither {name}.safetensors nor {name}.onnx.",
        f"Name the folder that `dualcam train {name}` made, or one of exported weights.",
    )


def _part(text: str) -> tuple[int, int]:
    """Read "2/8" as (1, 8)."""
    first, _, second = text.partition("/")
    if not first.isdecimal() or not second.isdecimal() or not 1 <= int(first) <= int(second):
        raise UsageError(f"the part {text!r} is none.", "Write 1/8 to 8/8 for one of eight parts.")
    return int(first) - 1, int(second)


def _stores(
    folder: Path,
    config: Config,
    photos: list[Path] | None,
    stereo: list[Path] | None,
    refec: Path | None = None,
) -> tuple[Store, Store]:
    """Training and held-back samples; without pictures only those that are on disk."""
    from dualcam.training.sources import Sources, Split, find
    from dualcam.training.store import Store

    def open_one(split: Split) -> Store:
        found = find(photos or [], stereo or [], split) if photos or stereo else Sources()
        return Store(folder, config.data.seed, found, split, refec)

    return open_one("train"), open_one("val")


def _prepare(
    config: Config, stores: tuple[Store, Store], count: int | None, index: int, parts: int, quiet: bool
) -> None:
    """Make every sample of a part that is not there yet."""
    import time

    import cv2

    from dualcam.training.journal import duration

    # Parts run side by side; each is to keep to one core.
    cv2.setNumThreads(1)
    wanted = [(stores[1], n) for n in range(config.data.validation)]
    wanted += [(stores[0], n) for n in range(config.data.pool if count is None else count)]
    missing = [(store, n) for store, n in wanted[index::parts] if n not in store]
    begun = told = time.monotonic()
    for done, (store, n) in enumerate(missing, start=1):
        store.make(n)
        now = time.monotonic()
        if not quiet and (now - told > _TOLD_SECONDS or done == len(missing)):
            told = now
            say(
                f"{done:,}/{len(missing):,} samples, {duration((now - begun) / done * (len(missing) - done))} left"
            )
