"""Which results are asked for: scenes x levels x scales x tracks x methods become a list of tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from dualcam.errors import InputError, UsageError
from dualcam.evaluation import methods, protocol
from dualcam.evaluation.case import CaseId
from dualcam.evaluation.dataset import Prepared, Scene

TRACKS = ("file", "raw")
NIGHT_SCALES = (2, 4)


@dataclass(frozen=True, slots=True)
class Result:
    """One output that is wanted of a capture.

    Attributes:
        track: which of the capture's color files the method gets.
        method: name of the method.
        elsewhere: the picture, for a method that ran outside dualcam; else None.
    """

    track: str
    method: str
    elsewhere: Path | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One capture and all that is wanted of it: what a worker does in one go.

    Attributes:
        scene: the scene.
        level: light level.
        scale: mono pixels per color pixel.
        results: the outputs wanted.
    """

    scene: Scene
    level: str
    scale: int
    results: tuple[Result, ...]

    @property
    def name(self) -> str:
        """The capture in words, such as ``midd05/Art, night, scale 2``."""
        return f"{self.scene.name}, {self.level}, scale {self.scale}"

    @property
    def prepared(self) -> Prepared | None:
        """The capture's files where it was made before."""
        return _prepared(self.scene, self.level, self.scale)

    @property
    def work(self) -> int:
        """Pixels to compute, all results together: what progress is measured in."""
        return self.scene.pixels * len(self.results)

    def only(self, results: Iterable[Result]) -> Task:
        """The same capture with fewer results."""
        return replace(self, results=tuple(results))

    def case(self, result: Result) -> CaseId:
        """The key of one of its results."""
        return CaseId(self.scene.name, self.level, self.scale, result.track)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user asked for, as written; None stands for all that the data offers.

    Attributes:
        methods: names of ``methods.METHODS``.
        levels: light levels.
        scales: mono pixels per color pixel; None means 2 and 4 for pairs.
        tracks: "file", "raw".
        scenes: patterns such as ``midd03/*``.
        elsewhere: folders with pictures of methods that ran outside dualcam, by name.
    """

    methods: tuple[str, ...]
    levels: tuple[str, ...] | None = None
    scales: tuple[int, ...] | None = None
    tracks: tuple[str, ...] | None = None
    scenes: tuple[str, ...] | None = None
    elsewhere: tuple[tuple[str, Path], ...] = ()


def pick_scenes(scenes: Sequence[Scene], patterns: Sequence[str] | None) -> tuple[Scene, ...]:
    """Keep the scenes that one of the patterns names.

    Raises:
        UsageError: a pattern that names none.
    """
    if patterns is None:
        return tuple(scenes)
    for pattern in patterns:
        if not any(fnmatchcase(scene.name, pattern) for scene in scenes):
            raise UsageError(
                f"no scene is named {pattern!r}.",
                f"There are {', '.join(scene.name for scene in scenes[:8])}"
                f"{', ...' if len(scenes) > 8 else '.'}",
            )
    return tuple(s for s in scenes if any(fnmatchcase(s.name, pattern) for pattern in patterns))


def plan(scenes: Sequence[Scene], choice: Choice) -> tuple[Task, ...]:
    """List the tasks, the largest first, so that no worker is left alone with one at the end.

    A method that needs a true disparity is asked only where there is one.

    Raises:
        UsageError: an unknown method, level, scale or track, or one that no scene has.
        InputError: pictures of an outside method are missing.
    """
    tasks = []
    for scene in scenes:
        for level, scale in _conditions(scene, choice):
            tracks = _tracks(scene, level, scale, choice)
            results = tuple(
                Result(track, method)
                for track in tracks
                for method in choice.methods
                if _has_disparity(scene, level, scale) or not methods.METHODS[method].needs_disparity
            )
            tasks.append(Task(scene, level, scale, results))
    _refuse_unmet(scenes, tasks, choice)
    tasks = _with_elsewhere(tasks, choice.elsewhere)
    return tuple(sorted(tasks, key=lambda task: (-task.work, task.name)))


def check(choice: Choice) -> None:
    """Refuse a choice that no data could meet, before any file is looked at.

    Raises:
        UsageError: an unknown method or track, or an outside method without a usable name.
        UnavailableError: a method that cannot run on this machine.
    """
    for method in choice.methods:
        if method not in methods.METHODS:
            raise UsageError(f"there is no method {method!r}.", f"Use some of {', '.join(methods.METHODS)}.")
        if (reason := methods.unavailable(method)) is not None:
            raise reason
    for track in choice.tracks or ():
        if track not in TRACKS:
            raise UsageError(f"there is no track {track!r}.", f"Use {' or '.join(TRACKS)}.")
    names = [name for name, _ in choice.elsewhere]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise UsageError(f"{name!r} cannot name a method.", "Use letters, digits and - . _")
        if name in methods.METHODS or names.count(name) > 1:
            raise UsageError(f"the name {name!r} is taken.", "Give these pictures another name.")


def _conditions(scene: Scene, choice: Choice) -> list[tuple[str, int]]:
    """Levels and scales of a scene, in the protocol's order, then by name."""
    if scene.views is not None:
        levels = choice.levels or tuple(protocol.LEVELS)
        scales = sorted(set(choice.scales or NIGHT_SCALES))
        asked = [(level, scale) for level in levels for scale in scales]
        for level, scale in asked:
            protocol.settings(level, scale)  # refuses what the protocol does not know
        return sorted(dict.fromkeys(asked), key=_order)
    return sorted(
        (
            (capture.level, capture.scale)
            for capture in scene.captures
            if (choice.levels is None or capture.level in choice.levels)
            and (choice.scales is None or capture.scale in choice.scales)
        ),
        key=_order,
    )


def _order(condition: tuple[str, int]) -> tuple[tuple[int, str], int]:
    return level_order(condition[0]), condition[1]


def level_order(level: str) -> tuple[int, str]:
    """Sort key of a light level: the protocol's own from bright to dark, then others by name."""
    known = list(protocol.LEVELS)
    return (known.index(level) if level in known else len(known), level)


def _prepared(scene: Scene, level: str, scale: int) -> Prepared | None:
    alike = (c for c in scene.captures if (c.level, c.scale) == (level, scale))
    return next(alike, None)


def _tracks(scene: Scene, level: str, scale: int, choice: Choice) -> tuple[str, ...]:
    prepared = _prepared(scene, level, scale)
    offered = TRACKS if prepared is None else prepared.tracks()
    return tuple(t for t in TRACKS if t in offered and (choice.tracks is None or t in choice.tracks))


def _has_disparity(scene: Scene, level: str, scale: int) -> bool:
    source = scene.views or _prepared(scene, level, scale)
    return source is not None and source.disparity is not None


def _refuse_unmet(scenes: Sequence[Scene], tasks: Sequence[Task], choice: Choice) -> None:
    """Whatever was asked for by name has to exist somewhere in the data."""
    have: Mapping[str, set[object]] = {
        "level": {task.level for task in tasks},
        "scale": {task.scale for task in tasks},
        "track": {result.track for task in tasks for result in task.results},
    }
    asked: Mapping[str, Sequence[object]] = {
        "level": choice.levels or (),
        "scale": choice.scales or (),
        "track": choice.tracks or () if choice.methods else (),
    }
    for what, wanted in asked.items():
        for value in wanted:
            if value not in have[what]:
                offered = sorted({f"{c.level}, scale {c.scale}" for s in scenes for c in s.captures})
                raise UsageError(
                    f"no capture has the {what} {value}.",
                    f"There are {'; '.join(offered)}." if offered else "Ask for another one.",
                )


def _with_elsewhere(tasks: list[Task], folders: Sequence[tuple[str, Path]]) -> list[Task]:
    """Add outside methods under the conditions that they have pictures for: of every scene, or none counts.

    A mean over some scenes could not be compared with the other methods' means.
    """
    added: list[list[Result]] = [[] for _ in tasks]
    for name, folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder.", f"Give the folder with the pictures of {name}.")
        for level, scale in dict.fromkeys((task.level, task.scale) for task in tasks):
            alike = [i for i, task in enumerate(tasks) if (task.level, task.scale) == (level, scale)]
            for track in TRACKS:
                paths = [folder / tasks[i].scene.name / f"{level}x{scale}-{track}.png" for i in alike]
                missing = [path for path in paths if not path.is_file()]
                if missing and len(missing) < len(paths):
                    raise InputError(
                        f"{name} lacks {missing[0]}: {len(missing)} of {len(paths)} pictures at {level}, "
                        f"scale {scale}, {track} track.",
                        "Add them, or choose the scenes with --scenes.",
                    )
                if not missing:
                    for i, path in zip(alike, paths, strict=True):
                        added[i].append(Result(track, name, path))
        if not any(result.method == name for more in added for result in more):
            example = f"{tasks[0].scene.name}/{tasks[0].level}x{tasks[0].scale}-file.png"
            raise InputError(f"{folder} holds no picture of {name}.", f"Name them like {example}.")
    return [task.only((*task.results, *more)) for task, more in zip(tasks, added, strict=True)]
