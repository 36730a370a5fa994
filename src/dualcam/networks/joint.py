"""The three networks as one differentiable chain, from the planes of refEC to the full-size picture.

The matching (DIS) stays outside: its maps come with the sample. Every step between the networks is the torch twin of a
numpy function of ``neural.features``, ``rig.warp`` or ``classical.colorize``, and tested to be equal to it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dualcam.camera.measure import CLIPPED
from dualcam.classical.colorize import DARK, RELIGHT


def decode(display: Tensor) -> Tensor:
    """Display -> linear, any shape (sRGB, IEC 61966-2-1), odd about 0."""
    curved = ((display.abs().clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(display.abs() <= 0.04045, display / 12.92, curved * display.sign())


def encode(linear: Tensor) -> Tensor:
    """Linear -> display, any shape; the inverse of ``decode``."""
    curved = 1.055 * linear.abs().clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear.abs() <= 0.0031308, linear * 12.92, curved * linear.sign())


def sample(picture: Tensor, positions: Tensor, mode: str = "bilinear") -> Tensor:
    """Look pictures (B, C, h, w) up at maps (B, H, W, 2) in their pixels -> (B, C, H, W); the border is repeated."""
    height, width = picture.shape[-2:]
    size = torch.tensor([width, height], dtype=positions.dtype, device=positions.device)
    # grid_sample puts the outer edges at -1 and 1, which is this project's convention of pixel centers at + 0.5.
    return functional.grid_sample(
        picture, positions / size * 2 - 1, mode=mode, padding_mode="border", align_corners=False
    )


def luma(color: Tensor, weights: Tensor) -> Tensor:
    """The mono camera's view of display colors: (B, 3, h, w) and weights (B, 3) -> (B, 1, h, w) display."""
    linear = (decode(color) * weights[:, :, None, None]).sum(1, keepdim=True)
    return encode(linear.clamp_min(0))


def relit(color: Tensor, seen: Tensor, mono: Tensor) -> Tensor:
    """The matched color under mono's light, see ``classical.colorize.relit``.

    Args:
        color: (B, 3, h, w) display, matched.
        seen: (B, 1, h, w) display, its luma.
        mono: (B, 1, h, w) linear.
    """
    dark = float(DARK)
    ratio = (mono + dark) / (decode(seen).clamp_min(0) + dark)
    ratio = torch.where(mono < CLIPPED, ratio.clamp(1 / RELIGHT, RELIGHT), torch.ones_like(ratio))
    return encode(decode(color).clamp_min(0) * blur(ratio))


def with_luminance(display: Tensor, mono: Tensor, weights: Tensor) -> Tensor:
    """Colors with mono's luminance, the twin of ``classical.upsample.with_luminance`` where mono is not clipped.

    Args:
        display: (B, 3, H, W).
        mono: (B, 1, H, W) display.
        weights: (B, 3).

    Returns:
        (B, 3, H, W) display in [0, 1].
    """
    linear, target = decode(display.clamp(0, 1)), decode(mono.clamp(0, 1))
    response = weights[:, :, None, None]
    floor = 1e-3
    luminance = (linear * response).sum(1, keepdim=True)
    scaled = linear * (target / luminance.clamp_min(floor))
    scaled = scaled + (floor - luminance).clamp_min(0) / floor * target
    # What no display can show gets paler.
    gray = (scaled * response).sum(1, keepdim=True).clamp(0, 1)
    most = scaled.amax(1, keepdim=True)
    room = torch.where(most > 1, (1 - gray) / (most - gray).clamp_min(1e-6), torch.ones_like(most))
    return encode((gray + (scaled - gray) * room.clamp(0, 1)).clamp(0, 1))


def blur(picture: Tensor) -> Tensor:
    """Gaussian of one pixel, as OpenCV makes it: (B, C, h, w) -> the same, mirrored at the border."""
    x = torch.arange(-4, 5, dtype=picture.dtype, device=picture.device)
    kernel = torch.exp(-0.5 * x * x)
    kernel = kernel / kernel.sum()
    channels = picture.shape[1]
    padded = functional.pad(picture, (4, 4, 4, 4), mode="reflect")
    rows = functional.conv2d(padded, kernel.view(1, 1, 1, 9).expand(channels, 1, 1, 9), groups=channels)
    return functional.conv2d(rows, kernel.view(1, 1, 9, 1).expand(channels, 1, 9, 1), groups=channels)


def color_planes(
    mono: Tensor, warped: Tensor, other: Tensor, evidence: Tensor, filling: Tensor
) -> tuple[Tensor, Tensor]:
    """Feed refColor, the twin of ``neural.features.color_input``.

    Args:
        mono: (B, 1, h, w) display.
        warped: (B, 3, h, w) display, the color of refEC in the mono view.
        other: (B, 3, h, w) display, the same by the second match.
        evidence: (B, 8, h, w), of ``match_evidence``; the last three hold the spectral weights.
        filling: (B, 11, h, w), of ``fillings``; no gradient flows through it.

    Returns:
        planes (B, 32, h, w) and base (B, 3, h, w).
    """
    weights, linear = evidence[:, -3:, 0, 0], decode(mono)
    seen, seen_other = luma(warped, weights), luma(other, weights)
    matched, lit = relit(warped, seen, linear), relit(other, seen_other, linear)
    trust, shrink = filling[:, -2:-1], filling[:, -1:]
    beyond = torch.where(linear >= CLIPPED, (seen - mono).clamp_min(0), torch.zeros_like(mono))
    blended = trust * (matched - luma(matched, weights)) + (1 - trust) * shrink * filling[:, :3]
    blended = blended + trust * beyond
    planes = [
        mono,
        matched - mono,
        mono - seen,
        lit - mono,
        mono - seen_other,
        evidence,
        filling,
        blended,
        torch.ones_like(mono),
    ]
    return torch.cat(planes, 1), mono + blended


def sr_planes(
    mono: Tensor, grain: Tensor, difference: Tensor, noise: Tensor, logit: Tensor
) -> tuple[Tensor, Tensor]:
    """Feed refSR, the twin of ``neural.features.sr_planes``; noise is ``noise_plane``'s. All (B, C, H, W)."""
    return torch.cat([mono, difference, noise, logit.clamp(-8, 8) / 4, grain], 1), mono + difference
