"""refSR: color at the mono camera's resolution, mono's noise removed; purely local, since most of the cost is here."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dualcam.networks.blocks import UNet
from dualcam.neural.features import SR_PLANES


class RefSR(nn.Module):
    """Predicts what to add to mono's detail on the enlarged color, to the confidence, and to denoised mono.

    Args:
        channels: of every scale.
        blocks: of every scale.
        stride: pixels beside each other that one pixel of the first scale stands for.
    """

    def __init__(
        self, channels: Sequence[int] = (16, 48), blocks: Sequence[int] = (1, 2), stride: int = 2
    ) -> None:
        super().__init__()
        self.net = UNet(len(SR_PLANES), 5, channels, blocks, stride)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Planes (B, 7, H, W) of ``SR_PLANES`` -> what to add.

        Returns:
            (B, 3, H, W) to the color, display; (B, 1, H, W) to the logit; (B, 1, H, W) to denoised mono, in
            standard deviations of its noise, so that a clean picture stays as it is.
        """
        out = self.net(planes)
        return out[:, :3], out[:, 3:4], out[:, 4:]
