"""Means and comparisons over the scenes of a benchmark: what tables and reports say about methods."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import fmean

from dualcam.evaluation.results import Results, Row

OWN = ("classical", "neural")
"""Our methods, the best last."""

FLOOR = ("brightened", "chroma")
"""What anybody could do without matching: our methods must never be worse."""

_HIGHER_IS_BETTER = ("psnr", "ssim")


@dataclass(frozen=True, slots=True)
class Condition:
    """What one table is about: every scene of it was captured in this way."""

    track: str
    level: str
    scale: int


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over scenes and how many there were.

    Attributes:
        value: arithmetic mean; None over no scene.
        scenes: number of scenes with that score.
    """

    value: float | None
    scenes: int


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one condition.

    Attributes:
        condition: which.
        rows: by method, then by scene; methods in the order of the tables.
        ceilings: methods that are shown the truth.
    """

    condition: Condition
    rows: Mapping[str, Mapping[str, Row]]
    ceilings: frozenset[str]

    @property
    def scenes(self) -> tuple[str, ...]:
        """All scenes, sorted."""
        return tuple(sorted({scene for rows in self.rows.values() for scene in rows}))

    @property
    def common_scenes(self) -> tuple[str, ...]:
        """The scenes that every method was run on."""
        return tuple(scene for scene in self.scenes if all(scene in rows for rows in self.rows.values()))

    @property
    def rivals(self) -> tuple[str, ...]:
        """The methods that know no more than a user's program."""
        return tuple(method for method in self.rows if method not in self.ceilings)

    def score(self, method: str, scene: str, key: str) -> float | None:
        """One score, None where there is none."""
        row = self.rows[method].get(scene)
        return None if row is None else row.scores.get(key)

    def mean(self, method: str, key: str, scenes: Collection[str] | None = None) -> Mean:
        """Mean of a score over the scenes that have it, or over those of ``scenes`` that have it."""
        values = [
            value
            for scene, row in self.rows[method].items()
            if (scenes is None or scene in scenes) and (value := row.scores.get(key)) is not None
        ]
        return Mean(fmean(values) if values else None, len(values))

    def refused(self, method: str) -> dict[str, str]:
        """The reasons by scene for which a method gave no picture."""
        return {scene: row.refused for scene, row in self.rows[method].items() if row.refused is not None}

    def wins(self, method: str, rival: str, key: str) -> int:
        """On how many scenes a method is strictly better than another."""
        return sum(
            is_better(key, a, b)
            for scene in self.rows[method]
            if (a := self.score(method, scene, key)) is not None
            and (b := self.score(rival, scene, key)) is not None
        )

    def firsts(self, method: str, key: str) -> int:
        """On how many scenes no rival is better than a method."""
        return sum(
            all(
                (b := self.score(other, scene, key)) is None or not is_better(key, b, a)
                for other in self.rivals
                if other != method
            )
            for scene in self.rows[method]
            if (a := self.score(method, scene, key)) is not None
        )

    def worse_than(self, method: str, floor: str, key: str) -> dict[str, float]:
        """The scenes on which a method is worse than another one, with its score minus the other's."""
        return {
            scene: a - b
            for scene in sorted(self.rows[method])
            if (a := self.score(method, scene, key)) is not None
            and (b := self.score(floor, scene, key)) is not None
            and is_better(key, b, a)
        }


def groups(results: Results) -> tuple[Group, ...]:
    """Sort the rows by condition, in the order of the results."""
    found: dict[Condition, dict[str, dict[str, Row]]] = {}
    for row in results.rows:
        condition = Condition(row.case.track, row.case.level, row.case.scale)
        found.setdefault(condition, {}).setdefault(row.method, {})[row.case.scene] = row
    order = list(results.methods)
    return tuple(
        Group(condition, {m: rows[m] for m in order if m in rows}, results.ceilings)
        for condition, rows in found.items()
    )


def is_better(key: str, value: float, other: float) -> bool:
    """Tell whether one score is strictly better than another one of the same name."""
    return value > other if key.startswith(_HIGHER_IS_BETTER) else value < other


def best_baseline(group: Group) -> str | None:
    """The rival with the highest mean PSNR among those that are neither ours nor the floor; None without one."""
    others = [m for m in group.rivals if m not in (*OWN, *FLOOR)]
    scored = [(mean.value, m) for m in others if (mean := group.mean(m, "psnr")).value is not None]
    return max(scored, key=lambda item: item[0])[1] if scored else None
