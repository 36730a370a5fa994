"""What a fusion says about itself: facts for the report, remarks for the user."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.measure import Measured
from dualcam.frame import Advice, Fact, Pair, Provenance, Severity, View
from dualcam.rig import mapping

# Mono pixels per color pixel under which the color view has clearly more to show.
_MUCH_SMALLER = 0.75


def placement_facts(pair: Pair) -> dict[str, Fact]:
    """How the two pictures lie on each other."""
    placement = pair.placement
    turn = np.degrees(np.arctan2(placement.matrix[1, 0], placement.matrix[0, 0]))
    return {
        "method": placement.method,
        "quality": placement.quality,
        "scale": placement.scale,
        "rotation (degrees)": float(turn),
        "overlap": placement.overlap,
        "matches": placement.matches,
        "parallax (mono px)": placement.parallax_px,
        "bend (mono px)": mapping.largest_bend(pair),
    }


def noise_facts(measured: Measured) -> dict[str, Fact]:
    """Noise at middle gray, where it is known from, and clipping."""

    def at_gray(shot: float, read: float) -> float:
        return float(np.sqrt(shot * 0.18 + read))

    green = measured.color_noise[1]
    return {
        "mono noise from": measured.sources[0],
        "color noise from": measured.sources[1],
        "mono noise at 18 % gray": at_gray(measured.mono_noise.shot, measured.mono_noise.read),
        "color noise at 18 % gray": at_gray(green.shot, green.read),
        "mono clipped": measured.mono_clipped,
        "color clipped": measured.color_clipped,
    }


def notes_of(
    pair: Pair,
    measured: Measured,
    provenance: NDArray[np.uint8],
    view: View,
    advice: Iterable[Advice] = (),
) -> tuple[str, ...]:
    """Remarks about a result, but for what advice warns of already.

    Args:
        pair: the two frames and their placement; what was guessed when they were read is said again.
        measured: of the pair.
        provenance: (H, W) ``Provenance`` values.
        view: whose view the result has.
        advice: what was noticed about the capture.
    """
    warned = {finding.name for finding in advice if finding.severity > Severity.INFO}
    notes = [f"{f.role}: {n}" for f in (pair.mono, pair.color) for n in f.origin.notes]
    notes += measured.notes
    if view == "mono" and pair.placement.scale < _MUCH_SMALLER:
        height, width = pair.color.pixels.shape[:2]
        notes.append(
            f"mono is the smaller picture: --view color would give {width} x {height} pixels in the color camera's view"
        )
    if view == "mono" and pair.placement.overlap < 0.9 and "overlap" not in warned:
        notes.append(
            f"the color camera saw {pair.placement.overlap:.0%} of the mono picture; the rest is propagated or gray"
        )
    if pair.placement.quality < 0.6 and "placement" not in warned:
        notes.append("the placement rests on little evidence: look at the result before using it")
    if (guessed := float((provenance != Provenance.MEASURED).mean())) > 0.3:
        notes.append(f"{guessed:.0%} of the color is guessed or missing: see the confidence map")
    if measured.mono_clipped > 0.02 and "mono-clipping" not in warned:
        notes.append(f"{measured.mono_clipped:.0%} of the mono picture is clipped")
    return tuple(notes)
