"""A polite end: SIGTERM and Ctrl-C are noted, so that the loop can save what it has first."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Notes SIGINT and SIGTERM inside a ``with`` block; a second one of them ends the program at once.

    In another thread than the main one signals cannot be caught, and nothing is noted.
    """

    def __init__(self) -> None:
        self._noted = False
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        """Whether the program has been asked to end."""
        return self._noted

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
