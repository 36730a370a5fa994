"""The output files of a fusion: claimed and tried before the work, written after it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dualcam._version import __version__
from dualcam.cli.texts import write_text
from dualcam.errors import DualcamError, OutputError, UsageError

if TYPE_CHECKING:
    from dualcam.files.outputs import Outputs
    from dualcam.frame import Fusion


@dataclass(frozen=True, slots=True)
class _Planned:
    final: Path
    hidden: Path


class Plan:
    """The output files of a fusion: claimed and tried before the work, written after it.

    Args:
        outputs: the set they join.
        picture: the result.
        confidence: the confidence map, or None.
        report: the report, .html or .json, or None.
        stages: folder for the stage pictures, or None.
        bits: bits of a sample of the result, or None for the format's default.
        overwrite: existing stage pictures may be replaced.
        curve: of the result: "auto", "srgb" or "linear".
        headroom: EV by which a 16-bit result is written darker.

    Raises:
        OutputError: one of them cannot be made.
        UsageError: headroom for a result that is not written in 16 bits.
    """

    def __init__(
        self,
        outputs: Outputs,
        picture: Path,
        confidence: Path | None = None,
        report: Path | None = None,
        stages: Path | None = None,
        bits: int | None = None,
        overwrite: bool = False,
        curve: str = "auto",
        headroom: float = 0.0,
    ) -> None:
        import numpy as np

        from dualcam.files.write import SUFFIXES, depth_of, is_linear, write, write_gray

        self._outputs = outputs
        self._bits = bits
        self._curve = curve
        self._picture = _Planned(picture, outputs.reserve(picture, SUFFIXES))
        self._confidence = _Planned(confidence, outputs.reserve(confidence, SUFFIXES)) if confidence else None
        self._report = _Planned(report, outputs.reserve(report)) if report else None
        self._stages = outputs.reserve_dir(stages) if stages else None
        # One black pixel tells about format, bits and disk before minutes of work do.
        with _real_name(self._picture):
            write(self._picture.hidden, np.zeros((1, 1, 3), np.float32), bits=bits, curve=curve)
        self._linear, self._headroom = is_linear(picture, bits, curve), headroom
        depth = depth_of(picture, bits)
        if headroom and depth != 16:
            kept = "32 bits keep lamps anyway." if depth == 32 else "8 bits have no steps to spare."
            raise UsageError(
                f"--headroom is for results in 16 bits, and {picture} holds {depth}.",
                f"Leave it out: {kept}" if depth == 32 else f"{kept} Write a 16-bit TIFF or PNG.",
            )
        if self._confidence is not None:
            with _real_name(self._confidence):
                write_gray(self._confidence.hidden, np.zeros((1, 1), np.float32))
        if self._stages is not None and not overwrite:
            old = sorted(self._stages.glob("[0-9][0-9]_*.png"))
            if old:
                raise OutputError(f"{old[0]} exists.", "Use --overwrite or another folder for --stages.")

    def write(self, fusion: Fusion) -> None:
        """Write all of them under their hidden names."""
        from dualcam.files.write import write, write_gray
        from dualcam.fusion.highlights import for_file
        from dualcam.fusion.report import to_html, to_json

        with _real_name(self._picture):
            write(
                self._picture.hidden,
                for_file(fusion, self._linear, self._headroom),
                origin=fusion.base.origin,
                bits=self._bits,
                curve=self._curve,
                overwrite=True,
                provenance=provenance(fusion)
                + (f", {self._headroom:g} EV of headroom" if self._headroom else ""),
            )
        if self._confidence is not None:
            with _real_name(self._confidence):
                write_gray(
                    self._confidence.hidden,
                    fusion.confidence,
                    overwrite=True,
                    provenance=f"{provenance(fusion)}; probability that the color is within 5 CIEDE2000",
                )
        if self._report is not None:
            make = to_json if self._report.final.suffix.lower() == ".json" else to_html
            write_text(self._report.final, self._report.hidden, make(fusion))
        if self._stages is not None:
            for number, (name, picture) in enumerate(fusion.stages.items(), start=1):
                final = self._stages / f"{number:02d}_{re.sub(r'[^A-Za-z0-9-]+', '_', name)}.png"
                planned = _Planned(final, self._outputs.reserve(final))
                with _real_name(planned):
                    # There may be places that nobody saw.
                    write_gray(
                        planned.hidden,
                        picture,
                        bits=8,
                        provenance=f"{name}, {provenance(fusion)}",
                        holes=True,
                    )


def provenance(fusion: Fusion) -> str:
    """Say in one line how a picture was made, without folders."""
    names = [
        frame.origin.path.name if frame.origin.path is not None else f"{frame.role} array"
        for frame in (fusion.pair.mono, fusion.pair.color)
    ]
    return f"dualcam {__version__}, {fusion.method} method, mono {names[0]}, color {names[1]}"


@contextmanager
def _real_name(planned: _Planned) -> Iterator[None]:
    """Name the file that the user asked for, not the hidden one, in an error."""
    try:
        yield
    except DualcamError as error:
        error.cause = error.cause.replace(str(planned.hidden), str(planned.final))
        raise
