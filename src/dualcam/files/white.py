"""Which sample value is white: the container's maximum, unless the values say otherwise."""

from __future__ import annotations

import numpy as np

from dualcam.files.samples import Header, Samples
from dualcam.frame import Role

_DEPTHS = {1023: 10, 4095: 12, 16383: 14}
_MOST_SPARE = 8


def integer_white(
    array: Samples, header: Header, role: Role, linear: bool
) -> tuple[float, int, tuple[str, ...]]:
    """White level of an integer file, with a guess at fewer bits stored in 16.

    Cameras with 12-bit converters often store their numbers unchanged in a 16-bit file. Two signs give them
    away: many samples clipped at exactly 1023, 4095 or 16383, or no sample over 4095 at all.

    The second sign is weaker, because a picture can simply be dark. A mono picture is the bright one of the
    pair, so one that uses a sixteenth of its range is taken as 12 bits. A display-encoded color picture would
    have to be underexposed 200-fold to stay under 4095 of 65535, so it is taken as 12 bits too; but a
    *linear* one is there at 16-fold, which is an ordinary night, so it keeps the container's white. Nothing
    is lost by that: the exposure of the color picture is matched to the mono picture later. FITS files keep the
    container's white too: there a dark mono picture is the rule.

    Other cameras store their numbers at the upper end of the 16 bits, so that all samples are multiples of 4, 16 or 64:
    then white is the largest such number.

    Args:
        array: samples as stored, uint8 or uint16.
        header: the file's facts. Files with an ICC profile were rendered for display at full scale and files
            that state their white (Netpbm) leave nothing to guess but samples at the upper end.
        role: "mono" or "color".
        linear: whether the samples will be taken as linear.

    Returns:
        White in DN, significant bits, and a note if it was guessed.
    """
    known = _from_header(array, header)
    if known is not None:
        return known, int(known).bit_length(), ()
    if array.dtype != np.uint16 or header.icc or header.bits != 16:
        return header.white, header.bits, ()
    spare = _spare_bits(array) if header.white == 65535 else 0
    if spare > 1:
        step = 2**spare
        note = f"values are multiples of {step}: {16 - spare} bits at the upper end of 16, white is {65536 - step}"
        return float(65536 - step), 16 - spare, (note,)
    if header.white_is_stated and header.format != "FITS":
        return header.white, header.bits, ()
    top = int(array.max())
    if top in _DEPTHS and _piles_up(array, top):
        white = top
    elif 0 < top <= 4095 and (role == "mono" or not linear) and header.format != "FITS":
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


def _spare_bits(array: Samples) -> int:
    """How many of the lowest bits are 0 in every sample, 8 at most; 0 for a black picture."""
    used = int(np.bitwise_or.reduce(array, axis=None))
    return min((used & -used).bit_length() - 1, _MOST_SPARE) if used else 0


def _from_header(array: Samples, header: Header) -> float | None:
    """White as a header states it (FITS), where the samples agree.

    A stated largest value is white if no sample reaches it, or many do; else it is only the brightest sample. Floats
    up to 1.5 were scaled after their header was written.
    """
    top = float(array.max())
    if top <= 1.5 and array.dtype.kind == "f":
        return None
    if header.saturation is not None and top <= 2 * header.saturation <= 2 * max(header.white, 65535):
        return header.saturation
    largest = header.largest
    if largest is None or top > largest:
        return None
    at_the_top = int(np.count_nonzero(array == array.dtype.type(largest))) if top == largest else 0
    return largest if top < largest or at_the_top >= 8 else None


def float_white(array: Samples, role: Role, header: Header | None = None) -> tuple[float, tuple[str, ...]]:
    """White level of a float file, or of integers too wide or signed that were taken as floats.

    Scene-linear floats have white at 1, with some highlights over it. Numbers well beyond are camera DN kept
    as floats: up to 255 they are divided by their maximum, up to 4095 and 65535 by these, beyond by their
    maximum; integers of 32 bits that fill more than 24 by 2^32 - 1.

    Args:
        array: finite float samples.
        role: "mono" or "color", for the note.
        header: the file's facts; what it states comes first.

    Returns:
        White, and a note if it is not 1 and not stated.
    """
    top = float(array.max())
    stated = _from_header(array, header) if header is not None else None
    if stated is not None:
        return stated, ()
    if header is not None and header.white > 1:
        wide = header.white > 2**24 and top <= 2**24
        if not wide:
            return header.white, ()
    if top <= 1.5:
        return 1.0, ()
    white = next((w for w in (4095.0, 65535.0) if 255 < top <= w), top)
    return white, (f"float values reach {top:g}: divided by {white:g}; --{role}-white overrides",)
