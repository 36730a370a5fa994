"""Text outputs of the commands: written under their hidden name, called by their real one in an error."""

from __future__ import annotations

from pathlib import Path

from dualcam.errors import OutputError


def write_text(path: Path, hidden: Path, text: str) -> None:
    """Write a text as UTF-8.

    Args:
        path: the name that the user asked for.
        hidden: where it is written until the command has succeeded (``files.outputs``).
        text: the text.

    Raises:
        OutputError: it cannot be written; names ``path``.
    """
    try:
        hidden.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}.", "Check the disk and the folder."
        ) from error
