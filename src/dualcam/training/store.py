"""A collection of samples on disk: made when first asked for, read ever after."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from dualcam.training import samples
from dualcam.training.sources import Sources, Split


class Store:
    """Samples 0, 1, 2, ... of a seed and split.

    Args:
        folder: where they are kept; made if needed.
        seed: of the collection.
        sources: pictures to make samples from.
        split: "train" or "val".
    """

    def __init__(self, folder: Path, seed: int, sources: Sources, split: Split) -> None:
        self._folder = folder / split
        self._folder.mkdir(parents=True, exist_ok=True)
        self._seed, self._sources, self._split = seed, sources, split

    def fields(self, index: int, names: tuple[str, ...]) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.floating]]]:
        """Some fields of a sample, which is made if it is not there yet."""
        path = self._folder / f"{index:06d}.npz"
        with contextlib.suppress(FileNotFoundError), np.load(path) as data:
            return {name: data[name] for name in names}
        made = samples.make(index, self._seed, self._sources, self._split)
        samples.save(made, path)
        return {name: getattr(made, name) for name in names}
