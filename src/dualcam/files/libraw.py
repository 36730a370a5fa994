"""Camera raw file -> samples, pattern, levels and colors, by LibRaw (rawpy). Nothing is developed here.

Only what LibRaw hands over before its own processing is used, so that none of its choices (brightness, highlights,
demosaic) enter. Layouts for which these samples are not a plain Bayer grid are refused.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import DualcamError, InputError
from dualcam.files import kinds, rawtags
from dualcam.files.dng import SRGB_TO_XYZ
from dualcam.files.samples import Samples, check_size
from dualcam.frame import FloatArray, NoiseModel

if TYPE_CHECKING:
    import rawpy

# Bits of LibRaw's flip (1 mirror, 2 upside down, 4 rows become columns) -> EXIF orientation.
_ORIENTATION = {0: 1, 1: 2, 3: 3, 2: 4, 4: 5, 6: 6, 7: 7, 5: 8}


@dataclass(frozen=True, slots=True, eq=False)
class RawPicture:
    """The active area of a sensor as the file stores it, orientation not applied.

    Attributes:
        format: "DNG", "NEF", "CR2", ...
        samples: uint16 DN: (H, W) of a mosaic or monochrome sensor, (H, W, 3) of a DNG that was demosaiced before.
        pattern: color filter of the first two rows, such as "RGGB"; None for the two others.
        black: DN of black: (2, 2) by place in the first two rows and columns, or (3,) by channel.
        white: DN of saturation, over every black.
        white_balance: (3,) float32, factors for camera red, green and blue; green is 1.
        matrix: (3, 3) float32, white-balanced camera RGB to linear sRGB; its rows sum to 1.
        orientation: EXIF orientation, 1 to 8.
        notes: what was missing in the file and how it was replaced.
        noise: what the file states about the noise of its samples with black 0 and white 1: one model for a
            monochrome sensor, three for a mosaic; empty without.
    """

    format: str
    samples: Samples
    pattern: str | None
    black: FloatArray
    white: float
    white_balance: FloatArray
    matrix: FloatArray
    orientation: int
    notes: tuple[str, ...]
    noise: tuple[NoiseModel, ...] = ()


def unpack(path: Path, data: bytes, *, may_be_even: bool = False) -> RawPicture:
    """Decode a raw file.

    Args:
        path: the file, for messages; its suffix only names the format.
        data: its bytes.
        may_be_even: every sample may be the same, as in a flat that saturates; else that is taken for damage.

    Raises:
        InputError: truncated, corrupt, too small or large, unknown to LibRaw, or of a sensor whose samples are no
            Bayer grid and no monochrome picture (X-Trans, four colors, turned or stretched pixels).
    """
    import rawpy  # takes 0.1 s, which only raw files should cost

    name = "DNG" if rawtags.is_dng(data) else kinds.raw_format(data, path)
    try:
        if data[:2] in (b"II", b"MM") and data[2:4] in (b"*\0", b"\0*"):
            rawtags.check_complete(data)
        with _silent(), rawpy.imread(io.BytesIO(data)) as raw:
            check_size(raw.sizes.width, raw.sizes.height, path)
            raw.unpack()
            return _picture(path, data, name, raw, may_be_even)
    except DualcamError:
        raise
    except (MemoryError, rawpy.LibRawUnsufficientMemoryError, rawpy.LibRawTooBigError) as error:
        raise InputError(f"{path} does not fit into memory.", "Use a smaller picture.") from error
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError) as error:
        raise InputError(
            f"{path} is a camera raw file of a kind that LibRaw cannot decode.", kinds.TO_DNG
        ) from error
    except Exception as error:
        # LibRaw and tifffile meet bytes from anywhere and raise whatever comes.
        text = error.args[0] if error.args else type(error).__name__
        detail = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
        raise InputError(
            f"{path} is a camera raw file that is truncated or corrupt ({detail.splitlines()[0][:120]}).",
            "Copy it again from the camera.",
        ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Keep LibRaw from writing about damaged data to stderr; it raises as well, and that is passed on."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _picture(path: Path, data: bytes, name: str, raw: rawpy.RawPy, may_be_even: bool) -> RawPicture:
    sizes = raw.sizes
    outside = sizes.top_margin + sizes.height > sizes.raw_height or (
        sizes.left_margin + sizes.width > sizes.raw_width
    )
    if outside or abs(sizes.pixel_aspect - 1) > 0.01:  # Fujifilm Super CCD, Nikon D1X
        raise _refused(path, "holds pixels that are turned by 45 degrees or not square")
    samples = raw.raw_image_visible
    if samples.ndim == 3 and (name != "DNG" or raw.num_colors != 3):
        raise _refused(path, "holds no mosaic, but samples that were already processed in the camera")
    if samples.ndim == 3:
        pattern, black = None, np.array(raw.black_level_per_channel[:3], np.float32)
    elif raw.num_colors == 1:
        pattern, black = None, np.full((2, 2), raw.black_level_per_channel[0], np.float32)
    else:
        pattern, black = _bayer(path, raw)
    if samples.ndim == 2 and name == "DNG":
        exact = rawtags.exact_black(data, sizes.top_margin, sizes.left_margin)
        black = black if exact is None else exact
    white = float(raw.white_level)
    if not white > float(black.max()):
        raise ValueError(f"black is {float(black.max()):g} and white {white:g}")
    if (
        not may_be_even and samples.min() == samples.max()
    ):  # LibRaw's answer to some kinds of damage in packed samples
        raise ValueError(f"every sample is {samples.max()}")
    notes: list[str] = []
    balance, matrix = np.ones(3, np.float32), np.eye(3, dtype=np.float32)
    if pattern is not None or samples.ndim == 3:
        matrix = _matrix(raw, notes)
        balance = _white_balance(raw, notes)
    return RawPicture(
        format=name,
        samples=samples[..., :3].copy() if samples.ndim == 3 else samples.copy(),
        pattern=pattern,
        black=black,
        white=white,
        white_balance=balance,
        matrix=matrix,
        orientation=_ORIENTATION.get(sizes.flip, 1),
        notes=tuple(notes),
        noise=rawtags.noise_profile(data, 3 if pattern else 1) if name == "DNG" and samples.ndim == 2 else (),
    )


def _refused(path: Path, what: str) -> InputError:
    return InputError(f"{path} is a camera raw file that {what}; dualcam cannot read it.", kinds.TO_TIFF)


def _bayer(path: Path, raw: rawpy.RawPy) -> tuple[str, FloatArray]:
    """Pattern of the active area, and black by place."""
    indices = raw.raw_pattern
    if indices is None or indices.shape != (2, 2) or raw.num_colors != 3:
        side = 0 if indices is None else indices.shape[0]
        if side == 6:
            raise _refused(path, "has the X-Trans color filter, which is no Bayer pattern")
        raise _refused(path, "has a color filter that is no Bayer pattern")
    # LibRaw's pattern begins at the corner of the sensor, the picture at that of the active area.
    indices = np.roll(indices, (-raw.sizes.top_margin, -raw.sizes.left_margin), (0, 1))
    pattern = "".join(raw.color_desc.decode("ascii", "replace")[i] for i in indices.ravel())
    if pattern not in PATTERNS:
        raise _refused(path, f"has the color filter {pattern}, which is no Bayer pattern")
    return pattern, np.array(raw.black_level_per_channel, np.float32)[indices]


def _white_balance(raw: rawpy.RawPy, notes: list[str]) -> FloatArray:
    """As shot; else for daylight; else none. Green is 1."""
    for multipliers, note in (
        (raw.camera_whitebalance, ""),
        (raw.daylight_whitebalance, "no white balance in the file: daylight assumed"),
    ):
        gains = np.array(multipliers[:3], np.float64)
        if np.isfinite(gains).all() and gains.min() > 0:
            if note:
                notes.append(note)
            return (gains / gains[1]).astype(np.float32)
    notes.append("no white balance in the file: the camera's own colors are kept")
    return np.ones(3, np.float32)


def _matrix(raw: rawpy.RawPy, notes: list[str]) -> FloatArray:
    """White-balanced camera RGB to linear sRGB, as LibRaw chooses it: the file's own, else that of the model."""
    own = np.array(raw.color_matrix[:, :3], np.float64)
    if own[0, 0] > 0.125:  # LibRaw's own test for a matrix that was found in the file
        return _white_kept(own)
    from_xyz: NDArray[np.float64] = np.array(raw.rgb_xyz_matrix[:3], np.float64)
    if not np.abs(from_xyz).sum(axis=1).all():
        notes.append("the camera's colors are unknown: taken as sRGB")
        return np.eye(3, dtype=np.float32)
    # After white balance, white is (1, 1, 1) on both sides: the rows of sRGB to camera are scaled to sum to 1.
    from_srgb = from_xyz @ SRGB_TO_XYZ
    return _white_kept(np.linalg.inv(from_srgb / from_srgb.sum(axis=1, keepdims=True)))


def _white_kept(matrix: NDArray[np.float64]) -> FloatArray:
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
