"""Kalibr's camchain YAML.

Kalibr writes block mappings two deep whose values are words, numbers, lists in brackets, and lists of such lists. That
much is read here; all of YAML would take a library, for files of thirty lines that one program writes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from dualcam.errors import InputError

_KEY = re.compile(r"^(\s*)([A-Za-z_]\w*)\s*:\s*(.*)$")


def read_camchain(text: str, name: str) -> dict[str, dict[str, Any]]:
    """Read the cameras of a camchain.

    Args:
        text: the file's text.
        name: how errors call it.

    Returns:
        "cam0", "cam1", ... in order; each with its members: words, numbers, lists.

    Raises:
        InputError: the text is not what Kalibr writes.
    """
    cameras: dict[str, dict[str, Any]] = {}
    for key, depth, value in _entries(text, name):
        if depth == 0:
            cameras[key] = {}
        elif cameras:
            cameras[list(cameras)[-1]][key] = _value(value, f"{name}, {key}")
    found = {key: cameras[key] for key in sorted(cameras, key=_number) if re.fullmatch(r"cam\d+", key)}
    if not found:
        raise InputError(f"{name} holds no cameras.", "Give the camchain that Kalibr wrote.")
    return found


def _number(key: str) -> int:
    digits = re.sub(r"\D", "", key)
    return int(digits) if digits else -1


def _entries(text: str, name: str) -> list[tuple[str, int, str]]:
    """Every key, its indentation, and all text that belongs to it."""
    entries: list[tuple[str, int, str]] = []
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if not line.strip() or line.startswith(("%", "---", "...")):
            continue
        key = _KEY.match(line)
        if key:
            entries.append((key[2], len(key[1]), key[3]))
        elif entries:
            before = entries[-1]
            entries[-1] = (before[0], before[1], f"{before[2]}\n{line.strip()}")
        else:
            raise InputError(
                f"{name} is no camchain: {line.strip()[:40]!r}.", "Give the file that Kalibr wrote."
            )
    return entries


def _value(text: str, name: str) -> Any:
    text = text.strip()
    if text.startswith("-"):
        # A list in lines: every dash begins an item, which may go on over several lines.
        items = re.split(r"(?:^|\n)-\s+", text)[1:]
        return [_value(item, name) for item in items]
    text = " ".join(text.split())
    # YAML allows numbers that JSON does not: .5, 5., +1.
    plain = re.sub(r"(?<![\w.])\+(?=[\d.])", "", text)
    plain = re.sub(r"(?<![\w.])(-?)\.(?=\d)", r"\g<1>0.", plain)
    plain = re.sub(r"(\d)\.(?![\d])", r"\g<1>.0", plain)
    try:
        return json.loads(plain)
    except ValueError:
        if text.startswith("["):
            if re.fullmatch(r"\[[\w\s,./-]*\]", text):
                return [word.strip() for word in text[1:-1].split(",") if word.strip()]
            raise InputError(
                f"{name} is no list: {text[:40]!r}.", "Give the file that Kalibr wrote."
            ) from None
        return text.strip("'\"")
