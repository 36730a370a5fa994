"""How far the estimated white balance of a mosaic lies from the truth, against plainer ways to estimate it.

Each photo passes for a scene whose white is white: its samples are dimmed by known factors, mosaiced, darkened
eightfold and made noisy (4000 electrons at white, 3 of read noise). The error is the angle between estimated and true
light, in degrees (Hordley and Finlayson, Reevaluation of color constancy algorithm performance, JOSA A 2006).

  python benchmarks/white_balance.py FOLDER [--every N]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera import balance, sensor
from dualcam.camera.curves import decode
from dualcam.frame import FloatArray

GAINS = np.array([2.0, 1.0, 1.6], np.float32)
Estimate = Callable[[FloatArray, str], NDArray[np.floating]]


def gray_world(samples: FloatArray, pattern: str) -> NDArray[np.floating]:
    """The mean of everything is gray."""
    means = balance._blocks(samples, pattern)[0].mean(axis=0)
    return means[1] / means


def median_ratio(samples: FloatArray, pattern: str) -> NDArray[np.floating]:
    """The median block is gray."""
    blocks = balance._blocks(samples, pattern)[0]
    blocks = blocks[(blocks > 1e-4).all(axis=1)]
    return 1 / np.median(blocks / blocks[:, 1:2], axis=0)


def none(samples: FloatArray, pattern: str) -> NDArray[np.floating]:
    """The camera's own colors."""
    return np.ones(3)


WAYS: dict[str, Estimate] = {
    "none": none,
    "gray world": gray_world,
    "median of ratios": median_ratio,
    "shades of gray (used)": balance.estimate_white_balance,
}


def angle(gains: NDArray[np.floating]) -> float:
    """Degrees between the estimated light and the true one."""
    light = gains / GAINS.astype(np.float64)
    return float(np.degrees(np.arccos(min(1.0, light.sum() / np.linalg.norm(light) / np.sqrt(3)))))


def main() -> None:
    parser = argparse.ArgumentParser(description="Errors of estimated white balances.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth photo")
    given = parser.parse_args()
    names = sorted(p for p in given.folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".webp"))
    names = [p for p in names if not any(word in p.name.lower() for word in ("disp", "mask", "right"))]
    rows, rng = [], np.random.default_rng(0)
    for name in names[:: given.every]:
        picture = cv2.imread(str(name), cv2.IMREAD_COLOR)
        if picture is None or min(picture.shape[:2]) < 200:
            continue
        linear = decode(picture[..., ::-1].astype(np.float32) / 255)
        linear = cv2.resize(linear, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        dark = sensor.expose(sensor.mosaic(linear / GAINS / 8), 4000, 3, rng)
        rows.append([angle(way(dark, "RGGB")) for way in WAYS.values()])
    errors = np.array(rows)
    print(f"| way ({len(errors)} photos) | mean | median | 90 % under | worst |\n|---|---|---|---|---|")
    for way, column in zip(WAYS, errors.T, strict=True):
        numbers = (column.mean(), np.median(column), np.percentile(column, 90), column.max())
        print(f"| {way} | {' | '.join(f'{n:.1f}' for n in numbers)} |")


if __name__ == "__main__":
    main()
