"""A collection of samples on disk: made when first asked for, read ever after."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.errors import InputError, UsageError
from dualcam.files.whole import write_whole
from dualcam.neural import engine, manifest
from dualcam.training import samples
from dualcam.training.sources import Sources, Split, fingerprint

_RECORD = "collection.json"


class Store:
    """Samples 0, 1, 2, ... of a seed and split.

    Several processes may share a folder. A small record in it says what the samples were made from, so that two
    collections are never mixed.

    Args:
        folder: where they are kept, in a folder with the split's name; made if needed.
        seed: of the collection.
        sources: pictures to make samples from; without any, only samples that are there can be read.
        split: "train" or "val".
        weights: folder of exported weights whose refEC exposes the color for refColor; None for the classical one.

    Raises:
        UnavailableError: weights that cannot be used.
        UsageError: the folder holds samples of another seed or of other pictures.
    """

    def __init__(
        self, folder: Path, seed: int, sources: Sources, split: Split, weights: Path | None = None
    ) -> None:
        self._folder = folder / split
        self._folder.mkdir(parents=True, exist_ok=True)
        self._seed, self._sources, self._split = seed, sources, split
        # Parts are made side by side; each is to keep to one core.
        self._refec = engine.alone(weights, "refec", threads=1) if weights is not None else None
        self._weights = manifest.read(weights)["refec"].sha256 if weights is not None else ""
        self._check()

    def __contains__(self, index: int) -> bool:
        """Whether a sample is on disk."""
        return self._path(index).exists()

    def fields(self, index: int, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        """Some fields of a sample, by the names and shapes of ``Sample``; it is made if it is not there yet.

        Raises:
            InputError: its file is damaged, or it is not there and there are no pictures to make it from.
        """
        path = self._path(index)
        try:
            with path.open("rb") as file, np.load(file) as data:
                return {name: data[name] for name in names}
        except FileNotFoundError:
            made = self.make(index)
            return {name: getattr(made, name) for name in names}
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(
                f"the sample {path} is damaged ({error}).", "Delete it; it is made again."
            ) from error

    def make(self, index: int) -> samples.Sample:
        """Make a sample and keep it.

        Raises:
            InputError: there are no pictures to make it from.
        """
        if not self._sources.photos and not self._sources.pairs:
            raise InputError(
                f"there is no sample {self._path(index)}, and no pictures to make it from.",
                "Name pictures with --photos and --stereo.",
            )
        made = samples.make(index, self._seed, self._sources, self._split, self._refec)
        samples.save(made, self._path(index))
        return made

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:06d}.npz"

    def _check(self) -> None:
        path = self._folder / _RECORD
        mine: dict[str, int | str] = {"seed": self._seed, "making": samples.MAKING}
        if self._sources.photos or self._sources.pairs:
            mine |= {"pictures": fingerprint(self._sources), "refec": self._weights}
        if not path.exists():
            if self._sources.photos or self._sources.pairs:
                write_whole(path, json.dumps(mine).encode())
            return
        theirs = json.loads(path.read_text(encoding="utf-8"))
        if any(theirs.get(name) != value for name, value in mine.items()):
            raise UsageError(
                f"the samples in {self._folder} were made with another seed, version or refEC, or from other pictures.",
                "Name another folder with --samples, or give the seed and pictures of before.",
            )
