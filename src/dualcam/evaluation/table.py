"""Results as Markdown tables: every mean says over which scenes, every loss is named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from dualcam.evaluation.results import Results
from dualcam.evaluation.summary import FLOOR, OWN, Condition, Group, best_baseline, groups, is_better


@dataclass(frozen=True, slots=True)
class Column:
    """One column of means.

    Attributes:
        title: heading.
        keys: names of one or more scores, shown with " / " between them.
        digits: decimals shown.
    """

    title: str
    keys: tuple[str, ...]
    digits: int


COLUMNS = (
    Column("PSNR ↑", ("psnr",), 2),
    Column("SSIM ↑", ("ssim",), 3),
    Column("ΔE00 ↓", ("de00",), 2),
    Column("ΔE00 p95 ↓", ("de00_p95",), 2),
    Column("LPIPS ↓", ("lpips",), 3),
    Column("visible: PSNR ↑ / ΔE00 ↓", ("psnr_visible", "de00_visible"), 2),
    Column("occluded: ΔE00 ↓", ("de00_occluded",), 2),
    Column("misregistration ↓", ("misregistration",), 2),
    Column("confidence: error ↓ / AUSE ↓", ("confidence_error", "confidence_ause"), 3),
)
_BASIC = COLUMNS[:5]
_WIN_KEYS = ("psnr", "de00")
_NO_VALUE = "–"


def tables(results: Results) -> str:
    """All tables of a run: for every track an overview, then every level and scale in detail."""
    parts: list[str] = []
    found = groups(results)
    for track in dict.fromkeys(group.condition.track for group in found):
        of_track = [group for group in found if group.condition.track == track]
        parts += [f"## {track.capitalize()} track", overview(results, of_track)]
        for group in of_track:
            parts += [f"### {describe(group.condition)}", *_details(results, group)]
    if results.timing:
        parts += ["## Seconds and memory", costs(results)]
    return "\n\n".join(parts) + "\n"


def describe(condition: Condition) -> str:
    """Name a condition, such as ``night, scale 2, file track``."""
    return f"{condition.level}, scale {condition.scale}, {condition.track} track"


def overview(results: Results, found: Sequence[Group]) -> str:
    """Mean PSNR / ΔE00 of every method under every condition."""
    keys = ("psnr", "de00")
    heads = [f"{g.condition.level} × {g.condition.scale}" for g in found]
    lines = [["PSNR (dB) ↑ / ΔE00 ↓", *heads]]
    for method, title in results.methods.items():
        cells = [
            _means(group, method, keys, (2, 2)) if method in group.rows else _NO_VALUE for group in found
        ]
        lines.append([title, *cells])
    return markdown(lines)


def means(results: Results, group: Group) -> str:
    """The table of one condition: a row a method, a column a score; the best rival of each in bold."""
    columns = [c for c in COLUMNS if any(group.mean(m, k).scenes for m in group.rows for k in c.keys)]
    own = [method for method in OWN if method in group.rows]
    heads = [column.title for column in columns]
    heads += ["refused", *(f"beats {method}" for method in own), "best"]
    lines = [["method", *heads]]
    for method in group.rows:
        cells = [_means(group, method, c.keys, (c.digits,) * len(c.keys)) for c in columns]
        cells.append(str(len(group.refused(method))))
        cells += [_NO_VALUE if o == method else _wins(group, method, o) for o in own]
        firsts = " / ".join(str(group.firsts(method, key)) for key in _WIN_KEYS)
        cells.append(_NO_VALUE if method in group.ceilings else firsts)
        lines.append([_title(results, group, method), *cells])
    return markdown(lines)


def same_scenes(results: Results, group: Group) -> str:
    """Means of all methods over the scenes that every method was run on; "" where that is all scenes."""
    common = group.common_scenes
    if not common or len(common) == len(group.scenes):
        return ""
    lines = [["method", *(column.title for column in _BASIC)]]
    for method in group.rows:
        cells = [_means(group, method, c.keys, (c.digits,), common) for c in _BASIC]
        lines.append([results.methods[method], *cells])
    return markdown(lines)


def per_scene(results: Results, group: Group) -> str:
    """PSNR / ΔE00 of the methods that matter most, scene by scene; the best rival shown in bold."""
    best = best_baseline(group)
    outside = [m for m in group.rivals if results.config["methods"][m].get("source") == "made elsewhere"]
    wanted = [*FLOOR, *([best] if best else []), *outside, *OWN, *group.ceilings]
    shown = [method for method in group.rows if method in wanted]
    lines = [["PSNR (dB) ↑ / ΔE00 ↓", *(results.methods[method] for method in shown)]]
    rivals = [method for method in shown if method not in group.ceilings]
    for scene in group.scenes:
        cells = []
        for method in shown:
            parts = []
            for key in _WIN_KEYS:
                values = {m: group.score(m, scene, key) for m in rivals}
                parts.append(
                    bold_best(key, group.score(method, scene, key), values.values(), 2, method in rivals)
                )
            mark = " (refused)" if scene in group.refused(method) else ""
            cells.append(" / ".join(parts) + mark if any(p != _NO_VALUE for p in parts) else _NO_VALUE)
        lines.append([scene, *cells])
    return markdown(lines)


def losses(group: Group) -> list[str]:
    """For each of our methods, one line on the scenes where it is worse than doing without matching."""
    floors = [method for method in FLOOR if method in group.rows]
    lines = []
    for method in OWN if floors else ():
        if method not in group.rows:
            continue
        told = []
        for floor in floors:
            for key, unit in (("psnr", "dB PSNR"), ("de00", "ΔE00")):
                found = group.worse_than(method, floor, key)
                told += [f"{scene} ({apart:+.2f} {unit} against {floor})" for scene, apart in found.items()]
        if told:
            lines.append(f"**{method} is worse than {' or '.join(floors)} on:** {'; '.join(told)}.")
        else:
            lines.append(f"{method} is on no scene worse than {' or '.join(floors)}, by PSNR or by ΔE00.")
    return lines


def refusals(group: Group) -> list[str]:
    """One line a method that refused: on which scenes and why. Its mono picture in gray is what was scored."""
    return [
        f"{method} refused: "
        + "; ".join(f"{scene} ({reason.rstrip('.')})" for scene, reason in found.items())
        for method in group.rows
        if (found := group.refused(method))
    ]


def costs(results: Results) -> str:
    """Processor seconds (one thread) and memory of the process of every method over all its captures."""
    lines = [["method", "processor seconds a megapixel", "slowest capture, seconds", "peak memory, MiB"]]
    for method, title in results.methods.items():
        own = [item for item in results.timing if item.method == method]
        if not own:
            continue
        peaks = [item.peak_mib for item in own if item.peak_mib is not None]
        rate = sum(item.seconds for item in own) / sum(item.megapixels for item in own)
        slowest = max(item.seconds for item in own)
        lines.append([title, f"{rate:.2f}", f"{slowest:.2f}", f"{max(peaks):.0f}" if peaks else _NO_VALUE])
    return markdown(lines)


def _details(results: Results, group: Group) -> Iterator[str]:
    yield means(results, group)
    lines = [*losses(group), *refusals(group)]
    if lines:
        yield "\n".join(f"- {line}" for line in lines)
    if common := same_scenes(results, group):
        count = len(group.common_scenes)
        yield f"Over the {count} {'scene' if count == 1 else 'scenes'} that every method ran on:"
        yield common
    yield f"<details><summary>Scene by scene</summary>\n\n{per_scene(results, group)}\n\n</details>"


def _title(results: Results, group: Group, method: str) -> str:
    """A method's title, with the number of scenes where these are not all."""
    title, count, total = results.methods[method], len(group.rows[method]), len(group.scenes)
    return title if count == total else f"{title} ({count} of {total} scenes)"


def _means(
    group: Group,
    method: str,
    keys: Sequence[str],
    digits: Sequence[int],
    scenes: Collection[str] | None = None,
) -> str:
    parts = []
    for key, places in zip(keys, digits, strict=True):
        found = {m: group.mean(m, key, scenes) for m in group.rows}
        most = max(mean.scenes for mean in found.values())
        # Means over other scenes cannot be compared, and a ceiling is no rival.
        rivals = [found[m].value for m in group.rivals if found[m].scenes == most]
        own = found[method]
        text = bold_best(key, own.value, rivals, places, method in group.rivals and own.scenes == most)
        # The title tells on how many scenes a method ran; here a score of some of them is no number.
        ran = sum(scenes is None or scene in scenes for scene in group.rows[method])
        parts.append(f"{text} ({own.scenes})" if 0 < own.scenes < min(most, ran) else text)
    return " / ".join(parts) if any(part != _NO_VALUE for part in parts) else _NO_VALUE


def bold_best(
    key: str, value: float | None, rivals: Collection[float | None], digits: int, counts: bool
) -> str:
    """Show a number, in bold if it is the best as far as its decimals show."""
    if value is None:
        return _NO_VALUE
    rounded = [round(rival, digits) for rival in rivals if rival is not None]
    best = counts and not any(is_better(key, rival, round(value, digits)) for rival in rounded)
    text = f"{value:.{digits}f}"
    return f"**{text}**" if best else text


def _wins(group: Group, method: str, rival: str) -> str:
    return " / ".join(str(group.wins(method, rival, key)) for key in _WIN_KEYS)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Cells -> a table whose columns also line up as plain text; the first line is the head."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    head, *body = (_padded(cells, widths) for cells in lines)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *body))


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    first = cells[0].ljust(widths[0])
    return [first, *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))]
