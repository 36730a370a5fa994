"""What is measured of a pair before anything is matched: noise, clipping, and a first exposure ratio."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dualcam.camera import noise
from dualcam.camera.channels import highest
from dualcam.camera.denoise import denoise_linear, refine_linear
from dualcam.camera.developed_noise import developed
from dualcam.camera.half import keeping
from dualcam.frame import FloatArray, Frame, Mosaic, NoiseModel

# A sample this near to white is taken for clipped.
CLIPPED = 0.985
# Variance of the quietest patches over what the file states: beyond these another camera or setting is likely.
_LEAST, _MOST = 1 / 3, 2.0


# No slots: what is computed on demand is kept beside the fields.
@dataclass(frozen=True, eq=False)
class Measured:
    """Facts of a pair.

    Attributes:
        mono: (H, W) float32, linear, the mono picture as shot.
        mono_noise: noise of a mono sample.
        color_noise: noise of a color sample, one model a channel.
        mono_clipped: share of clipped mono samples.
        color_clipped: share of color pixels with a clipped channel.
        sources: where the noise of mono and of color is from: "estimate", or the file that states it.
        notes: remarks for the user.
    """

    mono: FloatArray
    mono_noise: NoiseModel
    color_noise: tuple[NoiseModel, NoiseModel, NoiseModel]
    mono_clipped: float
    color_clipped: float
    sources: tuple[str, str] = ("estimate", "estimate")
    notes: tuple[str, ...] = ()

    @cached_property
    def mono_clean(self) -> FloatArray:
        """(H, W) float32, linear, mono denoised by its own noise level; computed when first asked for."""
        return np.clip(denoise_linear(self.mono, self.mono_noise), 0, 1)

    def halve_clean(self) -> None:
        """From now on keep ``mono_clean`` of a large picture in half precision: where it guides, but is no result."""
        # A quarter of it is what a match grid has.
        self.__dict__["mono_clean"] = keeping(self.mono.size // 4)(self.mono_clean)

    def mono_cleaner(self) -> FloatArray:
        """(H, W) float32, linear, the same with a second pass; it is not kept, and ``mono_clean`` no longer."""
        clean = self.mono_clean
        del self.__dict__["mono_clean"]
        refined = refine_linear(self.mono, clean, self.mono_noise)
        # Without noise it is the picture as shot, which is not to be changed.
        return np.clip(refined, 0, 1, out=None if refined is self.mono else refined)


def measure(mono: Frame, color: Frame, *, trust_color: bool = False) -> Measured:
    """Measure both frames of a pair.

    Args:
        mono: the mono frame. Noise that its file states is used instead of an estimate, unless the picture says
            otherwise.
        color: the color frame.
        trust_color: the same for color. Not for methods that were fitted to estimates: those of color are higher, by
            texture and errors of the demosaic.
    """
    plane = mono.pixels[..., 0]
    notes: list[str] = []
    sources = ["estimate", "estimate"]
    mono_noise = None
    if mono.noise is not None and _plausible(mono, [(plane, mono.noise.models[0])], notes):
        mono_noise, sources[0] = mono.noise.models[0], mono.noise.source
    color_noise = None
    if trust_color and color.noise is not None and color.mosaic is not None:
        models = color.noise.models
        if _plausible(color, _sites(color.mosaic, models), notes):
            color_noise, sources[1] = developed(models, color.mosaic), color.noise.source
    return Measured(
        mono=plane,
        mono_noise=mono_noise or noise.estimate(plane),
        color_noise=color_noise or _estimated(color),
        mono_clipped=float((plane >= CLIPPED).mean()),
        color_clipped=float((highest(color.pixels) >= CLIPPED).mean()),
        sources=(sources[0], sources[1]),
        notes=tuple(notes),
    )


def _estimated(color: Frame) -> tuple[NoiseModel, NoiseModel, NoiseModel]:
    red, green, blue = (
        _with_quantisation(noise.estimate(np.ascontiguousarray(color.pixels[..., c]), correlated=True), color)
        for c in range(3)
    )
    return red, green, blue


def _sites(mosaic: Mosaic, models: tuple[NoiseModel, ...]) -> list[tuple[FloatArray, NoiseModel]]:
    """The four color planes of a mosaic, each with the noise that is stated for it."""
    return [
        (np.ascontiguousarray(mosaic.samples[site // 2 :: 2, site % 2 :: 2]), models["RGB".index(letter)])
        for site, letter in enumerate(mosaic.pattern)
    ]


def _plausible(frame: Frame, planes: list[tuple[FloatArray, NoiseModel]], notes: list[str]) -> bool:
    """Whether a picture can have the noise that its file states; a remark if not."""
    ratios = [noise.excess(plane, model) for plane, model in planes]
    known = [ratio for ratio in ratios if ratio is not None]
    ratio = float(np.mean(known)) if known else 1.0
    if _LEAST < ratio < _MOST:
        return True
    assert frame.noise is not None
    times, why = (
        (f"at least {ratio:.1f} times as much", "finely textured all over")
        if ratio >= _MOST
        else (f"{ratio:.2g} times as much", "denoised before")
    )
    notes.append(
        f"{frame.role}: the noise has {times} variance as {frame.noise.source} states: another camera or ISO setting, "
        f"or a picture that is {why}; it was estimated instead"
    )
    return False


def _with_quantisation(model: NoiseModel, frame: Frame) -> NoiseModel:
    """Add the rounding error of the file, which exposure compensation will magnify with everything else."""
    if frame.origin.bits > 16:
        return model
    steps = 2**frame.origin.bits - 1
    # Near black the sRGB curve is a line of slope 12.92; a linear file has slope 1.
    step = 1 / steps / (1.0 if frame.origin.curve == "linear" else 12.92)
    return NoiseModel(model.shot, model.read + step**2 / 12)
