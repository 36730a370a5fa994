"""The entry point: one program, one file a command.

Nothing here imports numpy or OpenCV, so that help and version come at once.
"""

from __future__ import annotations

import os
import sys

from dualcam._version import __version__
from dualcam.cli.guard import BROKEN_PIPE, explain


def run() -> None:
    """Run the command line on ``sys.argv`` and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        print(f"dualcam {__version__}")
        return
    for stream in (sys.stdout, sys.stderr):
        # Names that the terminal cannot show are better shown with question marks than not at all.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    code: int | str | None = 0
    try:
        from dualcam.cli.app import build

        build()(prog_name="dualcam")
    except SystemExit as end:
        code = end.code
    except (Exception, KeyboardInterrupt) as error:
        code = explain(error, "-v" in sys.argv or "--verbose" in sys.argv)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader is gone; point stdout elsewhere so that the interpreter's own flush stays silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    sys.exit(code)
