"""How do hard pairs fare? Fisheye, turned, distorted, rolling, moving, near-infrared, stars, against the easy pair.

    python benchmarks/hard_pairs.py DIR [--scenes 6] [--scales 2 1] [--fuse classical neural] [--kinds TEXT ...]
        [--sheets DIR] [--into FILE]

Below DIR, each folder with ``left.*`` and ``right.*`` is a stereo pair. Every kind of ``hard_kinds`` is made of it:
both cameras' views are cut to their middle and the cameras turned, bent or shaken, and captured at NIGHT's level
"night". Star fields are drawn, without parallax, and get hot pixels. Reported for every kind:

- **placed**: how many pairs were, and by what; how many of them with a bend;
- **error**: how far mono's pixels are placed from where the known turn or bend of the kind takes the placement of the
  straight pair, RMS over the common field, in pixels of the mono picture, median of the scenes; **across** is its
  part in the vertical, where a rectified pair has no parallax (the horizontal part also holds what different depths
  are averaged to). Star fields are compared with the known truth;
- **fused**: PSNR and CIEDE2000 against the mono view, mean over the scenes; a refused pair counts as mono in gray.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from dualcam.errors import PlacementError
from dualcam.evaluation import pictures, protocol
from dualcam.evaluation.dataset import find
from dualcam.evaluation.judge import Judge
from dualcam.files.read import from_array
from dualcam.frame import Frame, Pair, Placement
from dualcam.fusion.fuser import Fuser
from dualcam.rig import mapping, warp
from dualcam.rig.place import place
from dualcam.simulation import capture as steps
from dualcam.simulation.codes import light
from dualcam.simulation.stars import add_hot_pixels, star_field
from hard_kinds import KINDS, STARS, Kind, map_of, shown, with_moved_objects

SKY = (640, 960)
HOT_SHARE = 3e-5


@dataclass(frozen=True)
class Scene:
    """Two linear views (H, W, 3); a scene without parallax has the same twice."""

    name: str
    left: np.ndarray
    right: np.ndarray
    kinds: Sequence[Kind]

    @property
    def is_sky(self) -> bool:
        """Whether both cameras see the same, without parallax."""
        return self.left is self.right


@dataclass
class Row:
    """One capture and what became of it."""

    scene: str
    kind: str
    scale: int
    method: str
    bent: bool = False
    matches: int = 0
    error: float = np.nan
    across: float = np.nan
    scores: dict = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Which rows are averaged: all stereo pairs, and each star field alone."""
        return self.scene if "stars" in self.scene else "stereo"


def scenes(root: Path, most: int):
    known = find(root)
    step = max(1, len(known) // most)
    for scene in known[::step][:most]:
        left, right = (light(pictures.rgb8(p)).astype(np.float32) for p in scene.views.files()[:2])
        yield Scene(scene.name, left, right, KINDS)
    for name, landscape, stars in (
        ("stars", 0.0, 400),
        ("stars+landscape", 0.35, 500),
        ("few stars", 0.0, 120),
    ):
        sky = star_field(
            *SKY, np.random.default_rng(zlib.crc32(name.encode())), landscape=landscape, stars=stars
        )
        yield Scene(name, sky, sky, STARS)


def shoot(scene: Scene, kind: Kind, scale: int) -> tuple[Frame, Frame, np.ndarray]:
    """The two frames of a kind, as read from files, and the mono view in 8 bits."""
    rng = np.random.default_rng([zlib.crc32(f"{scene.name} {kind.name}".encode()), scale])
    right = with_moved_objects(scene.right, kind.moved, rng) if kind.moved else scene.right
    left, right = shown(scene.left, kind.mono), shown(right, kind.color)
    settings = kind.settings(protocol.settings("night", scale))
    mono_rng, color_rng = protocol.generators(f"{scene.name} {kind.name}", "night", scale)
    mono = steps.mono_samples(left, settings, mono_rng)
    color = steps.color_samples(right, settings, color_rng)
    if scene.is_sky:
        for samples in (mono, color):
            add_hot_pixels(samples, max(8, int(HOT_SHARE * samples.size)), settings.mono.sensor.white, rng)
    files = steps.mono_file(mono, settings.mono), steps.color_file(color, settings.color)[0]
    return from_array(files[0], "mono"), from_array(files[1], "color"), steps.as_codes(left)


def in_the_view(placement: Placement, frames, scene: Scene, kind: Kind, scale: int, points):
    """Where in the right view the color camera looks at what is placed at mono positions; and whether it does."""
    there = mapping.of(Pair(*frames, placement)).to_color(points)
    size = frames[0].pixels.shape[:2]
    look = map_of(kind.color, size, scene.right.shape[:2])
    return look(there * np.float32(scale)), warp.inside(there, *frames[1].pixels.shape[:2])


def errors(placement, frames, scene: Scene, kind: Kind, scale: int, plain) -> tuple[float, float]:
    """RMS error of a placement, and its vertical part, in pixels of the view."""
    size = frames[0].pixels.shape[:2]
    y, x = np.mgrid[0.01:0.99:60j, 0.01:0.99:80j]
    points = np.stack([x * size[1], y * size[0]], axis=-1).astype(np.float32)
    found, inside = in_the_view(placement, frames, scene, kind, scale, points)
    seen = map_of(kind.mono, size, scene.left.shape[:2])(points)
    if scene.is_sky:
        wanted = seen
    else:
        # Where the straight pair's placement takes the same places of the left view.
        straight, straight_frames = plain
        margin = (np.array(scene.left.shape[1::-1]) - np.array(size[::-1])) / 2
        wanted, _ = in_the_view(
            straight, straight_frames, scene, scene.kinds[0], scale, (seen - margin).astype(np.float32)
        )
    away = (found - wanted)[inside]
    return float(np.sqrt((away**2).sum(-1).mean())), float(np.sqrt((away[:, 1] ** 2).mean()))


def examine(scene: Scene, kind: Kind, scale: int, plain, fusers, sheets: Path | None):
    """One row, and what the other kinds of this scene are compared with."""
    mono, color, truth = shoot(scene, kind, scale)
    try:
        placement = place(mono, color)
    except PlacementError:
        placement = None
    row = Row(scene.name, kind.name, scale, placement.method if placement else "refused")
    if placement is not None:
        plain = plain or (placement, (mono, color))
        row.bent, row.matches = placement.bend is not None, placement.matches
        if scene.is_sky or plain[0] is not placement:
            row.error, row.across = errors(placement, (mono, color), scene, kind, scale, plain)
    judge = Judge(truth)
    for name, fuser in fusers.items():
        fusion = None if placement is None else fuser.fuse(mono, color)
        pixels = np.repeat(mono.pixels, 3, axis=2) if fusion is None else fusion.pixels
        row.scores[name] = judge.score(pixels)
        if sheets and fusion is not None:
            title = f"{scene.name}_{kind.name}_{scale}_{name}".replace("/", "-").replace(" ", "_")
            placed = np.nan_to_num(mapping.place_color(fusion.pair)) * fusion.pair.mono.pixels.mean()
            placed /= max(float(np.nanmean(placed)), 1e-6) / float(mono.pixels.mean())
            strip = [steps.as_codes(np.clip(p, 0, 1)) for p in (placed, pixels)]
            cv2.imwrite(str(sheets / f"{title}.png"), np.hstack([*strip, truth])[..., ::-1])
    return row, plain


def table(rows: list[Row], fused: Sequence[str]) -> str:
    """Means of every kind as Markdown."""
    heads = [
        "pairs",
        "kind",
        "s",
        "placed",
        "bent",
        "error, px",
        "across, px",
        *(f"{n}: PSNR / ΔE00" for n in fused),
    ]
    lines = [heads, ["---"] * len(heads)]
    for group, kind, scale in dict.fromkeys((r.group, r.kind, r.scale) for r in rows):
        own = [r for r in rows if (r.group, r.kind, r.scale) == (group, kind, scale)]
        placed = [r for r in own if r.method != "refused"]
        ways = {m: sum(r.method == m for r in placed) for m in sorted({r.method for r in placed})}
        how = ", ".join(f"{m} {n}" if len(ways) > 1 else m for m, n in ways.items()) or "–"
        cells = [
            group,
            kind,
            str(scale),
            f"{len(placed)} of {len(own)} ({how})",
            str(sum(r.bent for r in own)),
        ]
        for name in ("error", "across"):
            values = sorted(v for r in placed if np.isfinite(v := getattr(r, name)))
            cells.append(f"{np.median(values):.2f} (most {values[-1]:.2f})" if values else "–")
        for name in fused:
            cells.append(" / ".join(f"{fmean(r.scores[name][k] for r in own):.2f}" for k in ("psnr", "de00")))
        lines.append(cells)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--scenes", type=int, default=6, help="stereo pairs, evenly drawn from all")
    parser.add_argument("--scales", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--fuse", nargs="*", default=[], help="methods: classical, neural")
    parser.add_argument(
        "--kinds", nargs="*", default=[], help="only kinds and scenes whose name holds one of these"
    )
    parser.add_argument("--sheets", type=Path, help="folder for placed color, result and truth side by side")
    parser.add_argument("--into", type=Path, help="page whose lines between the markers are replaced")
    options = parser.parse_args()
    if options.sheets:
        options.sheets.mkdir(parents=True, exist_ok=True)
    fusers = {name: Fuser(method=name) for name in options.fuse}
    rows = []
    for scene in scenes(options.root, options.scenes):
        for scale in options.scales:
            plain = None
            for kind in scene.kinds:
                name = f"{scene.name} {kind.name}"
                if kind.name != "straight" and options.kinds and not any(k in name for k in options.kinds):
                    continue
                row, plain = examine(scene, kind, scale, plain, fusers, options.sheets)
                if kind.name == "straight" and row.method == "refused" and not scene.is_sky:
                    print(f"{scene.name} × {scale}: refused even straight", flush=True)
                    break
                rows.append(row)
                scores = " ".join(f"{n} {s['psnr']:.2f}/{s['de00']:.2f}" for n, s in row.scores.items())
                print(
                    f"{scene.name:24} {kind.name:30} x{scale} {row.method:10} {'bent' if row.bent else '    '} "
                    f"{row.matches:5} {row.error:7.2f} {row.across:7.2f}  {scores}",
                    flush=True,
                )
    text = table(rows, options.fuse)
    print(text)
    if options.into:
        page = options.into.read_text(encoding="utf-8")
        start = f"<!-- benchmarks/hard_pairs.py: {'fused' if options.fuse else 'placed'} -->"
        before, rest = page.split(start)
        after = rest.split("<!-- end -->", 1)[1]
        options.into.write_text(f"{before}{start}\n\n{text}\n\n<!-- end -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
