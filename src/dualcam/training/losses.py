"""Losses in the display domain; each returns one value per sample, (B,), so that a batch can be weighed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dualcam.networks.joint import decode

# Linear sRGB -> XYZ under D65, over the white point.
_TO_XYZ = ((0.4338, 0.3762, 0.1900), (0.2126, 0.7152, 0.0722), (0.0178, 0.1095, 0.8727))
SURE = 5.0
"""A color within this CIEDE2000 of the truth counts as right."""


def charbonnier(out: Tensor, truth: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + 0.001^2): (B, C, H, W) twice -> (B,) (Charbonnier et al. 1994)."""
    return torch.sqrt((out - truth) ** 2 + 1e-6).flatten(1).mean(1)


def rms(out: Tensor, truth: Tensor) -> Tensor:
    """Root of the mean of d^2 + 0.001^2: (B, C, H, W) twice -> (B,). Where a color is a guess, it asks for the mean."""
    return torch.sqrt(((out - truth) ** 2).flatten(1).mean(1) + 1e-6)


def dimmed(out: Tensor, truth: Tensor, share: float) -> Tensor:
    """A picture whose errors of brightness are this share of what they were: (B, 3, H, W) twice -> the same.

    In the end the colors are given mono's brightness (``classical.upsample.with_luminance``).
    """
    weights = torch.tensor(_TO_XYZ[1], dtype=out.dtype, device=out.device).view(1, 3, 1, 1)
    return out - (1 - share) * ((out - truth) * weights).sum(1, keepdim=True)


def gradient(out: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of neighbors' differences: (B, C, H, W) twice -> (B,)."""
    error = out - truth
    across = (error[..., :, 1:] - error[..., :, :-1]).abs().flatten(1).mean(1)
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().flatten(1).mean(1)
    return (across + down) / 2


def lab(display: Tensor) -> Tensor:
    """Display colors (B, 3, H, W) -> CIELAB under D65, the same shape."""
    linear = decode(display.clamp(0, 1))
    matrix = torch.tensor(_TO_XYZ, dtype=linear.dtype, device=linear.device)
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear)
    root = torch.where(xyz > 0.008856, xyz.clamp_min(0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def color_difference(out: Tensor, truth: Tensor) -> Tensor:
    """CIE94 over 100, large ones bent: CIELAB (B, 3, H, W) twice -> (B,).

    CIE94 (CIE 116-1995, graphic arts) weighs chroma and hue nearly as CIEDE2000 does, and has gradients everywhere.
    """
    chroma_out, chroma_truth = (torch.sqrt(p[:, 1] ** 2 + p[:, 2] ** 2 + 1e-4) for p in (out, truth))
    light, chroma = out[:, 0] - truth[:, 0], chroma_out - chroma_truth
    hue = ((out[:, 1] - truth[:, 1]) ** 2 + (out[:, 2] - truth[:, 2]) ** 2 - chroma**2).clamp_min(0)
    total = light**2 + (chroma / (1 + 0.045 * chroma_truth)) ** 2 + hue / (1 + 0.015 * chroma_truth) ** 2
    difference = torch.sqrt(total + 1e-2)
    # Beyond 20 a color is simply wrong; more wrong is hardly worse.
    bent = torch.where(difference > 20, 20 + 0.2 * (difference - 20), difference)
    return bent.flatten(1).mean(1) / 100


def confidence(logit: Tensor, out: Tensor, truth: Tensor) -> Tensor:
    """Negative log-likelihood of "within 5 CIEDE2000 of the truth": logit (B, 1, H, W), CIELAB twice -> (B,)."""
    with torch.no_grad():
        right = (ciede2000(out, truth) < SURE).to(logit.dtype)[:, None]
    return functional.binary_cross_entropy_with_logits(logit, right, reduction="none").flatten(1).mean(1)


def ciede2000(a: Tensor, b: Tensor) -> Tensor:
    """CIEDE2000 of CIELAB colors (B, 3, H, W) -> (B, H, W) (CIE 142-2001; Sharma et al. 2005)."""
    l1, a1, b1 = a.unbind(1)
    l2, a2, b2 = b.unbind(1)
    mean_c = (torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2
    seventh = _seventh(mean_c)
    stretch = 1.5 - 0.5 * torch.sqrt(seventh / (seventh + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    full = 2 * torch.pi
    h1, h2 = torch.atan2(b1, a1) % full, torch.atan2(b2, a2) % full
    turn = h2 - h1
    turn = torch.where(turn > torch.pi, turn - full, torch.where(turn < -torch.pi, turn + full, turn))
    gray = c1 * c2 == 0
    turn = torch.where(gray, torch.zeros_like(turn), turn)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    mean_h = (h1 + h2) / 2
    mean_h = torch.where((h1 - h2).abs() > torch.pi, mean_h + torch.pi, mean_h)
    mean_h = torch.where(gray, h1 + h2, mean_h)
    degree = torch.pi / 180
    t = (
        1
        - 0.17 * torch.cos(mean_h - 30 * degree)
        + 0.24 * torch.cos(2 * mean_h)
        + 0.32 * torch.cos(3 * mean_h + 6 * degree)
        - 0.20 * torch.cos(4 * mean_h - 63 * degree)
    )
    off = (mean_l - 50) ** 2
    s_l = 1 + 0.015 * off / torch.sqrt(20 + off)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    hue = 2 * torch.sqrt(c1 * c2) * torch.sin(turn / 2)
    seventh = _seventh(mean_c)
    blue = torch.exp(-((((mean_h / degree) % 360 - 275) / 25) ** 2))
    rotation = -2 * torch.sqrt(seventh / (seventh + 25.0**7)) * torch.sin(60 * degree * blue)
    light, chroma, hue = (l2 - l1) / s_l, (c2 - c1) / s_c, hue / s_h
    return torch.sqrt((light**2 + chroma**2 + hue**2 + rotation * chroma * hue).clamp_min(0))


def _seventh(x: Tensor) -> Tensor:
    square = x * x
    return square * square * square * x
