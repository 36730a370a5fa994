"""The page of the report: facts, layers, maps and stage pictures become one HTML text.

The page holds four layers on the same grid (color as shot, the same brightened, mono, result), the confidence
and the provenance of every pixel, what every hop did, and the stage pictures when the fusion kept them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam._version import __version__
from dualcam.camera.curves import encode
from dualcam.files import embed
from dualcam.frame import FloatArray, Fusion, Provenance
from dualcam.rig.mapping import place_color, place_mono

LAYER_SIDE = 2048
STAGE_SIDE = 1280

_PROVENANCE_TEXT = {
    Provenance.MEASURED: "seen by the color camera and matched both ways",
    Provenance.PROPAGATED: "guessed from measured neighbors of similar mono brightness",
    Provenance.NEUTRAL: "nothing to ask nearby: left gray",
}
_METHOD_TEXT = {
    "features": "feature matches",
    "stars": "pattern of stars",
    "structure": "gradient correlation",
    "identity": "given by the user (identity)",
}


def page(fusion: Fusion, known: Mapping[str, Any]) -> str:
    """Lay out the page.

    Args:
        fusion: the fusion, for its pictures.
        known: its facts, as ``report.facts`` gives them.

    Returns:
        The HTML text, complete in itself.
    """
    size = _fit(fusion.pixels.shape, LAYER_SIDE)
    mono, color = (_file_text(known["inputs"][role], role) for role in ("mono", "color"))
    full = f"{known['output']['width']} × {known['output']['height']}"
    embedded = f"{size[0]} × {size[1]}"
    maps = np.nan_to_num(np.clip(fusion.confidence, 0, 1)), fusion.provenance
    values = {
        "title": escape(f"{mono} + {color}"),
        "mono": escape(mono),
        "color": escape(color),
        "summary": escape(
            f"{full} pixels, {fusion.view} view · {fusion.method} method · {known['seconds']:.1f} s"
            f" · dualcam {__version__}"
        ),
        "version": escape(__version__),
        "full_width": str(known["output"]["width"]),
        "full_height": str(known["output"]["height"]),
        "embedded": escape(
            f"Pictures in this page: {embedded} pixels"
            + ("." if embedded == full else f", reduced from {full}. The files hold the full size.")
        ),
        "layers": _layers(fusion, size),
        "confidence_map": _png(cv2.resize(maps[0] * 255, size, interpolation=cv2.INTER_AREA)),
        "provenance_map": _png(cv2.resize(maps[1], size, interpolation=cv2.INTER_NEAREST)),
        "cards": _cards(known),
        "shares": _shares(known),
        "notes": _notes(known) + _advice(known),
        "hops": _hop_rows(known),
        "seconds": f"{known['seconds']:.2f}",
        "placement": _rows(_placement_texts(known["placement"])),
        "matrix": escape(_matrix_text(fusion.pair.placement.matrix)),
        "inputs": _input_rows(known["inputs"]),
        "stages": _stages(fusion),
    }
    template = files("dualcam.fusion").joinpath("report.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template)


def _layers(fusion: Fusion, size: tuple[int, int]) -> str:
    result = _shrink(fusion.pixels, size)
    if fusion.view == "mono":
        moved, still = "only moved into the mono view", ""
        shot, mono = place_color(fusion.pair), fusion.pair.mono.pixels[..., 0]
    else:
        moved, still = "only resized", ", only moved into the color view"
        shot, mono = fusion.pair.color.pixels, place_mono(fusion.pair)
    shot, mono = (_shrink(picture, size) for picture in (shot, mono))
    seen = np.isfinite(shot).all(axis=-1)
    gain = _brightening(shot[seen], result[seen])
    pictures = [
        ("shot", "Color as shot", f"the color camera's picture, {moved}", shot),
        ("bright", "Color brightened", f"the same, linear values × {gain:.3g}", shot * np.float32(gain)),
        ("mono", "Mono", f"the mono camera's picture{still}", mono),
        ("result", "Result", "the fused picture", result),
    ]
    return "\n".join(
        f'<figure><img data-layer="{key}" data-label="{label}" alt="{label}: {escape(text)}" '
        f'src="{_jpeg(_display(picture))}"><figcaption><b>{label}</b> {escape(text)}</figcaption></figure>'
        for key, label, text, picture in pictures
    )


def _brightening(shot: FloatArray, result: FloatArray) -> float:
    """Give the factor that makes the color as shot as bright as the result, on average over the same pixels."""
    if shot.size == 0:
        return 1.0
    low, high = float(shot.mean()), float(result.mean())
    return high / low if low > 0 and high > 0 else 1.0


def _stages(fusion: Fusion) -> str:
    if not fusion.stages:
        return '<p class="muted">Stage pictures were not kept for this fusion.</p>'
    figures = []
    for number, (name, picture) in enumerate(fusion.stages.items(), start=1):
        small = _shrink(picture, _fit(picture.shape, STAGE_SIDE))
        label = escape(f"{number}. {name.replace('_', ' ')}")
        figures.append(
            f'<figure><button type="button" class="thumb" title="Enlarge"><img alt="{label}" '
            f'src="{_jpeg(_hatch(small))}"></button><figcaption>{label}</figcaption></figure>'
        )
    return f'<div class="thumbs">{"".join(figures)}</div>'


# --- pictures -------------------------------------------------------------------------------------


def _fit(shape: Sequence[int], longest: int) -> tuple[int, int]:
    """Give (width, height) of a picture of this shape reduced to a longest side, never enlarged."""
    height, width = shape[:2]
    factor = min(1.0, longest / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _shrink(picture: FloatArray, size: tuple[int, int]) -> FloatArray:
    source = np.ascontiguousarray(picture, dtype=np.float32)
    if source.shape[1::-1] == size:
        return source
    return np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.float32)


def _display(linear: FloatArray) -> FloatArray:
    return _hatch(encode(np.clip(linear, 0, 1)))


def _hatch(display: FloatArray) -> FloatArray:
    """Replace pixels that nobody measured (NaN) by dark diagonal stripes, which no photograph shows."""
    missing = ~np.isfinite(display if display.ndim == 2 else display.sum(axis=-1))
    if not missing.any():
        return display
    rows, columns = np.indices(missing.shape, sparse=True)
    stripes = np.where((rows + columns) // 6 % 2 == 0, 0.20, 0.26).astype(np.float32)
    shown = display.copy()
    shown[missing] = stripes[missing] if display.ndim == 2 else stripes[missing][:, None]
    return shown


def _bytes(display: FloatArray) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(display, 0, 1) * 255), np.uint8)


def _jpeg(display: FloatArray) -> str:
    return embed.jpeg(_bytes(display))


def _png(values: NDArray[Any]) -> str:
    """Encode (H, W) values from 0 to 255."""
    return embed.png(np.asarray(np.rint(values), np.uint8))


# --- texts ----------------------------------------------------------------------------------------


def _file_text(known: Mapping[str, Any], role: str) -> str:
    return known["file"] or f"{role} array"


def _number(value: Any) -> str:
    """Write a fact for people: four significant digits, yes/no, a dash for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if abs(value) >= 10000:
            return f"{value:.0f}"
        # Small shares are easier to read as 0.00004 than as 4.4e-05.
        return f"{value:.5f}".rstrip("0") if 1e-5 <= abs(value) < 1e-3 else f"{value:.4g}"
    return str(value)


def _fixed(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><th scope=row>{escape(key)}</th><td>{escape(text)}</td></tr>" for key, text in pairs)


def _cards(known: Mapping[str, Any]) -> str:
    placement = known["placement"]
    cards = [
        ("Measured color", _percent(known["provenance"]["measured"]), "of the picture"),
        ("Mean confidence", _percent(known["confidence"]["mean"]), "color within ΔE 5 of the truth"),
        ("Placement quality", _fixed(placement["quality"]), _method_text(placement["method"])),
        ("Scale", _number(placement["scale"]), "mono pixels per color pixel"),
    ]
    return "".join(
        f'<div class="card"><span>{escape(name)}</span><b>{escape(value)}</b>'
        f"<small>{escape(text)}</small></div>"
        for name, value, text in cards
    )


def _shares(known: Mapping[str, Any]) -> str:
    bar, legend = [], []
    for kind in reversed(Provenance):
        name = kind.name.lower()
        share = known["provenance"][name]
        bar.append(f'<i class="{name}" style="width:{100 * share:.3f}%"></i>')
        legend.append(
            f'<li><i class="{name}"></i><b>{_percent(share)} {name}</b> {escape(_PROVENANCE_TEXT[kind])}</li>'
        )
    return f'<div class="bar" aria-hidden="true">{"".join(bar)}</div><ul class="key">{"".join(legend)}</ul>'


def _notes(known: Mapping[str, Any]) -> str:
    notes = list(known["notes"])
    for role, origin in known["inputs"].items():
        notes += [f"{role}: {note}" for note in origin["notes"] if not any(note in text for text in notes)]
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<section class="notes"><h2>Notes</h2><ul>{items}</ul></section>'


def _advice(known: Mapping[str, Any]) -> str:
    if not known["advice"]:
        return ""
    items = "".join(
        f'<li class="{advice["severity"]}"><b>{advice["severity"]}</b> {escape(advice["text"])}'
        + (f"<br><em>{escape(advice['remedy'])}</em>" if advice["remedy"] else "")
        + "</li>"
        for advice in known["advice"]
    )
    return f'<section class="notes advice"><h2>The capture</h2><ul>{items}</ul></section>'


def _hop_rows(known: Mapping[str, Any]) -> str:
    longest = max((hop["seconds"] for hop in known["hops"]), default=0) or 1
    rows = []
    for number, hop in enumerate(known["hops"], start=1):
        share = f"{100 * hop['seconds'] / longest:.1f}%"
        listed = "".join(
            f"<span><em>{escape(key.replace('_', ' '))}</em> {escape(_number(value))}</span>"
            for key, value in hop["facts"].items()
        )
        rows.append(
            f"<tr><td>{number}</td><th scope=row>{escape(hop['name'])}</th>"
            f'<td class="time">{hop["seconds"]:.2f} s<i style="width:{share}"></i></td>'
            f'<td><div class="facts">{listed}</div></td></tr>'
        )
    return "".join(rows)


def _method_text(method: str) -> str:
    return _METHOD_TEXT.get(method, method)


def _placement_texts(placement: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Found by", _method_text(placement["method"])),
        ("Quality", f"{_fixed(placement['quality'])} (0 to 1)"),
        ("Scale", f"{_number(placement['scale'])} mono pixels per color pixel"),
        ("Overlap", f"{_percent(placement['overlap'])} of the mono picture"),
        ("Matches", _number(placement["matches"])),
        ("Parallax", f"{_number(placement['parallax_px'])} mono pixels (95th percentile)"),
        ("Bend", f"up to {_number(placement['bend_px'])} mono pixels" if placement["bend_px"] else "none"),
    ]


def _matrix_text(matrix: NDArray[np.float64]) -> str:
    return "\n".join("  ".join(f"{value:>13.6g}" for value in row) for row in matrix)


def _input_rows(inputs: Mapping[str, Any]) -> str:
    rows = []
    for role, known in inputs.items():
        cells = (
            _file_text(known, role),
            f"{known['width']} × {known['height']}",
            known["format"],
            f"{known['bits']}",
            f"{known['curve']}{' · ' + known['profile'] if known['profile'] else ''}",
        )
        rows.append(
            f"<tr><th scope=row>{role}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        )
    return "".join(rows)
