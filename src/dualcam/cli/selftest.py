"""A pair made of numbers, fused and checked: does this installation work at all?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEIGHT, WIDTH = 96, 128
SHIFT = 3
DARKER = 6.0
# Mean difference from the truth in 8-bit display values. A gray picture of the same scene has about 32.
BOUND = 12.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the self-test found.

    Attributes:
        passed: everything was as it should be.
        text: what was measured, or what failed.
        seconds: how long it took.
    """

    passed: bool
    text: str
    seconds: float


def check() -> Verdict:
    """Fuse the generated pair on the CPU and compare the result with the truth it was made from."""
    started = time.perf_counter()
    try:
        passed, text = _fuse_and_compare()
    except Exception as error:
        # Whatever breaks, the user of ``doctor`` wants to paste it, not to read a traceback.
        passed, text = False, f"{type(error).__name__}: {error}"
    return Verdict(passed, text, time.perf_counter() - started)


def _fuse_and_compare() -> tuple[bool, str]:
    import numpy as np

    from dualcam.camera.curves import encode
    from dualcam.fusion.fuser import Fuser

    mono, color, truth = make_pair()
    fusion = Fuser(device="cpu").fuse(mono, color)
    if fusion.pixels.shape != truth.shape:
        return False, f"the result has the shape {fusion.pixels.shape}, not {truth.shape}"
    if not np.isfinite(fusion.pixels).all() or not np.isfinite(fusion.confidence).all():
        return False, "the result holds NaN or infinity"
    scale, quality = fusion.pair.placement.scale, fusion.pair.placement.quality
    if abs(scale - 1) > 0.05:
        return False, f"the pair was placed with the scale {scale:.3f}, not 1"
    error = 255 * float(np.abs(encode(fusion.pixels) - encode(truth)).mean())
    text = f"placed with quality {quality:.2f}, color error {error:.1f} of 255 (bound {BOUND:g})"
    return error <= BOUND, text


def make_pair() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Paint a scene of colored patches and photograph it twice.

    Returns:
        mono (H, W), color (H, W, 3) and truth (H, W, 3), float32, linear, [0, 1]. The color picture is
        darker, noisy and shifted sideways; the mono picture is nearly clean. Always the same.
    """
    import numpy as np

    rng = np.random.default_rng(1)
    scene = np.empty((HEIGHT, WIDTH + SHIFT, 3), np.float32)
    scene[:] = (0.25, 0.3, 0.35)
    for _ in range(260):
        top, left = rng.integers(-6, HEIGHT), rng.integers(-6, WIDTH + SHIFT)
        tall, wide = rng.integers(4, 22, size=2)
        shade = rng.uniform(0.05, 0.9)
        tint = shade * rng.uniform(0.1, 1.0, size=3)
        scene[max(0, top) : max(0, top + tall), max(0, left) : max(0, left + wide)] = tint
    truth = scene[:, :WIDTH]
    mono = truth @ np.array([0.3, 0.5, 0.2], np.float32) + rng.normal(0, 0.002, truth.shape[:2])
    color = scene[:, SHIFT:] / DARKER + rng.normal(0, 0.004, truth.shape)
    return mono.clip(0, 1).astype(np.float32), color.clip(0, 1).astype(np.float32), truth
