"""``dualcam info``: what picture files say about themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dualcam.cli.guard import explain, guarded
from dualcam.errors import DualcamError

if TYPE_CHECKING:
    from dualcam.files.probe import FileFacts, SensorFacts


def info(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Picture files.")],
    raw: Annotated[
        str | None,
        typer.Option(
            metavar="WxHxBITS[:...]", help="They are flat samples without header, such as 1280x1024x8."
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,
) -> None:
    """Show size, format, bits, curve, profile, sensor and camera of picture files."""
    with guarded(verbose):
        from dualcam.files.probe import probe

        failed = 0
        for path in files:
            try:
                print("\n".join(lines(probe(path, raw=raw))), flush=True)
            except DualcamError as error:
                failed = explain(error, verbose)
        if failed:
            raise typer.Exit(failed if len(files) == 1 else 1)


def lines(facts: FileFacts) -> list[str]:
    """Write the facts of a file for people: its name, then one indented line a fact."""
    channels = "gray" if facts.channels == 1 else "RGB"
    rows = [
        ("format", f"{facts.format}, {channels}, {facts.sample}, {facts.bits} bits"),
        ("size", f"{facts.width} x {facts.height} pixels ({facts.width * facts.height / 1e6:.1f} MP)"),
        ("curve", facts.curve),
        ("white", f"{facts.white:g}"),
        ("profile", facts.profile),
        ("orientation", _orientation(facts)),
        ("alpha", "yes, ignored" if facts.has_alpha else ""),
        ("camera", _camera(facts)),
        ("taken", facts.camera.date),
        ("looks like", facts.role_guess),
    ]
    if facts.sensor is not None:
        rows[4:4] = _sensor(facts.sensor)
    rows += [("note", note) for note in facts.notes]
    return [str(facts.path), *(f"  {name:<12}{text}" for name, text in rows if text)]


def _orientation(facts: FileFacts) -> str:
    if facts.format == "FITS":
        return "rows from the bottom up" if facts.orientation == 4 else "rows from the top down"
    return f"{facts.orientation} (applied when read)" if facts.orientation != 1 else ""


def _sensor(sensor: SensorFacts) -> list[tuple[str, str]]:
    balance = ", ".join(f"{name} {gain:.3f}" for name, gain in zip("RGB", sensor.white_balance, strict=False))
    return [
        ("black", ", ".join(f"{level:g}" for level in sensor.black)),
        ("mosaic", sensor.pattern),
        ("balance", balance),
        ("noise", _noise(sensor)),
    ]


def _noise(sensor: SensorFacts) -> str:
    """The stated noise as variance of a sample with black 0 and white 1; equal channels once."""
    names = ("R ", "G ", "B ") if len(set(sensor.noise)) > 1 else ("",)
    texts = [f"{name}{m.shot:.3g} x + {m.read:.3g}" for name, m in zip(names, sensor.noise, strict=False)]
    return f"variance {', '.join(texts)}" if texts else ""


def _camera(facts: FileFacts) -> str:
    camera = facts.camera
    model = camera.model if camera.model.startswith(camera.make) else f"{camera.make} {camera.model}".strip()
    parts = [model]
    if camera.exposure_s:
        slow = camera.exposure_s >= 0.4
        parts.append(f"{camera.exposure_s:g} s" if slow else f"1/{1 / camera.exposure_s:.0f} s")
    if camera.f_number:
        parts.append(f"f/{camera.f_number:g}")
    if camera.iso:
        parts.append(f"ISO {camera.iso:g}")
    if camera.focal_mm:
        parts.append(f"{camera.focal_mm:g} mm")
    return ", ".join(filter(None, parts))
