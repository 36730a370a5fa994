"""The tables of the protocol ``modules``: one a module, means over scenes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dualcam.evaluation.cross_table import cross_table
from dualcam.evaluation.judge import SCORES
from dualcam.evaluation.trials import MODULES

_HEADING = """
## Module by module

Means over {scenes} scenes of the NIGHT protocol's file track, level × scale. Views are cut to multiples of the scale.
The best of the methods that know no more than a user's program is bold.
"""
_ABOUT = {
    "refEC": "The dark color picture exposed in the color view, against the clean color view averaged to the color "
    "camera's resolution.",
    "refColor": "The clean color view brought into the mono view, against the clean mono view at the same "
    "resolution. All methods get clean pictures; the luma of every result is that of the clean mono picture. The true "
    "disparity is no strict bound: a matcher may find a color that fits mono better than the true one.",
    "refSR": "The clean mono view at the color camera's resolution enlarged with the captured mono picture, against "
    "the clean mono view. All methods get the denoised mono picture, except where it says otherwise and for the neural "
    "one, which removes the noise itself.",
    "chain": "All three modules, and with perfect ones in their places: a perfect refEC hands on the clean color "
    "view, a perfect refColor the color of a camera that stands where the mono camera stands, a perfect refSR adds "
    "the truth's own detail to the color it gets.",
}


def markdown(result: Mapping[str, Any]) -> str:
    """Write the tables of a result of ``modules.run``."""
    scenes = len({row["scene"] for row in result["rows"]})
    parts = [_HEADING.format(scenes=scenes)]
    for module in MODULES:
        rows = [row for row in result["rows"] if row["module"] == module]
        table = cross_table("PSNR (dB) ↑ / SSIM ↑ / ΔE00 ↓", rows, SCORES, {})
        parts.append(f"### {module}\n\n{_ABOUT[module]}\n\n{table}\n")
    return "\n".join(parts)
