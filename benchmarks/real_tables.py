"""Tables for ``real_captures.py``: how pairs were placed, what every method made of them, color checkers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dualcam.evaluation import checker
from dualcam.evaluation.table import markdown as as_table
from real_sheets import Strip

PLACEMENT = ("scale", "rotation, °", "overlap", "quality", "parallax, px")


@dataclass(frozen=True, slots=True)
class Result:
    """What can be said about one method's picture of one pair.

    Attributes:
        shares: of the pixels, in percent: color measured, propagated, neutral.
        confidence: mean.
        fringe: how far color edges lie from mono's, in mono pixels; NaN where it cannot be measured.
        seconds: of processor time.
        patches: of a color checker.
    """

    shares: tuple[float, float, float]
    confidence: float
    fringe: float
    seconds: float
    patches: tuple[checker.Patch, ...]


@dataclass(slots=True)
class Outcome:
    """What came of one pair.

    Attributes:
        device: first name of its folder.
        scene: the others.
        sizes: of mono and color.
        found: how it was placed, or why it was refused.
        placement: the values of ``PLACEMENT``, none when it was refused.
        fringe: how far color edges lie from mono's in the color that is only placed.
        results: by method.
        strip: for the sheets, when pictures are wanted.
    """

    device: str
    scene: str
    sizes: tuple[str, str]
    found: str = ""
    placement: tuple[str, ...] = ()
    fringe: float = float("nan")
    results: dict[str, Result] = field(default_factory=dict)
    strip: Strip | None = None


def markdown(outcomes: list[Outcome], methods: tuple[str, ...]) -> str:
    """All tables: how the pairs were placed, what the methods made of them, the color checkers."""
    devices = sorted({outcome.device for outcome in outcomes})
    counts = []
    for device in devices:
        own = [bool(outcome.results) for outcome in outcomes if outcome.device == device]
        counts.append(f"{device} {sum(own)} of {len(own)}")
    placed = [outcome for outcome in outcomes if outcome.results]
    parts = [
        placements(outcomes),
        f"Placed: {len(placed)} of {len(outcomes)} ({', '.join(counts)}).",
        results(placed, methods),
    ]
    if len(methods) > 1 and (line := comparison(placed, *methods[-2:])):
        parts.append(line)
    parts += [patch_table(outcome, methods) for outcome in placed if outcome.results[methods[0]].patches]
    return "\n\n".join(part for part in parts if part)


def placements(outcomes: list[Outcome]) -> str:
    """A row a pair: its sizes and how it was placed, which no method has a part in."""
    lines = [["device", "scene", "mono", "color", "outcome", *PLACEMENT]]
    for o in outcomes:
        # A cause may hold a bar, which would end the cell.
        values = o.placement or ("–",) * len(PLACEMENT)
        lines.append([o.device, o.scene, *o.sizes, o.found.replace("|", "\\|"), *values])
    return as_table(lines)


def results(placed: list[Outcome], methods: tuple[str, ...]) -> str:
    """A row a pair: what every method made of it."""
    if not placed:
        return ""
    names = " / ".join(methods)
    heads = [f"misregistration, px: placed → {names}", f"mean confidence: {names}"]
    heads += [f"measured / propagated / neutral, %: {method}" for method in methods]
    lines = [["device", "scene", *heads, f"processor seconds: {names}"]]
    for o in placed:
        own = [o.results[method] for method in methods]
        lines.append(
            [
                o.device,
                o.scene,
                f"{pixels(o.fringe)} → {' / '.join(pixels(r.fringe) for r in own)}",
                " / ".join(f"{r.confidence:.2f}" for r in own),
                *(" / ".join(f"{share:.0f}" for share in r.shares) for r in own),
                " / ".join(f"{r.seconds:.1f}" for r in own),
            ]
        )
    return as_table(lines)


def comparison(placed: list[Outcome], old: str, new: str) -> str:
    """One line on how often the edges of color lie farther from mono's with one method than with another."""
    pairs = [(o, o.results[old].fringe, o.results[new].fringe) for o in placed]
    known = [(o, a, b) for o, a, b in pairs if np.isfinite(a) and np.isfinite(b)]
    if not known:
        return ""
    means = [float(np.mean([values[i] for values in known])) for i in (1, 2)]
    worse = [f"{o.device} / {o.scene} ({a:.2f} → {b:.2f})" for o, a, b in known if b > a + 0.1]
    told = f"by more than 0.1 px on {len(worse)} of {len(known)} pairs" + (
        f": {'; '.join(worse)}" if worse else ""
    )
    return (
        f"Mean misregistration over {len(known)} pairs: {old} {means[0]:.2f} px, {new} {means[1]:.2f} px; {new} is "
        f"worse {told}."
    )


def patch_table(outcome: Outcome, methods: tuple[str, ...]) -> str:
    """The patches of one checker: CIEDE2000 at one luminance, its mean first."""
    of = {method: outcome.results[method].patches for method in methods}
    first = of[methods[0]]
    within = [
        f"{method}: {sum(p.result <= 2 for p in found)} within ΔE00 2, {sum(p.result <= 5 for p in found)} within 5"
        for method, found in of.items()
    ]
    columns = [[p.placed for p in first], *([p.result for p in found] for found in of.values())]
    lines = [["patch", "ΔE00 placed", *(f"ΔE00 {method}" for method in methods)]]
    lines.append(["**mean**", *(f"{np.mean(values):.1f}" for values in columns)])
    lines.append(["**median**", *(f"{np.median(values):.1f}" for values in columns)])
    lines += [[p.name, *(f"{values[row]:.1f}" for values in columns)] for row, p in enumerate(first)]
    title = f"Color checker in {outcome.device} / {outcome.scene}, {len(first)} patches"
    return f"{title}; {'; '.join(within)}:\n\n{as_table(lines)}"


def pixels(value: float) -> str:
    """A length in pixels, a dash where it could not be measured."""
    return f"{value:.2f}" if np.isfinite(value) else "–"
