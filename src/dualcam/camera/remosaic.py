"""A demosaiced file becomes the mosaic that it was made of, and is developed anew.

Files of small cameras and of fast programs are demosaiced by simple filters. What was measured is still in them, every
channel at its own sites; residual interpolation makes more of it (``camera.demosaic``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dualcam.camera import develop, sensor
from dualcam.camera.cfa import find_pattern, telling_part
from dualcam.camera.curves import encode
from dualcam.frame import Frame, Mosaic


def remosaiced(frame: Frame) -> Frame:
    """A color frame with the mosaic that shows in its noise, and with the pixels developed from that.

    White balance and color matrix stay as they were applied: the samples are those of the file's colors.

    Args:
        frame: color, (H, W, 3) linear.

    Returns:
        The frame itself if it has a mosaic already or none shows.
    """
    if frame.mosaic is not None:
        return frame
    pattern = find_pattern(encode(np.maximum(telling_part(frame.pixels), 0)))
    if pattern is None:
        return frame
    samples = sensor.mosaic(frame.pixels, pattern)
    mosaic = Mosaic(samples, pattern, np.ones(3, np.float32), np.eye(3, dtype=np.float32))
    # Noise that was stated would be that of a raw file's samples, which these are not.
    return replace(frame, pixels=np.ascontiguousarray(develop.develop(mosaic)), mosaic=mosaic, noise=None)
