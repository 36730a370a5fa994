"""Crops of samples, stacked to batches. Batch ``step`` of a seed is always the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualcam.frame import FloatArray
from dualcam.neural.features import EC_PLANES, noise_plane
from dualcam.rig import warp
from dualcam.training import turned
from dualcam.training.config import Data, Stage
from dualcam.training.store import Store

Array = NDArray[Any]

BOX_MARGIN = 64
"""The color view's box is larger than the crop of the mono view by this much, for parallax and turns."""
_GUIDE = EC_PLANES.index("guide")
_VIEWS = ("ec", "ec_truth", "ec_classical", "exposed")
_MAPS = ("to_color", "to_color_second")
_NEAR_SCALE, _NEAR_SHARE = 1.8, 0.2
# Draws after which a pool is taken to hold no sample of the wanted scale.
_MOST_DRAWS = 200
_GRID = (*_MAPS, "evidence", "fill", "mono_small", "truth_small")
_FINE = ("mono", "mono_clean", "mono_truth", "mono_sigma", "truth")
_FIELDS: dict[Stage, tuple[str, ...]] = {
    "refec": ("light", "ec", "ec_truth", "ec_classical"),
    "refcolor": ("light", "ec_truth", "exposed", *_GRID),
    "refsr": ("light", "evidence", "mono_small", "truth_small", *_FINE),
    "joint": ("light", "ec", "ec_truth", "ec_classical", *_GRID, *_FINE),
}


def batch(
    store: Store, stage: Stage, data: Data, seed: int, step: int, rank: int = 0, ranks: int = 1
) -> dict[str, Tensor]:
    """The crops of one step, or one process's share of them: every tensor (B, ...) float32.

    The crops of all ranks together are those of a single process. The names are those of ``Sample``, and "share",
    "to_small" (where full-size pixels lie on the small crop) and "mono_noise".

    Args:
        store: the samples.
        stage: what is trained.
        data: how many crops of which size.
        seed: of the run.
        step: which batch.
        rank: this process.
        ranks: how many processes share the batch.
    """
    near = bool(np.random.default_rng([seed, step]).random() < _NEAR_SHARE)
    try:
        items = _items(store, stage, data, seed, step, near, range(rank, data.batch, ranks))
    except LookupError:
        # A small pool may hold only one of the two kinds.
        items = _items(store, stage, data, seed, step, not near, range(rank, data.batch, ranks))
    return {name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]}


def _items(
    store: Store, stage: Stage, data: Data, seed: int, step: int, near: bool, which: range
) -> list[dict[str, FloatArray]]:
    out = []
    for item in which:
        rng = np.random.default_rng([seed, step, item])
        index = int(rng.integers(data.pool))
        if stage in ("refsr", "joint"):
            # Full-size crops of one batch share a size, which the scale decides.
            draws = 1
            while _is_near(store, index) != near:
                if draws == _MOST_DRAWS:
                    raise LookupError
                index, draws = int(rng.integers(data.pool)), draws + 1
        out.append(crop(store.fields(index, _FIELDS[stage]), stage, data, near, rng, turned.Turn.draw(rng)))
    return out


def _is_near(store: Store, index: int) -> bool:
    return float(store.fields(index, ("light",))["light"][2]) < _NEAR_SCALE


def validation(store: Store, stage: Stage, data: Data) -> list[dict[str, Tensor]]:
    """Batches of one crop from every held-back sample, always the same ones."""
    out = []
    for index in range(data.validation):
        fields = store.fields(index, _FIELDS[stage])
        near = bool(fields["light"][2] < _NEAR_SCALE)
        item = crop(fields, stage, data, near, np.random.default_rng([index]))
        out.append({name: torch.from_numpy(value[None]) for name, value in item.items()})
    return out


def fine_crop(size: int, near: bool) -> int:
    """Side of the full-size crop inside a small crop of this side: a multiple of 8 that leaves a margin of 3 pixels."""
    return int((size - 6) * (1.0 if near else _NEAR_SCALE)) // 8 * 8


def crop(
    fields: dict[str, Array],
    stage: Stage,
    data: Data,
    near: bool,
    rng: np.random.Generator,
    turn: turned.Turn = turned.STRAIGHT,
) -> dict[str, FloatArray]:
    """One random crop of a sample's fields, float32, as a stage needs it.

    Args:
        fields: of the sample.
        stage: what is trained.
        data: size of the crop.
        near: the scale is small.
        rng: where the crop lies.
        turn: how the crop is mirrored.
    """
    if stage == "refec":
        out = _ec_crop(fields, data.crop, rng, turn)
    else:
        out = _mono_crop(fields, stage, data.crop, near, rng, turn)
    out = turned.crop(out, turn, {name: (data.crop + BOX_MARGIN) for name in _MAPS} | {"to_small": data.crop})
    out["light"] = fields["light"]
    out["share"] = np.array([rng.random()])
    if "ec" in out:
        for name in data.hidden:
            out["ec"][EC_PLANES.index(name)] = 0
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in out.items()}


def _ec_crop(
    fields: dict[str, Array], size: int, rng: np.random.Generator, turn: turned.Turn
) -> dict[str, Array]:
    height, width = fields["ec"].shape[1:]
    # Even positions keep the phase of the mosaic, and odd ones where the crop is mirrored.
    y, x = (
        2 * int(rng.integers((length - size - odd) // 2 + 1)) + odd
        for length, odd in zip((height, width), turn.mirrored, strict=True)
    )
    window = np.s_[:, y : y + size, x : x + size]
    return _complete({name: fields[name][window] for name in ("ec", "ec_truth", "ec_classical")})


def _complete(views: dict[str, Array]) -> dict[str, Array]:
    """Parts of the color view in float32; where refEC's planes are among them, with the last three."""
    out = {name: picture.astype(np.float32) for name, picture in views.items()}
    if "ec" in out:
        guide = out["ec"][_GUIDE : _GUIDE + 1]
        out["ec"] = np.concatenate([out["ec"], out["ec_classical"] - guide])
    return out


def _mono_crop(
    fields: dict[str, Array],
    stage: Stage,
    size: int,
    near: bool,
    rng: np.random.Generator,
    turn: turned.Turn,
) -> dict[str, Array]:
    height, width = fields["mono_small"].shape[1:]
    y, x = (int(rng.integers(length - size + 1)) for length in (height, width))
    window = np.s_[:, y : y + size, x : x + size]
    out = {name: fields[name][window] for name in ("mono_small", "truth_small")}
    out |= {name: fields[name][window] for name in ("evidence", "fill") if name in fields}
    if "to_color" in fields:
        places = {name: fields[name][y : y + size, x : x + size] for name in _MAPS}
        out |= _box(fields, places, size + BOX_MARGIN, turn)
    if "mono" in fields:
        out |= _fine_crop(fields, (y, x), size, fine_crop(size, near))
    return out


def _box(fields: dict[str, Array], maps: dict[str, Array], size: int, turn: turned.Turn) -> dict[str, Array]:
    """A square of the color view around what a crop of the mono view looks at, and the maps into it."""
    views = {name: fields[name] for name in _VIEWS if name in fields}
    height, width = views["ec_truth"].shape[1:]
    middle = np.median(maps[_MAPS[0]].reshape(-1, 2), axis=0)
    start = []
    for center, length, odd in zip(middle[::-1], (height, width), turn.mirrored, strict=True):
        start.append(2 * (int(np.clip(center - size / 2, 0, max(0, length - size - odd))) // 2) + odd)
    y, x = start
    out = _complete({name: picture[:, y : y + size, x : x + size] for name, picture in views.items()})
    for name, part in out.items():
        missing = size - part.shape[1], size - part.shape[2]
        out[name] = np.pad(part, ((0, 0), (0, missing[0]), (0, missing[1])), mode="edge")
    # The picture's border is repeated, wherever the box ends.
    limit = np.array([width, height], np.float32)
    for name, places in maps.items():
        out[name] = np.clip(places, 0, limit) - np.array([x, y], np.float32)
    return out


def _fine_crop(fields: dict[str, Array], corner: tuple[int, int], size: int, fine: int) -> dict[str, Array]:
    """The full-size crop inside a crop of the match grid, and where its pixels lie on that crop."""
    height, width = fields["mono"].shape[1:]
    rows, columns = fields["mono_small"].shape[1:]
    scale = np.array([width / columns, height / rows], np.float32)
    # Three pixels of margin for the cubic enlargement.
    x, y = (int(np.ceil((c + 3) * s)) for c, s in zip(corner[::-1], scale, strict=True))
    x, y = min(x, width - fine), min(y, height - fine)
    window = np.s_[:, y : y + fine, x : x + fine]
    places = warp.centers(fine, fine) + np.array([x, y], np.float32)
    on_crop = places / scale - np.array(corner[::-1], np.float32)
    cut = np.s_[:, corner[0] : corner[0] + size, corner[1] : corner[1] + size]
    return {
        "mono": fields["mono"][window],
        "mono_clean": fields["mono_clean"][window],
        "mono_truth": fields["mono_truth"][window],
        "truth": fields["truth"][window],
        "to_small": on_crop,
        "mono_noise": noise_plane(fields["mono_sigma"][cut].astype(np.float32)),
    }
