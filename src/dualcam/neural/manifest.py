"""The manifest of a folder of weights: what each network is, how it is run, and where it comes from.

``manifest.toml`` lies beside the ONNX files. What runs the networks reads it, the export writes it.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dualcam.errors import UnavailableError

SCHEMA = 1
NAME = "manifest.toml"
NETWORKS = ("refec", "refcolor", "refsr")
SHIPPED = Path(__file__).parents[1] / "weights"
"""Where the weights of the package lie."""

Value = str | int | float | bool
Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A training set: its name, what was taken, and under which license."""

    name: str
    license: str


@dataclass(frozen=True, slots=True)
class Run:
    """The training run that a network comes from.

    Attributes:
        name: of the run's folder.
        stage: "refec", "refcolor", "refsr" or "joint".
        date: when it was exported, YYYY-MM-DD.
        seed: of the training samples.
        step: optimizer steps behind the weights.
        config: the settings of the run by dotted name.
        data: training sets and their licenses.
        scores: by level of light, scores by name.
    """

    name: str
    stage: str
    date: str
    seed: int
    step: int
    config: Mapping[str, Value] = field(default_factory=dict)
    data: tuple[DataSet, ...] = ()
    scores: Scores = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A file of weights.

    Attributes:
        file: its name.
        sha256: hexadecimal.
        bytes: its size.
    """

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Int8:
    """The same network for processors that multiply 8-bit numbers fastest, in three parts (``neural.parts``).

    Attributes:
        down: the fine scales on the way down.
        middle: the coarse scales.
        up: the fine scales on the way up.
        halo: pixels that the fine scales look at around what they compute.
        tile: a tile has at most this many pixels, squared.
        error: root mean square difference that 8 bits make to what the network adds, display, on training samples.
    """

    down: File
    middle: File
    up: File
    halo: int
    tile: int
    error: float

    @property
    def files(self) -> tuple[File, ...]:
        """All of them."""
        return self.down, self.middle, self.up


@dataclass(frozen=True, slots=True)
class Int8InOne(File):
    """The same network with its coarsest scale in 8 bits, in one file and computed as the other one is.

    Attributes:
        error: as in ``Int8``.
    """

    error: float

    @property
    def files(self) -> tuple[File, ...]:
        """All of them."""
        return (self,)


@dataclass(frozen=True, slots=True)
class Entry(File):
    """One network, in one file.

    Attributes:
        parameters: trained numbers.
        multiply_adds: per pixel of its input.
        planes: names of the input planes, in order.
        halo: pixels around an output pixel that it looks at.
        multiple: height and width of its input have to be multiples of this.
        tile: a tile has at most this many pixels, squared.
        run: where it comes from.
        int8: the same in 8 bits, if there is one.
    """

    parameters: int
    multiply_adds: int
    planes: tuple[str, ...]
    halo: int
    multiple: int
    tile: int
    run: Run
    int8: Int8 | Int8InOne | None = None

    @property
    def files(self) -> tuple[File, ...]:
        """All files of it."""
        return (self, *(self.int8.files if self.int8 else ()))


def there(folder: Path) -> bool:
    """Whether a folder holds a manifest."""
    return (folder / NAME).is_file()


def read(folder: Path) -> dict[str, Entry]:
    """Read the manifest of a folder of weights: entries by name of the network.

    Raises:
        UnavailableError: there is none, or it cannot be used.
    """
    path = folder / NAME
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UnavailableError(
            f"{folder} holds no {NAME}.",
            "Name a folder that `dualcam export` has written, or use another method.",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnavailableError(f"{path} cannot be read: {error}.", _RENEW) from error
    if found.get("schema") != SCHEMA:
        raise UnavailableError(
            f"{path} has the schema {found.get('schema')!r}; this version reads {SCHEMA}.",
            "Export the weights again with this version of dualcam.",
        )
    try:
        return {name: _entry(table, found["run"][name]) for name, table in found["networks"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnavailableError(
            f"{path} lacks something or holds what it should not: {error!r}.", _RENEW
        ) from error


_WHOLE = "whole"
_RENEW = "Install dualcam anew, or export the weights again."


def _entry(table: Mapping[str, Any], run: Mapping[str, Any]) -> Entry:
    data = tuple(DataSet(**row) for row in run.get("data", ()))
    int8 = _int8(table["int8"]) if "int8" in table else None
    entry = Entry(
        **{**table, "planes": tuple(table["planes"]), "run": Run(**{**run, "data": data}), "int8": int8}
    )
    sizes = [entry.bytes, entry.parameters, entry.multiply_adds, entry.halo, entry.multiple, entry.tile]
    sizes += [one.bytes for one in entry.files]
    sizes += [int8.halo, int8.tile] if isinstance(int8, Int8) else []
    least = [entry.multiple, entry.tile, int8.tile if isinstance(int8, Int8) else 1]
    if not all(type(size) is int and size >= 0 for size in sizes) or min(least) < 1:
        raise ValueError(f"sizes {sizes}")
    for one in entry.files:
        if Path(one.file).name != one.file:
            raise ValueError(f"file {one.file}")
    return entry


def _int8(table: Mapping[str, Any]) -> Int8 | Int8InOne:
    if _WHOLE in table:
        return Int8InOne(**table[_WHOLE], error=table["error"])
    parts = {f.name: File(**table[f.name]) for f in fields(Int8) if isinstance(table[f.name], Mapping)}
    return Int8(**{**table, **parts})


def text(entries: Mapping[str, Entry]) -> str:
    """Write a manifest, TOML; ``read`` gives the same entries again.

    How the networks are run stands apart from where they come from: results depend on the former only.
    """
    lines = ["# Written by `dualcam export`.", f"schema = {SCHEMA}"]
    for name, entry in entries.items():
        lines += ["", f"[networks.{name}]"]
        plain = [f.name for f in fields(Entry) if f.name not in ("run", "int8")]
        lines += [f"{key} = {_toml(getattr(entry, key))}" for key in plain]
        if entry.int8:
            lines += ["", f"[networks.{name}.int8]"]
            lines += _int8_lines(entry.int8)
    for name, entry in entries.items():
        lines += _run_lines(f"run.{name}", entry.run)
    return "\n".join(lines) + "\n"


def _int8_lines(int8: Int8 | Int8InOne) -> Iterator[str]:
    in_one = isinstance(int8, Int8InOne)
    keys = ("error",) if in_one else ("halo", "tile", "error")
    yield from (f"{key} = {_toml(getattr(int8, key))}" for key in keys)
    for key, part in zip((_WHOLE,) if in_one else ("down", "middle", "up"), int8.files, strict=True):
        inside = ", ".join(f"{f.name} = {_toml(getattr(part, f.name))}" for f in fields(File))
        yield f"{key} = {{ {inside} }}"


def _run_lines(table: str, run: Run) -> Iterator[str]:
    yield from ("", f"[{table}]")
    yield from (f"{key} = {_toml(getattr(run, key))}" for key in ("name", "stage", "date", "seed", "step"))
    if run.config:
        yield from ("", f"[{table}.config]")
        yield from (f"{_toml(key)} = {_toml(value)}" for key, value in run.config.items())
    for level, scores in run.scores.items():
        yield from ("", f"[{table}.scores.{_toml(level)}]")
        yield from (f"{_toml(key)} = {_toml(value)}" for key, value in scores.items())
    for row in run.data:
        yield from ("", f"[[{table}.data]]", f"name = {_toml(row.name)}", f"license = {_toml(row.license)}")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return (
            repr(value) if math.isfinite(value) else {"nan": "nan", "inf": "inf", "-inf": "-inf"}[str(value)]
        )
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # A JSON string is a TOML string; only DEL is written plainly by the one and forbidden by the other.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
