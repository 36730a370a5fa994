"""The run folder of a benchmark: where every file lies, and how files get there whole.

::

    RUN/config.json                                        what the results depend on
    RUN/captures/<scene>/<level>x<scale>/                  mono.png, color.png, color.dng, truth.png, ...
    RUN/outputs/<method>/<scene>/<level>x<scale>-<track>.png             the picture that is scored, 8-bit sRGB
    RUN/outputs/<method>/<scene>/<level>x<scale>-<track>-confidence.png  16-bit gray, where a method has one
    RUN/outputs/<method>/<scene>/<level>x<scale>-<track>.json            seconds, memory, refusal; written last
    RUN/scores/<method>/<scene>/<level>x<scale>-<track>.json             the scores
    RUN/working/<process>                                  what a worker is busy with, gone when it is done

Every file appears by rename, so that whatever has its name is complete and a killed run can go on.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualcam.evaluation.case import CaseId
from dualcam.files.whole import is_leftover, write_whole

_OWN_FOLDERS = ("captures", "outputs", "scores", "working")
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths in a run folder; nothing is created by asking for one.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The file that says what the results depend on, and that this is a run folder."""
        return self.root / "config.json"

    def capture(self, scene: str, level: str, scale: int) -> Path:
        """Folder of one capture: mono, color, truth and what belongs to them."""
        return self.root / "captures" / scene / f"{level}x{scale}"

    def picture(self, case: CaseId, method: str) -> Path:
        """The output that is scored: 8-bit sRGB PNG of the mono picture's size."""
        return self.root / "outputs" / method / case.scene / f"{_stem(case)}.png"

    def confidence(self, case: CaseId, method: str) -> Path:
        """The confidence that belongs to it: 16-bit gray PNG, 65535 for 1; only some methods have one."""
        return self.root / "outputs" / method / case.scene / f"{_stem(case)}-confidence.png"

    def note(self, case: CaseId, method: str) -> Path:
        """What is known about the making of an output; its presence says that the output is complete."""
        return self.root / "outputs" / method / case.scene / f"{_stem(case)}.json"

    def score(self, case: CaseId, method: str) -> Path:
        """The scores of an output."""
        return self.root / "scores" / method / case.scene / f"{_stem(case)}.json"

    def mark(self, text: str) -> None:
        """Note what this process is busy with, so that a crash can be named."""
        write_whole(self.root / "working" / str(os.getpid()), text.encode())

    def unmark(self) -> None:
        """Note that this process is idle."""
        self._marker(os.getpid()).unlink(missing_ok=True)

    def busy_with(self, process: int) -> str:
        """What a process was busy with, "" if it was idle."""
        try:
            return self._marker(process).read_text("utf-8")
        except OSError:
            return ""

    def _marker(self, process: int) -> Path:
        return self.root / "working" / str(process)

    def sweep(self) -> None:
        """Remove what killed processes left behind: half-written files, half-made folders and marks."""
        shutil.rmtree(self.root / "working", ignore_errors=True)
        for folder in _OWN_FOLDERS:
            for path in sorted((self.root / folder).rglob(".*"), reverse=True):
                if not is_leftover(path.name):
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        for path in self.root.glob(".config*"):
            if is_leftover(path.name):
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete what a run made here, and nothing else; the configuration goes last."""
        for folder in _OWN_FOLDERS:
            shutil.rmtree(self.root / folder, ignore_errors=True)
        self.config.unlink(missing_ok=True)

    def clear_method(self, method: str) -> None:
        """Delete the outputs and scores of one method, scores first: none may speak of an output that is gone."""
        for folder in ("scores", "outputs"):
            shutil.rmtree(self.root / folder / method, ignore_errors=True)

    def clear_scores(self) -> None:
        """Delete the scores and keep the outputs."""
        shutil.rmtree(self.root / "scores", ignore_errors=True)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a small JSON file with ``write_whole``: keys sorted, no NaN.

    Raises:
        OutputError: it cannot be written.
    """
    write_whole(path, (json.dumps(values, sort_keys=True, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None if the file is missing or holds anything else."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def is_whole_png(path: Path) -> bool:
    """Tell whether a PNG file is there with its end; its pixels are not decoded."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(_PNG_END)))
            return file.read() == _PNG_END
    except OSError:
        return False


def _stem(case: CaseId) -> str:
    return f"{case.level}x{case.scale}-{case.track}"
