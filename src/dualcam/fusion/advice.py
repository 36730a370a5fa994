"""What a photographer should know about a capture before it is fused, and what to do better.

The limits are where the fused colors get visibly worse: a *warning* from where the mean CIEDE2000 of the neural method
has risen by 1 over that of the same capture without the fault, *serious* from where it has risen by 2.5 or pairs begin
to be refused. They were read off the tables that ``benchmarks/fit_advice.py`` prints (docs/recipes/capture-advice.md).
What costs less than that, however odd it looks, is for information.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dualcam.camera.measure import Measured
from dualcam.errors import InputError
from dualcam.files.metadata import CameraFacts
from dualcam.frame import Advice, FloatArray, Pair, Severity, Tone, View
from dualcam.fusion.capture_facts import GRAY, CaptureFacts, capture_facts
from dualcam.rig.matching import Match

# Warning and serious limits.
COLOR_SNR = 2.6, 1.6
MONO_SNR = 2.9, 1.6
# A blur of 0.75 costs as much already, but real lenses have that.
MONO_BLUR_PX = 1.2, 2.7
OVERLAP = 0.70, 0.45
MONO_CLIPPED = 0.13, 0.45
COLOR_CLIPPED = 0.25, math.inf
EXPOSURE_EV_8_BITS = 7.0, math.inf
QUALITY = 0.6, -math.inf
# From here on something is worth a word.
_WORD_OVERLAP, _WORD_CLIPPED, _WORD_MOVED, _WORD_SOFT_PX, _WORD_APART_S = 0.9, 0.02, 0.03, 1.25, 2.0
# Signal over noise that is asked for where there is too little: the tables show hardly any gain over it.
_LIKED_SNR = 4.0
_LIKED_EV = 6.0
# Standard exposure times in thirds of a stop.
_TIMES = tuple(2 ** (third / 3) for third in range(-39, 16))
# What dials call them, in parts of a second.
_SHUTTERS = tuple(
    int(part)
    for part in (
        "3 4 5 6 8 10 13 15 20 25 30 40 50 60 80 100 125 160 200 250 320 400 500 640 800 1000 1250 1600 2000 2500 "
        "3200 4000 5000 6400 8000"
    ).split()
)


def advise(
    pair: Pair, measured: Measured, mono: FloatArray, match: Match, tone: Tone, view: View = "mono"
) -> tuple[Advice, ...]:
    """Measure a capture and judge it.

    Args:
        pair: the two frames and their placement.
        measured: noise and clipping.
        mono: (h, w) float32, linear, the denoised mono on the match grid.
        match: the match.
        tone: the rough exposure match.
        view: whose view the result is going to have.

    Returns:
        The findings, the most serious first.
    """
    return judge(capture_facts(pair, measured, mono, match, tone), view)


def judge(facts: CaptureFacts, view: View = "mono") -> tuple[Advice, ...]:
    """What the numbers of a capture mean for the result in a camera's view, the most serious first."""
    found = (
        *_light(facts),
        *_clipping(facts),
        *_sharpness(facts),
        *_geometry(facts, view),
        *_time(facts),
    )
    return tuple(sorted(found, key=lambda advice: -advice.severity))


def refuse_serious(found: Sequence[Advice]) -> None:
    """Stop where a finding is serious.

    Raises:
        InputError: naming the first such finding and its remedy.
    """
    for advice in found:
        if advice.severity is Severity.SERIOUS:
            raise InputError(
                f"the capture is refused: {advice.text[0].lower()}{advice.text[1:]}",
                f"{advice.remedy} Without --strict (strict=False) it is fused all the same.",
            )


def _above(value: float, limits: tuple[float, float]) -> Severity:
    """How far a value matters that is bad when it is high."""
    warning, serious = limits
    return Severity(int(value > warning) + int(value > serious))


def _below(value: float, limits: tuple[float, float]) -> Severity:
    return _above(-value, (-limits[0], -limits[1]))


def _light(facts: CaptureFacts) -> Iterator[Advice]:
    ev = math.log2(facts.ratio)
    dark = _above(ev, EXPOSURE_EV_8_BITS) if facts.color_bits <= 8 else Severity.INFO
    known = _settings_ev(facts.mono_camera, facts.color_camera)
    why = f", {known:.1f} EV of that by the cameras' settings" if known is not None else ""
    word = f"{ev:.1f} EV darker" if ev >= 0 else f"{-ev:.1f} EV brighter"
    yield Advice(
        "exposure",
        dark,
        ev,
        "EV",
        f"Color is {word} than mono{why}."
        + (f" {facts.color_bits} bits hold too few steps for that." if dark else ""),
        f"Use {_longer(2 ** (ev - _LIKED_EV), facts.color_camera)}, or the raw file." if dark else "",
    )
    severity = _below(facts.color_snr, COLOR_SNR)
    times = light_needed(facts)
    yield Advice(
        "color-light",
        severity,
        facts.color_snr,
        "signal/noise",
        f"Color is noisy: in mid-gray a pixel's signal is {facts.color_snr:.1f} times its noise, which is "
        f"{math.log2(times):.1f} EV less light than the fusion likes."
        if severity
        else f"Color has enough light: in mid-gray a pixel's signal is {facts.color_snr:.1f} times its noise.",
        f"For the color camera {_longer(times, facts.color_camera)} would do; a wider aperture helps as well."
        if severity
        else "",
    )
    severity = _below(facts.mono_snr, MONO_SNR)
    # Where noise is that of the light, four times the light give twice the signal over noise.
    more = (_LIKED_SNR / max(facts.mono_snr, 0.1)) ** 2
    yield Advice(
        "mono-light",
        severity,
        facts.mono_snr,
        "signal/noise",
        f"Mono is noisy itself: in mid-gray a pixel's signal is {facts.mono_snr:.1f} times its noise."
        if severity
        else f"Mono has enough light: in mid-gray a pixel's signal is {facts.mono_snr:.1f} times its noise.",
        f"For the mono camera {_longer(more, facts.mono_camera)} would do." if severity else "",
    )


def light_needed(facts: CaptureFacts) -> float:
    """How many times more light color needs for the signal over noise that the fusion likes; at least 1.

    Shot noise grows with the root of the light, read noise not at all: k x / sqrt(shot k x + read) = wanted.
    """
    signal, wanted = GRAY / facts.ratio, _LIKED_SNR**2
    shot = wanted * facts.color_shot * signal
    root = math.sqrt(shot**2 + 4 * signal**2 * wanted * facts.color_read)
    return max(1.0, (shot + root) / (2 * signal**2))


def _clipping(facts: CaptureFacts) -> Iterator[Advice]:
    for role, share, limits, camera in (
        ("mono", facts.mono_clipped, MONO_CLIPPED, facts.mono_camera),
        ("color", facts.color_clipped, COLOR_CLIPPED, facts.color_camera),
    ):
        if share <= _WORD_CLIPPED:
            continue
        severity = _above(share, limits)
        yield Advice(
            f"{role}-clipping",
            severity,
            share,
            "share",
            f"{share:.0%} of the {role} picture is clipped: it shows no detail there.",
            f"Give the {role} camera less light: {_longer(0.5, camera)}, or less until lamps are all that clips."
            if severity
            else "",
        )


def _sharpness(facts: CaptureFacts) -> Iterator[Advice]:
    blur, softer = facts.mono_blur_px, facts.color_blur_px
    if blur is not None and (severity := _above(blur, MONO_BLUR_PX)):
        yield Advice(
            "mono-sharpness",
            severity,
            blur,
            "px",
            f"Mono is soft, as if blurred by {blur:.1f} pixels or more; its detail becomes the result's.",
            "Focus the mono camera anew, and use a tripod or a shorter exposure.",
        )
    if softer is not None and softer > _WORD_SOFT_PX:
        yield Advice(
            "color-sharpness",
            Severity.INFO,
            softer,
            "px",
            f"Color is softer than mono, by {softer:.1f} color pixels or more: small colored things lose color.",
            "Focus the color camera anew, and use a tripod or a shorter exposure.",
        )


def _geometry(facts: CaptureFacts, view: View) -> Iterator[Advice]:
    if facts.overlap < _WORD_OVERLAP and view == "color":
        # All color is there. What that does without mono was not measured: no severity.
        yield Advice(
            "overlap",
            Severity.INFO,
            facts.overlap,
            "share",
            f"Both pictures show {facts.overlap:.0%} of what mono shows; what mono did not see has color's own detail.",
            "",
        )
    elif facts.overlap < _WORD_OVERLAP:
        severity = _below(facts.overlap, OVERLAP)
        yield Advice(
            "overlap",
            severity,
            facts.overlap,
            "share",
            f"The color camera saw {facts.overlap:.0%} of the mono picture; elsewhere color is guessed or gray.",
            "Point both cameras at the same thing, or use a wider lens on the color camera."
            if severity
            else "",
        )
    if severity := _below(facts.quality, QUALITY):
        yield Advice(
            "placement",
            severity,
            facts.quality,
            "0 to 1",
            f"How the pictures lie on each other rests on little evidence (quality {facts.quality:.2f}).",
            "Look at the result before using it; more light and more texture in the picture help.",
        )
    if facts.parallax > 0:
        yield Advice(
            "parallax",
            Severity.INFO,
            facts.parallax,
            "share of the width",
            f"Near and far things lie up to {facts.parallax:.1%} of the width apart between the two views.",
        )
    if facts.moved is not None and facts.moved > _WORD_MOVED:
        yield Advice(
            "movement",
            Severity.INFO,
            facts.moved,
            "share",
            f"{facts.moved:.0%} of the picture moved between the shots, by about {facts.moved_px:.0f} mono pixels. "
            "Color follows it; what was hidden in one of the shots is guessed.",
            "Release both cameras at the same moment.",
        )


def _time(facts: CaptureFacts) -> Iterator[Advice]:
    if facts.apart_s is not None and facts.apart_s >= _WORD_APART_S:
        yield Advice(
            "time",
            Severity.INFO,
            facts.apart_s,
            "s",
            f"By the cameras' clocks the shots lie {_duration(facts.apart_s)} apart.",
            "If the clocks are right, release both cameras at the same moment.",
        )


def _settings_ev(mono: CameraFacts, color: CameraFacts) -> float | None:
    """How many EV darker the settings make color, None where one of them is unknown."""
    lights = []
    for camera in (mono, color):
        if camera.exposure_s is None or camera.f_number is None or camera.iso is None:
            return None
        lights.append(camera.exposure_s / camera.f_number**2 * camera.iso)
    return math.log2(lights[0] / lights[1])


def _longer(times: float, camera: CameraFacts) -> str:
    """Say an exposure that is so many times the given one, as the shutter's dial says it where the time is known."""
    if camera.exposure_s is None:
        return f"{times:.0f} times the exposure" if times >= 2 else f"{times:.1f} times the exposure"
    return f"{exposure_text(nearest_time(camera.exposure_s * times))} instead of {exposure_text(camera.exposure_s)}"


def nearest_time(seconds: float) -> float:
    """The standard exposure time next to one, in seconds."""
    return min(_TIMES, key=lambda time: abs(math.log(time / seconds)))


def exposure_text(seconds: float) -> str:
    """Write an exposure time as shutters do: ``1/125 s``, ``0.5 s``, ``8 s``, by the usual numbers."""
    if seconds >= 0.35:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    parts = 1 / seconds
    best = min(_SHUTTERS, key=lambda number: abs(math.log(number / parts)))
    # An electronic shutter's odd time is told as it is.
    return f"1/{best if abs(math.log(best / parts)) < 0.08 else round(parts)} s"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
