"""refEC: the dark color picture, brightened, becomes clean and free of the mosaic's traces, in the color view."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dualcam.networks.blocks import UNet
from dualcam.neural.features import EC_PLANES


class RefEC(nn.Module):
    """Predicts what to add to the brightened color.

    The exposure itself (global gain, tone curve, slow ratio of both cameras) is measured, not learned; see
    ``neural.features.ec_input``. One network takes demosaiced files and raw mosaics: a plane says which.

    Args:
        channels: of every scale.
        blocks: of every scale.
    """

    def __init__(
        self, channels: Sequence[int] = (48, 64, 96, 96), blocks: Sequence[int] = (2, 2, 3, 2)
    ) -> None:
        super().__init__()
        self.net = UNet(len(EC_PLANES), 3, channels, blocks, beside=2)

    def forward(self, planes: Tensor) -> Tensor:
        """Planes (B, 11, H, W) of ``EC_PLANES`` -> (B, 3, H, W), display, to be added to the brightened color."""
        out: Tensor = self.net(planes)
        return out
