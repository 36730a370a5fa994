"""Mosaic or monochrome samples -> DNG file, uncompressed, as raw converters read it.

Tags after the DNG specification 1.4.0.0 (Adobe, 2012). Colors: with white balance g and matrix M (white-balanced
camera RGB to linear sRGB), linear sRGB = M diag(g) camera, so that the ColorMatrix1 of the file, which takes XYZ
to camera RGB under D65, is diag(1/g) M^-1 S^-1 with S from linear sRGB to XYZ; the neutral of the shot is 1/g.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dualcam.camera.sensor import PATTERNS
from dualcam.errors import OutputError
from dualcam.files.ifd import ASCII, BYTE, DOUBLE, LONG, RATIONAL, SHORT, SRATIONAL, Tag, single_strip
from dualcam.files.metadata import SOFTWARE, CameraFacts
from dualcam.files.outputs import Outputs
from dualcam.frame import NoiseModel

SRGB_TO_XYZ = np.array(
    [
        [0.4123907992659595, 0.357584339383878, 0.1804807884018343],
        [0.2126390058715104, 0.715168678767756, 0.0721923153607337],
        [0.0193308187155918, 0.119194779794626, 0.9505321522496607],
    ]
)
"""(3, 3) linear sRGB to CIE XYZ, both with the white D65 (from the primaries of IEC 61966-2-1)."""

_CFA, LINEAR_RAW = 32803, 34892
_D65 = 21
_COLOR_INDEX = {"R": 0, "G": 1, "B": 2}


def write_dng(
    path: str | Path,
    samples: NDArray[np.uint16],
    *,
    pattern: str | None,
    black: int | Sequence[int] = 0,
    white: int,
    white_balance: ArrayLike = (1.0, 1.0, 1.0),
    matrix: ArrayLike | None = None,
    orientation: int = 1,
    camera: CameraFacts | None = None,
    noise: Sequence[NoiseModel] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write samples of one sensor as DNG, complete or not at all.

    Args:
        path: file to make, ``.dng``.
        samples: (H, W) uint16, linear, DN as the converter gave them.
        pattern: one of ``camera.sensor.PATTERNS``, or None for a monochrome sensor.
        black: DN of black; one number, or four for the pixels of a 2 x 2 block, row by row.
        white: DN of saturation, over every black.
        white_balance: (3,) factors that make camera red, green and blue of a white surface equal.
        matrix: (3, 3) white-balanced camera RGB to linear sRGB, rows summing to 1; None for the identity.
        orientation: EXIF orientation to store, 1 to 8; the samples are stored as given.
        camera: maker, model and exposure to store.
        noise: of the samples, black 0 and white 1, to store as NoiseProfile: one model, or one each for red, green
            and blue; None to say nothing.
        overwrite: an existing file may be replaced.

    Returns:
        The path.

    Raises:
        OutputError: samples of another shape or type, an unknown pattern or orientation, levels or colors
            that make no sense, another suffix, or a file that cannot be made.
    """
    path = Path(path)
    data = encode_dng(
        samples,
        pattern=pattern,
        black=black,
        white=white,
        white_balance=white_balance,
        matrix=matrix,
        orientation=orientation,
        camera=camera,
        noise=noise,
    )
    with Outputs(overwrite=overwrite) as outputs:
        hidden = outputs.reserve(path, (".dng",))
        try:
            hidden.write_bytes(data)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"{path} cannot be written: {reason}.", "Check the disk and the folder."
            ) from error
    return path


def encode_dng(
    samples: NDArray[np.uint16],
    *,
    pattern: str | None,
    black: int | Sequence[int] = 0,
    white: int,
    white_balance: ArrayLike = (1.0, 1.0, 1.0),
    matrix: ArrayLike | None = None,
    orientation: int = 1,
    camera: CameraFacts | None = None,
    noise: Sequence[NoiseModel] | None = None,
) -> bytes:
    """The bytes of a DNG file, the same for the same arguments; see ``write_dng``.

    Raises:
        OutputError: as in ``write_dng``, without those about the file.
    """
    samples = np.asarray(samples)
    if samples.ndim != 2 or samples.dtype != np.uint16 or samples.size == 0:
        raise _bad(f"samples of shape {samples.shape} and type {samples.dtype}", "Give (H, W) uint16")
    if pattern is not None and pattern not in PATTERNS:
        raise _bad(f"the pattern {pattern!r}", f"Give {', '.join(PATTERNS)}, or None for monochrome")
    if orientation not in range(1, 9):
        raise _bad(f"the orientation {orientation!r}", "Give 1 to 8")
    camera = camera or CameraFacts()
    tags = [
        *_storage(samples.shape[0], samples.shape[1], pattern, orientation),
        *_levels(black, white, pattern),
        *_noise(noise, pattern),
        *camera_tags(camera),
    ]
    if pattern is not None:
        tags += [
            Tag(33421, SHORT, [2, 2]),  # CFARepeatPatternDim
            Tag(33422, BYTE, [_COLOR_INDEX[letter] for letter in pattern]),  # CFAPattern
            Tag(50710, BYTE, [0, 1, 2]),  # CFAPlaneColor: red, green, blue
            Tag(50711, SHORT, [1]),  # CFALayout: rectangular
            *color_tags(white_balance, matrix),
        ]
    return single_strip(tags, exposure_tags(camera), samples.astype("<u2").tobytes())


def _bad(what: str, remedy: str) -> OutputError:
    return OutputError(f"{what} cannot be stored as DNG.", f"{remedy}.")


def _storage(height: int, width: int, pattern: str | None, orientation: int) -> list[Tag]:
    return [
        Tag(254, LONG, [0]),  # NewSubFileType: the main picture
        Tag(256, LONG, [width]),
        Tag(257, LONG, [height]),
        Tag(258, SHORT, [16]),  # BitsPerSample
        Tag(259, SHORT, [1]),  # Compression: none
        Tag(262, SHORT, [LINEAR_RAW if pattern is None else _CFA]),  # PhotometricInterpretation
        Tag(274, SHORT, [orientation]),
        Tag(277, SHORT, [1]),  # SamplesPerPixel
        Tag(278, LONG, [height]),  # RowsPerStrip
        Tag(284, SHORT, [1]),  # PlanarConfiguration
        Tag(50706, BYTE, [1, 4, 0, 0]),  # DNGVersion
        Tag(50707, BYTE, [1, 1, 0, 0]),  # DNGBackwardVersion
    ]


def _levels(black: int | Sequence[int], white: int, pattern: str | None) -> list[Tag]:
    blacks: list[int] = [int(b) for b in np.atleast_1d(black)]
    if len(blacks) not in (1, 4) or (pattern is None and len(blacks) != 1):
        raise _bad(f"{len(blacks)} black levels", "Give one, or four for a Bayer pattern")
    if min(blacks) < 0 or not max(blacks) < white <= 65535:
        raise _bad(f"black {blacks} with white {white}", "Give 0 <= black < white <= 65535")
    side = 1 if len(blacks) == 1 else 2
    return [
        Tag(50713, SHORT, [side, side]),  # BlackLevelRepeatDim
        Tag(50714, LONG, blacks),  # BlackLevel
        Tag(50717, LONG, [white]),  # WhiteLevel
    ]


def _noise(noise: Sequence[NoiseModel] | None, pattern: str | None) -> list[Tag]:
    if noise is None:
        return []
    if len(noise) != 1 and (pattern is None or len(noise) != 3):
        raise _bad(
            f"a noise profile of {len(noise)} channels", "Give one model, or three for a Bayer pattern"
        )
    numbers = [number for model in noise for number in (model.shot, model.read)]
    if not np.isfinite(numbers).all() or min(numbers) < 0 or max(numbers) <= 0:
        raise _bad(f"the noise {list(noise)}", "Give finite numbers from 0 on that are not all 0")
    return [Tag(51041, DOUBLE, numbers)]  # NoiseProfile: variance = first * signal + second


def color_tags(white_balance: ArrayLike, matrix: ArrayLike | None) -> list[Tag]:
    """Color matrix and neutral; see ``write_dng`` for the arguments."""
    gains = np.asarray(white_balance, np.float64)
    to_srgb = np.eye(3) if matrix is None else np.asarray(matrix, np.float64)
    if gains.shape != (3,) or not np.all((gains > 1e-3) & (gains < 1e3)):
        raise _bad(f"the white balance {gains}", "Give three factors over 0")
    if to_srgb.shape != (3, 3) or not np.isfinite(to_srgb).all() or abs(np.linalg.det(to_srgb)) < 1e-6:
        raise _bad("this color matrix", "Give a 3 x 3 matrix that can be inverted")
    if np.abs(to_srgb.sum(axis=1) - 1).max() > 1e-3:
        raise _bad("a color matrix that does not keep white", "Let its rows sum to 1")
    # Only the ratios of a neutral mean anything; converters expect its green, the largest as a rule, at 1.
    neutral = gains[1] / gains
    from_xyz = np.linalg.inv(SRGB_TO_XYZ @ to_srgb @ np.diag(1 / neutral))
    return [
        Tag(50721, SRATIONAL, from_xyz.ravel().tolist()),  # ColorMatrix1
        Tag(50728, RATIONAL, neutral.tolist()),  # AsShotNeutral
        Tag(50778, SHORT, [_D65]),  # CalibrationIlluminant1
    ]


def camera_tags(camera: CameraFacts) -> list[Tag]:
    """Maker, model, date and software, for the main directory."""
    named = f"{camera.make} {camera.model}".strip() or "dualcam"
    texts: list[tuple[int, str]] = [
        (271, camera.make),
        (272, camera.model),
        (305, SOFTWARE),
        (306, camera.date),
        (50708, named),  # UniqueCameraModel, required
    ]
    return [Tag(code, ASCII, text) for code, text in texts if text]


def exposure_tags(camera: CameraFacts) -> list[Tag]:
    """The EXIF directory."""
    facts: list[tuple[int, int, Any]] = [
        (33434, RATIONAL, camera.exposure_s),
        (33437, RATIONAL, camera.f_number),
        (34855, SHORT, None if camera.iso is None else min(round(camera.iso), 65535)),  # EXIF ends there
        (37386, RATIONAL, camera.focal_mm),
    ]
    tags = [Tag(code, kind, [value]) for code, kind, value in facts if value is not None]
    return [*tags, Tag(36867, ASCII, camera.date)] if camera.date else tags
