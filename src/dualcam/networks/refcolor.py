"""refColor: the matched color becomes the color of the mono view; wrong matches and hidden parts are repainted."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dualcam.networks.blocks import UNet
from dualcam.neural.features import COLOR_PLANES


class RefColor(nn.Module):
    """Predicts what to add to the matched color under mono's light, and how sure it is.

    Args:
        channels: of every scale.
        blocks: of every scale.
    """

    def __init__(
        self, channels: Sequence[int] = (32, 48, 64, 96), blocks: Sequence[int] = (2, 2, 2, 3)
    ) -> None:
        super().__init__()
        self.net = UNet(len(COLOR_PLANES), 4, channels, blocks)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Planes (B, 17, H, W) of ``COLOR_PLANES`` -> what to add and how sure.

        Returns:
            (B, 3, H, W), display, to be added to the base; (B, 1, H, W), logit of the probability that the color is
            within 5 CIEDE2000 of the truth.
        """
        out = self.net(planes)
        return out[:, :3], out[:, 3:]
