"""refColor: candidates for every pixel's color are weighed against each other and corrected, in the mono view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from dualcam.networks.blocks import UNet
from dualcam.neural.features import COLOR_PLANES

CANDIDATES = ("blended red - mono", "red - mono", "second red - mono", "red filling", "red example")
"""The first of three planes of every candidate; all are differences to mono or, about the same, to their own luma."""

_FIRST = tuple(COLOR_PLANES.index(name) for name in CANDIDATES)
_BLEND_FIRST = 3.0
# Shares are exponentials of numbers within this: a softmax without its search for the largest.
_WIDEST = 20.0


class RefColor(nn.Module):
    """Predicts what to add to the classical refColor's color, and how sure it is.

    A share of every candidate (the classical blend, the match, the second match, the filling, the example), and what no
    candidate has.

    Args:
        channels: of every scale.
        blocks: of every scale.
    """

    def __init__(
        self, channels: Sequence[int] = (32, 64, 96, 96), blocks: Sequence[int] = (2, 2, 2, 2)
    ) -> None:
        super().__init__()
        self.net = UNet(len(COLOR_PLANES), 4 + len(_FIRST), channels, blocks, beside=2)
        # It begins with the blend, as what is added to it begins small.
        bias = self.net.tail.bias
        assert bias is not None
        pixels = len(bias) // (4 + len(_FIRST))
        with torch.no_grad():
            bias[4 * pixels : 5 * pixels] = _BLEND_FIRST

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Planes (B, 32, H, W) of ``COLOR_PLANES`` -> what to add and how sure.

        Returns:
            (B, 3, H, W), display, to be added to the base; (B, 1, H, W), logit of the probability that the color is
            within 5 CIEDE2000 of the truth.
        """
        out = self.net(planes)
        parts = torch.exp(out[:, 4:].clamp(-_WIDEST, _WIDEST))
        base = planes[:, _FIRST[0] : _FIRST[0] + 3]
        weighed = (
            parts[:, index : index + 1] * (planes[:, first : first + 3] - base)
            for index, first in enumerate(_FIRST[1:], 1)
        )
        return out[:, :3] + reduce(torch.add, weighed) / parts.sum(1, keepdim=True), out[:, 3:4]
