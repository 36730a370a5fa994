"""Pictures, samples and settings that are small enough for tests of the training room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from dualcam.training import config as configs
from dualcam.training import samples, sources
from synthetic import scene, to_bits

SMOKE = Path(__file__).parents[1] / "configs" / "smoke.toml"


def pictures(folder: Path, photos: int = 3, pairs: int = 2, size: int = 360) -> tuple[Path, Path]:
    """Generated photos and shifted pairs; also folders that belong to the held-back part."""
    shots, stereo = folder / "photos", folder / "stereo"
    shots.mkdir()
    for number in range(photos):
        cv2.imwrite(str(shots / f"photo{number}.png"), to_bits(scene(size, size + 120, number))[..., ::-1])
    cv2.imwrite(str(shots / f"{held_back(40)}.png"), to_bits(scene(size, size + 120, 90))[..., ::-1])
    for name in [*(f"pair{number}" for number in range(pairs)), held_back(5)]:
        wide = to_bits(scene(size, size + 60, 70 + len(name)))[..., ::-1]
        (stereo / name).mkdir(parents=True)
        cv2.imwrite(str(stereo / name / "left.png"), wide[:, 12:])
        cv2.imwrite(str(stereo / name / "right.png"), wide[:, :-12])
    return shots, stereo


def held_back(one_in: int) -> str:
    """A name that the split holds back."""
    return next(
        name for name in map("name{}".format, range(500)) if not sources._belongs(name, one_in, "train")
    )


def small(stage: configs.Stage, **optimizer: object) -> configs.Config:
    """The smoke settings with other settings of the optimizer."""
    config = configs.read(SMOKE, stage)
    return replace(config, optimizer=replace(config.optimizer, **optimizer))


class Memory:
    """A store of random samples that costs nothing; sample 0 and 1 have a small scale, the others 2."""

    def __init__(self, seed: int = 0, count: int = 6) -> None:
        self._samples = [
            made_up(np.random.default_rng([seed, n]), 1.0 if n < 2 else 2.0) for n in range(count)
        ]

    def fields(self, index: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        return {name: getattr(self._samples[index], name) for name in names}


def made_up(rng: np.random.Generator, scale: float, rows: int = 72, columns: int = 80) -> samples.Sample:
    """A sample of smooth random pictures and maps that are shifts."""
    fine = int(rows * scale), int(columns * scale)

    def smooth(channels: int, height: int, width: int) -> np.ndarray:
        noise = rng.random((channels, height, width)).astype(np.float32)
        return np.stack([cv2.GaussianBlur(p, (0, 0), 2) for p in noise]).astype(np.float16)

    y, x = np.mgrid[:rows, :columns].astype(np.float32) + np.float32(0.5)
    evidence = smooth(8, rows, columns)
    evidence[-3:] = np.array([0.3, 0.5, 0.2], np.float16)[:, None, None]
    return samples.Sample(
        ec=smooth(8, rows + 2, columns + 6),
        ec_truth=smooth(3, rows + 2, columns + 6),
        ec_classical=smooth(3, rows + 2, columns + 6),
        exposed=smooth(3, rows + 2, columns + 6),
        to_color=np.stack([x + 2.25, y - 0.5], -1),
        to_color_second=np.stack([x + 4.5, y + 0.75], -1),
        evidence=evidence,
        fill=smooth(11, rows, columns),
        mono_small=smooth(1, rows, columns),
        truth_small=smooth(3, rows, columns),
        mono=smooth(1, *fine),
        mono_clean=smooth(1, *fine),
        mono_truth=smooth(1, *fine),
        mono_sigma=smooth(1, rows, columns),
        truth=smooth(3, *fine),
        light=np.array([1000, 8, scale, 0, 0], np.float32),
    )
