"""Which sample value is white: the container's maximum, unless the values say otherwise."""

from __future__ import annotations

import numpy as np

from dualcam.files.samples import Header, Samples
from dualcam.frame import Role

_DEPTHS = {1023: 10, 4095: 12, 16383: 14}


def integer_white(
    array: Samples, header: Header, role: Role, linear: bool
) -> tuple[float, int, tuple[str, ...]]:
    """White level of an integer file, with a guess at 10, 12 or 14 bits stored in 16 (right-justified).

    Cameras with 12-bit converters often store their numbers unchanged in a 16-bit file. Two signs give them
    away: many samples clipped at exactly 1023, 4095 or 16383, or no sample over 4095 at all.

    The second sign is weaker, because a picture can simply be dark. A mono picture is the bright one of the
    pair, so one that uses a sixteenth of its range is taken as 12 bits. A display-encoded color picture would
    have to be underexposed 200-fold to stay under 4095 of 65535, so it is taken as 12 bits too; but a
    *linear* one is there at 16-fold, which is an ordinary night, so it keeps the container's white. Nothing
    is lost by that: the exposure of the color picture is matched to the mono picture later.

    Args:
        array: samples as stored, uint8 or uint16.
        header: the file's facts. Files with an ICC profile were rendered for display at full scale and files
            that state their white (Netpbm) leave nothing to guess.
        role: "mono" or "color".
        linear: whether the samples will be taken as linear.

    Returns:
        White in DN, significant bits, and a note if it was guessed.
    """
    if array.dtype != np.uint16 or header.white_is_stated or header.icc or header.bits != 16:
        return header.white, header.bits, ()
    top = int(array.max())
    if top in _DEPTHS and _piles_up(array, top):
        white = top
    elif 0 < top <= 4095 and (role == "mono" or not linear):
        white = 4095
    else:
        return header.white, header.bits, ()
    bits = _DEPTHS[white]
    doubt = "" if linear else f"; --{role}-curve linear if the samples come straight from a sensor"
    return float(white), bits, (f"values end at {top}: read as {bits} bits; --{role}-white overrides{doubt}",)


def _piles_up(array: Samples, top: int) -> bool:
    """Whether many samples sit at the maximum, compared with the values just under it."""
    near = np.bincount(array[array >= max(top - 8, 0)].astype(np.int64) - max(top - 8, 0), minlength=9)
    return bool(near[-1] >= 8 and near[-1] > 2 * near[:-1].mean())


def float_white(array: Samples, role: Role) -> tuple[float, tuple[str, ...]]:
    """White level of a float file.

    Scene-linear floats have white at 1, with some highlights over it. Numbers well beyond are camera DN kept
    as
    floats: up to 255 they are divided by their maximum, up to 4095 and 65535 by these, beyond by their
    maximum.

    Args:
        array: finite float samples.
        role: "mono" or "color", for the note.

    Returns:
        White, and a note if it is not 1.
    """
    top = float(array.max())
    if top <= 1.5:
        return 1.0, ()
    white = next((w for w in (4095.0, 65535.0) if 255 < top <= w), top)
    return white, (f"float values reach {top:g}: divided by {white:g}; --{role}-white overrides",)
