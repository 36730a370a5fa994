"""Measure from where on a capture's faults cost quality: the limits of ``dualcam.fusion.advice``.

    python benchmarks/fit_advice.py DATA rows.jsonl              # simulate, fuse and score; goes on where it stopped
    python benchmarks/fit_advice.py DATA rows.jsonl --table      # print the tables of docs/recipes/capture-advice.md

DATA is a folder of stereo pairs (``left.*``, ``right.*``) that are not test scenes. Every capture is one of NIGHT's
level "night" at scale 2 with one thing changed; the same scenes serve all of them. What is printed for every step is
what the advice would measure (median over the scenes) and what the fusion is worth (mean CIEDE2000, and the share of
pixels within 5 CIEDE2000).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dualcam.camera.curves import encode
from dualcam.evaluation import pictures, protocol
from dualcam.evaluation.metrics.color import de00, lab
from dualcam.files.read import from_array
from dualcam.frame import Frame
from dualcam.fusion.capture_facts import capture_facts
from dualcam.fusion.fuser import Fuser
from dualcam.simulation import capture
from dualcam.simulation.parallax import generator, parallax
from dualcam.simulation.settings import Lens, SceneLight, Settings

SCENES = (
    "midd14Q/Piano",
    "midd14Q/Adirondack",
    "midd14Q/Pipes",
    "midd14Q/Vintage",
    "llff/fern2k_0_1",
    "monstree/1036_1037",
    "misc/crestereo_test",
    "stereophoto/supermario",
)
HEIGHT, WIDTH = 384, 512
NIGHT = protocol.settings("night", 2)


@dataclass(frozen=True)
class Shot:
    """One simulated capture: a name, the step, and what is done to make it."""

    kind: str
    step: float
    mono: Settings = NIGHT
    color: Settings = NIGHT
    views: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] = lambda left, right: (
        left,
        right,
    )
    keep: float = 1.0
    mono_gain: float = 1.0


def shots() -> Iterator[Shot]:
    """All captures of a scene."""
    for ratio in (1, 2, 4, 8, 16, 32, 64, 128):
        # As many electrons in the color camera at every ratio: what changes is how dark the file is.
        lit = replace(NIGHT, light=SceneLight(500.0 * ratio, float(ratio)))
        yield Shot("exposure ratio", ratio, lit, lit)
    for electrons in (2000, 1000, 500, 250, 125, 62, 31, 16, 8):
        lit = replace(NIGHT, light=SceneLight(electrons * 2.0, 8.0))
        yield Shot("color electrons at white", electrons, NIGHT, lit)
    for electrons in (4000, 1000, 250, 125, 62, 31, 16):
        yield Shot("mono electrons at white", electrons, replace(NIGHT, light=SceneLight(electrons, 8.0)))
    for blur in (0, 0.7, 1, 1.5, 2, 3, 4):
        soft = replace(NIGHT, color=replace(NIGHT.color, lens=Lens(blur)))
        yield Shot("color blur, color px", blur, color=soft)
        soft = replace(NIGHT, mono=replace(NIGHT.mono, lens=Lens(blur)))
        yield Shot("mono blur, mono px", blur, mono=soft)
    for share in (0.03, 0.1, 0.2, 0.3, 0.4):
        yield Shot("moved share of the picture", share, views=moved(share))
    for overlap in (0.9, 0.75, 0.6, 0.45):
        yield Shot("color field, share of the width", overlap, keep=overlap)
    for gain in (1, 1.5, 2, 3, 5):
        yield Shot("mono overexposed by", gain, mono_gain=gain)
    for ratio in (1, 0.5, 0.25):
        yield Shot("color overexposed to ratio", ratio, color=replace(NIGHT, light=SceneLight(1000, ratio)))
    for share in (0.0, 0.03, 0.06, 0.1, 0.15, 0.2):
        yield Shot("invented parallax, share of the width", share, views=invented(share))


def moved(share: float) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A part of the color camera's view that has gone down by a few pixels between the shots."""

    def change(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = right.shape[:2]
        half = np.sqrt(share) / 2
        rows = slice(round(height * (0.5 - half)), round(height * (0.5 + half)))
        columns = slice(round(width * (0.5 - half)), round(width * (0.5 + half)))
        out = right.copy()
        out[rows, columns] = np.roll(right, 12, axis=0)[rows, columns]
        return left, out

    return change


def invented(share: float) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Another color view: of the mono view, with invented depths."""

    def change(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        views = parallax(capture.as_light(left), share, generator("advice"))
        return left, np.rint(encode(np.clip(views.right, 0, 1)) * 255).astype(np.uint8)

    return change


def shoot(shot: Shot, left: np.ndarray, right: np.ndarray, scene: str) -> tuple[Frame, Frame, np.ndarray]:
    """Both files as frames, and the truth (H, W, 3) uint8."""
    left, right = shot.views(left, right)
    mono_rng, color_rng = protocol.generators(scene, "night", 2)
    seen = capture.as_light(left) * shot.mono_gain
    mono = capture.mono_file(capture.mono_samples(seen, shot.mono, mono_rng), shot.mono.mono)
    color, _ = capture.color_file(
        capture.color_samples(capture.as_light(right), shot.color, color_rng), shot.color.color
    )
    color = np.ascontiguousarray(color[:, : round(color.shape[1] * shot.keep)])
    truth = np.rint(encode(np.clip(seen, 0, 1).astype(np.float32)) * 255).astype(np.uint8)
    return from_array(mono, "mono"), from_array(color, "color"), truth


def measured(fuser: Fuser, shot: Shot, scene: str, views: tuple[np.ndarray, np.ndarray]) -> dict[str, object]:
    """What the advice sees, and what the fusion is worth."""
    mono, color, truth = shoot(shot, *views, scene)
    known = fuser.prepare(mono, color)
    facts = capture_facts(known.pair, known.measured, known.mono, known.match, known.tone)
    method = fuser.method
    exposed = method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    colored = method.ref_color(known.mono, exposed, known.match)
    lost = mono.pixels[..., 0] >= 0.985
    pixels, confidence = method.ref_sr(colored, known.measured)
    error = de00(lab(np.rint(encode(pixels) * 255).astype(np.uint8)), lab(truth))
    # What mono clipped is white in the truth as well and would flatter the score.
    error = error[~lost]
    numbers = {name: value for name, value in asdict(facts).items() if isinstance(value, float | None)}
    return {
        "kind": shot.kind,
        "step": shot.step,
        "scene": scene,
        "error": float(error.mean()),
        "right": float((error < 5).mean()),
        "confidence": float(confidence[~lost].mean()),
        "facts": numbers,
    }


def run(data: Path, rows: Path) -> None:
    """Make every row that is missing."""
    done = {(r["kind"], r["step"], r["scene"]) for r in read(rows)}
    fuser = Fuser("neural")
    with rows.open("a") as file:
        for scene in SCENES:
            views = tuple(crop(pictures.rgb8(one(data / scene, side))) for side in ("left", "right"))
            for shot in shots():
                if (shot.kind, shot.step, scene) in done:
                    continue
                try:
                    row = measured(fuser, shot, scene, views)
                except Exception as error:  # a capture that is refused is a result, too
                    row = {"kind": shot.kind, "step": shot.step, "scene": scene, "refused": str(error)}
                file.write(json.dumps(row) + "\n")
                file.flush()


def one(folder: Path, side: str) -> Path:
    """The picture of a side, whatever its format."""
    return next(folder.glob(f"{side}.*"))


def crop(picture: np.ndarray) -> np.ndarray:
    """At most ``HEIGHT`` x ``WIDTH``, shrunk if it is far larger, then the middle."""
    factor = max(HEIGHT / picture.shape[0], WIDTH / picture.shape[1])
    if factor < 0.75:
        size = round(picture.shape[1] * factor * 1.2), round(picture.shape[0] * factor * 1.2)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (max(0, (a - b) // 2) for a, b in zip(picture.shape[:2], (HEIGHT, WIDTH), strict=True))
    return np.ascontiguousarray(picture[top : top + HEIGHT, left : left + WIDTH])


def read(rows: Path) -> list[dict]:
    """The rows that are there."""
    return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []


def table(rows: list[dict]) -> Iterator[str]:
    """Markdown: a table for every kind of fault."""
    kinds = dict.fromkeys(r["kind"] for r in rows)
    for kind in kinds:
        fact = FACTS[kind]
        yield f"\n| {kind} | measured: {fact} | CIEDE2000 | within 5 | refused |\n|---|---|---|---|---|"
        for step in dict.fromkeys(r["step"] for r in rows if r["kind"] == kind):
            here = [r for r in rows if r["kind"] == kind and r["step"] == step]
            good = [r for r in here if "error" in r]
            values = [r["facts"][fact] for r in good if r["facts"][fact] is not None]
            told = (
                f"{np.median(values):.3g} ({min(values):.3g} to {max(values):.3g})" if values else "not told"
            )
            if len(values) < len(good) and values:
                told += f", {len(good) - len(values)} not told"
            error, right = (np.mean([r[k] for r in good]) if good else np.nan for k in ("error", "right"))
            yield f"| {step:g} | {told} | {error:.2f} | {right:.0%} | {len(here) - len(good)} of {len(here)} |"


FACTS = {
    "exposure ratio": "ratio",
    "color electrons at white": "color_snr",
    "mono electrons at white": "mono_snr",
    "color blur, color px": "color_blur_px",
    "mono blur, mono px": "mono_blur_px",
    "moved share of the picture": "moved",
    "color field, share of the width": "overlap",
    "mono overexposed by": "mono_clipped",
    "color overexposed to ratio": "color_clipped",
    "invented parallax, share of the width": "parallax",
}


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--table", action="store_true", help="only print the tables of the rows")
    options = parser.parse_args()
    if not options.table:
        run(options.data, options.rows)
    print("\n".join(table(read(options.rows))))


if __name__ == "__main__":
    main()
