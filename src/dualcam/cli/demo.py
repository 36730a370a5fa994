"""``dualcam demo``: the shortest way from the installation to a picture."""

from __future__ import annotations

import shlex
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from dualcam.cli.guard import guarded, say
from dualcam.cli.plan import Plan
from dualcam.cli.show import Progress, summary
from dualcam.errors import UnavailableError


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to fill.")] = Path(
        "dualcam-demo"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the output path and nothing else.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every hop, and tracebacks.")] = False,
) -> None:
    """Fuse the pictures that come with dualcam and show what it makes of them.

    Writes the two inputs, fused.png, confidence.png and report.html into a folder.
    """
    with guarded(verbose):
        bundled = files("dualcam").joinpath("demo")
        sources = {name: bundled.joinpath(name) for name in ("mono.png", "color.png")}
        if not all(source.is_file() for source in sources.values()):
            raise UnavailableError(
                "the demo pictures are not in this installation.",
                "Install dualcam again, or fuse your own pictures.",
            )

        from dualcam import memory
        from dualcam.files.outputs import Outputs
        from dualcam.fusion.fuser import Fuser
        from dualcam.fusion.report import facts

        memory.reuse()
        with Outputs(overwrite=overwrite) as outputs:
            folder = outputs.reserve_dir(output)
            plan = Plan(outputs, folder / "fused.png", folder / "confidence.png", folder / "report.html")
            copies = {name: outputs.reserve(folder / name) for name in sources}
            with (
                as_file(sources["mono.png"]) as mono,
                as_file(sources["color.png"]) as color,
                Progress(quiet, verbose) as progress,
            ):
                fusion = Fuser().fuse(
                    mono,
                    color,
                    keep_stages=True,
                    on_hop=progress.on_hop,
                    on_forecast=None if quiet else progress.on_forecast,
                    on_tile=progress.on_tile,
                )
            plan.write(fusion)
            for name, hidden in copies.items():
                hidden.write_bytes(sources[name].read_bytes())
        if quiet:
            print(folder / "fused.png")
            return
        known = facts(fusion)
        for line in summary(known, known["seconds"]):
            say(line)
        for name, text in (
            ("mono.png", "the mono camera's picture"),
            ("color.png", "the color camera's picture, dark as shot"),
            ("fused.png", "the two fused"),
            ("confidence.png", "how sure the color of every pixel is"),
            ("report.html", "all of it to compare: open it in a browser"),
        ):
            print(f"{output / name}  {text}")
        inputs = shlex.join([str(output / "mono.png"), str(output / "color.png")])
        say(f"next: dualcam fuse {inputs} -o {shlex.quote(str(output / 'mine.tif'))} -v")
