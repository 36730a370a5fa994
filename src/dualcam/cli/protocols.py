"""``dualcam evaluate --protocol modules``, ``ccs``, ``twisted``, ``views`` and ``weights``: the tests beside NIGHT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dualcam.cli.guard import INTERRUPTED, say
from dualcam.cli.texts import write_text
from dualcam.errors import OutputError, UsageError

if TYPE_CHECKING:
    from dualcam.evaluation.run import Watcher

NAMES = ("modules", "ccs", "twisted", "views", "weights")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for.

    Attributes:
        protocol: one of ``NAMES``.
        data: folder of pairs.
        out: folder for what is done.
        methods: names, or None for the protocol's own choice.
        levels: names, or None for the protocol's own choice; "ccs" has none.
        scales: numbers, or None; the same.
        scenes: patterns, or None for all.
        jobs: worker processes.
        json_file: where the results go, or None.
        markdown: where the tables go, or None.
        overwrite: whether these may exist.
        quiet: print paths only.
        weights: folders of weights by name, for "weights".
        unusable: options that were given and mean nothing here.
    """

    protocol: str
    data: Path
    out: Path
    methods: tuple[str, ...] | None
    levels: tuple[str, ...] | None
    scales: tuple[int, ...] | None
    scenes: tuple[str, ...] | None
    jobs: int
    json_file: Path | None
    markdown: Path | None
    overwrite: bool
    quiet: bool
    weights: tuple[tuple[str, Path], ...] = ()
    unusable: tuple[str, ...] = ()


def carry_out(wanted: Wanted, watcher: Watcher) -> None:
    """Run, write what was asked for, print the tables on stderr and the paths on stdout.

    Raises:
        DualcamError: a choice that the protocol does not have, data that cannot be used, files that cannot be
            written.
    """
    if wanted.protocol not in NAMES:
        raise UsageError(
            f"there is no protocol {wanted.protocol!r}.", f"Use one of night, {', '.join(NAMES)}."
        )
    if wanted.unusable:
        raise UsageError(
            f"{wanted.unusable[0]} means nothing with --protocol {wanted.protocol}.", "Leave it out."
        )
    from dualcam.evaluation.layout import RunFolder
    from dualcam.evaluation.resume import to_json
    from dualcam.files.outputs import Outputs

    if RunFolder(wanted.out).config.exists():
        raise OutputError(f"{wanted.out} holds a run of another protocol.", "Use another --out.")
    with Outputs(overwrite=wanted.overwrite) as files:
        hidden = {p: files.reserve(p) for p in (wanted.json_file, wanted.markdown) if p is not None}
        try:
            result = _run(wanted, watcher)
        except KeyboardInterrupt:
            say(f"interrupted; the same command goes on from what is in {wanted.out}")
            raise typer.Exit(INTERRUPTED) from None
        tables = _tables(wanted.protocol, result)
        for path, text in ((wanted.json_file, to_json(result)), (wanted.markdown, tables)):
            if path is not None:
                write_text(path, hidden[path], text)
    if not wanted.quiet:
        say(tables)
    for path in hidden or [wanted.out]:
        print(path)


def _run(wanted: Wanted, watcher: Watcher) -> Mapping[str, Any]:
    from dualcam.evaluation import ccs, dataset, either_view, modules, plan, protocol, twisted, weighing

    scenes = plan.pick_scenes(dataset.find(wanted.data), wanted.scenes)
    levels, scales = wanted.levels or tuple(protocol.LEVELS), wanted.scales or plan.NIGHT_SCALES
    if wanted.protocol == "modules":
        return modules.run(
            scenes,
            wanted.out,
            levels=levels,
            scales=scales,
            methods=wanted.methods,
            jobs=wanted.jobs,
            watcher=watcher,
        )
    if wanted.protocol in ("twisted", "views"):
        room = twisted if wanted.protocol == "twisted" else either_view
        return room.run(
            scenes,
            wanted.out,
            levels=wanted.levels or room.LEVELS,
            scales=wanted.scales or room.SCALES,
            methods=wanted.methods,
            jobs=wanted.jobs,
            watcher=watcher,
        )
    if wanted.protocol == "weights":
        return weighing.run(
            scenes,
            wanted.out,
            weights=_once(wanted.weights),
            levels=levels,
            scales=scales,
            jobs=wanted.jobs,
            watcher=watcher,
        )
    if wanted.levels or wanted.scales:
        raise UsageError(
            "the protocol ccs has no choice of levels or scales.", "Leave --levels and --scales out."
        )
    return ccs.run(scenes, wanted.out, methods=wanted.methods, jobs=wanted.jobs, watcher=watcher)


def _once(weights: tuple[tuple[str, Path], ...]) -> dict[str, Path]:
    found = dict(weights)
    if len(found) < len(weights):
        raise UsageError("two folders of weights have the same name: one was named twice.", "Name each once.")
    return found


def _tables(protocol: str, result: Mapping[str, Any]) -> str:
    from dualcam.evaluation import ccs, either_view, module_tables, twisted, weighing

    rooms = {
        "modules": module_tables,
        "ccs": ccs,
        "twisted": twisted,
        "views": either_view,
        "weights": weighing,
    }
    return str(rooms[protocol].markdown(result))
