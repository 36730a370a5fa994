"""From an owner's pairs to weights for this rig: which pairs are held back, what is learned, and whether it is kept."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from dualcam.errors import UsageError
from dualcam.frame import FloatArray, Pair
from dualcam.networks import exported
from dualcam.neural import engine, manifest
from dualcam.neural.manifest import DataSet, Entry, Run
from dualcam.neural.method import Neural
from dualcam.neural.network import Whole
from dualcam.training import adapting, card, export, owned
from dualcam.training.journal import duration
from dualcam.training.owned import LEVELS, Example, Owned, Seen
from dualcam.training.verdict import Verdict, best, psnr

LEAST_PAIRS = 6
STAYS = (0.0, 0.25, 0.5)
"""Shares of the weights before in those that are tried; all of them would be no change."""

# Pieces of every pair: many to learn from, fewer to score, which takes longer.
_PIECES, _MOST_A_PAIR, _DRAWS, _SCORED = 48, 8, 5, 2
_CALIBRATION = 48
_CALIBRATION_SIDE = 96
_TOLD_SECONDS = 15.0
_NETWORK = "refec"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """What came of it.

    Attributes:
        verdict: of the weights that were exported, 8 bits and all.
        stay: share of the weights before in them.
        steps: how many were trained.
        seconds: of training.
        network: the adapted refEC, before it is rounded to 8 bits.
        files: the folder of weights by file name; empty if it is not to be kept.
    """

    verdict: Verdict
    stay: float
    steps: int
    seconds: float
    network: nn.Module
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """A piece of a held-back pair: the result as shot, and darkened to every level."""

    wanted: FloatArray
    dark: tuple[Seen, ...]


def held_back(count: int, wanted: int | None = None) -> tuple[int, ...]:
    """Which of ``count`` pairs are held back: half, evenly spread, or as many as are wanted.

    Raises:
        UsageError: too few pairs, or too few would be left to learn from or to score.
    """
    if count < LEAST_PAIRS:
        raise UsageError(
            f"{count} pairs can be learned from; {LEAST_PAIRS} are needed, of which half are held back.",
            "Shoot more pairs of other scenes, in better light.",
        )
    number = count // 2 if wanted is None else wanted
    if not 2 <= number <= count - 3:
        raise UsageError(
            f"{number} of {count} pairs cannot be held back.", f"Hold back 2 to {count - 3} of them."
        )
    return tuple(int((n + 0.5) * count / number) for n in range(number))


def adapt(
    pairs: Sequence[Owned],
    weights: Path,
    *,
    name: str,
    date: str,
    steps: int,
    seed: int = 0,
    hold: int | None = None,
    threads: int | None = None,
    tell: Tell = print,
) -> Adapted:
    """Let refEC learn on, and judge it by pairs that it has not learned from.

    Args:
        pairs: of one rig.
        weights: folder to begin with.
        name: of the run, for the manifest.
        date: YYYY-MM-DD.
        steps: of training.
        seed: of everything that is random.
        hold: how many pairs are held back; None for half.
        threads: of the networks; None leaves it to what runs them.
        tell: gets lines for the user.

    Raises:
        UsageError: too few pairs.
        UnavailableError: the weights cannot be used.
        DualcamError: the exported network is not the trained one.
    """
    held = held_back(len(pairs), hold)
    if threads is not None:
        torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    before = engine.alone(weights, _NETWORK, threads, precision="float32")
    method = Neural(weights, threads, precision="float32")
    learned = [n for n in range(len(pairs)) if n not in held]
    examples = _examples([pairs[n] for n in learned], before, rng, tell)
    scored = _scored([pairs[n] for n in held], before, method, rng, tell)
    entry = manifest.read(weights)[_NETWORK]
    network = exported.network(_NETWORK, (weights / entry.file).read_bytes())
    begun = time.monotonic()
    trained = adapting.learn(network, examples, steps, seed, _progress(tell, steps))
    seconds = time.monotonic() - begun
    known = _scores(scored, before, method)
    tries = [adapting.between(trained, network, stay) for stay in STAYS]
    found = [Verdict(known, _scores(scored, adapting.Running(one, entry.multiple), method)) for one in tries]
    chosen = best(found)
    tell(f"held-back pairs: {_told(found[chosen])} with {STAYS[chosen]:.0%} of the weights before")
    if not found[chosen].keep:
        return Adapted(found[chosen], STAYS[chosen], steps, seconds, tries[chosen], {})
    run = Run(
        name=name,
        stage=card.ADAPTED,
        date=date,
        seed=seed,
        step=steps,
        config={
            "from": entry.run.name,
            "from.sha256": entry.sha256,
            "stay": STAYS[chosen],
            "pairs": len(pairs),
            "held_back": len(held),
        },
        data=(DataSet(f"{len(learned)} pairs of the owner's", "the owner's own"),),
    )
    tell("writing it in 8 bits, and scoring that")
    files, last = _exported(
        copy.deepcopy(tries[chosen]), weights, run, examples, entry, scored, known, threads
    )
    return Adapted(last, STAYS[chosen], steps, seconds, tries[chosen], files if last.keep else {})


def _examples(pairs: Sequence[Owned], teacher: Whole, rng: np.random.Generator, tell: Tell) -> list[Example]:
    each = int(np.clip(round(_PIECES / len(pairs)), 1, _MOST_A_PAIR))
    out: list[Example] = []
    for number, pair in enumerate(pairs, start=1):
        out += owned.examples(_pieces(pair, each, rng), pair, teacher, _DRAWS, rng)
        tell(f"made darker: pair {number} of {len(pairs)}")
    return out


def _pieces(pair: Owned, count: int, rng: np.random.Generator) -> list[Pair]:
    height, width = pair.pair.mono.pixels.shape[:2]
    # No more than would lie beside each other.
    return owned.pieces(pair, max(1, min(count, height * width // 512**2)), rng)


def _scored(
    pairs: Sequence[Owned], before: Whole, method: Neural, rng: np.random.Generator, tell: Tell
) -> list[list[_Scored]]:
    out = []
    for number, pair in enumerate(pairs, start=1):
        rows = []
        for piece in _pieces(pair, _SCORED, rng):
            dark = (owned.darkened(piece, pair.noise, pair.electrons, left, rng) for left in LEVELS)
            rows.append(_Scored(owned.fuse(owned.see(piece), before, method), tuple(map(owned.see, dark))))
        out.append(rows)
        tell(f"held back: pair {number} of {len(pairs)}")
    return out


def _scores(scored: Sequence[Sequence[_Scored]], refec: Whole, method: Neural) -> np.ndarray:
    """(pairs, levels), means over a pair's pieces."""
    return np.array(
        [
            np.mean([[psnr(owned.fuse(s, refec, method), one.wanted) for s in one.dark] for one in pieces], 0)
            for pieces in scored
        ]
    )


def _exported(
    network: nn.Module,
    weights: Path,
    run: Run,
    examples: Sequence[Example],
    entry: Entry,
    scored: Sequence[Sequence[_Scored]],
    known: np.ndarray,
    threads: int | None,
) -> tuple[dict[str, bytes], Verdict]:
    """The folder of weights, and the verdict on it as ``dualcam fuse`` will run it."""
    planes = _calibration(examples) if entry.int8 else None
    made, files = export.exported(_NETWORK, network, run, True, planes)
    entries = manifest.read(weights)
    others = {
        one.file: (weights / one.file).read_bytes()
        for n, e in entries.items()
        if n != _NETWORK
        for one in e.files
    }
    files |= others
    entries[_NETWORK] = made.entry
    files[manifest.NAME] = manifest.text(entries).encode()
    method = Neural(weights, threads)
    shipped = engine.alone(weights, _NETWORK, threads)
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        after = engine.alone(Path(folder), _NETWORK, threads)
        verdict = Verdict(_scores(scored, shipped, method), _scores(scored, after, method))
    levels = {
        f"{level:g} electrons": {"before": float(a), "after": float(b)}
        for level, a, b in zip(LEVELS, verdict.before.mean(0), verdict.after.mean(0), strict=True)
    }
    entries[_NETWORK] = replace(made.entry, run=replace(run, scores=levels))
    files[manifest.NAME] = manifest.text(entries).encode()
    files |= {f"{name}.md": card.card(name, one).encode() for name, one in entries.items()}
    return files, verdict


def _calibration(examples: Sequence[Example]) -> list[FloatArray]:
    side = _CALIBRATION_SIDE
    chosen = np.linspace(0, len(examples) - 1, min(_CALIBRATION, len(examples))).astype(int)
    return [np.ascontiguousarray(examples[n].planes[:, :side, :side], np.float32) for n in chosen]


def _progress(tell: Tell, steps: int) -> Callable[[int, float], None]:
    told = time.monotonic()

    def note(step: int, left: float) -> None:
        nonlocal told
        if time.monotonic() - told > _TOLD_SECONDS:
            told = time.monotonic()
            tell(f"step {step}/{steps}, {duration(left)} left")

    return note


def _told(verdict: Verdict) -> str:
    return f"{verdict.gain:+.2f} dB ± {verdict.error:.2f}"
