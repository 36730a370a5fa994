"""Score the classical method on NIGHT captures of clean stereo pairs, beside the two trivial methods.

    python benchmarks/night_check.py PAIRS [--level night] [--scale 2] [--out DIR]

PAIRS is a folder of ``*/*/left.*`` and ``right.*``. For every scene: PSNR (RGB, 8-bit sRGB) and mean CIEDE2000 of

- *brightened*: the color picture, gain-matched to mono by their means and enlarged;
- *mono + chroma*: mono, plus the brightened color's difference to its own luma, enlarged, not aligned;
- *dualcam*: ``Fuser().fuse`` on the two files' pixels and nothing else;

and, for the confidence, its mean beside the share of pixels within 5 CIEDE2000.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from dualcam.camera.curves import decode, encode
from dualcam.evaluation.protocol import LEVELS, MONO_WEIGHTS, capture
from dualcam.files.read import from_array
from dualcam.fusion.fuser import Fuser
from dualcam.rig import warp


def read_rgb(path):
    return np.ascontiguousarray(cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1])


def trivial(mono, color):
    """The two methods that anybody could write: (H, W, 3) linear each."""
    height, width = mono.shape[:2]
    bright = color * np.float32(mono.mean() / max(float((color @ MONO_WEIGHTS).mean()), 1e-6))
    bright = np.maximum(bright, 0)
    chroma = encode(bright) - encode(bright @ MONO_WEIGHTS)[..., None]
    return {
        "brightened": decode(np.clip(warp.resize(encode(bright), height, width), 0, 1)),
        "mono + chroma": decode(np.clip(encode(mono) + warp.resize(chroma, height, width), 0, 1)),
    }


def score(linear, truth):
    shown = np.rint(np.clip(encode(linear), 0, 1) * 255) / 255
    apart = deltaE_ciede2000(rgb2lab(shown), rgb2lab(truth / 255))
    return 10 * np.log10(1 / np.mean((shown - truth / 255) ** 2)), apart


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--level", choices=list(LEVELS), default="night")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--out", type=Path, help="also write every result here, as PNG")
    options = parser.parse_args()
    fuser, rows = Fuser(), []
    print("| scene | brightened | mono + chroma | dualcam | confidence | within 5 |")
    print("|---|---|---|---|---|---|")
    for left in sorted(options.pairs.glob("*/*/left.*")):
        scene = f"{left.parts[-3]}/{left.parts[-2]}"
        views = read_rgb(left), read_rgb(next(left.parent.glob("right.*")))
        shot = capture(*views, scene=scene, level=options.level, scale=options.scale)
        mono, color = from_array(shot.mono, "mono"), from_array(shot.color, "color")
        fusion = fuser.fuse(mono, color)
        results = {**trivial(mono.pixels, color.pixels), "dualcam": fusion.pixels}
        scores = {name: score(linear, shot.truth) for name, linear in results.items()}
        within = float((scores["dualcam"][1] < 5).mean())
        row = [v for p, apart in scores.values() for v in (p, float(apart.mean()))]
        rows.append([*row, float(fusion.confidence.mean()), within])
        print_row(scene, rows[-1])
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            shown = np.rint(np.clip(encode(fusion.pixels), 0, 1) * 255).astype(np.uint8)
            cv2.imwrite(str(options.out / f"{scene.replace('/', '_')}.png"), shown[..., ::-1])
    print_row("**mean**", np.mean(rows, axis=0))
    losses = sum(r[4] <= max(r[0], r[2]) or r[5] >= min(r[1], r[3]) for r in rows)
    print(f"\n{losses} of {len(rows)} scenes where dualcam is not the best by PSNR and by CIEDE2000.")


def print_row(name, row):
    cells = [f"{row[i]:.2f} dB / {row[i + 1]:.2f}" for i in (0, 2, 4)]
    print(f"| {name} | {' | '.join(cells)} | {row[6]:.2f} | {row[7]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
