#!/usr/bin/env python3
"""Fit what confidences are worth in the color camera's view (``fusion.color_view.CLAIMS``) on simulated captures.

Every pair of clean views in the folder becomes captures of the NIGHT protocol at several levels and scales; results in
the color view are compared with the right view, after one factor has made both equally bright (the two views of some
pairs were not exposed alike). A logistic model of the confidence and of ``color_view.EVIDENCE`` is fitted to whether
pixels are within 5 CIEDE2000, once for each scene without that scene (what is printed for held-back scenes), and once
for all (what is printed for the table). Use training scenes only::

    python benchmarks/fit_color_view.py FOLDER [--scenes 'midd*']
"""

from __future__ import annotations

import argparse
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from dualcam.camera.curves import encode
from dualcam.evaluation import dataset, pictures, protocol
from dualcam.evaluation.metrics.color import de00, lab
from dualcam.files.read import from_array
from dualcam.fusion import color_view
from dualcam.fusion.fuser import Fuser
from dualcam.rig import warp
from dualcam.simulation.capture import as_light, shoot

CAPTURES = (("dusk", 2), ("night", 2), ("dark", 2), ("night", 1), ("night", 4), ("dark", 4))
SAMPLES = 4000
# Pixels brighter than this may be clipped in one of the views.
BRIGHT = 0.9


def pixels_of(fuser, scene, level, scale, rng):
    """Some pixels of a capture: (n, 7), a constant, the logit, the evidence, and whether they are right."""
    left, right = (pictures.rgb8(path) for path in (scene.views.left, scene.views.right))
    height, width = (side // scale * scale for side in left.shape[:2])
    left, right = left[:height, :width], right[:height, :width]
    shot = shoot(left, right, protocol.settings(level, scale), *protocol.generators(scene.name, level, scale))
    known = fuser.prepare(from_array(shot.mono, "mono"), from_array(shot.color, "color"))
    method = fuser.method
    exposed = method.ref_ec(known.pair, known.measured, known.mono, known.match, known.tone)
    view = color_view.bring(known.pair, known.measured, known.match, exposed)
    colored = method.ref_color(view.mono, exposed, view.match)
    made, sure = method.ref_sr(colored, view.measured)
    truth = as_light(right).astype(np.float32)
    made, sure = warp.resize(made, height, width), np.clip(warp.resize(sure, height, width), 1e-4, 1 - 1e-4)
    fair = (truth < BRIGHT) & (made < BRIGHT)
    made = np.clip(made * np.float32((truth * made)[fair].sum() / (made * made)[fair].sum()), 0, 1)
    good = de00(lab(np.rint(encode(made) * 255).astype(np.uint8)), lab(right)) < 5
    logit = np.log(sure / (1 - sure))
    evidence = np.moveaxis(warp.resize(view.evidence, height, width), -1, 0)
    table = np.stack([np.ones_like(logit), logit, *evidence, good], axis=-1)
    table = table.reshape(-1, table.shape[-1])
    return table[rng.choice(len(table), min(SAMPLES, len(table)), replace=False)]


def fitted(table):
    """Weights of a logistic model, by Newton's method with a little ridge."""
    x, y = table[:, :-1], table[:, -1]
    weights = np.zeros(x.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-x @ weights))
        bend = x.T @ ((p * (1 - p))[:, None] * x) + 0.1 * np.eye(len(weights))
        weights += np.linalg.solve(bend, x.T @ (y - p) - 0.1 * weights)
    return weights


def error(claimed, good, bins=10):
    """Expected calibration error."""
    bin_of = np.minimum((claimed * bins).astype(int), bins - 1)
    parts = [bin_of == i for i in range(bins)]
    return sum(abs(claimed[p].mean() - good[p].mean()) * p.mean() for p in parts if p.any())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", default="classical,neural")
    parser.add_argument("--scenes", default="*", help="only scenes whose names fit this pattern")
    args = parser.parse_args()
    pairs = [scene for scene in dataset.find(args.folder) if scene.views is not None]
    scenes = [scene for scene in pairs if fnmatch(scene.name, args.scenes)]
    for name in args.methods.split(","):
        fuser, rng, tables = Fuser(method=name), np.random.default_rng(0), {}
        for level, scale in CAPTURES:
            for scene in scenes:
                tables[level, scale, scene.name] = pixels_of(fuser, scene, level, scale, rng)
                print(".", end="", flush=True)
        print()
        every = {
            scene.name: fitted(np.concatenate([t for key, t in tables.items() if key[2] != scene.name]))
            for scene in scenes
        }
        for level, scale in CAPTURES:
            own = {key[2]: t for key, t in tables.items() if key[:2] == (level, scale)}
            good = np.concatenate([t[:, -1] for t in own.values()])
            before = np.concatenate([1 / (1 + np.exp(-t[:, 1])) for t in own.values()])
            after = np.concatenate([1 / (1 + np.exp(-t[:, :-1] @ every[scene])) for scene, t in own.items()])
            print(
                f"{name}, {level} x {scale}: right {good.mean():.3f}, claimed {before.mean():.3f} ->"
                f" {after.mean():.3f}, calibration error {error(before, good):.3f} -> {error(after, good):.3f}"
            )
        offset, slope, *rest = (round(float(w), 3) for w in fitted(np.concatenate(list(tables.values()))))
        print(f'"{name}": ({offset}, {slope}, ({", ".join(map(str, rest))})),')


if __name__ == "__main__":
    main()
