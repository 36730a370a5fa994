"""What a fusion looks like on a terminal: progress while it runs, a summary when it is done."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dualcam.cli.guard import say

if TYPE_CHECKING:
    from dualcam.frame import Hop
    from dualcam.fusion.forecast import Forecast


class Progress:
    """Shows a fusion on stderr: what it will take, then a bar on a terminal, or a line a hop with -v.

    Args:
        quiet: show nothing.
        verbose: show lines with seconds and facts instead of the bar.
    """

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet = quiet
        self._lines = verbose and not quiet
        self._bar: Any = None
        self._hops: dict[str, float] = {}
        self._done: list[str] = []
        if not quiet and not verbose and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=1.0,
                desc="read",
                leave=False,
                mininterval=0,
                bar_format="{desc:<12} {bar:30} {percentage:3.0f} %",
            )

    def on_forecast(self, forecast: Forecast) -> None:
        """Say what it will take; the bar's length is that of the seconds foretold."""
        if self._quiet:
            return
        say(str(forecast))
        self._hops = dict(forecast.hops)
        if self._bar is not None:
            self._bar.total = forecast.seconds
            self._show(0.0)

    def on_tile(self, done: int, total: int) -> None:
        """Take note of a finished tile of the hop under way."""
        self._show(done / total)

    def on_hop(self, hop: Hop) -> None:
        """Take note of a finished hop."""
        self._done.append(hop.name)
        self._show(0.0)
        if self._lines:
            say(f"{hop.name:<12} {hop.seconds:7.2f} s   {facts_text(hop.facts)}".rstrip())

    def _show(self, share: float) -> None:
        """Bring the bar to the finished hops and a share of the one under way."""
        if self._bar is None or not self._hops:
            return
        now = next((name for name in self._hops if name not in self._done), "")
        self._bar.n = sum(self._hops.get(name, 0.0) for name in self._done) + share * self._hops.get(now, 0.0)
        self._bar.set_description_str(now, refresh=False)
        self._bar.refresh()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def facts_text(facts: Mapping[str, object]) -> str:
    """Write facts on one line: ``scale 2, matches 311``."""
    return ", ".join(f"{key} {_short(value)}" for key, value in facts.items())


def summary(known: Mapping[str, Any], seconds: float, verbose: bool = False) -> list[str]:
    """Write the facts of a fusion (``fusion.report.facts``) as lines for people.

    Args:
        known: the facts.
        seconds: time from start to end, reading and writing included.
        verbose: with every finding about the capture, not only with those that matter.
    """
    placed, shares, out = known["placement"], known["provenance"], known["output"]
    lines = [
        f"{out['width']} x {out['height']} pixels, {known['method']} method, {seconds:.1f} s",
        f"  placement   {placed['method']}: scale {_short(placed['scale'])}, "
        f"quality {_fixed(placed['quality'])}, overlap {_percent(placed['overlap'])}",
        "  color       " + ", ".join(f"{_percent(share)} {kind}" for kind, share in shares.items()),
        f"  confidence  {_percent(known['confidence']['mean'])} on average",
    ]
    lines += [f"  note: {note}" for note in known["notes"]]
    return lines + [f"  {line}" for line in advice_lines(known["advice"], verbose)]


def advice_lines(found: Sequence[Mapping[str, Any]], verbose: bool = False) -> list[str]:
    """Write findings about a capture (``fusion.report.advice_facts``) for people, one or two lines each.

    Args:
        found: the findings.
        verbose: those for information, too.
    """
    lines = []
    for advice in found:
        if verbose or advice["severity"] != "info":
            lines.append(f"{advice['severity']}: {advice['text']}")
            lines += [f"  remedy: {advice['remedy']}"] if advice["remedy"] else []
    return lines


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "unknown"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _fixed(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"
