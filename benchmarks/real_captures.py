"""Fuse every real pair below a folder and look at all of it: pictures, contact sheets and a table.

    python benchmarks/real_captures.py DIR [--out DIR] [--markdown]

A pair is a folder that holds ``mono.*`` and ``color.*`` in any format dualcam reads. The folder's first name below
DIR is the device, the rest is the scene. Real captures have no truth to compare with. The table says what dualcam
found and how sure it is, and what can be measured without a truth: how far color edges lie from mono's, and, where
the patches of a color checker were marked (``checker_patches.json``), how far their color is from the photographed
one. Both stand beside the color that is placed but not matched, which is what the method starts from. The sheets
show whether to believe it.

With ``--out``: the result and the confidence of every pair as PNG, ``table.md``, and one contact sheet a device
(mono, color as shot but placed, result, confidence). Refused pairs are on the sheets too, with the reason.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.errors import DualcamError
from dualcam.evaluation import checker
from dualcam.evaluation.metrics.fidelity import shown
from dualcam.evaluation.metrics.misregistration import misregistration
from dualcam.files.probe import probe
from dualcam.files.read import read
from dualcam.files.write import write, write_gray
from dualcam.frame import FloatArray, Fusion, Provenance
from dualcam.fusion.fuser import Fuser
from dualcam.rig.warp import place_color

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".pgm", ".ppm", ".pfm")
CELL = 480
LABEL = 26
HEAD = (
    "device",
    "scene",
    "mono",
    "color",
    "outcome",
    "scale",
    "rotation, °",
    "overlap",
    "quality",
    "parallax, px",
    "measured / propagated / neutral",
    "mean confidence",
    "misregistration, px: placed → result",
    "processor seconds",
)
CHECKERS = checker.read(Path(__file__).with_name("checker_patches.json"))
Strip = NDArray[np.uint8]


@dataclass(slots=True)
class Outcome:
    """What came of one pair: a row of the table and a strip of the contact sheet."""

    device: str
    scene: str
    placed: bool = False
    row: list[str] = field(default_factory=list)
    strip: Strip | None = None
    patches: tuple[checker.Patch, ...] = ()


def find_pairs(root: Path) -> list[tuple[Path, Path]]:
    """All (mono, color) below a folder, sorted."""
    pairs = []
    for mono in sorted(p for p in root.rglob("mono.*") if p.suffix.lower() in SUFFIXES):
        colors = [p for p in sorted(mono.parent.glob("color.*")) if p.suffix.lower() in SUFFIXES]
        if colors:
            pairs.append((mono, colors[0]))
    return pairs


def fuse_pair(fuser: Fuser, mono: Path, color: Path, root: Path, out: Path | None) -> Outcome:
    """Fuse one pair; a refusal becomes a row like any other."""
    parts = mono.parent.relative_to(root).parts or (mono.parent.name,)
    outcome = Outcome(parts[0], "/".join(parts[1:]) or "-")
    sizes = [_size_of(path) for path in (mono, color)]
    started = time.process_time()
    try:
        fusion = fuser.fuse(mono, color)
    except DualcamError as error:
        seconds = time.process_time() - started
        # Tables get shown around: no folders of this machine in them.
        reason = "refused: " + error.cause.replace(f"{root}/", "")
        outcome.row = [outcome.device, outcome.scene, *sizes, reason, *["-"] * 8, f"{seconds:.1f}"]
        if out is not None:
            outcome.strip = refused_strip(mono, color, reason, f"{outcome.device} / {outcome.scene}")
        return outcome
    seconds = time.process_time() - started
    outcome.placed = True
    fringes = " → ".join(f"{px:.2f}" if np.isfinite(px) else "-" for px in fringes_of(fusion))
    outcome.row = [outcome.device, outcome.scene, *sizes, *facts_of(fusion), fringes, f"{seconds:.1f}"]
    marks = CHECKERS.pairs.get(f"{outcome.device}/{outcome.scene}", {})
    outcome.patches = checker.compare(fusion, marks, CHECKERS.side)
    if out is not None:
        name = "_".join(parts)
        write(out / f"{name}_result.png", fusion.pixels, origin=fusion.pair.mono.origin, overwrite=True)
        write_gray(out / f"{name}_confidence.png", fusion.confidence, overwrite=True)
        outcome.strip = placed_strip(fusion, f"{outcome.device} / {outcome.scene}")
    return outcome


def facts_of(fusion: Fusion) -> list[str]:
    """The middle columns of the table."""
    placement = fusion.pair.placement
    turn = np.degrees(np.arctan2(placement.matrix[1, 0], placement.matrix[0, 0]))
    kinds = (Provenance.MEASURED, Provenance.PROPAGATED, Provenance.NEUTRAL)
    shares = [100 * float((fusion.provenance == kind).mean()) for kind in kinds]
    return [
        f"placed ({placement.method})",
        f"{placement.scale:.2f}",
        f"{turn:+.1f}",
        f"{placement.overlap:.0%}",
        f"{placement.quality:.2f}",
        f"{placement.parallax_px:.0f}",
        " / ".join(f"{share:.0f}" for share in shares) + " %",
        f"{float(fusion.confidence.mean()):.2f}",
    ]


def fringes_of(fusion: Fusion) -> tuple[float, float]:
    """How far color edges lie from mono's, in mono pixels: of the color as placed, and of the result."""
    mono = fusion.pair.mono.pixels
    placed = place_color(fusion.pair)
    placed = placed * np.float32(_brightening(placed, fusion.pixels))
    # Where the color camera did not look there is no color, and no edge of color either.
    start = np.where(np.isfinite(placed), placed, mono)
    base = encode(mono[..., 0])
    return misregistration(shown(start), base), misregistration(shown(fusion.pixels), base)


def _size_of(path: Path) -> str:
    try:
        facts = probe(path)
    except DualcamError:
        return "unreadable"
    return f"{facts.width} × {facts.height}"


# --- contact sheets ------------------------------------------------------------------------------------------


def placed_strip(fusion: Fusion, title: str) -> Strip:
    """Mono, color as placed, result and confidence side by side, labelled."""
    mono = fusion.pair.mono.pixels
    shot = place_color(fusion.pair)
    gain = _brightening(shot, fusion.pixels)
    cells = [
        _cell(_shown(mono), "mono"),
        _cell(_shown(shot * np.float32(gain)), f"color as shot, placed, shown x {gain:.3g}"),
        _cell(_shown(fusion.pixels), "result"),
        _cell(_bytes(fusion.confidence), "confidence (black 0, white 1)"),
    ]
    return _strip(cells, title)


def refused_strip(mono: Path, color: Path, reason: str, title: str) -> Strip:
    """The two inputs as far as they can be read, and the reason."""
    cells = []
    for path, role in ((mono, "mono"), (color, "color")):
        try:
            frame = read(path, "mono" if role == "mono" else "color")
        except DualcamError:
            cells.append(_cell(np.full((CELL * 3 // 4, CELL), 40, np.uint8), f"{role}: unreadable"))
            continue
        cells.append(
            _cell(_shown(frame.pixels * np.float32(_brightening(frame.pixels, None))), f"{role}, brightened")
        )
    note = np.full((CELL * 3 // 4, CELL, 3), 40, np.uint8)
    for line, text in enumerate(textwrap.wrap(reason, 52)[:14]):
        _write(note, text, 10, 24 + 22 * line)
    return _strip([*cells, _cell(note, "refused")], title)


def _brightening(linear: FloatArray, like: FloatArray | None) -> float:
    """The factor that brings the 99th percentile of a picture to that of another (or to 0.8)."""
    seen = linear[np.isfinite(linear)]
    high = float(np.percentile(seen, 99)) if seen.size else 0.0
    wanted = float(np.percentile(like, 99)) if like is not None else 0.8
    return max(1.0, wanted / high) if high > 0 else 1.0


def _shown(linear: FloatArray) -> Strip:
    return _bytes(encode(np.clip(np.nan_to_num(linear), 0, 1)))


def _bytes(display: FloatArray) -> Strip:
    return np.rint(np.clip(display, 0, 1) * 255).astype(np.uint8)


def _cell(samples: Strip, label: str) -> Strip:
    """A picture brought to the width of a cell, RGB, with its label above."""
    rgb = (
        samples
        if samples.ndim == 3 and samples.shape[2] == 3
        else np.repeat(samples.reshape(*samples.shape[:2], 1), 3, 2)
    )
    height = max(1, round(rgb.shape[0] * CELL / rgb.shape[1]))
    how = cv2.INTER_AREA if rgb.shape[1] > CELL else cv2.INTER_CUBIC
    cell = np.full((height + LABEL, CELL, 3), 20, np.uint8)
    cell[LABEL:] = cv2.resize(rgb, (CELL, height), interpolation=how)
    _write(cell, label, 6, 18)
    return cell


def _strip(cells: list[Strip], title: str) -> Strip:
    height = LABEL + max(cell.shape[0] for cell in cells)
    strip = np.full((height, 4 * CELL, 3), 20, np.uint8)
    for column, cell in enumerate(cells):
        strip[LABEL : LABEL + cell.shape[0], column * CELL : (column + 1) * CELL] = cell
    _write(strip, title, 6, 18)
    return strip


def _write(picture: Strip, text: str, x: int, y: int) -> None:
    ascii_text = text.encode("ascii", "replace").decode()
    cv2.putText(picture, ascii_text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA)


# --- the table -----------------------------------------------------------------------------------------------


def markdown(outcomes: list[Outcome]) -> str:
    """The table, and how many pairs of each device were placed."""
    rows = [list(HEAD), ["---"] * len(HEAD), *(outcome.row for outcome in outcomes)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    devices = sorted({outcome.device for outcome in outcomes})
    counts = []
    for device in devices:
        own = [outcome.placed for outcome in outcomes if outcome.device == device]
        counts.append(f"{device} {sum(own)} of {len(own)}")
    total = sum(outcome.placed for outcome in outcomes)
    lines += ["", f"Placed: {total} of {len(outcomes)} ({', '.join(counts)})."]
    for outcome in outcomes:
        if outcome.patches:
            lines += ["", *patch_lines(outcome)]
    return "\n".join(lines)


def patch_lines(outcome: Outcome) -> list[str]:
    """The patches of one checker: a table of CIEDE2000 at one luminance, its mean first."""
    found = outcome.patches
    within = [sum(p.result <= limit for p in found) for limit in (2, 5)]
    lines = [
        f"Color checker in {outcome.device} / {outcome.scene}, {len(found)} patches, {within[0]} of them within "
        f"ΔE00 2 and {within[1]} within 5 in the result:",
        "",
        "| patch | ΔE00 placed | ΔE00 result |",
        "| --- | --- | --- |",
    ]
    means = [float(np.mean([getattr(p, which) for p in found])) for which in ("placed", "result")]
    medians = [float(np.median([getattr(p, which) for p in found])) for which in ("placed", "result")]
    rows = [("**mean**", *means), ("**median**", *medians), *((p.name, p.placed, p.result) for p in found)]
    return lines + [f"| {name} | {placed:.1f} | {result:.1f} |" for name, placed, result in rows]


def main() -> None:
    """Parse, fuse all, write, print."""
    parser = argparse.ArgumentParser(description="Fuse every real mono/color pair below a folder.")
    parser.add_argument("dir", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for pictures, sheets and table.md")
    parser.add_argument("--markdown", action="store_true", help="print the table instead of one line a pair")
    options = parser.parse_args()
    pairs = find_pairs(options.dir)
    if not pairs:
        raise SystemExit(f"error: no mono.* beside a color.* below {options.dir}")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    fuser = Fuser()
    outcomes = []
    for mono, color in pairs:
        outcome = fuse_pair(fuser, mono, color, options.dir, options.out)
        outcomes.append(outcome)
        print("  ".join(outcome.row), file=sys.stderr if options.markdown else sys.stdout, flush=True)
    table = markdown(outcomes)
    if options.markdown:
        print(table)
    if options.out:
        (options.out / "table.md").write_text(table + "\n", encoding="utf-8")
        for device in sorted({outcome.device for outcome in outcomes}):
            strips = [o.strip for o in outcomes if o.device == device and o.strip is not None]
            sheet = np.ascontiguousarray(np.vstack(strips)[..., ::-1])
            cv2.imwrite(str(options.out / f"sheet_{device}.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()
