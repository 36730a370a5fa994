"""Errors that a user can act on: what happened, what would help, and the exit code of the command line.

Every error that dualcam raises on purpose is a ``DualcamError``. The command line prints
``error: <cause>`` and ``remedy: <remedy>`` and ends with ``exit_code``; a library user catches the class.
"""

from __future__ import annotations


class DualcamError(Exception):
    """An error with a cause, a remedy and an exit code.

    Attributes:
        cause: one sentence that names the file or value and what is wrong with it.
        remedy: one sentence that says what to do.
        exit_code: what the command line returns.
    """

    exit_code = 1

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(f"{cause} {remedy}".strip())
        self.cause = cause
        self.remedy = remedy


class UsageError(DualcamError):
    """The call itself makes no sense (unknown option value, the same file twice)."""

    exit_code = 2


class UnavailableError(DualcamError):
    """Something that was asked for is not installed here (a device, an extra, weights)."""

    exit_code = 3


class InputError(DualcamError):
    """An input file cannot be used (missing, truncated, not a picture, NaN, too small, too large)."""

    exit_code = 4


class PlacementError(DualcamError):
    """The two pictures could not be placed on each other with any trust."""

    exit_code = 5


class OutputError(DualcamError):
    """An output cannot be written (exists, no permission, unknown suffix, disk full)."""

    exit_code = 6
