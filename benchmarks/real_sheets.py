"""Pictures for ``real_captures.py``: strips of labelled cells, and one HTML page that holds them all."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam.camera.curves import encode
from dualcam.errors import DualcamError
from dualcam.files.read import read
from dualcam.frame import FloatArray, Fusion
from dualcam.rig.mapping import place_color

CELL = 480
LABEL = 26
QUALITY = 88
Strip = NDArray[np.uint8]

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0 auto;padding:24px;max-width:1800px;background:#808080;color:#000;font:15px/1.5 system-ui,sans-serif}"
    "h1{font-size:24px;font-weight:600}h2{font-size:16px;font-weight:600;margin:28px 0 6px}"
    "img{display:block;width:100%;height:auto}pre{overflow-x:auto;background:#eee;padding:12px;font-size:12px}"
)


def placed_strip(fusions: Mapping[str, Fusion], title: str) -> Strip:
    """Mono, color as placed, the result of every method and the last one's confidence side by side, labelled."""
    last = list(fusions.values())[-1]
    shot = place_color(last.pair)
    gain = brightening(shot, last.pixels)
    cells = [
        _cell(_shown(last.pair.mono.pixels), "mono"),
        _cell(_shown(shot * np.float32(gain)), f"color as shot, placed, shown x {gain:.3g}"),
        *(_cell(_shown(fusion.pixels), method) for method, fusion in fusions.items()),
        _cell(_bytes(last.confidence), f"confidence of {last.method} (black 0, white 1)"),
    ]
    return _strip(cells, title)


def refused_strip(mono: Path, color: Path, reason: str, title: str, columns: int) -> Strip:
    """The two inputs as far as they can be read, and the reason; as wide as ``columns`` cells."""
    cells = []
    for path, role in ((mono, "mono"), (color, "color")):
        try:
            frame = read(path, "mono" if role == "mono" else "color")
        except DualcamError:
            cells.append(_cell(np.full((CELL * 3 // 4, CELL), 40, np.uint8), f"{role}: unreadable"))
            continue
        shown = _shown(frame.pixels * np.float32(brightening(frame.pixels, None)))
        cells.append(_cell(shown, f"{role}, brightened"))
    note = np.full((CELL * 3 // 4, CELL, 3), 40, np.uint8)
    for line, text in enumerate(textwrap.wrap(reason, 52)[:14]):
        _write(note, text, 10, 24 + 22 * line)
    empty = [np.full((LABEL, CELL, 3), 20, np.uint8)] * (columns - 3)
    return _strip([*cells, _cell(note, "refused"), *empty], title)


def brightening(linear: FloatArray, like: FloatArray | None) -> float:
    """The factor that brings the 99th percentile of a picture to that of another (or to 0.8); never under 1."""
    seen = linear[np.isfinite(linear)]
    high = float(np.percentile(seen, 99)) if seen.size else 0.0
    wanted = float(np.percentile(like, 99)) if like is not None else 0.8
    return max(1.0, wanted / high) if high > 0 else 1.0


def jpeg(strip: Strip) -> bytes:
    """A strip (H, W, 3) uint8 RGB as a JPEG file."""
    done, data = cv2.imencode(".jpg", strip[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("OpenCV could not encode a strip as JPEG")
    return data.tobytes()


def page(strips: Sequence[tuple[str, Strip]], tables: str) -> str:
    """One HTML page that holds every strip under its title, and the tables; it loads nothing."""
    figures = "".join(
        f'<h2>{escape(title)}</h2><img alt="{escape(title)}" width="{strip.shape[1]}" height="{strip.shape[0]}" '
        f'src="data:image/jpeg;base64,{base64.b64encode(jpeg(strip)).decode()}">'
        for title, strip in strips
    )
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><link rel="icon" href="data:,">'
        f"<title>Real captures</title><style>{_STYLE}</style></head><body><h1>Real captures</h1>"
        f"{figures}<h2>Numbers</h2><pre>{escape(tables)}</pre></body></html>\n"
    )


def _shown(linear: FloatArray) -> Strip:
    return _bytes(encode(np.clip(np.nan_to_num(linear), 0, 1)))


def _bytes(display: FloatArray) -> Strip:
    return np.rint(np.clip(display, 0, 1) * 255).astype(np.uint8)


def _cell(samples: Strip, label: str) -> Strip:
    """A picture brought to the width of a cell, RGB, with its label above."""
    rgb = (
        samples
        if samples.ndim == 3 and samples.shape[2] == 3
        else np.repeat(samples.reshape(*samples.shape[:2], 1), 3, 2)
    )
    height = max(1, round(rgb.shape[0] * CELL / rgb.shape[1]))
    how = cv2.INTER_AREA if rgb.shape[1] > CELL else cv2.INTER_CUBIC
    cell = np.full((height + LABEL, CELL, 3), 20, np.uint8)
    cell[LABEL:] = cv2.resize(rgb, (CELL, height), interpolation=how)
    _write(cell, label, 6, 18)
    return cell


def _strip(cells: Sequence[Strip], title: str) -> Strip:
    height = LABEL + max(cell.shape[0] for cell in cells)
    strip = np.full((height, len(cells) * CELL, 3), 20, np.uint8)
    for column, cell in enumerate(cells):
        strip[LABEL : LABEL + cell.shape[0], column * CELL : (column + 1) * CELL] = cell
    _write(strip, title, 6, 18)
    return strip


def _write(picture: Strip, text: str, x: int, y: int) -> None:
    ascii_text = text.encode("ascii", "replace").decode()
    cv2.putText(picture, ascii_text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA)
