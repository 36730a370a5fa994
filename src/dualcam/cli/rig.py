"""``dualcam rig``: look at a calibrated rig, check it against pictures, take one over from another program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dualcam.cli.guard import explain, guarded, say
from dualcam.cli.texts import write_text
from dualcam.errors import DualcamError, UsageError

if TYPE_CHECKING:
    from dualcam.frame import Size
    from dualcam.rig.cameras import Camera, Rig
    from dualcam.rig.drift import Drift

IMPORT_EPILOG = """\b
Examples:
  dualcam rig import camchain.yaml --mono cam0 --color cam1
  dualcam rig import oak.json --mono CAM_B --color CAM_A -o rig.json
  dualcam rig import intrinsics.yml extrinsics.yml --unit mm --mono-size 1920x1200 --color-size 1280x960
"""
_SHOW_HELP = "Show what a rig file says."


def build() -> typer.Typer:
    """Put the commands of ``dualcam rig`` together."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.command("show", short_help=_SHOW_HELP)(show)
    app.command("check", short_help="Say from ordinary pictures whether a rig has moved.")(check)
    app.command("import", epilog=IMPORT_EPILOG, short_help="Make a rig of another program's calibration.")(
        take
    )
    return app


def show(
    rig: Annotated[Path, typer.Argument(metavar="RIG", help="Rig file.")],
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Show what a rig file says."""
    with guarded(verbose):
        from dualcam.rig.rigfile import read_rig

        print("\n".join(lines(read_rig(rig))))


def check(
    rig: Annotated[Path, typer.Argument(metavar="RIG", help="Rig file.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="MONO COLOR...", help="Pictures of one or more scenes: mono, color, mono, color, ..."
        ),
    ],
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Say from ordinary pictures whether a rig still stands as it was calibrated.

    Pictures with much detail, taken in good light, near things among far ones, tell most. Exit code 0: it stands;
    1: it has moved, or a pair does not tell; others as everywhere.
    """
    with guarded(verbose):
        if len(files) % 2:
            raise UsageError(f"{len(files)} pictures are no pairs.", "Give mono, color, mono, color, ...")
        from dualcam.files.read import read
        from dualcam.rig.calibrated import fitted
        from dualcam.rig.drift import measure
        from dualcam.rig.features import match_pictures
        from dualcam.rig.rigfile import read_rig

        known, failed, verdicts = read_rig(rig), 0, []
        for first, second in zip(files[::2], files[1::2], strict=True):
            try:
                mono, color = read(first, "mono").pixels, read(second, "color").pixels
                sized, notes = fitted(known, (mono.shape[0], mono.shape[1]), (color.shape[0], color.shape[1]))
            except DualcamError as error:
                failed = explain(error, verbose)
                continue
            found = measure(sized, match_pictures(mono, color))
            print(f"{first} {second}")
            for line in drift_lines(found):
                print(f"  {line}", flush=True)
            for note in notes:
                say(f"  note: {note}")
            verdicts.append(found.known and not found.moved)
        if failed:
            raise typer.Exit(failed if len(files) == 2 else 1)
        if not all(verdicts):
            raise typer.Exit(1)


def take(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Calibration file, or OpenCV's two.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to make.")] = Path("rig.json"),
    mono: Annotated[
        str | None,
        typer.Option(help="The mono camera: 1 or 2, CAM_B, cam0, ... [default: the first; CAM_B of depthai]"),
    ] = None,
    color: Annotated[
        str | None, typer.Option(help="The color camera. [default: the second; CAM_A of depthai]")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="mm|cm|m", help="Unit of OpenCV's translation, which its files do not say."),
    ] = None,
    mono_size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Size of the mono pictures, where the file does not say."),
    ] = None,
    color_size: Annotated[
        str | None, typer.Option(metavar="WxH", help="The same of the color pictures.")
    ] = None,
    fisheye: Annotated[
        bool, typer.Option("--fisheye", help="OpenCV's coefficients are those of its fisheye model.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Make a rig of another program's calibration: OpenCV's YAML, XML or JSON, depthai's JSON, Kalibr's camchain."""
    with guarded(verbose):
        from dualcam.files.outputs import Outputs
        from dualcam.rig.importing import import_rig
        from dualcam.rig.rigfile import to_json

        rig, kind = import_rig(
            files,
            mono=mono,
            color=color,
            unit=unit,
            mono_size=_size(mono_size),
            color_size=_size(color_size),
            fisheye=fisheye,
        )
        with Outputs(overwrite=overwrite, inputs=files) as outputs:
            write_text(output, outputs.reserve(output, (".json",)), to_json(rig))
        say(f"{kind} calibration:")
        for line in lines(rig):
            say(f"  {line}")
        print(output)


def lines(rig: Rig) -> Iterable[str]:
    """Write a rig for people."""
    import cv2
    import numpy as np

    for role, camera in (("mono", rig.mono), ("color", rig.color)):
        yield f"{role:<8}{_camera(camera)}"
    x, y, z = (1000 * float(v) for v in -rig.rotation.T @ rig.translation)
    yield f"color is {1000 * rig.baseline:.2f} mm from mono: {x:+.2f} right, {y:+.2f} down, {z:+.2f} forward"
    turn = np.degrees(cv2.Rodrigues(rig.rotation)[0].ravel())
    axes = ", ".join(f"{angle:+.2f} about {axis}" for angle, axis in zip(turn, "xyz", strict=True))
    yield f"turned by {np.linalg.norm(turn):.2f} degrees: {axes}"
    for name, value in rig.facts.items():
        yield f"{name.replace('_', ' ')}: {f'{value:.4g}' if isinstance(value, float) else value}"


def drift_lines(found: Drift) -> Iterable[str]:
    """Write what pictures say about a rig for people."""
    import numpy as np

    if not found.known:
        yield "verdict: unknown: too few features of both pictures match along the rig's lines"
        yield "advice: use a brighter pair with more detail; if it is, the rig is wrong for these pictures, or far off"
        return
    yield f"{found.matches} matches, {found.across_px:.2f} px from their epipolar lines (median, mono pixels)"
    if not found.moved:
        yield f"all together they are off by {found.bias_px:.2f} px"
        yield f"verdict: as calibrated (limit {found.limit_px:.2f} px)"
        return
    turn = found.turn_deg
    axes = ", ".join(f"{angle:+.3f} about {axis}" for angle, axis in zip(turn, "xyz", strict=True))
    yield f"a turn of the color camera by {np.linalg.norm(turn):.3f} degrees ({axes}) explains {found.bias_px:.2f} px"
    if found.shift_px > found.limit_px / 2:
        yield f"a shift of the cameras explains {found.shift_px:.2f} px more"
    what = "shifted" if found.shift_px > found.bias_px else "turned against each other"
    yield f"verdict: moved: the cameras have {what}; calibrate again (limit {found.limit_px:.2f} px)"


def _camera(camera: Camera) -> str:
    import numpy as np

    from dualcam.rig.cameras import NAMES

    matrix = camera.matrix
    wide = 2 * np.degrees(np.arctan(camera.size[1] / 2 / matrix[0, 0])) if camera.model == "pinhole" else None
    text = (
        f"{camera.model}, {camera.size[1]} x {camera.size[0]}, "
        f"focal length {matrix[0, 0]:.2f} x {matrix[1, 1]:.2f} px, center ({matrix[0, 2]:.2f}, {matrix[1, 2]:.2f})"
    )
    if wide is not None:
        text += f", about {wide:.0f} degrees wide"
    named = zip(NAMES[camera.model], camera.distortion, strict=False)
    return text + "".join(f", {name} {value:.4g}" for name, value in named)


def _size(text: str | None) -> Size | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(f"{text!r} is no size.", "Write it as WIDTHxHEIGHT, such as 1280x960.")
    return int(height), int(width)
