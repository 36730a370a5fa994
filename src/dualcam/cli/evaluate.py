"""``dualcam evaluate``: methods on captures of known truth, as tables."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dualcam.cli import protocols
from dualcam.cli.guard import INTERRUPTED, guarded, say
from dualcam.cli.texts import write_text
from dualcam.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from dualcam.evaluation.plan import Choice
    from dualcam.evaluation.results import Results

EPILOG = """\b
Examples:
  dualcam evaluate scenes --out run --html run.html
  dualcam evaluate scenes --methods classical,chroma --levels night --scales 2
  dualcam evaluate scenes --out run --outputs mine=my/pictures
  dualcam evaluate scenes --protocol modules --levels night
  dualcam evaluate scenes --protocol weights --weights separate=a --weights joint=b
\b
The run can be stopped at any time; the same command goes on from there.
Pictures of your own method are named FOLDER/SCENE/LEVELxSCALE-TRACK.png, such as
my/pictures/midd03/Teddy/nightx2-file.png (a confidence beside it is named
nightx2-file-confidence.png). The captures to make them from are in RUN/captures once
any method has run.
"""

RUN = Path("dualcam-benchmark")
_NEEDED = ("skimage", "onnxruntime")


def evaluate(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder of left/right pairs, or of prepared captures.")
    ],
    methods: Annotated[
        str, typer.Option(metavar="NAMES", help="Methods with commas; all; baselines.")
    ] = "all",
    levels: Annotated[str, typer.Option(metavar="NAMES", help="dusk, night, dark; all.")] = "all",
    scales: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="Mono pixels per color pixel. [default: 2,4 for pairs]"),
    ] = None,
    tracks: Annotated[
        str, typer.Option(metavar="NAMES", help="file (8-bit color), raw (mosaic in a DNG); all.")
    ] = "all",
    scenes: Annotated[
        str | None, typer.Option(metavar="PATTERNS", help="Only these scenes, such as 'midd03/*'.")
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="Also score pictures made elsewhere. Can be repeated."),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="night; modules: each alone; ccs: 1024 x 1024 and 256 x 256 pixels; twisted: a rig that is not "
            "rectified; views: the color camera's view, a smaller mono camera; weights: several folders of weights.",
        ),
    ] = "night",
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER", help="For --protocol weights: what 'dualcam export' made. Repeated."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="RUN", help="Folder for captures, outputs and scores; resumed.")
    ] = RUN,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the results for programs.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a report to look at, in one file.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the tables as a Markdown page.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace these files if they exist.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Worker processes; 0: none. [default: one a core]"),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Delete what an earlier run left in RUN, then begin anew.")
    ] = False,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Keep the outputs in RUN and score them anew.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the paths of the files and nothing else.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show every finished capture, and tracebacks.")
    ] = False,
) -> None:
    """Measure methods on captures whose truth is known.

    Pairs of clean pictures become dark captures (the NIGHT protocol), every method gets the files of a capture
    and nothing else, and its picture is scored against the truth.
    """
    with guarded(verbose):
        _need_extra()
        if protocol != "night":
            given: dict[str, object] = {
                "--outputs": outputs,
                "--html": html,
                "--restart": restart,
                "--rescore": rescore,
            }
            given |= {"--tracks": tracks != "all"}
            given |= {"--methods": methods != "all"} if protocol == "weights" else {"--weights": weights}
            unusable = [option for option, value in given.items() if value]
            with Watcher(quiet, verbose) as watcher:
                protocols.carry_out(
                    protocols.Wanted(
                        protocol=protocol,
                        data=data,
                        out=out if out != RUN else RUN.with_name(f"{RUN}-{protocol}"),
                        methods=None if methods == "all" else _names("--methods", methods),
                        levels=None if levels == "all" else _names("--levels", levels),
                        scales=_numbers(scales),
                        scenes=None if scenes is None else _names("--scenes", scenes),
                        jobs=jobs if jobs is not None else _cores(),
                        json_file=json_file,
                        markdown=markdown,
                        overwrite=overwrite,
                        quiet=quiet,
                        weights=tuple(_named_folder("--weights", text) for text in weights or []),
                        unusable=tuple(unusable),
                    ),
                    watcher,
                )
            return
        if weights:
            raise UsageError("--weights means nothing with --protocol night.", "Leave it out.")
        choice = _choice(methods, levels, scales, tracks, scenes, outputs or [])

        from dualcam.evaluation.document import document
        from dualcam.evaluation.results import to_json
        from dualcam.evaluation.run import Request, run
        from dualcam.files.outputs import Outputs

        request = Request(data, out, choice, jobs if jobs is not None else _cores(), restart, rescore)
        with Outputs(overwrite=overwrite) as files:
            hidden = {p: files.reserve(p) for p in (json_file, html, markdown) if p is not None}
            try:
                with Watcher(quiet, verbose) as watcher:
                    results = run(request, watcher)
            except KeyboardInterrupt:
                say(f"interrupted; the same command goes on from what is in {out}")
                raise typer.Exit(INTERRUPTED) from None
            if json_file is not None:
                write_text(json_file, hidden[json_file], to_json(results))
            if markdown is not None:
                write_text(markdown, hidden[markdown], document(results))
            if html is not None:
                from dualcam.evaluation.layout import RunFolder
                from dualcam.evaluation.report import page

                write_text(html, hidden[html], page(results, RunFolder(out)))
        if not quiet:
            _show(results)
        for path in hidden or [out]:
            print(path)


class Watcher:
    """Shows a run on stderr: a bar with the time left on a terminal, a line a capture with -v, else nothing.

    Args:
        quiet: show nothing.
        verbose: show lines instead of the bar.
    """

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self._lines = verbose and not quiet
        self._shows_bar = not quiet and not verbose and sys.stderr.isatty()
        self._bar: Any = None
        self._step, self._tasks, self._count, self._started = "", 0, 0, time.perf_counter()

    def begin(self, step: str, tasks: int, work: int) -> None:
        """Take note of a step with so many tasks of so many pixels."""
        self._close()
        self._step, self._tasks, self._count, self._started = step, tasks, 0, time.perf_counter()
        if self._shows_bar and tasks:
            from tqdm import tqdm

            # Progress counts pixels, so that the time left is right although scenes differ in size.
            self._bar = tqdm(
                total=work,
                desc=step,
                leave=False,
                bar_format="{desc:<9} {bar:30} {postfix} {percentage:3.0f} %  {elapsed}, {remaining} left",
                postfix=f"0/{tasks}",
            )

    def done(self, name: str, work: int) -> None:
        """Take note of a finished task."""
        self._count += 1
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._count}/{self._tasks}", refresh=False)
            self._bar.update(work)
        if self._lines:
            seconds = time.perf_counter() - self._started
            say(f"{self._step:<9} {self._count:4d}/{self._tasks} {seconds:7.1f} s   {name}")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


def _need_extra() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"scoring needs {' and '.join(missing)}, which is not installed.", 'pip install "dualcam[eval]"'
        )


def _choice(
    methods: str, levels: str, scales: str | None, tracks: str, scenes: str | None, outputs: list[str]
) -> Choice:
    from dualcam.evaluation.methods import select
    from dualcam.evaluation.plan import Choice

    return Choice(
        methods=select(methods),
        levels=None if levels == "all" else _names("--levels", levels),
        scales=_numbers(scales),
        tracks=None if tracks == "all" else _names("--tracks", tracks),
        scenes=None if scenes is None else _names("--scenes", scenes),
        elsewhere=tuple(_named_folder("--outputs", text) for text in outputs),
    )


def _names(option: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError(f"{option} is empty.", "Name something, or leave it out.")
    return names


def _numbers(scales: str | None) -> tuple[int, ...] | None:
    return None if scales is None or scales == "all" else tuple(map(_number, _names("--scales", scales)))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"the scale {text!r} is not a whole number.", "Use numbers such as 2,4.")
    return int(text)


def _named_folder(option: str, text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise UsageError(f"{option} {text!r} is not NAME=FOLDER.", "Write it like mine=my/folder.")
    return name, Path(folder)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _show(results: Results) -> None:
    from dualcam.evaluation.summary import groups
    from dualcam.evaluation.table import overview

    found = groups(results)
    for track in dict.fromkeys(group.condition.track for group in found):
        say(f"{track} track")
        say(overview(results, [group for group in found if group.condition.track == track]))
