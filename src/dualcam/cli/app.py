"""The commands put together; their heavy imports wait until a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from dualcam._version import __version__
from dualcam.cli import (
    adapt,
    advise,
    calibrate,
    demo,
    doctor,
    evaluate,
    export,
    fuse,
    info,
    rig,
    sensor,
    simulate,
    train,
)

_HELP = "One clean, sharp color picture from a monochrome camera and a dark, noisy color camera beside it."

_EPILOG = """\b
Start here:
  dualcam demo                      fuse the pictures that come with dualcam
  dualcam fuse mono.png color.jpg   fuse your own; writes mono_fused.png
  dualcam fuse --help               all options

\b
Exit codes:
  0 done                 1 some files or checks failed    2 wrong use
  3 not available here   4 unusable input                 5 pictures could not be placed
  6 output not possible  70 internal error                71 out of memory
"""


def build() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        name="dualcam",
        help=_HELP,
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def options(
        version: Annotated[
            bool,
            typer.Option(
                "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
            ),
        ] = False,
    ) -> None:
        pass

    app.command(
        "fuse", cls=simulate.Grouped, epilog=fuse.EPILOG, short_help="Fuse a mono and a color picture."
    )(fuse.fuse)
    app.command(
        "advise", epilog=advise.EPILOG, short_help="Say what is wrong with a capture, and what would help."
    )(advise.advise)
    app.command("demo", short_help="Fuse the pictures that come with dualcam.")(demo.demo)
    app.command(
        "simulate",
        cls=simulate.Grouped,
        epilog=simulate.EPILOG,
        short_help="Simulate a capture from clean pictures.",
    )(simulate.simulate)
    app.command("evaluate", epilog=evaluate.EPILOG, short_help="Measure methods on captures of known truth.")(
        evaluate.evaluate
    )
    app.command("train", epilog=train.EPILOG, short_help="Train the networks of the neural method.")(
        train.train
    )
    app.command(
        "export", epilog=export.EPILOG, short_help="Make weights of a training run that fuse can use."
    )(export.export)
    app.command(
        "adapt", epilog=adapt.EPILOG, short_help="Fit the weights to your color camera, from your own pairs."
    )(adapt.adapt)
    app.command("target", short_help="Make a board to print, for calibrate.")(calibrate.target)
    app.command(
        "calibrate", epilog=calibrate.EPILOG, short_help="Calibrate two cameras from pictures of a board."
    )(calibrate.calibrate)
    app.add_typer(rig.build(), name="rig", help="Show, check or import a calibrated rig.")
    app.command(
        "sensor",
        epilog=sensor.EPILOG,
        short_help="Measure a sensor from flats and darks.",
        context_settings={"allow_extra_args": True},
    )(sensor.sensor)
    app.command("info", short_help="Show what picture files say about themselves.")(info.info)
    app.command("doctor", short_help="Show facts about this installation; self-test.")(doctor.doctor)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        print(f"dualcam {__version__}")
        raise typer.Exit
