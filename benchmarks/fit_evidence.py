"""Fit the models of ``dualcam.classical.evidence`` on simulated captures, and test them on scenes held back.

    python benchmarks/fit_evidence.py PAIRS [--write]

PAIRS is a folder of ``*/*/left.*`` and ``right.*`` clean stereo pairs that are not test scenes. Every level of the
NIGHT protocol at scales 2 and 4 is captured, brought as far as refColor, and compared with the truth. Every
fourth scene is held back for the test. ``--write`` puts the numbers into the source file.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from dualcam.camera.curves import decode, encode
from dualcam.classical import evidence
from dualcam.classical.colorize import gather
from dualcam.classical.exposure import luminance_display
from dualcam.classical.upsample import upsample
from dualcam.errors import PlacementError
from dualcam.evaluation.pictures import rgb8
from dualcam.evaluation.protocol import LEVELS, capture
from dualcam.frame import Exposed, FloatArray
from dualcam.fusion.fuser import Fuser
from dualcam.fusion.method import Classical
from dualcam.rig import warp
from dualcam.rig.matching import Match

SAMPLES = 4000


@dataclass
class Case:
    """One capture, brought as far as the evidence of hop 6."""

    name: str
    held_back: bool
    truth: FloatArray  # (H, W, 3) display
    mono: FloatArray  # (H, W) linear, denoised
    small: FloatArray
    match: Match
    exposed: Exposed
    seen: evidence.Evidence
    pick: np.ndarray  # flat indices of sampled grid pixels


def prepare(folder):
    rng = np.random.default_rng(0)
    for index, left in enumerate(sorted(folder.glob("*/*/left.*"))):
        scene = f"{left.parts[-3]}/{left.parts[-2]}"
        views = rgb8(left), rgb8(next(left.parent.glob("right.*")))
        for level in LEVELS:
            for scale in (2, 4):
                name = f"{scene} {level} x{scale}"
                shot = capture(*views, scene=scene, level=level, scale=scale)
                try:
                    known = Fuser("classical").prepare(shot.mono, shot.color)
                except PlacementError as error:
                    print(f"{name}: {error.cause}")
                    continue
                small = known.mono
                exposed = Classical().ref_ec(known.pair, known.measured, small, known.match, known.tone)
                yield Case(
                    name=name,
                    held_back=index % 4 == 3,
                    truth=(shot.truth / 255).astype(np.float32),
                    mono=known.measured.mono_clean,
                    small=small,
                    match=known.match,
                    exposed=exposed,
                    seen=gather(small, exposed, known.match),
                    pick=rng.choice(small.size, min(SAMPLES, small.size), replace=False),
                )


def sampled(case, *pictures):
    return [p.reshape(case.small.size, -1)[case.pick] for p in pictures]


def logistic(x):
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def descend(gradient, size, signs=None, steps=800, rate=0.05):
    """Adam on a smooth function given by its gradient; ``signs`` holds coefficients at one side of zero."""
    x, m, v = np.zeros(size), np.zeros(size), np.zeros(size)
    for step in range(1, steps + 1):
        g = gradient(x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        if signs is not None:
            x = np.where(signs * x < 0, 0, x)
    return x


# What must not help and what must not hurt, whatever the training captures say: so that a kind of failure that
# they do not hold is still taken for one.
SIGNS = {
    "reliable": 1,
    "log disagreement": -1,
    "log disagreement, far": -1,
    "photometric": -1,
    "photometric over noise": -1,
    "likeness": 1,
    "log outside": -1,
}


def signs(more=0, **others):
    known = SIGNS | others
    return np.array([known.get(name, 0) for name in evidence.REGRESSORS] + [0] * more)


def blend_samples(case):
    """Regressors, and the difference of color to luma: matched, filled and true."""
    color = encode(warp.resize(decode(case.truth), *case.small.shape))
    truth = color - luminance_display(color, case.exposed.tone)[..., None]
    return sampled(case, evidence.regressors(case.seen), case.seen.difference, case.seen.filled, truth)


def blend_error(x, known, matched, filled, truth):
    n = known.shape[1]
    trust = logistic(known @ x[:n])[:, None]
    return trust * matched + (1 - trust) * logistic(known @ x[n:])[:, None] * filled - truth


def fit_blend(known, matched, filled, truth):
    """Trust and strength that bring trust * match + (1 - trust) * strength * filling nearest to the truth."""
    n = known.shape[1]

    def gradient(x):
        trust, strength = logistic(known @ x[:n]), logistic(known @ x[n:])
        error = blend_error(x, known, matched, filled, truth)
        # Squares up to a display difference of 0.1, then lines: a few hopeless pixels must not decide.
        weight = error / np.sqrt((error**2).sum(axis=1, keepdims=True) + 0.1**2)
        to_trust = (weight * (matched - strength[:, None] * filled)).sum(axis=1) * trust * (1 - trust)
        to_strength = (weight * filled).sum(axis=1) * (1 - trust) * strength * (1 - strength)
        return np.concatenate([known.T @ to_trust, known.T @ to_strength]) / len(known) + 1e-6 * x

    return descend(gradient, 2 * n, np.concatenate([signs(support=-1), np.zeros(n)]))


def confidence_samples(case):
    """Confidence regressors, and whether the full-size result is within 5 CIEDE2000 of the truth."""
    colored = Classical().ref_color(case.small, case.exposed, case.match)
    result = encode(upsample(colored, case.mono))
    height, width = case.small.shape
    # One full-size pixel for every grid pixel: the one under its center.
    rows = ((np.arange(height) + 0.5) * result.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * result.shape[1] / width).astype(int)
    there = np.ix_(rows, columns)
    apart = deltaE_ciede2000(rgb2lab(result[there]), rgb2lab(case.truth[there]))
    trust = evidence.weigh(case.seen)[0]
    chosen = colored.color - colored.mono[..., None]
    known = evidence.confidence_regressors(case.seen, trust, chosen)
    return sampled(case, known, (apart < 5).astype(np.float32))


def fit_confidence(known, good):
    return descend(
        lambda x: known.T @ (logistic(known @ x) - good) / len(known) + 1e-5 * x,
        known.shape[1],
        signs(more=2, support=1),
    )


def calibration_error(probability, good, bins=15):
    """Expected calibration error over equally filled bins."""
    groups = np.array_split(np.argsort(probability), bins)
    return sum(abs(probability[g].mean() - good[g].mean()) * len(g) for g in groups) / len(good)


def use(name, values, write):
    values = np.asarray(values, np.float32)
    setattr(evidence, name, values)
    if write:
        path = Path(evidence.__file__)
        rows = [", ".join(f"{v:.3f}" for v in values[i : i + 9]) for i in range(0, len(values), 9)]
        block = (
            f"{name} = np.array(\n    [\n        "
            + ",\n        ".join(rows)
            + ",\n    ],\n    np.float32,\n)\n"
        )
        path.write_text(re.sub(rf"^{name} = .*?(?=^\S+ = |^\n)", block, path.read_text(), flags=re.M | re.S))


def split(cases, samples):
    parts = []
    for held_back in (False, True):
        rows = [samples(c) for c in cases if c.held_back == held_back]
        parts.append([np.concatenate(column) for column in zip(*rows, strict=True)])
    return parts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path)
    parser.add_argument(
        "--write", action="store_true", help="put the numbers into dualcam/classical/evidence.py"
    )
    options = parser.parse_args()
    cases = list(prepare(options.pairs))

    train, test = split(cases, blend_samples)
    x = fit_blend(*train)
    always = np.concatenate([[20.0], np.zeros(2 * train[0].shape[1] - 1)])
    for label, part in (("train", train), ("held back", test)):
        rms = [np.sqrt((blend_error(model, *part) ** 2).mean()) for model in (always, x)]
        print(f"{label}: display error of the match alone {rms[0]:.4f}, blended {rms[1]:.4f}")
    half = len(x) // 2
    use("TRUST", x[:half], options.write)
    use("SHRINK", x[half:], options.write)

    (known, good), (test_known, test_good) = split(cases, confidence_samples)
    good, test_good = good[:, 0], test_good[:, 0]
    model = fit_confidence(known, good)
    for label, k, g in (("train", known, good), ("held back", test_known, test_good)):
        p = logistic(k @ model)
        print(
            f"{label}: {g.mean():.3f} within 5, mean confidence {p.mean():.3f}, "
            f"calibration error {calibration_error(p, g):.3f}"
        )
    use("CONFIDENCE", model, options.write)


if __name__ == "__main__":
    main()
