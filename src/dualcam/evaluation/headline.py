"""The first table of the benchmark's page: the neural method against everything that needs no weights.

All of it is computed from the rows. A number that is a target of the project stands in a column of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dualcam.evaluation.methods import METHODS
from dualcam.evaluation.results import Results
from dualcam.evaluation.summary import Condition, Group, groups, is_better
from dualcam.evaluation.table import markdown

NEURAL, CLASSICAL, PLAIN = "neural", "classical", "chroma"
"""The method in question, our other one, and mono luma with enlarged color."""
_NO_VALUE = "–"

_ABOUT = """\
**{title}** beside the best of the {count} methods without weights, which is chosen anew for every column and condition
by its mean over all scenes. Our classical method is one of them; a method that is shown the true disparity is not.
**Worse than** counts the scenes on which it loses by PSNR / by ΔE00 / by at least one of the two. **Confidence error**
is the mean calibration error over the scenes."""


def headline(results: Results) -> str:
    """Write the section; "" where the neural method or its rivals were not run.

    Args:
        results: of one run.

    Returns:
        Markdown: a table with a row a condition, the losses scene by scene, and what raw files gain.
    """
    found = [group for group in groups(results) if NEURAL in group.rows and without_weights(group)]
    if not found:
        return ""
    rivals = {method for group in found for method in without_weights(group)}
    about = _ABOUT.format(title=results.methods[NEURAL], count=len(rivals))
    parts = ["## Neural against everything without weights", about, _comparison(found)]
    if lines := [line for group in found for line in _losses(group)]:
        parts.append("\n".join(f"- {line}" for line in lines))
    else:
        floors = [m for m in (CLASSICAL, PLAIN) if any(m in group.rows for group in found)]
        if floors:
            parts.append(
                f"On no scene of any condition is it worse than {' or '.join(floors)}, by PSNR or by ΔE00."
            )
    if gains := _raw_gains(found):
        parts += ["What the raw mosaic gives beyond the 8-bit file, same captures:", gains]
    return "\n\n".join(parts) + "\n"


def without_weights(group: Group) -> tuple[str, ...]:
    """The methods to beat: all that know no more than a user's program, need no weights, and ran on all scenes.

    Pictures made elsewhere are left out: nobody knows what made them.
    """
    return tuple(
        method
        for method in group.rivals
        if method in METHODS
        and not METHODS[method].has_weights
        and set(group.rows[method]) >= set(group.rows[NEURAL])
    )


def best(group: Group, methods: Sequence[str], key: str) -> tuple[str, float] | None:
    """The method with the best mean of a score, and that mean; None where none has it."""
    means = [(m, mean.value) for m in methods if (mean := group.mean(m, key)).value is not None]
    leader: tuple[str, float] | None = None
    for method, value in means:
        if value is not None and (leader is None or is_better(key, value, leader[1])):
            leader = method, value
    return leader


def _comparison(found: Sequence[Group]) -> str:
    heads = ["captures", "scenes", "PSNR, dB: neural", "best without", "gain, dB"]
    heads += ["ΔE00: neural", "best without", "ratio", "worse than classical", f"worse than {PLAIN}"]
    lines = [[*heads, "confidence error"]]
    for group in found:
        rivals = without_weights(group)
        lines.append(
            [
                name(group.condition),
                str(len(group.rows[NEURAL])),
                *_against(group, rivals, "psnr"),
                *_against(group, rivals, "de00"),
                *(_lost(group, floor) for floor in (CLASSICAL, PLAIN)),
                _number(group.mean(NEURAL, "confidence_error").value, 3),
            ]
        )
    return markdown(lines)


def _against(group: Group, rivals: Sequence[str], key: str) -> tuple[str, str, str]:
    """Our mean, the best rival's with its name, and their difference (PSNR) or ratio (color difference)."""
    own, leader = group.mean(NEURAL, key).value, best(group, rivals, key)
    if own is None or leader is None:
        return _number(own, 2), _NO_VALUE, _NO_VALUE
    method, value = leader
    apart = f"{own - value:+.2f}" if key == "psnr" else f"{own / value:.2f}" if value else _NO_VALUE
    return f"{own:.2f}", f"{value:.2f} ({method})", f"**{apart}**"


def lost_scenes(group: Group, floor: str) -> tuple[frozenset[str], frozenset[str]]:
    """The scenes on which the neural method is worse than another one: by PSNR, and by mean CIEDE2000."""
    by_psnr, by_color = (frozenset(group.worse_than(NEURAL, floor, key)) for key in ("psnr", "de00"))
    return by_psnr, by_color


def _lost(group: Group, floor: str) -> str:
    if floor not in group.rows:
        return _NO_VALUE
    by_psnr, by_color = lost_scenes(group, floor)
    return f"{len(by_psnr)} / {len(by_color)} / {len(by_psnr | by_color)}"


def _losses(group: Group) -> Iterator[str]:
    for floor in (CLASSICAL, PLAIN):
        if floor not in group.rows:
            continue
        told = [
            f"{scene} ({apart:+.2f} {unit})"
            for key, unit in (("psnr", "dB"), ("de00", "ΔE00"))
            for scene, apart in group.worse_than(NEURAL, floor, key).items()
        ]
        if told:
            yield f"**{name(group.condition)}, worse than {floor}:** {'; '.join(told)}."


def _raw_gains(found: Sequence[Group]) -> str:
    """Raw track less file track, for the conditions that have both."""
    of = {group.condition: group for group in found}
    lines = [["captures", "PSNR, dB: file", "raw", "gain, dB", "ΔE00: file", "raw", "ratio"]]
    for condition, group in of.items():
        raw = of.get(Condition("raw", condition.level, condition.scale))
        if condition.track != "file" or raw is None:
            continue
        values = [g.mean(NEURAL, key).value for key in ("psnr", "de00") for g in (group, raw)]
        psnr_file, psnr_raw, de_file, de_raw = values
        if psnr_file is None or psnr_raw is None or not de_file or de_raw is None:
            continue
        cells = [f"{psnr_file:.2f}", f"{psnr_raw:.2f}", f"**{psnr_raw - psnr_file:+.2f}**"]
        cells += [f"{de_file:.2f}", f"{de_raw:.2f}", f"**{de_raw / de_file:.2f}**"]
        lines.append([f"{condition.level} × {condition.scale}", *cells])
    return markdown(lines) if len(lines) > 1 else ""


def name(condition: Condition) -> str:
    """Name a condition in few words, such as ``night × 2, file``."""
    return f"{condition.level} × {condition.scale}, {condition.track}"


def _number(value: float | None, digits: int) -> str:
    return _NO_VALUE if value is None else f"{value:.{digits}f}"
