"""Is stated noise worth more than estimated noise? Simulated captures, fused both ways.

    python benchmarks/known_noise.py DIR [--method neural] [--level night] [--scale 2]

Every folder below DIR with ``left.*`` and ``right.*`` is a scene. Its capture is that of the NIGHT protocol on the raw
track. Both frames are fused with what the sensors' constants say about their noise, and with what is estimated from
the pictures; printed is the PSNR against the left view, in dB, with estimates, and how much more it is with the noise
of mono, of color and of both stated. "checked" is what ``dualcam fuse`` does: noise that a picture contradicts is
estimated, and the neural method keeps its estimate of color. The three before it are without these precautions.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from dualcam.camera import develop, measure
from dualcam.camera.curves import encode
from dualcam.evaluation import protocol
from dualcam.frame import Frame, KnownNoise, Mosaic, Origin
from dualcam.fusion.fuser import Fuser
from dualcam.simulation.codes import srgb_decode
from dualcam.simulation.scene import read_pair
from dualcam.simulation.write import stated_noise


def scenes(root):
    return sorted(p.parent for p in root.rglob("left.*") if any(p.parent.glob("right.*")))


def frames(folder, level, scale):
    """The two frames of a capture with their noise stated, and the truth (H, W, 3) display."""
    left, right = (next(folder.glob(f"{side}.*")) for side in ("left", "right"))
    scene = read_pair(left, right)
    settings = protocol.settings(level, scale)
    capture = protocol.capture(scene.left, scene.right, scene=scene.name, level=level, scale=scale)
    mono_noise = stated_noise(settings.mono.sensor, settings.mono_saturation_e)
    color_noise = stated_noise(settings.color.sensor, settings.color_saturation_e)
    mono = Frame(
        srgb_decode(capture.mono / 65535).astype(np.float32)[..., None],
        "mono",
        Origin(bits=16, curve="srgb"),
        noise=KnownNoise((mono_noise,), "the simulator"),
    )
    samples = capture.mosaic.astype(np.float32) / np.float32(settings.color.sensor.white)
    mosaic = Mosaic(samples, settings.color.pattern, np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    color = Frame(
        develop.develop(mosaic),
        "color",
        Origin(bits=12),
        mosaic,
        noise=KnownNoise((color_noise,) * 3, "the simulator"),
    )
    return mono, color, capture.truth / 255


def quality(fuser, mono, color, truth):
    out = encode(fuser.fuse(mono, color).pixels)
    return float(-10 * np.log10(np.mean((out - truth) ** 2)))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--method", default="neural")
    parser.add_argument("--level", default="night")
    parser.add_argument("--scale", type=int, default=2)
    options = parser.parse_args()
    fuser = Fuser(method=options.method, threads=1)
    trusting = Fuser(method=options.method, threads=1)
    trusting.method.trusts_stated_noise = True
    rows = []
    print(f"{'scene':24}{'estimated':>10}{'mono':>8}{'color':>8}{'both':>8}{'checked':>9}")
    for folder in scenes(options.root):
        mono, color, truth = frames(folder, options.level, options.scale)
        blind = replace(mono, noise=None), replace(color, noise=None)
        row = [quality(fuser, *blind, truth)]
        with mock.patch.multiple(measure, _LEAST=-np.inf, _MOST=np.inf):
            for pair in ((mono, blind[1]), (blind[0], color), (mono, color)):
                row.append(quality(trusting, *pair, truth) - row[0])
        row.append(quality(fuser, mono, color, truth) - row[0])
        rows.append(row)
        print(
            f"{'/'.join(folder.parts[-2:]):24}{row[0]:10.2f}" + "".join(f"{d:+8.3f}" for d in row[1:]),
            flush=True,
        )
    mean = np.mean(rows, axis=0)
    print(f"{'mean':24}{mean[0]:10.2f}" + "".join(f"{d:+8.3f}" for d in mean[1:]))


if __name__ == "__main__":
    main()
