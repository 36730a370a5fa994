"""The parts that the networks are made of: plain 3 x 3 convolutions in a U-Net that begins with pixel-unshuffle.

No normalisation, no global pooling, no attention over the picture: what a pixel gets depends on its surroundings
only, so that tiles with a halo give what the whole picture gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """x + conv(act(conv(x))), (B, C, H, W) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        # Blocks begin near the identity, which makes deep stacks train from the first step.
        nn.init.zeros_(_bias(self.second))
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the block found."""
        return x + self.second(functional.leaky_relu(self.first(x), 0.1))


class UNet(nn.Module):
    """Planes (B, inputs, H, W) -> (B, outputs, H, W), H and W multiples of ``multiple``.

    Args:
        inputs: input planes.
        outputs: output planes.
        channels: of every scale, the first at 1 / ``unshuffle`` of the picture.
        blocks: of every scale, on the way down; the same number again on the way up, but for the coarsest.
        unshuffle: pixels that are stacked as channels before the first convolution, in each direction.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int] = (32, 48, 64),
        blocks: Sequence[int] = (2, 2, 3),
        unshuffle: int = 2,
    ) -> None:
        super().__init__()
        if len(channels) != len(blocks) or not channels:
            raise ValueError(f"{len(channels)} channel numbers and {len(blocks)} block numbers do not fit")
        self.unshuffle = unshuffle
        self.multiple = unshuffle * 2 ** (len(channels) - 1)
        self.reach = reach(channels, blocks, unshuffle)
        self.head = nn.Conv2d(inputs * unshuffle**2, channels[0], 3, padding=1)
        finer = list(zip(channels[:-1], blocks[:-1], strict=True))
        self.encoders = nn.ModuleList(_stack(c, n) for c, n in finer)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(channels))
        self.middle = _stack(channels[-1], blocks[-1])
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(channels))
        self.decoders = nn.ModuleList(_stack(c, n) for c, n in finer)
        self.tail = nn.Conv2d(channels[0], outputs * unshuffle**2, 3, padding=1)
        # The whole network begins by changing little.
        nn.init.zeros_(_bias(self.tail))
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, planes: Tensor) -> Tensor:
        """Down, through the middle, and up again with the skipped detail added."""
        x = self.head(functional.pixel_unshuffle(planes, self.unshuffle))
        skipped = []
        for encode, down in zip(self.encoders, self.down, strict=True):
            x = encode(x)
            skipped.append(x)
            x = down(x)
        x = self.middle(x)
        for up, decode, skip in zip(
            reversed(self.up), reversed(self.decoders), reversed(skipped), strict=True
        ):
            enlarged = functional.interpolate(up(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decode(enlarged + skip)
        out: Tensor = functional.pixel_shuffle(self.tail(x), self.unshuffle)
        return out


def reach(channels: Sequence[int], blocks: Sequence[int], unshuffle: int) -> int:
    """Pixels around an output pixel that a ``UNet`` of this shape may look at: the halo of a tile.

    A 3 x 3 convolution looks one pixel further at its own scale; pixel-unshuffle, the strided convolution and the
    bilinear enlargement each look within, or one pixel beside, a pixel of the coarser scale.
    """
    step = unshuffle
    total = 2 * step + step  # head and tail, and the rest of a stacked pixel
    for scale, count in enumerate(blocks):
        coarsest = scale == len(channels) - 1
        total += step * 2 * count * (1 if coarsest else 2)
        if not coarsest:
            step *= 2
            total += 2 * step  # down and up
    return total


def _stack(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(count)))


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
