"""The report of a fusion: plain facts, JSON, or one HTML page that needs no host and no other file.

Here are the facts and their JSON; ``report_page`` lays the page out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dualcam._version import __version__
from dualcam.frame import Advice, Frame, Fusion, Provenance
from dualcam.fusion import report_page
from dualcam.rig import mapping

__all__ = ["advice_facts", "facts", "to_html", "to_json"]


def facts(fusion: Fusion) -> dict[str, Any]:
    """Collect what is worth knowing about a fusion, without any pixels.

    File names come without their folders, so that a report can be sent to somebody else.

    Args:
        fusion: the result of ``Fuser.fuse``.

    Returns:
        A dictionary of strings, finite numbers, booleans, lists and dictionaries; numbers that are not finite
        become None. Shares and the mean confidence lie in [0, 1], times are in seconds, sizes in pixels.
    """
    height, width = fusion.pixels.shape[:2]
    placement = fusion.pair.placement
    counts = np.bincount(fusion.provenance.ravel(), minlength=len(Provenance))
    total = max(1, fusion.provenance.size)
    found: dict[str, Any] = {
        "dualcam": __version__,
        "method": fusion.method,
        "inputs": {"mono": _input_facts(fusion.pair.mono), "color": _input_facts(fusion.pair.color)},
        "output": {"width": width, "height": height, "view": fusion.view},
        "placement": {
            "method": placement.method,
            "scale": placement.scale,
            "overlap": placement.overlap,
            "quality": placement.quality,
            "matches": placement.matches,
            "parallax_px": placement.parallax_px,
            "matrix": placement.matrix.tolist(),
            "bend_px": mapping.largest_bend(fusion.pair),
        },
        "provenance": {kind.name.lower(): int(counts[kind]) / total for kind in reversed(Provenance)},
        "confidence": {"mean": float(np.mean(fusion.confidence, dtype=np.float64))},
        "hops": [{"name": hop.name, "seconds": hop.seconds, "facts": dict(hop.facts)} for hop in fusion.hops],
        "seconds": sum(hop.seconds for hop in fusion.hops),
        "stages": list(fusion.stages),
        "notes": list(fusion.notes),
        "advice": advice_facts(fusion.advice),
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def advice_facts(found: Sequence[Advice]) -> list[dict[str, Any]]:
    """Findings about a capture as plain dictionaries; a severity becomes "info", "warning" or "serious"."""
    return [
        {
            "name": advice.name,
            "severity": advice.severity.name.lower(),
            "value": _plain(float(advice.value)),
            "unit": advice.unit,
            "text": advice.text,
            "remedy": advice.remedy,
        }
        for advice in found
    ]


def to_json(fusion: Fusion) -> str:
    """Write ``facts`` as strict JSON, indented, with a final newline."""
    return json.dumps(facts(fusion), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_html(fusion: Fusion) -> str:
    """Write the report as one self-contained HTML page.

    Pictures are embedded as JPEG (the maps as PNG) with a long side of at most ``report_page.LAYER_SIDE``
    pixels. The page forbids itself any connection by its content security policy.

    Args:
        fusion: the result of ``Fuser.fuse``; its stage pictures are shown when there are any.

    Returns:
        The text of the page, to be saved as UTF-8.
    """
    return report_page.page(fusion, facts(fusion))


def _input_facts(frame: Frame) -> dict[str, Any]:
    origin = frame.origin
    height, width = frame.pixels.shape[:2]
    return {
        "file": origin.path.name if origin.path is not None else "",
        "format": origin.format,
        "bits": origin.bits,
        "curve": origin.curve,
        "profile": origin.profile,
        "width": width,
        "height": height,
        "notes": list(origin.notes),
    }


def _plain(value: Any) -> Any:
    """Turn numpy scalars into Python ones and numbers that JSON does not know into None, at any depth."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float) or value is None else str(value)
