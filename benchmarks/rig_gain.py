"""What a calibrated rig brings: fusions of simulated captures with it and without.

    python benchmarks/rig_gain.py DIR [DIR ...] [--level night] [--lens] [--red] [--scenes 11] [--method neural]

Below every DIR, each folder with ``left.*`` and ``right.*`` is a rectified stereo pair. From it a capture of the NIGHT
protocol is made at scale 2, and fused three ways: without the rig, with the rig's geometry only, and with its lines of
parallax as well. With ``--lens`` both views are first taken through lenses with distortion, and the color camera is
turned; with ``--red`` the mono camera sees red light only, so that the two pictures differ as with other spectra.
Printed: PSNR and mean CIEDE2000 against the mono camera's view in color, scene by scene and on average.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from dualcam.camera.curves import encode
from dualcam.errors import DualcamError
from dualcam.evaluation import protocol
from dualcam.fusion import fuser as fusing
from dualcam.rig import warp
from dualcam.rig.cameras import Camera, Rig, project, scaled, unproject
from dualcam.simulation.capture import shoot

SCALE = 2
WAYS = ("without rig", "geometry", "geometry and lines")
MONO_LENS, COLOR_LENS = (-0.18, 0.05, 4e-4, -3e-4, 0.0), (-0.28, 0.1, -5e-4, 6e-4, 0.0)
COLOR_TURN_DEG = (0.6, -1.2, 0.9)
# Barrel distortion shows more than the flat pictures hold; longer lenses stay inside.
NARROWER = 1.12


def rigs(height, width):
    """The flat camera that both pictures were taken with, and a rig of lenses in its place."""
    f = 1.2 * width
    flat = Camera("pinhole", (height, width), np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1]]))
    longer = np.array([[NARROWER * f, 0, width / 2], [0, NARROWER * f, height / 2], [0, 0, 1]])
    mono, color = (Camera("pinhole", flat.size, longer, lens) for lens in (MONO_LENS, COLOR_LENS))
    turn = cv2.Rodrigues(np.radians(COLOR_TURN_DEG))[0]
    baseline = np.array([-0.1, 0, 0])
    return flat, Rig(flat, flat, np.eye(3), baseline), Rig(mono, color, turn, turn @ baseline)


def seen_by(camera, turn, flat, picture):
    """What a turned camera with a lens would have taken from the place of a flat one."""
    rays = unproject(camera, warp.centers(*camera.size)) @ turn
    places = project(flat, rays).astype(np.float32)
    taken = warp.sample(picture.astype(np.float32), places, interpolation=warp.CUBIC)
    return np.rint(np.clip(taken, 0, 255)).astype(np.uint8)


def pairs(roots):
    for folder in sorted({p.parent for root in roots for p in root.rglob("left.*")}):
        files = [next(iter(sorted(folder.glob(f"{name}.*"))), None) for name in ("left", "right")]
        if all(files):
            pictures = [cv2.imread(str(p))[..., ::-1] for p in files]
            height, width = (min(p.shape[i] for p in pictures) // SCALE * SCALE for i in (0, 1))
            yield folder.name, *(np.ascontiguousarray(p[:height, :width]) for p in pictures)


def capture(left, right, name, level, red):
    settings = protocol.settings(level, SCALE)
    if red:
        response = replace(settings.mono.response, weights=(1.0, 0.0, 0.0))
        settings = replace(settings, mono=replace(settings.mono, response=response))
    return shoot(left, right, settings, *protocol.generators(name, level, SCALE))


def score(pixels, truth):
    shown, truth = encode(pixels), truth / 255
    psnr = -10 * np.log10(np.mean((np.rint(shown * 255) / 255 - truth) ** 2))
    return psnr, deltaE_ciede2000(rgb2lab(shown), rgb2lab(truth)).mean()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--level", default="night", choices=list(protocol.LEVELS))
    parser.add_argument("--lens", action="store_true")
    parser.add_argument("--red", action="store_true")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--method", default="neural")
    options = parser.parse_args()
    by_rig, with_lines = fusing.place_with, []

    def place_with(*arguments):
        placement, notes = by_rig(*arguments)
        return (placement if with_lines else replace(placement, epipolar=None)), notes

    fusing.place_with = place_with
    scores = {way: [] for way in WAYS}
    for name, left, right in list(pairs(options.roots))[: options.scenes]:
        flat, parallel, behind = rigs(*left.shape[:2])
        rig = behind if options.lens else parallel
        if options.lens:
            left = seen_by(rig.mono, np.eye(3), flat, left)
            right = seen_by(rig.color, rig.rotation, flat, right)
        taken = capture(left, right, name, options.level, options.red)
        rig = replace(rig, color=scaled(rig.color, taken.color.shape[:2]))
        line = f"{name:<16}"
        for way in WAYS:
            with_lines[:] = ["yes"] if way == WAYS[2] else []
            program = fusing.Fuser(method=options.method, rig=None if way == WAYS[0] else rig)
            try:
                psnr, delta = score(program.fuse(taken.mono, taken.color).pixels, left)
            except DualcamError as error:
                line += f"  {way}: {error.cause[:40]}"
                psnr, delta = score(np.repeat(taken.mono[..., None] / 65535.0, 3, axis=2) ** 2.2, left)
            scores[way].append((psnr, delta))
            line += f"  {way} {psnr:.2f} {delta:.2f}"
        print(line, flush=True)
    for way in WAYS:
        psnr, delta = np.mean(scores[way], axis=0)
        print(f"{way:<20} {psnr:.2f} dB, CIEDE2000 {delta:.2f} ({len(scores[way])} scenes)")


if __name__ == "__main__":
    main()
