"""What the user sees when something goes wrong: cause, remedy, exit code, never a bare traceback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from dualcam.errors import DualcamError

MEMORY = 71
INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141
_CV_NO_MEMORY = -4  # cv::Error::StsNoMem


@contextmanager
def guarded(verbose: bool = False) -> Iterator[None]:
    """Run the body of a command; turn every failure into a message on stderr and a ``typer.Exit``.

    Args:
        verbose: show the traceback above the message.
    """
    import typer

    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except (Exception, KeyboardInterrupt) as error:
        raise typer.Exit(explain(error, verbose)) from None


def explain(error: BaseException, verbose: bool = False) -> int:
    """Write what happened to stderr and give the exit code that belongs to it."""
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if verbose and not isinstance(error, KeyboardInterrupt):
        say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, DualcamError):
        say(f"error: {error.cause}")
        if error.remedy:
            say(f"remedy: {error.remedy}")
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        say("interrupted; nothing was written")
        return INTERRUPTED
    if isinstance(error, MemoryError) or getattr(error, "code", None) == _CV_NO_MEMORY:
        say("error: there is not enough memory for pictures of this size; nothing was written.")
        say("remedy: close other programs, or reduce or crop both pictures first.")
        return MEMORY
    first = (str(error).strip().splitlines() or [""])[0]
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    say(f"internal error: {what} (run again with -v and report what it prints, with 'dualcam doctor')")
    return INTERNAL


def say(text: str) -> None:
    """Write a line to stderr; a closed stderr is no reason to fail."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (BrokenPipeError, ValueError):
        return
