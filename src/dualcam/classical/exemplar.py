"""Color from elsewhere in the picture: places that look alike in mono mostly have alike colors.

Attention by hand: every pixel whose own match cannot be believed looks at reliable pixels all over the picture and
takes the mean of their ratio of color to mono, weighted by how alike their surroundings are (after Welsh et al. 2002,
who colored gray pictures by examples).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dualcam import parallel
from dualcam.camera.curves import decode, encode
from dualcam.camera.gradient import gradient_magnitude
from dualcam.camera.half import keeping
from dualcam.frame import FloatArray
from dualcam.rig import warp

# The picture is reduced to this many pixels, and looks at this many examples: bounds the time for any size.
_PIXELS, _EXAMPLES = 30_000, 3072
# Reliability from which on a pixel is an example; under the second share of examples in it, a pixel looks for others.
_RELIABLE, _OWN = 0.8, 0.9
# One picture width counts as much as this difference in display units times three.
_PLACE = 4.0
# Width of the weights: a constant, and a part of the distance to the best example.
_NEAR, _RELATIVE = 0.02, 0.1
_DARK = np.float32(0.003)
_MOST_LOG = 3.0
_AT_ONCE = 512
_FAR = 4.0


def exemplars(
    mono: FloatArray, difference: FloatArray, reliable: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Color by examples.

    Args:
        mono: (h, w) float32, linear, denoised.
        difference: (h, w, 3) float32, display, matched color minus its luma.
        reliable: (h, w) float32 in [0, 1], how far it can be believed.
        weights: (3,) spectral weights of the mono camera.

    Returns:
        (h, w, 3) display, color minus its luma; reliable pixels have about their own. (h, w) distance to the best
        example, of order one; 4 everywhere, and gray, where there is no example.
    """
    height, width = mono.shape

    def tinted(rows: slice) -> tuple[FloatArray, FloatArray]:
        display, good = encode(mono[rows]), (reliable[rows] > _RELIABLE).astype(np.float32)
        ratio = decode(np.clip(display[..., None] + difference[rows], 0, 2))
        np.maximum(ratio, np.float32(1e-4), out=ratio)
        ratio /= np.maximum(mono[rows], _DARK)[..., None]
        np.clip(np.log(ratio, out=ratio), -_MOST_LOG, _MOST_LOG, out=ratio)
        ratio *= good[..., None]
        return ratio, good

    ratio, good = parallel.banded(tinted, height)
    factor = min(1.0, (_PIXELS / (height * width)) ** 0.5)
    size = max(8, round(height * factor)), max(8, round(width * factor))
    share = warp.resize(good, *size)
    values = warp.resize(ratio, *size)
    del ratio
    values /= np.maximum(share, np.float32(1e-3))[..., None]
    examples = _spread(np.flatnonzero(share > 0.5))
    if not len(examples):
        return np.zeros((height, width, 3), np.float32), np.full_like(mono, _FAR)
    looks = _looks(warp.resize(encode(mono), *size))
    tints = values.reshape(-1, 3)
    distance = np.zeros(share.size, np.float32)
    known = looks[examples], tints[examples]
    lost = np.flatnonzero(share <= _OWN)

    def attend(start: int) -> None:
        asked = lost[start : start + _AT_ONCE]
        tints[asked], distance[asked] = _attend(looks[asked], *known)

    for _ in parallel.each(attend, range(0, len(lost), _AT_ONCE)):
        pass
    tint = warp.resize(tints.reshape(*size, 3), height, width)

    keep = keeping(mono.size)

    def colored(rows: slice) -> tuple[FloatArray]:
        color = np.exp(np.clip(tint[rows], -_MOST_LOG, _MOST_LOG))
        color *= mono[rows][..., None]
        luma = encode(np.maximum(color @ weights, 0))
        return (keep(encode(color) - luma[..., None]),)

    away = np.clip(warp.resize(distance.reshape(size), height, width), 0, _FAR)
    (found,) = parallel.banded(colored, height)
    return found, away


def _looks(display: FloatArray) -> FloatArray:
    """What places look like, (h * w, 10): brightness and texture at several scales, and where they are."""
    out = [3 * display]
    out += [3 * cv2.GaussianBlur(display, (0, 0), s) for s in (1.0, 2.5, 6.0)]
    for s in (1.5, 4.0):
        out.append(np.float32(0.75 * s) * gradient_magnitude(cv2.GaussianBlur(display, (0, 0), s)))
        mean = cv2.GaussianBlur(display, (0, 0), 1.5 * s)
        variance = cv2.GaussianBlur(display * display, (0, 0), 1.5 * s) - mean * mean
        out.append(6 * np.sqrt(np.maximum(variance, 0)))
    out += list(np.moveaxis(warp.centers(*display.shape) * np.float32(_PLACE / display.shape[1]), -1, 0))
    return np.dstack(out).astype(np.float32).reshape(-1, len(out))


def _spread(candidates: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most ``_EXAMPLES`` of the candidates, evenly spread, in no regular pattern."""
    if len(candidates) <= _EXAMPLES:
        return candidates
    # Multiples of the golden ratio fill the unit interval evenly.
    places = (np.arange(_EXAMPLES) * ((5**0.5 - 1) / 2)) % 1
    return candidates[np.unique((places * len(candidates)).astype(np.intp))]


def _attend(asked: FloatArray, looks: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean of the examples' values (m, 3) for every place asked (n, D), and the distance to the nearest, (n,)."""
    # In place: a fresh array of this size costs more than what is computed in it.
    square = np.float32(-2) * asked @ looks.T
    square += (asked**2).sum(axis=1)[:, None]
    square += (looks**2).sum(axis=1)
    np.maximum(square, 0, out=square)
    nearest = square.min(axis=1, keepdims=True)
    square -= nearest
    square /= np.float32(-2) * (np.float32(_NEAR**2) + np.float32(_RELATIVE) * nearest)
    weight = np.exp(square, out=square)
    mean = weight @ values / weight.sum(axis=1, keepdims=True)
    return mean, np.sqrt(nearest[:, 0])
