"""Is `dualcam adapt` right about when it helps? Simulated rigs whose truth is known.

    python benchmarks/adapt.py --photos DIR --stereo DIR [--rigs rows-8 usual] [--steps 600] [--json FILE]

The folders are those of the training data. For every rig, pairs in good light (4 000 electrons at white in mono, color
at half the light) are what its owner has: some, from pictures that the shipped networks know, are learned from; those
held back, from pictures that they do not know, decide. The truth is told by other pictures that they do not know, at
night (1 000 electrons, ratio 10) and dark (300, ratio 16): PSNR of the whole result against the clean mono view, all in
floating point. Both splits follow from names, as in training. Placements of the dark pairs are found in good light.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from dualcam.camera import develop, sensor
from dualcam.camera.curves import encode
from dualcam.camera.remosaic import remosaiced
from dualcam.errors import DualcamError
from dualcam.files.read import from_array
from dualcam.frame import Frame, KnownNoise, Mosaic, Origin, Pair
from dualcam.neural import engine, manifest
from dualcam.neural.method import Neural
from dualcam.rig.place import place
from dualcam.simulation import cameras, capture
from dualcam.simulation.settings import (
    ColorCamera,
    Lens,
    MonoCamera,
    MonoResponse,
    Phone,
    SceneLight,
    Sensor,
    Settings,
)
from dualcam.simulation.write import stated_noise
from dualcam.training import adapt, adapting, owned, views
from dualcam.training.sources import Sources, find
from dualcam.training.verdict import psnr

SIZE = 512
BRIGHT, NIGHT, DARK = SceneLight(4000, 2), SceneLight(1000, 10), SceneLight(300, 16)


def tungsten(name):
    """A camera's colors under a light that is much warmer than daylight."""
    known = cameras.response(cameras.find(name))
    red, green, blue = known.white_balance
    warm = math.exp(0.55)
    return replace(known, white_balance=(red / warm, green, blue * warm))


def color(**parts):
    return replace(Settings(), color=ColorCamera(**parts))


def rows(electrons):
    return color(sensor=Sensor(read_noise_e=3.0, row_noise_e=electrons))


# Settings, and whether the color file is raw.
RIGS = {
    "usual": (Settings(), True),
    "usual-file": (Settings(), False),
    "rows-3": (rows(3.0), True),
    "rows-8": (rows(8.0), True),
    "blur": (color(lens=Lens(blur_px=1.5), sensor=Sensor(read_noise_e=3.0, row_noise_e=3.0)), True),
    "infrared": (replace(Settings(), mono=MonoCamera(MonoResponse((0.3, 0.5, 0.2), 3.0))), True),
    "warm": (color(response=tungsten("sony-imx686")), True),
    "read-12": (color(sensor=Sensor(read_noise_e=12.0)), True),
    "phone": (color(phone=Phone(brighten=2.0, chroma_px=3.0, contrast=0.7, quality=80)), False),
}


def shoot(seen, settings, raw, rng):
    """The two frames of a capture."""
    mono = capture.mono_file(capture.mono_samples(seen.left, settings, rng), settings.mono)
    mono = replace(from_array(mono, "mono"), origin=Origin(bits=16, curve="srgb"))
    dn, camera = capture.color_samples(seen.right, settings, rng), settings.color
    if not raw:
        file = from_array(capture.color_file(dn, camera)[0], "color")
        return mono, replace(file, origin=Origin(bits=8, curve="srgb"))
    samples = sensor.to_linear(dn, camera.sensor.bits, camera.sensor.black)
    balance, matrix = (
        np.array(p, np.float32) for p in (camera.response.white_balance, camera.response.matrix)
    )
    mosaic = Mosaic(samples, camera.pattern, balance, matrix)
    pixels = np.ascontiguousarray(develop.develop(mosaic))
    stated = stated_noise(camera.sensor, settings.color_saturation_e)
    return mono, Frame(
        pixels, "color", Origin(bits=camera.sensor.bits), mosaic, KnownNoise((stated,) * 3, "simulator")
    )


def scene(sources, number):
    rng = np.random.default_rng([11, number])
    seen = views.draw(sources, SIZE, rng)
    if rng.random() < 0.4:
        bright = np.float32(rng.uniform(0.4, 1.0))
        seen = replace(seen, left=seen.left * bright, right=seen.right * bright)
    return seen, rng


def pairs_of(settings, raw, count, known, unknown):
    """The owner's pairs; those that will be held back are of pictures that the networks do not know."""
    held, out, number = adapt.held_back(count), [], 0
    told = ""
    while len(out) < count and number < 4 * count:
        seen, rng = scene(unknown if len(out) in held else known, number)
        number += 1
        if np.percentile(seen.right, 99) < 0.3:
            continue
        mono, color = shoot(seen, replace(settings, light=BRIGHT), raw, rng)
        try:
            out.append(owned.own(mono, color, f"scene {number}", settings.color.sensor.row_noise_e))
        except DualcamError as error:
            told = error.cause
    return owned.of_one_camera(out), told


def tests_of(settings, raw, count, sources):
    """Pieces at night and in the dark as refEC begins with them, and the truth."""
    out, number = {"night": [], "dark": []}, 1000
    while len(out["dark"]) < count:
        seen, rng = scene(sources, number)
        number += 1
        try:
            placed = place(*shoot(seen, replace(settings, light=BRIGHT), raw, rng))
        except DualcamError:
            continue
        for name, light in (("night", NIGHT), ("dark", DARK)):
            mono, color = shoot(seen, replace(settings, light=light), raw, rng)
            out[name].append(
                (owned.see(Pair(mono, remosaiced(color), placed)), encode(np.clip(seen.left, 0, 1)))
            )
    return out


def truth(tests, refec, method):
    return {
        name: np.array([psnr(owned.fuse(seen, refec, method), clean) for seen, clean in some])
        for name, some in tests.items()
    }


def one(name, options, known, unknown, others):
    settings, raw = RIGS[name]
    pairs, told = pairs_of(settings, raw, options.pairs, known, unknown)
    if len(pairs) < options.pairs:
        return {"rig": name, "refused": told}
    done = adapt.adapt(
        pairs,
        manifest.SHIPPED,
        name=name,
        date="2026-01-01",
        steps=options.steps,
        threads=1,
        tell=lambda line: print("   ", line, flush=True) if options.verbose else None,
    )
    tests = tests_of(settings, raw, options.tests, others)
    method = Neural(manifest.SHIPPED, 1, precision="float32")
    before = truth(tests, engine.alone(manifest.SHIPPED, "refec", 1, precision="float32"), method)
    after = truth(tests, adapting.Running(done.network, 16), method)
    gains = {level: after[level] - before[level] for level in before}
    every = np.mean(list(gains.values()), 0)
    return {
        "rig": name,
        "pairs": len(pairs),
        "kept": bool(done.files),
        "stay": done.stay,
        "held_back": done.verdict.gain,
        "held_back_error": done.verdict.error,
        "held_back_levels": done.verdict.by_level,
        **{f"true_{level}": float(gain.mean()) for level, gain in gains.items()},
        "true": float(every.mean()),
        "true_error": float(every.std(ddof=1) / math.sqrt(len(every))),
        "row_electrons": float(np.median([math.sqrt(p.noise.row) / p.noise.models[1].shot for p in pairs])),
        "reasons": done.verdict.reasons,
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, action="append", default=[])
    parser.add_argument("--stereo", type=Path, action="append", default=[])
    parser.add_argument("--rigs", nargs="+", choices=RIGS, default=list(RIGS))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--tests", type=int, default=10)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    known = find(options.photos, options.stereo, "train")
    rest = find(options.photos, options.stereo, "val")
    unknown, others = (Sources(rest.photos[n::2], rest.pairs[n::2]) for n in (0, 1))
    found = []
    for name in options.rigs:
        row = one(name, options, known, unknown, others)
        found.append(row)
        print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}), flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
