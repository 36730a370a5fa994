"""``dualcam advise``: what is wrong with a capture, and what would help, before anything is fused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dualcam.cli.fuse import Place
from dualcam.cli.guard import guarded
from dualcam.cli.show import advice_lines

EPILOG = """\b
Examples:
  dualcam advise mono.tif color.jpg
  dualcam advise mono.dng color.dng --json
"""


def advise(
    mono: Annotated[Path, typer.Argument(metavar="MONO", help="Picture of the mono camera.")],
    color: Annotated[Path, typer.Argument(metavar="COLOR", help="Picture of the color camera.")],
    place: Annotated[
        Place, typer.Option(help="auto finds how the pictures lie on each other; identity: they already do.")
    ] = Place.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings for programs.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with an error where a finding is serious.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Look at a capture and say what would make it better: light, noise, clipping, focus, movement, overlap.

    Takes a second or two and needs no networks: only what comes before them is done. Writes nothing.
    """
    with guarded(verbose):
        import json

        from dualcam.fusion.advice import refuse_serious
        from dualcam.fusion.fuser import Fuser
        from dualcam.fusion.report import advice_facts

        found = Fuser("classical", place=place.value).advise(mono, color)
        known = advice_facts(found)
        if as_json:
            print(json.dumps(known, indent=2, ensure_ascii=False))
        else:
            for line in advice_lines(known, verbose=True):
                print(line)
            if all(advice["severity"] == "info" for advice in known):
                print("Nothing to worry about.")
        if strict:
            refuse_serious(found)
