"""``dualcam simulate``: clean pictures in, a dark capture of a mono and a color camera out."""

from __future__ import annotations

import shlex
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from dualcam.cli.guard import guarded, say
from dualcam.errors import UsageError

if TYPE_CHECKING:
    from dualcam.simulation.capture import Capture
    from dualcam.simulation.record import Record
    from dualcam.simulation.scene import Scene
    from dualcam.simulation.settings import Sensor, Settings

EPILOG = """\b
Examples:
  dualcam simulate left.png right.png -o capture
  dualcam simulate photo.jpg -o capture --level dark --scale 4 --parallax 0.08
  dualcam simulate left.png right.png -o capture --phone --quality 85
  dualcam simulate left.png right.png -o capture --color-camera sony-a7s2 --color-gain 4
\b
With LEFT, RIGHT, --level and --scale alone it is the NIGHT protocol of the benchmark.
Cameras: sony-a7s2, canon-5d4, nikon-d850, sony-imx686 (docs/simulator.md has their numbers).
"""

_LIGHT, _MONO, _COLOR = "Light", "Mono camera", "Color camera"
_PLACE, _PHONE = "Place of the color camera", "Phone"
Triple = tuple[float, float, float]
T = TypeVar("T")


class Level(StrEnum):
    """Light levels of the NIGHT protocol."""

    dusk = "dusk"
    night = "night"
    dark = "dark"


class Pattern(StrEnum):
    """Bayer patterns."""

    rggb = "RGGB"
    bggr = "BGGR"
    grbg = "GRBG"
    gbrg = "GBRG"


class Grouped(TyperCommand):
    """A command whose help shows its options in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options group by group, in the order in which they were declared."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            line = param.get_help_record(ctx)
            plain = "Arguments" if param.param_type_name == "argument" else "Options"
            if line is not None:
                groups.setdefault(getattr(param, "rich_help_panel", None) or plain, []).append(line)
        for title in sorted(groups, key=lambda name: name not in ("Arguments", "Options")):
            with formatter.section(title):
                formatter.write_dl(groups[title])


def simulate(
    left: Annotated[
        Path, typer.Argument(metavar="LEFT", help="The mono camera's view in color, or a single photo.")
    ],
    right: Annotated[
        Path | None,
        typer.Argument(metavar="RIGHT", help="The color camera's view. Without it, parallax is invented."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to fill.")] = Path(
        "capture"
    ),
    level: Annotated[Level, typer.Option(help="How much light there is.")] = Level.night,
    scale: Annotated[
        float, typer.Option(metavar="S", help="Mono pixels per color pixel, 1 to 16; fractions too.")
    ] = 2.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Other numbers give other noise.")] = 0,
    scene: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Part of the seed. [default: the last two folders of LEFT; a photo's name]"
        ),
    ] = None,
    parallax: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Photo: largest disparity over the width. [default: 0.04]"),
    ] = None,
    disparity: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pair: true disparity (16 bits, 256 a pixel).")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the paths and nothing else.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
    electrons: Annotated[
        float | None,
        typer.Option(metavar="N", help="Of white in a mono pixel.", rich_help_panel=_LIGHT),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(metavar="R", help="How much less light the color camera gets.", rich_help_panel=_LIGHT),
    ] = None,
    mono_camera: Annotated[
        str | None, typer.Option(metavar="NAME", help="Noise of a real camera.", rich_help_panel=_MONO)
    ] = None,
    mono_sensor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A sensor measured by `dualcam sensor`.", rich_help_panel=_MONO),
    ] = None,
    mono_gain: Annotated[
        float | None, typer.Option(metavar="K", help="DN an electron, as ISO sets it.", rich_help_panel=_MONO)
    ] = None,
    mono_noise: Annotated[
        Triple | None,
        typer.Option(metavar="READ ROW DARK", help="Electrons.", rich_help_panel=_MONO),
    ] = None,
    mono_weights: Annotated[
        Triple | None,
        typer.Option(metavar="R G B", help="Spectral response, sum 1.", rich_help_panel=_MONO),
    ] = None,
    infrared: Annotated[
        float, typer.Option(metavar="SHARE", help="Near-infrared leak.", rich_help_panel=_MONO)
    ] = 0.0,
    mono_blur: Annotated[
        float, typer.Option(metavar="PX", help="Width of the point spread.", rich_help_panel=_MONO)
    ] = 0.0,
    mono_vignetting: Annotated[
        float, typer.Option(metavar="SHARE", help="Light lost in the corners.", rich_help_panel=_MONO)
    ] = 0.0,
    color_camera: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Noise and color of a real camera.", rich_help_panel=_COLOR),
    ] = None,
    color_sensor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A sensor measured by `dualcam sensor`.", rich_help_panel=_COLOR),
    ] = None,
    color_gain: Annotated[
        float | None,
        typer.Option(metavar="K", help="DN an electron, as ISO sets it.", rich_help_panel=_COLOR),
    ] = None,
    color_noise: Annotated[
        Triple | None,
        typer.Option(metavar="READ ROW DARK", help="Electrons.", rich_help_panel=_COLOR),
    ] = None,
    white_balance: Annotated[
        Triple | None,
        typer.Option(metavar="R G B", help="Factors that make white gray.", rich_help_panel=_COLOR),
    ] = None,
    color_blur: Annotated[
        float, typer.Option(metavar="PX", help="Width of the point spread.", rich_help_panel=_COLOR)
    ] = 0.0,
    color_vignetting: Annotated[
        float, typer.Option(metavar="SHARE", help="Light lost in the corners.", rich_help_panel=_COLOR)
    ] = 0.0,
    pattern: Annotated[Pattern, typer.Option(help="Color filters.", rich_help_panel=_COLOR)] = Pattern.rggb,
    bits: Annotated[
        int | None, typer.Option(metavar="N", help="Of the converter.", rich_help_panel=_COLOR)
    ] = None,
    black: Annotated[
        int | None, typer.Option(metavar="DN", help="Black level.", rich_help_panel=_COLOR)
    ] = None,
    rotation: Annotated[
        float, typer.Option(metavar="DEG", help="Turned clockwise.", rich_help_panel=_PLACE)
    ] = 0.0,
    zoom: Annotated[
        float, typer.Option(metavar="F", help="Over 1: narrower field.", rich_help_panel=_PLACE)
    ] = 1.0,
    shift: Annotated[
        tuple[float, float],
        typer.Option(
            metavar="X Y", help="Looks this far right and down, in mono pixels.", rich_help_panel=_PLACE
        ),
    ] = (0.0, 0.0),
    distortion: Annotated[
        float, typer.Option(metavar="K", help="Radial; positive is a barrel.", rich_help_panel=_PLACE)
    ] = 0.0,
    skew: Annotated[
        float, typer.Option(metavar="PX", help="Rolling-shutter skew, top to bottom.", rich_help_panel=_PLACE)
    ] = 0.0,
    phone: Annotated[
        bool, typer.Option("--phone", help="A phone-like color.jpg.", rich_help_panel=_PHONE)
    ] = False,
    quality: Annotated[
        int, typer.Option(metavar="N", help="Of the JPEG, typically 80 to 95.", rich_help_panel=_PHONE)
    ] = 90,
    brighten: Annotated[float, typer.Option(metavar="F", help="Digital gain.", rich_help_panel=_PHONE)] = 1.0,
) -> None:
    """Simulate a capture: a sharp mono picture and a dark, noisy color picture of the same scene.

    Writes mono.png, color.png and color.dng, truth.png (LEFT), capture.json (how it was made), disparity.png where
    the true disparity is known, and mono.dng with --mono-sensor. All of them appear together, or none.
    """
    with guarded(verbose):
        from dualcam.evaluation import pictures, protocol
        from dualcam.simulation import settings as tree
        from dualcam.simulation.cameras import equipped, with_measured
        from dualcam.simulation.scene import USUAL_PARALLAX, read_pair, read_photo

        base = protocol.settings(level.value, scale)
        chosen = equipped(
            base, mono=mono_camera, mono_gain=mono_gain, color=color_camera, color_gain=color_gain
        )
        for role, path, other in (
            ("mono", mono_sensor, mono_camera or mono_gain),
            ("color", color_sensor, color_camera or color_gain),
        ):
            if path is not None and other is not None:
                raise UsageError(
                    f"--{role}-sensor states the noise and the gain already.",
                    f"Leave out --{role}-camera and --{role}-gain, or --{role}-sensor.",
                )
        chosen = with_measured(chosen, mono=mono_sensor, color=color_sensor)
        chosen = replace(
            chosen,
            light=replace(
                base.light,
                electrons=_or(electrons, base.light.electrons),
                exposure_ratio=_or(ratio, base.light.exposure_ratio),
            ),
            mono=replace(
                chosen.mono,
                response=tree.MonoResponse(_or(mono_weights, base.mono.response.weights), infrared),
                lens=tree.Lens(mono_blur, mono_vignetting),
                sensor=_with_noise(chosen.mono.sensor, mono_noise),
            ),
            color=replace(
                chosen.color,
                response=replace(
                    chosen.color.response,
                    white_balance=_or(white_balance, chosen.color.response.white_balance),
                ),
                lens=tree.Lens(color_blur, color_vignetting),
                geometry=tree.Geometry(rotation, zoom, shift, distortion, skew),
                pattern=chosen.color.pattern if color_sensor is not None else pattern.value,
                sensor=replace(
                    _with_noise(chosen.color.sensor, color_noise),
                    bits=_or(bits, chosen.color.sensor.bits),
                    black=_or(black, chosen.color.sensor.black),
                ),
                phone=tree.Phone(brighten=brighten, quality=quality) if phone else None,
            ),
        )
        _check_call(right, parallax, disparity, chosen)
        if right is None:
            found = read_photo(left, share=_or(parallax, USUAL_PARALLAX), name=scene, seed=seed)
        else:
            found = read_pair(left, right, name=scene)
            if disparity is not None:
                known = pictures.disparity(disparity)
                found = replace(found, disparity=known, files=(*found.files, disparity))
        capture, record = _shoot(found, chosen, level.value, seed)
        found = replace(found, files=(*found.files, *filter(None, (mono_sensor, color_sensor))))
        written = _write(found, capture, record, output, overwrite, mono_sensor is not None)
        if not quiet:
            _tell(found, capture, record, written)
        for path in written:
            print(path)


def _or(given: T | None, usual: T) -> T:
    return usual if given is None else given


def _with_noise(sensor: Sensor, noise: Triple | None) -> Sensor:
    if noise is None:
        return sensor
    return replace(sensor, read_noise_e=noise[0], row_noise_e=noise[1], dark_e=noise[2])


def _check_call(right: Path | None, parallax: float | None, disparity: Path | None, chosen: Settings) -> None:
    if right is not None and parallax is not None:
        raise UsageError("--parallax is for a single photo.", "Leave it out, or leave out RIGHT.")
    if right is None and disparity is not None:
        raise UsageError(
            "--disparity is for a pair: that of a photo is known.", "Leave it out, or give RIGHT."
        )
    if disparity is not None and not chosen.is_straight:
        raise UsageError(
            "--disparity does not hold for a color camera that is turned, zoomed or distorted.",
            "Leave it out, or leave out the place of the color camera.",
        )


def _shoot(scene: Scene, chosen: Settings, level: str, seed: int) -> tuple[Capture, Record]:
    from dualcam.evaluation import protocol
    from dualcam.files.samples import MIN_SIDE
    from dualcam.simulation.capture import shoot
    from dualcam.simulation.record import Record, source

    generators = protocol.generators(scene.name, level, chosen.scale, seed)
    named = chosen.light == protocol.settings(level, chosen.scale).light
    record = Record(
        chosen,
        scene=scene.name,
        level=level if named else "custom",
        seed=seed,
        protocol=protocol.NAME if protocol.is_night(chosen) and scene.parallax is None else None,
        inputs=tuple(source(path) for path in scene.files),
        parallax=scene.parallax,
        seeded_as=level,
    )
    capture = shoot(scene.left, scene.right, chosen, *generators)
    rows, columns = capture.mosaic.shape
    if min(rows, columns) < MIN_SIDE:
        raise UsageError(
            f"the color picture would have {columns} x {rows} pixels, too few to be read again.",
            "Use a smaller scale or a larger picture.",
        )
    return capture, record


def _write(
    scene: Scene, capture: Capture, record: Record, folder: Path, overwrite: bool, mono_raw: bool
) -> tuple[Path, ...]:
    from dualcam.simulation.write import write_capture

    return write_capture(
        folder,
        capture,
        record,
        disparity=scene.disparity if record.settings.is_straight else None,
        mono_raw=mono_raw,
        overwrite=overwrite,
        inputs=scene.files,
    )


def _tell(scene: Scene, capture: Capture, record: Record, written: tuple[Path, ...]) -> None:
    settings = record.settings
    kind = record.protocol or "simulated"
    say(f"{record.scene}: {kind}, {record.level}, scale {settings.scale:g}, seed {record.seed}")
    mono, color = settings.mono.sensor, settings.color.sensor
    for name, picture, electrons, saturation, sensor in (
        ("mono ", capture.mono, settings.mono_electrons, settings.mono_saturation_e, mono),
        ("color", capture.mosaic, settings.color_electrons, settings.color_saturation_e, color),
    ):
        full = electrons / saturation
        share = f", {full:.0%} of saturation" if sensor.gain is not None else ""
        say(f"  {name}  {picture.shape[1]} x {picture.shape[0]}, {electrons:g} electrons at white{share}")
    if scene.disparity is not None and not settings.is_straight:
        say("  no disparity.png: it would not hold for a color camera that is turned, zoomed or distorted")
    by_name = {path.name: path for path in written}
    pair = (
        (by_name["mono.dng"], by_name["color.dng"])
        if {"mono.dng", "color.dng"} <= by_name.keys()
        else written[:2]
    )
    say(f"next: dualcam fuse {shlex.join(str(path) for path in pair)}")
