"""The parts that the networks are made of: plain 3 x 3 convolutions in a U-Net that begins with a strided convolution.

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
        channels: of every scale, the first at 1 / ``stride`` of the picture.
        blocks: of every scale, on the way down; the same number again on the way up, but for the coarsest.
        stride: pixels of the picture beside each other that one pixel of the first scale stands for.
        beside: pixels around these that the first convolution looks at; any number.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int] = (32, 48, 64),
        blocks: Sequence[int] = (2, 2, 3),
        stride: int = 2,
        beside: int = 1,
    ) -> None:
        super().__init__()
        if len(channels) != len(blocks) or not channels:
            raise ValueError(f"{len(channels)} channel numbers and {len(blocks)} block numbers do not fit")
        self.stride = stride
        self.blocks, self.beside = tuple(blocks), beside
        self.multiple = stride * 2 ** (len(channels) - 1)
        self.reach = reach(channels, blocks, stride, beside)
        # Runtimes compute this faster than pixels stacked as channels, which have to be moved first.
        self.head = nn.Conv2d(inputs, channels[0], stride + 2 * beside, stride, beside)
        finer = list(zip(channels[:-1], blocks[:-1], strict=True))
        self.encoders = nn.ModuleList(_stack(c, n) for c, n in finer)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(channels))
        self.middle = _stack(channels[-1], blocks[-1])
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(channels))
        self.decoders = nn.ModuleList(_stack(c, n) for c, n in finer)
        self.tail = nn.Conv2d(channels[0], outputs * stride**2, 3, padding=1)
        # The whole network begins by changing little.
        nn.init.zeros_(_bias(self.tail))
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, planes: Tensor) -> Tensor:
        """Down, through the middle, and up again with the skipped detail added."""
        x = self.head(planes)
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
        out: Tensor = functional.pixel_shuffle(self.tail(x), self.stride)
        return out


def reach(channels: Sequence[int], blocks: Sequence[int], stride: int, beside: int) -> int:
    """Pixels around an output pixel that a ``UNet`` of this shape looks at: the halo of a tile.

    Followed backward from every output pixel of a block that the network takes apart.
    """
    farthest = 0
    for x in range(stride * 2 ** (len(channels) - 1)):
        here = x // stride
        first, last = _seen(blocks, 0, here - 1, here + 1)  # the tail looks one pixel further
        farthest = max(farthest, x - (stride * first - beside), stride * (last + 1) - 1 + beside - x)
    return farthest


def reach_of_fine(blocks: Sequence[int], stride: int, beside: int, fine: int) -> int:
    """Pixels that the ``fine`` finest scales look at around what they compute, when the others are given.

    Down: of the picture, around what they hand to the coarser scales. Up: of their own pixels on the way down and of
    what the coarser scales hand back, around an output pixel.
    """
    unit = stride * 2**fine
    first, last = 0, 0
    for scale in reversed(range(fine)):
        around = 2 * blocks[scale]
        first, last = 2 * first - around, 2 * last + 1 + around
    farthest = max(beside - stride * first, stride * (last + 1) - unit + beside)
    for x in range(unit):
        first, last = x // stride - 1, x // stride + 1  # the tail looks one pixel further
        for scale in range(fine):
            around = 2 * blocks[scale]
            first, last = first - around, last + around
            side = stride * 2**scale
            farthest = max(farthest, x - side * first, side * (last + 1) - 1 - x)
            first, last = (first - 1) // 2, (last + 1) // 2  # bilinear enlargement mixes two coarser pixels
        farthest = max(farthest, x - unit * first, unit * (last + 1) - 1 - x)
    return farthest


def _seen(blocks: Sequence[int], scale: int, first: int, last: int) -> tuple[int, int]:
    """What is looked at of what comes in at a scale, by what goes out of it from ``first`` to ``last``, its pixels."""
    around = 2 * blocks[scale]  # two 3 x 3 convolutions a block
    first, last = first - around, last + around
    if scale == len(blocks) - 1:
        return first, last
    # Bilinear enlargement mixes two coarser pixels; each was made of two of this scale.
    coarse = _seen(blocks, scale + 1, (first - 1) // 2, (last + 1) // 2)
    return min(first, 2 * coarse[0]) - around, max(last, 2 * coarse[1] + 1) + around


def _stack(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(count)))


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
