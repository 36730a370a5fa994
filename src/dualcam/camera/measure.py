"""What is measured of a pair before anything is matched: noise, clipping, and a first exposure ratio."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dualcam.camera import noise
from dualcam.camera.channels import highest
from dualcam.camera.developed_noise import developed
from dualcam.camera.denoise import denoise_linear, refine_linear
from dualcam.frame import FloatArray, Frame, NoiseModel

# A sample this near to white is taken for clipped.
CLIPPED = 0.985


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
    """

    mono: FloatArray
    mono_noise: NoiseModel
    color_noise: tuple[NoiseModel, NoiseModel, NoiseModel]
    mono_clipped: float
    color_clipped: float

    @cached_property
    def mono_clean(self) -> FloatArray:
        """(H, W) float32, linear, mono denoised by its own noise level; computed when first asked for."""
        return np.clip(denoise_linear(self.mono, self.mono_noise), 0, 1)

    def mono_cleaner(self) -> FloatArray:
        """(H, W) float32, linear, the same with a second pass; it is not kept, and ``mono_clean`` no longer."""
        clean = self.mono_clean
        del self.__dict__["mono_clean"]
        refined = refine_linear(self.mono, clean, self.mono_noise)
        # Without noise it is the picture as shot, which is not to be changed.
        return np.clip(refined, 0, 1, out=None if refined is self.mono else refined)


def measure(mono: Frame, color: Frame) -> Measured:
    """Measure both frames of a pair."""
    plane = mono.pixels[..., 0]
    mono_noise = mono.noise.models[0] if mono.noise else noise.estimate(plane)
    if color.noise and color.mosaic:
        red, green, blue = developed(color.noise.models, color.mosaic)
    else:
        red, green, blue = (
            _with_quantisation(noise.estimate(np.ascontiguousarray(color.pixels[..., c]), correlated=True), color)
            for c in range(3)
        )
    return Measured(
        mono=plane,
        mono_noise=mono_noise,
        color_noise=(red, green, blue),
        mono_clipped=float((plane >= CLIPPED).mean()),
        color_clipped=float((highest(color.pixels) >= CLIPPED).mean()),
    )


def _with_quantisation(model: NoiseModel, frame: Frame) -> NoiseModel:
    """Add the rounding error of the file, which exposure compensation will magnify with everything else."""
    if frame.origin.bits > 16:
        return model
    steps = 2**frame.origin.bits - 1
    # Near black the sRGB curve is a line of slope 12.92; a linear file has slope 1.
    step = 1 / steps / (1.0 if frame.origin.curve == "linear" else 12.92)
    return NoiseModel(model.shot, model.read + step**2 / 12)
