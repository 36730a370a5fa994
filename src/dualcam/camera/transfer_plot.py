"""The photon transfer curve as a picture: variance over mean, both logarithmic, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from dualcam.camera.photon_transfer import Transfer
from dualcam.camera.transfer_fit import Line, Point

_WIDTH, _HEIGHT = 760, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 24, 48, 62
_COLORS = {"mono": "#333333", "R": "#c0392b", "G": "#1e8449", "B": "#2456a6"}


class _Axes:
    """From decades of DN to places in the picture."""

    def __init__(self, points: list[Point], lines: list[Line]) -> None:
        means = [p.mean for p in points if p.mean > 0] + [line.saturation for line in lines]
        # A saturated point may have no variance at all; it is drawn at the lower edge.
        floor = min([max(line.offset, 1e-3) for line in lines])
        variances = [v for v in (p.variance for p in points) if v >= floor / 4] + [floor]
        self.x = _decades(min(means), max(means))
        self.y = _decades(min(variances), max(variances))

    def at(self, mean: float, variance: float) -> tuple[float, float]:
        x = (math.log10(max(mean, 1e-9)) - self.x[0]) / (self.x[1] - self.x[0])
        y = (math.log10(max(variance, 1e-9)) - self.y[0]) / (self.y[1] - self.y[0])
        x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
        return _LEFT + x * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM)


def svg(transfer: Transfer, title: str) -> str:
    """Draw the points of all channels, their lines, the range of the fit, and saturation.

    Args:
        transfer: what was measured.
        title: such as the camera's name.

    Returns:
        A self-contained SVG file.
    """
    points = [p for group in transfer.points.values() for p in group]
    lines = {name: transfer.lines[name] for name in transfer.points}
    axes = _Axes(points, list(lines.values()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
        *_grid(axes),
    ]
    for number, (name, line) in enumerate(lines.items()):
        color = _COLORS[name]
        parts += _curve(axes, line, color)
        parts += [_dot(axes, point, line, color) for point in transfer.points[name]]
        channel = transfer.channels[name]
        text = (
            f"{name}: {channel.gain_e_per_dn:.4g} e-/DN, read noise {channel.read_noise_e:.3g} e-, full well "
            f"{'' if channel.saturation_dn is not None else 'over '}{channel.full_well_e:.0f} e-"
        )
        y = _TOP + 22 + 19 * number
        parts.append(f'<circle cx="{_LEFT + 16}" cy="{y - 4}" r="4" fill="{color}"/>')
        parts.append(f'<text x="{_LEFT + 28}" y="{y}">{escape(text)}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _decades(least: float, most: float) -> tuple[int, int]:
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most) + 1e-9)
    return low, max(high, low + 1)


def _grid(axes: _Axes) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for decade in range(axes.x[0], axes.x[1] + 1):
        x, _ = axes.at(10.0**decade, 1)
        yield f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#e3e3e3"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{10.0**decade:g}</text>'
    for decade in range(axes.y[0], axes.y[1] + 1):
        _, y = axes.at(1, 10.0**decade)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e3e3e3"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>'
    yield (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}" fill="none" stroke="#888888"/>'
    )
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{bottom + 44}" text-anchor="middle">mean over black, DN</text>'
    yield (
        f'<text x="20" y="{(_TOP + bottom) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 20 {(_TOP + bottom) / 2})">variance of the temporal noise, DN²</text>'
    )


def _curve(axes: _Axes, line: Line, color: str) -> Iterator[str]:
    low, high = 10.0 ** axes.x[0], line.saturation
    steps = [low * (high / low) ** (i / 60) for i in range(61)]
    places = " ".join("{:.1f},{:.1f}".format(*axes.at(m, line.offset + line.slope * m)) for m in steps)
    yield f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.4"/>'
    if line.saturates:
        x, _ = axes.at(line.saturation, 1)
        yield (
            f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="{color}" '
            'stroke-dasharray="5 4"><title>saturation</title></line>'
        )


def _dot(axes: _Axes, point: Point, line: Line, color: str) -> str:
    x, y = axes.at(point.mean, point.variance)
    fill = color if point.mean <= line.until else "white"  # hollow: not used for the fit
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{fill}" stroke="{color}">'
        f"<title>mean {point.mean:.5g} DN, variance {point.variance:.4g} DN²</title></circle>"
    )
