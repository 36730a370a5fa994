"""Networks in 8 bits: taught what rounding will do (Jacob et al., CVPR 2018), then rounded.

The first and the last convolution stay as they are: they are cheap, and what goes in and comes out is not rounded.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dualcam.networks.blocks import UNet

NETWORKS = ("refec", "refcolor")
"""Those that are rounded but for their ends, and see it while they are trained."""

MIDDLE = ("refsr",)
"""Those of which the coarsest scale is rounded, when they are exported: finer ones gain little and lose more."""

LARGEST = 64
"""Weights are whole numbers of steps up to this.

7 bits: processors without 8-bit dot products (AVX2 before VNNI) add two products in 16 bits, which larger weights would
overflow.
"""

_LEVELS = 255
_LEAST = 1e-8


class RoundedConv2d(nn.Conv2d):
    """A convolution whose input and weights are rounded to 8 bits; gradients pass through unchanged.

    Ranges are those of the batch at hand, so that nothing has to be remembered between steps.
    """

    @classmethod
    def of(cls, layer: nn.Conv2d) -> RoundedConv2d:
        """The same convolution, with the same parameters, rounded."""
        out = cls.__new__(cls)
        out.__dict__ = layer.__dict__
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, c, h, w)."""
        return self._conv_forward(_rounded(x), _rounded_weight(self.weight), self.bias)


def imitate(network: nn.Module) -> None:
    """Round what a network computes as its export in 8 bits will, while it is trained."""
    for path, layer in _inner(network):
        parent, _, name = path.rpartition(".")
        setattr(network.get_submodule(parent), name, RoundedConv2d.of(layer))


def weights(network: nn.Module) -> tuple[str, ...]:
    """Names of the weights that 8 bits hold, in the state dict."""
    return tuple(f"{path}.weight" for path, _ in _inner(network))


def round_weights(network: nn.Module) -> None:
    """Round these weights for good."""
    for _, layer in _inner(network):
        with torch.no_grad():
            layer.weight.copy_(_rounded_weight(layer.weight))


def step_of(weight: Tensor) -> Tensor:
    """Size of the steps that a weight (c, C, k, k) is rounded to, by output channel: (c, 1, 1, 1)."""
    return (weight.abs().amax((1, 2, 3), keepdim=True) / LARGEST).clamp_min(_LEAST)


def _inner(network: nn.Module) -> list[tuple[str, nn.Conv2d]]:
    unet = network.net
    assert isinstance(unet, UNet)
    return [
        (path, layer)
        for path, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and layer is not unet.head and layer is not unet.tail
    ]


def _rounded(x: Tensor) -> Tensor:
    """Rounded to 256 levels over its range, of which 0 is one."""
    with torch.no_grad():
        low, high = torch.aminmax(x)
        step = ((high.clamp_min(0) - low.clamp_max(0)) / _LEVELS).clamp_min(_LEAST)
        error = (x / step).round_().mul_(step).sub_(x)
    return x + error


def _rounded_weight(weight: Tensor) -> Tensor:
    """Rounded to 129 levels over the range of every output channel."""
    with torch.no_grad():
        step = step_of(weight)
        error = (weight / step).round_().mul_(step).sub_(weight)
    return weight + error
