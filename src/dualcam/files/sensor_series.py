"""Flats and darks on disk -> a checked series -> what it says about the sensor."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dualcam.camera import photon_transfer
from dualcam.camera.flat_levels import Shot
from dualcam.camera.pair_statistics import PATCH
from dualcam.camera.photon_transfer import Transfer
from dualcam.camera.sensor_model import SensorModel
from dualcam.errors import InputError, UsageError
from dualcam.files.dn import SensorSamples, read_dn
from dualcam.files.samples import Samples

# Samples that are kept in memory between the passes; larger series are read again.
_KEPT_BYTES = 1_500_000_000
_LEAST_SIDE = 8 * PATCH
_ODD = "Leave it out: all files have to come from one camera at one setting."


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    path: Path
    kind: str
    shape: tuple[int, ...]
    pattern: str | None
    white: float | None
    top: float
    make: str
    model: str
    iso: float | None
    shot: Shot


def gather(given: Sequence[str], option: str) -> tuple[Path, ...]:
    """Files of a list of files, folders and patterns with * or ?, each once, by name.

    Args:
        given: what the user gave.
        option: of which option, for messages.

    Raises:
        UsageError: nothing was given, or a folder or pattern is empty.
    """
    found: list[Path] = []
    for text in given:
        path = Path(text)
        if path.is_dir():
            more = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        elif not path.exists() and any(sign in text for sign in "*?["):
            more = sorted(Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file())
        else:
            more = [path]
        if not more:
            raise UsageError(f"{option} {text} holds no files.", "Check the folder or the pattern.")
        found += [p for p in more if p not in found]
    if not found:
        raise UsageError(f"there are no files for {option}.", "Give a folder, a pattern or files.")
    return tuple(found)


def characterise(
    flats: Sequence[Path],
    darks: Sequence[Path],
    *,
    pattern: str | None = None,
    bits: int | None = None,
    on_file: Callable[[Path], None] | None = None,
) -> tuple[SensorModel, Transfer]:
    """Measure a sensor from files, see ``camera.photon_transfer``.

    Args:
        flats: pictures of an even light, two or more at every level of brightness.
        darks: pictures without light.
        pattern: color filter of mosaics in files that do not name their own.
        bits: of the converter; None to take them from the files.
        on_file: called before every file that is checked.

    Returns:
        What was measured, and the points and lines behind it.

    Raises:
        InputError: a file that cannot be used or does not belong to the others, or a series that cannot be measured.
        UsageError: a file that is both flat and dark, or given twice.
    """
    for path in {p.resolve() for p in flats} & {p.resolve() for p in darks}:
        raise UsageError(
            f"{path} was given as flat and as dark.", "Keep the two apart, for example in two folders."
        )
    budget = _Budget(_KEPT_BYTES)
    files: list[_File] = []
    for path in (*flats, *darks):
        if on_file is not None:
            on_file(path)
        kind = "flats" if len(files) < len(flats) else "darks"
        files.append(_look(path, kind, pattern, budget))
    _check_alike(files)
    one = files[0]
    bright, dark = ([f.shot for f in files if f.kind == kind] for kind in ("flats", "darks"))
    transfer = photon_transfer.measure(bright, dark, one.pattern)
    model = SensorModel(
        width=one.shape[1],
        height=one.shape[0],
        bits=bits or _bits(files),
        pattern=one.pattern,
        black_dn=transfer.black_dn,
        channels=transfer.channels,
        pooled=transfer.pooled,
        make=one.make,
        model=one.model,
        iso=next((f.iso for f in files if f.iso), None),
        flats=tuple(p.name for p in flats),
        darks=tuple(p.name for p in darks),
        notes=transfer.notes,
    )
    return model, transfer


class _Budget:
    """Memory that may be used for keeping samples."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> bool:
        self.left -= size
        return self.left >= 0


def _look(path: Path, kind: str, pattern: str | None, budget: _Budget) -> _File:
    seen = read_dn(path, pattern)
    if min(seen.samples.shape) < _LEAST_SIDE:
        raise InputError(
            f"{path} has {seen.samples.shape[1]} x {seen.samples.shape[0]} pixels, too few to measure a sensor.",
            f"Give pictures of at least {_LEAST_SIDE} x {_LEAST_SIDE} pixels.",
        )
    camera = seen.camera
    return _File(
        path=path,
        kind=kind,
        shape=seen.samples.shape,
        pattern=seen.pattern,
        white=seen.white,
        top=float(seen.samples.max()),
        make=camera.make,
        model=camera.model,
        iso=camera.iso,
        shot=Shot(path.name, _loader(path, pattern, seen, budget), camera.exposure_s),
    )


def _loader(path: Path, pattern: str | None, seen: SensorSamples, budget: _Budget) -> Callable[[], Samples]:
    samples: Samples = seen.samples
    if budget.take(samples.nbytes):
        return lambda: samples
    return lambda: read_dn(path, pattern).samples


def _check_alike(files: list[_File]) -> None:
    """Refuse the file that differs from most others."""

    def common(values: list[Any]) -> Any:
        return Counter(values).most_common(1)[0][0] if values else None

    shape, pattern = common([f.shape for f in files]), common([f.pattern for f in files])
    white = common([f.white for f in files])
    camera = common([(f.make, f.model) for f in files if f.make or f.model])
    iso = common([f.iso for f in files if f.iso])
    for file in files:
        if file.shape != shape:
            sizes = [f"{s[1]} x {s[0]}" for s in (file.shape, shape)]
            raise InputError(f"{file.path} has {sizes[0]} pixels, the others {sizes[1]}.", _ODD)
        if file.pattern != pattern:
            names = [p or "a monochrome sensor" for p in (file.pattern, pattern)]
            raise InputError(f"{file.path} comes from {names[0]}, the others from {names[1]}.", _ODD)
        if (file.make or file.model) and (file.make, file.model) != camera:
            names = [" ".join(name).strip() for name in ((file.make, file.model), camera)]
            raise InputError(f"{file.path} was taken by {names[0]}, the others by {names[1]}.", _ODD)
        if file.iso and iso and file.iso != iso:
            raise InputError(
                f"{file.path} was taken at ISO {file.iso:g}, the others at ISO {iso:g}: the gain differs.",
                "Measure every ISO setting by itself, into a file of its own.",
            )
        if file.white != white:
            raise InputError(f"{file.path} states another white level than the others.", _ODD)


def _bits(files: list[_File]) -> int:
    """Bits of the converter: of the stated white, else of the largest sample."""
    stated = files[0].white
    top = stated if stated is not None else max(f.top for f in files)
    return max(1, min(16, int(np.ceil(np.log2(max(top, 1) + 1)))))
