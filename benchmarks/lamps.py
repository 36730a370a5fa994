"""Measure recovered lamps on captures of known light, and make a sheet to look at.

    python benchmarks/lamps.py DATA/midd14Q/Piano out [--methods classical neural]

The scene is a stereo pair (``left.*``, ``right.*``) that is no test scene, dimmed, with lamps and neon signs painted
into both views, 2 to 30 times white. Prints the table of docs/recipes/highlights.md, and writes a sheet for every row:
the truth as a display clips it, without recovery, with it; then, four times darker, the truth and the radiance.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from dualcam.camera.curves import encode
from dualcam.evaluation import pictures, protocol
from dualcam.fusion.fuser import Fuser
from dualcam.simulation import capture
from dualcam.simulation.settings import SceneLight

WEIGHTS = np.array(protocol.settings("night", 2).mono.response.weights, np.float32)
# Place as a share of width and height, radius in pixels, linear color.
LAMPS = (
    ((0.20, 0.25), 22.0, (12, 8, 3)),
    ((0.50, 0.20), 9.0, (3, 0.3, 0.3)),
    ((0.75, 0.30), 5.0, (9, 9, 10)),
    ((0.30, 0.60), 3.0, (20, 14, 6)),
    ((0.60, 0.60), 2.0, (8, 2, 1)),
    ((0.85, 0.65), 30.0, (2.2, 2.0, 1.6)),
    ((0.45, 0.80), 1.2, (30, 30, 30)),
)
SIGNS = (("NEON", 0.55, (6, 0.4, 1.2)), ("BAR", 0.08, (0.3, 1.5, 5)))
# Exposure ratio, mono electrons at white, scale.
CAPTURES = ((8.0, 1000.0, 2.0), (16.0, 250.0, 4.0), (4.0, 4000.0, 2.0))


def lit(view: np.ndarray, shift: float) -> np.ndarray:
    """A dimmed view (H, W, 3) with lamps and their glow, moved by a few pixels; linear, far over 1."""
    height, width = view.shape[:2]
    light = np.zeros_like(view)
    for (x, y), radius, color in LAMPS:
        mask = np.zeros((height, width), np.uint8)
        middle = round((x * width + shift) * 16), round(y * height * 16)
        cv2.circle(mask, middle, round(radius * 16), 255, -1, cv2.LINE_AA, 4)
        light += mask[..., None] / np.float32(255) * np.float32(color)
    for text, x, color in SIGNS:
        mask = np.zeros((height, width), np.uint8)
        corner = int(x * width + shift), int(0.9 * height)
        cv2.putText(mask, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 5, cv2.LINE_AA)
        light += mask[..., None] / np.float32(255) * np.float32(color)
    glow = 0.12 * cv2.GaussianBlur(light, (0, 0), 12) + 0.1 * cv2.GaussianBlur(light, (0, 0), 3)
    return (0.35 * view + 0.9 * light + glow).astype(np.float32)


def shoot(
    left: np.ndarray, right: np.ndarray, ratio: float, electrons: float, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Both files of NIGHT's cameras in this light."""
    settings = replace(protocol.settings("night", scale), light=SceneLight(electrons, ratio))
    mono = capture.mono_samples(left, settings, np.random.default_rng([1, 0]))
    color = capture.color_samples(right, settings, np.random.default_rng([2, 0]))
    return capture.mono_file(mono, settings.mono), capture.color_file(color, settings.color)[0]


def errors(picture: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean error of what mono clipped: luminance in EV, RGB at luminance 1."""
    light, wanted = picture @ WEIGHTS, truth @ WEIGHTS
    lost = wanted > 1.05
    ev = np.abs(np.log2(np.maximum(light, 1e-3) / wanted))[lost].mean()
    tints = [p / np.maximum(y, 1e-4)[..., None] for p, y in ((picture, light), (truth, wanted))]
    return float(ev), float(np.abs(tints[0] - tints[1]).mean(-1)[lost].mean())


def sheet(
    path: Path, truth: np.ndarray, without: np.ndarray, found: np.ndarray, radiance: np.ndarray
) -> None:
    """Five pictures on one, to look at."""
    rows = [[truth, without, found], [truth / 4, radiance / 4, np.zeros_like(truth)]]
    linear = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(path), np.rint(encode(np.clip(linear, 0, 1)) * 255).astype(np.uint8)[..., ::-1])


def main() -> None:
    """Parse, capture, fuse, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--methods", nargs="+", default=["classical", "neural"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    views = [
        capture.as_light(pictures.rgb8(next(options.scene.glob(f"{side}.*")))).astype(np.float32)
        for side in ("left", "right")
    ]
    left, right = lit(views[0], 0), lit(views[1], -22)
    print(
        "| method | ratio | electrons | scale | highlights | luminance, EV | color |\n|---|---|---|---|---|---|---|"
    )
    for method in options.methods:
        for light in CAPTURES:
            files = shoot(left, right, *light)
            made = {how: Fuser(method, highlights=how).fuse(*files) for how in ("off", "auto")}
            pixels, found = made["off"].pixels, made["auto"]
            radiance = found.pixels if found.radiance is None else found.radiance
            told = f"| {method} | {light[0]:g} | {light[1]:g} | {light[2]:g} |"
            for how, picture in (("off", pixels), ("auto", radiance)):
                ev, tint = errors(picture, left)
                print(f"{told} {how} | {ev:.2f} | {tint:.2f} |", flush=True)
            name = f"{method}_{light[0]:g}_{light[2]:g}.png"
            sheet(options.out / name, left, pixels, found.pixels, radiance)


if __name__ == "__main__":
    main()
