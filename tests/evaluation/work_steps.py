"""What the workers of ``test_workers`` do; a module, so that other processes can import it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import cv2

from dualcam.errors import InputError


def leave_mark(path: Path) -> None:
    """Write down what the process looks like from inside."""
    path.write_text(f"{os.getpid()} {cv2.getNumThreads()} {os.environ['OMP_NUM_THREADS']}")


def fail(path: Path) -> None:
    if path.name == "bad":
        raise ZeroDivisionError("nothing to divide")
    time.sleep(60)


def refuse(path: Path) -> None:
    raise InputError(f"{path} is no good.", "Use another one.")


def die(path: Path) -> None:
    if path.name == "bad":
        path.with_name(str(os.getpid())).write_text("the bad one")
        os.kill(os.getpid(), signal.SIGKILL)
    path.with_name(str(os.getpid())).write_text("an innocent one")
    time.sleep(60)


def sleep(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(60)
