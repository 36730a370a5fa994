"""All output files of a command, or none of them.

Every output is first written under a hidden name in its own folder. When the command has succeeded all of
them get their real names; when it fails, or is interrupted, nothing is left behind.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from dualcam.errors import OutputError


class Outputs:
    """The set of output files of one command, as a context manager.

    ``with Outputs() as outputs: hidden = outputs.reserve("night.tif"); ...`` writes to ``hidden``; leaving
    the block gives the file its name.

    Args:
        overwrite: existing files may be replaced.
        inputs: files that are read by the command and must never be written.
    """

    def __init__(self, overwrite: bool = False, inputs: Iterable[str | Path] = ()) -> None:
        self._overwrite = overwrite
        self._inputs = [Path(p) for p in inputs]
        self._hidden: dict[Path, Path] = {}  # final -> hidden
        self._folders: list[Path] = []

    def reserve(self, path: str | Path, suffixes: Iterable[str] = ()) -> Path:
        """Announce an output file.

        Args:
            path: the name that the file will have.
            suffixes: accepted suffixes with the dot, in lower case; empty for any.

        Returns:
            A hidden path in the same folder with the same suffix, which does not exist yet: write there.

        Raises:
            OutputError: it exists and may not be overwritten, is an input, a directory, announced twice, of
                an unknown suffix, or in a folder that is missing or not writable.
        """
        path = Path(path)
        accepted = tuple(suffixes)
        if accepted and path.suffix.lower() not in accepted:
            raise OutputError(
                f"{path} has a suffix that cannot be written here.", f"Use one of {', '.join(accepted)}."
            )
        self._check_inputs(path)
        self._check_folder(path)
        # A link is followed, so that the file it points to is replaced and the link stays.
        final = path.resolve()
        if final in self._hidden:
            raise OutputError(f"{path} is named for two outputs.", "Give each output its own name.")
        if final.is_dir():
            raise OutputError(f"{path} is a directory.", "Give a file name.")
        if final.exists() and not self._overwrite:
            raise _exists(path)
        # The stem is cut so that the hidden name does not get too long for the file system.
        hidden = final.with_name(f".{final.stem[:40]}.{secrets.token_hex(4)}.part{final.suffix}")
        self._hidden[final] = hidden
        return hidden

    def reserve_dir(self, path: str | Path) -> Path:
        """Make a folder for outputs, with its parents; folders made here go away again if the command fails.

        Raises:
            OutputError: the path is a file, or the folder cannot be made.
        """
        path = Path(path)
        missing = [p for p in (path, *path.parents) if not p.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise OutputError(f"{path} is a file, not a folder.", "Give another folder.") from error
        except OSError as error:
            raise OutputError(
                f"the folder {path} cannot be made: {error.strerror}.", "Give another one."
            ) from error
        self._folders.extend(reversed(missing))
        return path

    def _check_inputs(self, path: Path) -> None:
        for source in self._inputs:
            same = path.resolve() == source.resolve()
            with suppress(OSError):
                same = same or os.path.samefile(path, source)
            if same:
                raise OutputError(f"{path} is one of the inputs.", "Give the output another name.")

    @staticmethod
    def _check_folder(path: Path) -> None:
        folder = path.resolve().parent
        if not folder.exists():
            raise OutputError(f"the folder {folder} does not exist.", "Make it first, or give another -o.")
        if not folder.is_dir():
            raise OutputError(f"{folder} is not a folder.", "Give another -o.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(
                f"the folder {folder} is not writable.", "Change its access rights or give another -o."
            )

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = False
        try:
            if kind is None:
                self._publish()
                done = True
        finally:
            # Also reached when the renaming itself fails or is interrupted.
            for hidden in self._hidden.values():
                with suppress(OSError):
                    hidden.unlink()
            if not done:
                for folder in reversed(self._folders):
                    with suppress(OSError):  # not empty: somebody else put something there
                        folder.rmdir()

    def _publish(self) -> None:
        published: list[tuple[Path, Path | None]] = []  # (final, where the file it replaced is kept)
        try:
            for final, hidden in self._hidden.items():
                if not hidden.exists():
                    raise OutputError(f"{final} was announced but not written.", "Please report this.")
                kept = self._keep_old(final) if self._overwrite else None
                published.append((final, kept))
                try:
                    if self._overwrite:
                        os.replace(hidden, final)
                    else:
                        _rename_new(hidden, final)
                except BaseException:
                    # This one did not happen: there is nothing of ours under the final name.
                    published.pop()
                    if kept is not None:
                        os.replace(kept, final)
                        kept.unlink(
                            missing_ok=True
                        )  # renaming one of two links to the same file does nothing
                    raise
        except BaseException as error:
            for final, kept in reversed(published):
                with suppress(OSError):
                    if kept is not None:
                        os.replace(kept, final)
                    else:
                        final.unlink()
            if isinstance(error, OSError):
                raise OutputError(
                    f"the outputs could not be put in place: {error}.", "Check the disk and the folder."
                ) from error
            raise
        for _, kept in published:
            if kept is not None:
                kept.unlink(missing_ok=True)

    @staticmethod
    def _keep_old(final: Path) -> Path | None:
        """A second name for the file about to be replaced, so that it can be put back.

        None if there is no such file. Where the file system has no hard links the old file is renamed
        instead.
        """
        if not final.exists():
            return None
        kept = final.with_name(f".{final.stem[:40]}.{secrets.token_hex(4)}.old{final.suffix}")
        try:
            os.link(final, kept)
        except OSError:
            os.rename(final, kept)
        return kept


def _exists(path: Path) -> OutputError:
    return OutputError(f"{path} exists.", "Use --overwrite or another -o.")


_NO_LINKS = (
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EACCES,
    errno.EINVAL,
    errno.EXDEV,
)


def _rename_new(hidden: Path, final: Path) -> None:
    """Rename without ever replacing a file that appeared since the check."""
    try:
        os.link(hidden, final)
    except FileExistsError as error:
        raise _exists(final) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here: claim the name with an empty file of our own and replace that.
        try:
            os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError as exists:
            raise _exists(final) from exists
        try:
            os.replace(hidden, final)
        except BaseException:
            final.unlink(missing_ok=True)
            raise
    else:
        hidden.unlink()
