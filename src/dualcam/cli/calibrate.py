"""``dualcam target`` and ``dualcam calibrate``: a board to print, and a rig from pictures of it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dualcam.cli.guard import guarded, say
from dualcam.cli.texts import write_text
from dualcam.errors import InputError

if TYPE_CHECKING:
    from dualcam.calibration.calibrate import Calibration, CameraReport
    from dualcam.calibration.intrinsics import Lens

EPILOG = """\b
Examples:
  dualcam target board.pdf                            print it at 100 %, glue it onto something flat
  dualcam calibrate mono_pictures color_pictures      writes rig.json
  dualcam calibrate mono color -o night.json --square 23.8 --strip check.png
  dualcam fuse mono.tif color.jpg --rig rig.json
"""
# What lies beside pictures in folders of pictures. All else is tried, and told about when it cannot be read.
_NO_PICTURES = {
    ".txt",
    ".json",
    ".csv",
    ".xmp",
    ".pp3",
    ".xml",
    ".yml",
    ".yaml",
    ".html",
    ".pdf",
    ".md",
    ".db",
    ".ini",
}


class Paper(StrEnum):
    """Paper of the board."""

    a4 = "a4"
    a3 = "a3"
    letter = "letter"


class LensChoice(StrEnum):
    """Lens models."""

    auto = "auto"
    pinhole = "pinhole"
    rational = "rational"
    fisheye = "fisheye"


def target(
    output: Annotated[Path, typer.Argument(metavar="PDF", help="File to make.")],
    paper: Annotated[Paper, typer.Option(help="Paper that it is printed on.")] = Paper.a4,
    board: Annotated[
        str | None,
        typer.Option(
            metavar="CxR,SQUARE,MARKER,DICT",
            help="Squares across x down, their side and that of the markers in mm, dictionary. "
            "[default: one that fills the paper]",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Make a board to print, for dualcam calibrate.

    Print it at 100 % (not "fit to page"), check the bar of 100 mm with a ruler, and glue it onto something flat and
    stiff.
    """
    with guarded(verbose):
        from dualcam.calibration.board import parse
        from dualcam.calibration.target import PAPERS, to_pdf
        from dualcam.files.outputs import Outputs

        chosen = PAPERS[paper.value][1] if board is None else parse(board)
        page = to_pdf(chosen, paper.value)
        with Outputs(overwrite=overwrite) as outputs:
            outputs.reserve(output, (".pdf",)).write_bytes(page)
        say(f"{chosen.columns} x {chosen.rows} squares of {chosen.square_mm:g} mm on {paper.value.upper()}")
        say(f"next: dualcam calibrate MONO_FOLDER COLOR_FOLDER --board {chosen}")
        print(output)


def calibrate(
    mono: Annotated[
        Path, typer.Argument(metavar="MONO_FOLDER", help="The mono camera's pictures of the board.")
    ],
    color: Annotated[Path, typer.Argument(metavar="COLOR_FOLDER", help="The color camera's pictures of it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to make.")] = Path("rig.json"),
    board: Annotated[
        str, typer.Option(metavar="CxR,SQUARE,MARKER,DICT", help="The board, as printed on it.")
    ] = "11x7,24,18,5x5_100",
    square: Annotated[
        float | None,
        typer.Option(
            metavar="MM", help="Side of a square as measured on the paper. [default: as --board says]"
        ),
    ] = None,
    mono_lens: Annotated[
        LensChoice, typer.Option(help="Lens model; auto takes the one that is right on pictures held back.")
    ] = LensChoice.auto,
    color_lens: Annotated[LensChoice, typer.Option(help="The same for the color camera.")] = LensChoice.auto,
    strip: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write both views of a pair, rectified, under lines: to look at."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print the output path and nothing else.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show every picture, and tracebacks.")
    ] = False,
) -> None:
    """Calibrate a mono and a color camera that are fixed to each other, from pictures of a board.

    Pictures taken at the same time have the same name, or the same number in it, in both folders. 10 to 20 pairs: the
    board tilted each way, near and far, in every part of both pictures. Cameras may differ in size, lens and kind.
    """
    with guarded(verbose):
        from dualcam.calibration.board import parse
        from dualcam.calibration.calibrate import calibrate as run
        from dualcam.calibration.calibrate import pair_up
        from dualcam.files.outputs import Outputs
        from dualcam.files.write import SUFFIXES
        from dualcam.rig.rigfile import to_json

        chosen = parse(board, square)
        files = pictures(mono), pictures(color)
        pairs, how = pair_up(*files)
        with Outputs(overwrite=overwrite, inputs=[*files[0], *files[1]]) as outputs:
            hidden = outputs.reserve(output, (".json",))
            hidden_strip = outputs.reserve(strip, SUFFIXES) if strip is not None else None
            if not quiet:
                say(f"{len(files[0])} mono and {len(files[1])} color pictures; {len(pairs)} pairs by {how}")
            found = run(
                files[0],
                files[1],
                pairs,
                chosen,
                mono_lens=_lens(mono_lens),
                color_lens=_lens(color_lens),
                on_picture=(lambda path, count: say(f"  {path}: {count} corners"))
                if verbose and not quiet
                else None,
            )
            write_text(output, hidden, to_json(found.rig))
            if hidden_strip is not None:
                _write_strip(found, hidden_strip)
        if not quiet:
            for line in lines(found):
                say(line)
            if strip is not None:
                say(f"  also wrote {strip}")
        print(output)


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, by name.

    Raises:
        InputError: it is no folder, or holds none.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder.", "Give the two folders that hold the pictures of the board."
        )
    files = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    found = sorted(p for p in files if p.suffix.lower() not in _NO_PICTURES)
    if not found:
        raise InputError(
            f"{folder} holds no pictures.", "Give the folder that holds the pictures of the board."
        )
    return found


def lines(found: Calibration) -> Iterable[str]:
    """Write a calibration for people."""
    for role, report in (("mono", found.mono), ("color", found.color)):
        yield from _camera_lines(role, report)
    rig = found.rig
    x, y, z = (1000 * float(v) for v in -rig.rotation.T @ rig.translation)
    yield f"rig: color is {1000 * rig.baseline:.1f} mm from mono: {x:+.1f} right, {y:+.1f} down, {z:+.1f} forward"
    yield f"  {len(found.pairs)} pairs used"
    yield f"  epipolar error {found.before_px:.1f} px before, {found.after_px:.2f} px after (median, mono pixels)"
    for text in found.advice:
        yield f"  advice: {text}"


def _camera_lines(role: str, report: CameraReport) -> Iterable[str]:
    used = [shot for shot in report.shots if shot.used]
    matrix = report.fit.camera.matrix
    worst = max(shot.rms_px for shot in used) if used else float("nan")
    yield (
        f"{role}: {report.fit.lens}, {report.fit.camera.size[1]} x {report.fit.camera.size[0]}, focal length "
        f"{matrix[0, 0]:.1f} px (+- {report.fit.deviation[0]:.1f}), center ({matrix[0, 2]:.1f}, {matrix[1, 2]:.1f})"
    )
    if report.held_out_px:
        errors = ", ".join(
            f"{lens} {error:.3f}" if error < float("inf") else f"{lens} impossible"
            for lens, error in report.held_out_px.items()
        )
        yield f"  chosen by the error on pictures held back (px): {errors}"
    rms = float((report.fit.rms_px**2).mean()) ** 0.5
    yield (
        f"  {len(used)} of {len(report.shots)} pictures used, reprojection {rms:.2f} px "
        f"(worst {worst:.2f}), corners in {report.covered:.0%} of the picture"
    )
    for shot in report.shots:
        if not shot.used:
            yield f"  not used: {shot.path.name}: {shot.verdict}"


def _lens(choice: LensChoice) -> Lens | None:
    return None if choice is LensChoice.auto else cast("Lens", choice.value)


def _write_strip(found: Calibration, hidden: Path) -> None:
    """The pair in which both cameras saw most of the board."""
    from dualcam.calibration.detect import gray
    from dualcam.calibration.strip import strip
    from dualcam.camera.curves import encode
    from dualcam.files.read import read
    from dualcam.files.write import write_gray

    def seen(pair: tuple[int, int]) -> int:
        return min(len(found.mono.shots[pair[0]].corners), len(found.color.shots[pair[1]].corners))

    a, b = max(found.pairs, key=seen)
    mono = gray(read(found.mono.shots[a].path, "mono")).astype("float32") / 255
    color = read(found.color.shots[b].path, "color").pixels
    color = encode((color / max(float(color.max()), 1e-6)).clip(0, 1))
    both = strip(found.rig, mono.astype("float32"), color.astype("float32"))
    write_gray(hidden, both, bits=8, provenance="rectified pair")
