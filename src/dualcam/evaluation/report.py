"""The benchmark's report: one HTML page that holds everything it shows and loads nothing.

Tables come as HTML, so that they can be read without scripts; scores and pictures come as data that the page's
script shows on demand: bars scene by scene, and the worst outputs of a method against the truth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from dualcam._version import __version__
from dualcam.evaluation import table
from dualcam.evaluation.layout import RunFolder
from dualcam.evaluation.reliability import curves
from dualcam.evaluation.results import Results, Timing
from dualcam.evaluation.sheet import Sheet, Shown, sheet
from dualcam.evaluation.summary import OWN, Condition, Group, groups, is_better


@dataclass(frozen=True, slots=True)
class Score:
    """How a score is shown.

    Attributes:
        key: its name in the results.
        title: what the reader sees.
        digits: decimals.
        about: one sentence for whoever asks.
    """

    key: str
    title: str
    digits: int
    about: str

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↑" if is_better(self.key, 1, 0) else "↓"


SCORES = (
    Score("psnr", "PSNR, dB", 2, "Peak signal-to-noise ratio of 8-bit sRGB"),
    Score("ssim", "SSIM", 3, "Structural similarity, Gaussian window, mean of the channels"),
    Score("de00", "ΔE00", 2, "CIEDE2000, mean over the picture"),
    Score("de00_p95", "ΔE00 p95", 2, "CIEDE2000, 95th percentile over the picture"),
    Score("lpips", "LPIPS", 3, "Learned perceptual distance, AlexNet"),
    Score("psnr_visible", "PSNR visible", 2, "PSNR of what both cameras see"),
    Score("de00_visible", "ΔE00 visible", 2, "CIEDE2000 of what both cameras see"),
    Score("psnr_occluded", "PSNR occluded", 2, "PSNR of what the color camera cannot see"),
    Score("de00_occluded", "ΔE00 occluded", 2, "CIEDE2000 of what the color camera cannot see"),
    Score(
        "misregistration", "misregistration, px", 2, "How far edges of color lie beside edges of brightness"
    ),
    Score("confidence_error", "confidence error", 3, "Calibration error of the method's own confidence"),
    Score("confidence_ause", "AUSE", 3, "Area between the sparsification curve and the perfect one"),
)
BARS = ("psnr", "ssim", "de00", "de00_p95", "lpips", "misregistration")


def page(results: Results, run: RunFolder) -> str:
    """Write the report of a run.

    Args:
        results: of the run.
        run: its folder, for the pictures; what is missing there is named in the page.

    Returns:
        The text of the page, to be saved as UTF-8. Its content security policy forbids every connection.
    """
    found = groups(results)
    shown = sheet(results, run)
    values = {
        "version": escape(__version__),
        "summary": escape(_summary(results, found)),
        "controls": _controls(found),
        "tables": "\n".join(_section(results, group, run) for group in found),
        "notes": _notes(found, shown),
        "config": escape(json.dumps(results.config, indent=1, ensure_ascii=False)),
        "data": _script_safe(_data(results, found, shown)),
    }
    template = files("dualcam.evaluation").joinpath("report.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def _summary(results: Results, found: Sequence[Group]) -> str:
    scenes = {scene for group in found for scene in group.scenes}
    captures = {row.case for row in results.rows}
    return f"{len(results.methods)} methods · {len(scenes)} scenes · {len(captures)} captures · dualcam {__version__}"


# --- tables ---------------------------------------------------------------------------------------


def _key(condition: Condition) -> str:
    return f"{condition.track} {condition.level} {condition.scale}"


def _controls(found: Sequence[Group]) -> str:
    """One group of radio buttons for each of track, level and scale, where there is a choice at all."""
    conditions = [group.condition for group in found]
    parts = []
    for name, title in (("track", "Track"), ("level", "Light"), ("scale", "Scale")):
        choices = list(dict.fromkeys(str(getattr(condition, name)) for condition in conditions))
        buttons = "".join(
            f'<label><input type="radio" name="{name}" value="{escape(choice)}"'
            f"{' checked' if choice == choices[0] else ''}><span>{escape(choice)}</span></label>"
            for choice in choices
        )
        parts.append(f"<fieldset><legend>{title}</legend>{buttons}</fieldset>")
    return "".join(parts)


def _section(results: Results, group: Group, run: RunFolder) -> str:
    scores = [s for s in SCORES if any(group.mean(method, s.key).scenes for method in group.rows)]
    costs = _costs(results.timing, group.condition)
    heads = [_head("method", "Method", "", "text")]
    heads += [
        _head(s.key, f"{s.title} {s.arrow}", s.about, "down" if s.arrow == "↑" else "up") for s in scores
    ]
    heads.append(_head("refused", "refused", "Captures that the method would not work on", "up"))
    if costs:
        heads.append(_head("seconds", "s / MP ↓", "Seconds a megapixel, one thread", "up"))
        heads.append(_head("memory", "MiB ↓", "Peak memory of the process", "up"))
    rows = "".join(_row(results, group, method, scores, costs) for method in group.rows)
    title = escape(table.describe(group.condition))
    remarks = "".join(f"<li>{_bold(line)}</li>" for line in (*table.losses(group), *table.refusals(group)))
    return (
        f'<section class="condition" data-condition="{escape(_key(group.condition))}">'
        f'<div class="scroll"><table class="sortable"><caption>Means over {len(group.scenes)} scenes: {title}'
        f"</caption><thead><tr>{''.join(heads)}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{f'<ul class=remarks>{remarks}</ul>' if remarks else ''}{curves(results, group, run)}</section>"
    )


def _head(key: str, title: str, about: str, first: str) -> str:
    """A column's head: its button sorts, the first time the best to the top."""
    return (
        f'<th scope="col" data-key="{key}" data-first="{first}">'
        f'<button type="button" title="{escape(about)}">{escape(title)}</button></th>'
    )


def _row(
    results: Results,
    group: Group,
    method: str,
    scores: Sequence[Score],
    costs: Mapping[str, tuple[float, float | None]],
) -> str:
    count, total = len(group.rows[method]), len(group.scenes)
    note = f" <small>{count} of {total} scenes</small>" if count < total else ""
    if method in group.ceilings:
        note += " <small>shown the true disparity</small>"
    cells = [f'<th scope="row" data-v="{escape(method)}">{escape(results.methods[method])}{note}</th>']
    for score in scores:
        mean = group.mean(method, score.key).value
        cells.append(_cell(mean, score.digits, best=_is_best(group, method, score)))
    cells.append(_cell(len(group.refused(method)), 0))
    if costs:
        seconds, memory = costs.get(method, (None, None))
        cells += [_cell(seconds, 2), _cell(memory, 0)]
    return f'<tr class="{_kind(group.ceilings, method)}">{"".join(cells)}</tr>'


def _cell(value: float | None, digits: int, *, best: bool = False) -> str:
    if value is None:
        return '<td data-v="">–</td>'
    text = f"{value:.{digits}f}"
    return f'<td data-v="{value:.6g}">{f"<b>{text}</b>" if best else text}</td>'


def _is_best(group: Group, method: str, score: Score) -> bool:
    """Tell whether no rival's mean over as many scenes is better, as far as the decimals show."""
    means = {other: group.mean(other, score.key) for other in group.rows}
    most = max(mean.scenes for mean in means.values())
    rivals = {
        o: round(m.value, score.digits) for o, m in means.items() if m.value is not None and m.scenes == most
    }
    rivals = {o: value for o, value in rivals.items() if o in group.rivals}
    return method in rivals and not any(is_better(score.key, v, rivals[method]) for v in rivals.values())


def _costs(timing: Sequence[Timing], condition: Condition) -> dict[str, tuple[float, float | None]]:
    """Seconds a megapixel and peak memory by method."""
    own: dict[str, list[Timing]] = {}
    for item in timing:
        if Condition(item.case.track, item.case.level, item.case.scale) == condition:
            own.setdefault(item.method, []).append(item)
    return {
        method: (
            sum(i.seconds for i in items) / max(sum(i.megapixels for i in items), 1e-9),
            max((i.peak_mib for i in items if i.peak_mib is not None), default=None),
        )
        for method, items in own.items()
    }


def _kind(ceilings: frozenset[str], method: str) -> str:
    return "ceiling" if method in ceilings else "own" if method in OWN else "rival"


def _bold(line: str) -> str:
    """The one piece of Markdown that ``table`` uses in running text."""
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(line))


def _notes(found: Sequence[Group], shown: Sheet) -> str:
    lines = [f"A picture could not be shown: {cause}" for cause in shown.missing[:3]]
    if len(shown.missing) > 3:
        lines.append(f"The same holds for {len(shown.missing) - 3} others.")
    if not found:
        lines.append("The run has no results.")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="warning"><ul>{items}</ul></section>' if items else ""


# --- data -----------------------------------------------------------------------------------------


def _data(results: Results, found: Sequence[Group], shown: Sheet) -> dict[str, Any]:
    """What the page's script works with; method and scene lists give the order of all others."""
    scenes = sorted({scene for group in found for scene in group.scenes})
    return {
        "methods": [
            {"name": name, "title": title, "kind": _kind(results.ceilings, name)}
            for name, title in results.methods.items()
        ],
        "scenes": scenes,
        "scores": [
            {"key": s.key, "title": f"{s.title} {s.arrow}", "digits": s.digits, "up": s.arrow == "↑"}
            for s in SCORES
            if s.key in BARS and any(s.key in row.scores for row in results.rows)
        ],
        "conditions": {_key(group.condition): _bars(results, group, scenes) for group in found},
        "worst": {method: [_worst(item) for item in items] for method, items in shown.worst.items()},
        "pictures": dict(shown.pictures),
    }


def _bars(results: Results, group: Group, scenes: Sequence[str]) -> dict[str, list[list[float | None]]]:
    """Scores by name, method and scene."""

    def values(method: str, key: str) -> Iterator[float | None]:
        for scene in scenes:
            value = group.score(method, scene, key) if method in group.rows else None
            yield None if value is None else round(value, 4)

    keys = [key for key in BARS if any(group.mean(method, key).scenes for method in group.rows)]
    return {key: [list(values(method, key)) for method in results.methods] for key in keys}


def _worst(item: Shown) -> dict[str, Any]:
    case, scores = item.row.case, item.row.scores
    texts = [f"{case.level}, scale {case.scale}"]
    for key, pattern in (("de00", "ΔE00 {:.2f}"), ("psnr", "PSNR {:.2f} dB"), ("ssim", "SSIM {:.3f}")):
        if (value := scores.get(key)) is not None:
            texts.append(pattern.format(value))
    return {
        "scene": case.scene,
        "text": " · ".join(texts) + (" · refused" if item.row.refused is not None else ""),
        "result": item.result,
        "truth": item.truth,
        "size": item.size,
        "inputs": item.inputs,
    }


def _script_safe(values: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element whatever its texts hold."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
