"""Ready linear picture -> DNG that raw converters take for a camera file: LinearRaw, three samples a pixel.

Tags after the DNG specification 1.4.0.0 (Adobe, 2012). The "camera" is linear sRGB: the color matrix says so, and the
neutral of the shot is (1, 1, 1), so that a converter that does nothing shows the picture as it is.
"""

from __future__ import annotations

from dualcam.errors import OutputError
from dualcam.files.dng import LINEAR_RAW, camera_tags, color_tags, exposure_tags
from dualcam.files.ifd import ASCII, BYTE, LONG, SHORT, Tag, single_strip_head
from dualcam.files.metadata import CameraFacts

_LARGEST = 2**32 - 2**20  # of a TIFF file, which counts its bytes in 32 bits


def linear_dng_head(height: int, width: int, camera: CameraFacts, provenance: str = "") -> bytes:
    """What comes before the samples of a linear DNG file, the same for the same arguments.

    The samples follow, and nothing after them: (H, W, 3) uint16, little-endian, linear sRGB, white 65535, upright.

    Args:
        height: rows.
        width: columns.
        camera: maker, model and exposure to store.
        provenance: how the picture was made, or "".

    Raises:
        OutputError: more samples than a TIFF file can hold.
    """
    size = height * width * 6
    if size > _LARGEST:
        raise OutputError("the picture is too large for DNG, which ends at 4 GB.", "Use TIFF.")
    tags = [
        Tag(254, LONG, [0]),  # NewSubFileType: the main picture
        Tag(256, LONG, [width]),
        Tag(257, LONG, [height]),
        Tag(258, SHORT, [16, 16, 16]),  # BitsPerSample
        Tag(259, SHORT, [1]),  # Compression: none
        Tag(262, SHORT, [LINEAR_RAW]),  # PhotometricInterpretation
        Tag(274, SHORT, [1]),  # Orientation: upright
        Tag(277, SHORT, [3]),  # SamplesPerPixel
        Tag(278, LONG, [height]),  # RowsPerStrip
        Tag(284, SHORT, [1]),  # PlanarConfiguration
        Tag(50706, BYTE, [1, 4, 0, 0]),  # DNGVersion
        Tag(50707, BYTE, [1, 1, 0, 0]),  # DNGBackwardVersion
        Tag(50717, LONG, [65535] * 3),  # WhiteLevel
        *color_tags((1.0, 1.0, 1.0), None),
        *camera_tags(camera),
    ]
    if provenance:
        tags.append(Tag(270, ASCII, provenance.replace("\0", " ")))
    return single_strip_head(tags, exposure_tags(camera), size)
