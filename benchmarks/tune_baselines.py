"""Measure the parameters of the baselines, one at a time, on NIGHT captures of training pairs.

    python benchmarks/tune_baselines.py PAIRS [--scenes a/b,c/d] [--levels dusk,night,dark] [--scales 2,4]

PAIRS is a folder of ``*/*/left.*`` and ``right.*`` that no test uses. Pairs over a megapixel are halved. For every
value: PSNR (RGB, 8-bit sRGB) and CIEDE2000 of the whole chain, means over all captures. The values in use, the
functions' defaults, stand first. docs/baselines.md holds a run of this.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from dualcam.camera.curves import encode
from dualcam.evaluation.baselines import alignment, colorization, upsampling
from dualcam.evaluation.baselines.nonlocal_means import Strength
from dualcam.evaluation.baselines.prepare import prepare
from dualcam.evaluation.case import Inputs
from dualcam.evaluation.pictures import rgb8
from dualcam.evaluation.protocol import capture
from dualcam.files.read import from_array

STRENGTHS = (
    Strength(),
    *(Strength(color=h) for h in (1.0, 1.5, 2.5, 3.0)),
    *(Strength(brightness=h) for h in (0.6, 1.5)),
    *(Strength(demosaic=v) for v in (0, 4e-4, 8e-4, 2e-3)),
)
FINEST = (0, 1, 2)
GUIDED = ((1, 3e-3), (1, 3e-4), (1, 1e-2), (2, 3e-3), (2, 3e-4), (3, 3e-3))
JOINT = ((1.5, 0.2), (0.5, 0.1), (1, 0.1), (1, 0.2), (1.5, 0.1), (2, 0.2))
HINTS = ((0.04, 0.03), (0.02, 0.03), (0.08, 0.03), (0.04, 0.01), (0.04, 0.1), (0.04, 1.0))


def read_small(path):
    """A view as (H, W, 3) uint8 display RGB, halved until it has at most a megapixel."""
    picture = rgb8(path)
    while picture.shape[0] * picture.shape[1] > 1e6:
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return picture


def variants(inputs):
    """Every setting of every parameter and its result, (H, W, 3) linear."""
    for strength in STRENGTHS:
        given = prepare(inputs, strength)
        aligned = alignment.dis(given.small, given.color)
        values = f"{strength.brightness:g}, {strength.color:g}, {strength.demosaic:g}"
        yield "non-local means", values, upsampling.guided(aligned, given.mono)
    given = prepare(inputs)
    mono, small = given.mono, given.small
    for finest in FINEST:
        yield "DIS finest", finest, upsampling.mono_luma(alignment.dis(small, given.color, finest), mono)
    aligned = alignment.dis(small, given.color)
    for setting in GUIDED:
        yield "guided filter", setting, upsampling.guided(aligned, mono, *setting)
    for setting in JOINT:
        yield "joint bilateral", setting, upsampling.joint_bilateral(aligned, mono, *setting)
    for alike, pull in HINTS:
        hints = alignment.as_bright(small, aligned, alike)
        yield (
            "Levin hints",
            (alike, pull),
            upsampling.guided(colorization.colorize(small, aligned, hints, pull), mono),
        )


def score(linear, truth):
    shown = np.rint(np.clip(encode(linear), 0, 1) * 255) / 255
    # A ninth of the pixels tells the mean color difference as well.
    here, there = rgb2lab(shown[1::3, 1::3]), rgb2lab(truth[1::3, 1::3] / 255)
    return -10 * np.log10(np.mean((shown - truth / 255) ** 2)), deltaE_ciede2000(here, there).mean()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--scenes", default="", help="comma-separated; all without it")
    parser.add_argument("--levels", default="dusk,night,dark")
    parser.add_argument("--scales", default="2,4")
    options = parser.parse_args()
    chosen = set(filter(None, options.scenes.split(",")))
    scores = defaultdict(list)
    for left in sorted(options.pairs.glob("*/*/left.*")):
        scene = f"{left.parts[-3]}/{left.parts[-2]}"
        if chosen and scene not in chosen:
            continue
        views = read_small(left), read_small(next(left.parent.glob("right.*")))
        for level in options.levels.split(","):
            for scale in map(int, options.scales.split(",")):
                shot = capture(*views, scene=scene, level=level, scale=scale)
                inputs = Inputs(from_array(shot.mono, "mono"), from_array(shot.color, "color"))
                for name, setting, result in variants(inputs):
                    scores[name, setting].append(score(result, shot.truth))
        print(scene, flush=True)
    print("\n| parameter | value | PSNR | ΔE00 |\n|---|---|---|---|")
    for (name, setting), rows in scores.items():
        print("| {} | {} | {:.2f} | {:.2f} |".format(name, setting, *np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
