"""refEC learns on: from an owner's darkened pictures to what it makes of the same pictures in better light."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dualcam.errors import DualcamError
from dualcam.frame import FloatArray, Watch
from dualcam.neural.tiles import Planes, stacked
from dualcam.training import int8, loop, memory, stages, turned
from dualcam.training.config import Loss
from dualcam.training.owned import Example

_CROP, _BATCH = 96, 6
_RATE, _WARMUP, _CLIP, _EMA = 1e-4, 20, 0.3, 0.99
# Those of the shipped recipe.
_LOSS = Loss(rms=0.5, brightness=0.3)


def learn(
    network: nn.Module,
    examples: Sequence[Example],
    steps: int,
    seed: int,
    tell: Callable[[int, float], None] | None = None,
) -> nn.Module:
    """Train a copy of refEC, and give its averaged weights.

    Args:
        network: refEC as it is.
        examples: at least one; ``owned`` makes them no smaller than a crop.
        steps: how many; the learning rate falls over them by half a cosine.
        seed: of crops and turns.
        tell: gets the steps done and the seconds left, after every step.

    Raises:
        DualcamError: the loss is no number any more.
    """
    memory.keep_freed()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net: Any = copy.deepcopy(network).to(memory_format=torch.channels_last).requires_grad_(True).train()
    average = copy.deepcopy(net)
    if isinstance(getattr(net, "net", None), nn.Module):
        # What is kept is rounded to 8 bits.
        int8.imitate(net)
    parameters = list(net.parameters())
    optimizer = torch.optim.AdamW(parameters, _RATE, betas=(0.9, 0.99), weight_decay=0.0)
    begun = time.monotonic()
    for step in range(steps):
        rate = _RATE * min(1.0, (step + 1) / _WARMUP) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        planes, target, known = batch(examples, rng)
        out = planes[:, :3] + planes[:, 3:4] + net(planes.contiguous(memory_format=torch.channels_last))
        loss = stages.picture_loss(torch.where(known > 0.5, out, target), target, _LOSS).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, _CLIP)
        if not math.isfinite(float(norm + loss.detach())):
            raise DualcamError(
                f"the loss is no number at step {step}.", "Please report this with the pictures, if you may."
            )
        optimizer.step()
        loop.follow(average, net, min(_EMA, (step + 1) / (step + 11)))
        if tell is not None:
            tell(step + 1, (time.monotonic() - begun) / (step + 1) * (steps - step - 1))
    return average.requires_grad_(False).eval()


def batch(examples: Sequence[Example], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Random crops, turned at random: planes (B, 11, n, n), targets (B, 3, n, n), known (B, 1, n, n), float32."""
    found: list[dict[str, FloatArray]] = []
    for _ in range(_BATCH):
        one = examples[int(rng.integers(len(examples)))]
        turn = turned.Turn.draw(rng)
        # Even positions keep the phase of the mosaic, and odd ones where the crop is mirrored.
        y, x = (
            2 * int(rng.integers((length - _CROP - odd) // 2 + 1)) + odd
            for length, odd in zip(one.planes.shape[1:], turn.mirrored, strict=True)
        )
        window = np.s_[:, y : y + _CROP, x : x + _CROP]
        parts = {"planes": one.planes[window], "target": one.target[window], "known": one.known[window]}
        found.append(turned.crop(parts, turn, {}))
    planes, target, known = (
        torch.from_numpy(np.stack([one[name] for one in found]).astype(np.float32))
        for name in ("planes", "target", "known")
    )
    return planes, target, known


def between(one: nn.Module, other: nn.Module, share: float) -> nn.Module:
    """A network whose weights lie between those of two: ``share`` of the way to the other (Wortsman et al. 2022)."""
    out = copy.deepcopy(one)
    with torch.no_grad():
        for mine, theirs in zip(out.parameters(), other.parameters(), strict=True):
            mine.lerp_(theirs, share)
    return out


class Running:
    """A network in torch where the program has one of ``neural.network``: it computes whole pictures.

    Args:
        network: planes (1, 11, h, w) -> (1, 3, h, w).
        multiple: of height and width.
    """

    precision = "float32"
    shrunk = False

    def __init__(self, network: nn.Module, multiple: int) -> None:
        self._network, self._multiple = network, multiple

    def over(self, planes: Planes, watch: Watch | None = None) -> tuple[FloatArray, ...]:
        """Compute: planes (h, w) -> ((h, w, 3),)."""
        height, width = planes[0].shape
        filled = stacked(planes, height + -height % self._multiple, width + -width % self._multiple)
        with torch.no_grad():
            out = self._network(torch.from_numpy(filled)[None])[0, :, :height, :width].numpy()
        return (np.ascontiguousarray(np.moveaxis(out, 0, -1)),)
