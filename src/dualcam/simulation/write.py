"""A capture -> its folder of files, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualcam.camera.sensor_model import MIDDLE_GRAY
from dualcam.errors import OutputError, UsageError
from dualcam.files import encode
from dualcam.files.dng import encode_dng
from dualcam.files.outputs import Outputs
from dualcam.frame import FloatArray, NoiseModel
from dualcam.simulation.capture import Capture
from dualcam.simulation.record import Record, facts
from dualcam.simulation.settings import Sensor

DISPARITY_STEPS = 256
"""Steps per pixel in ``disparity.png``; 0 says that the disparity is unknown."""

ALL = {
    "mono.png",
    "mono.dng",
    "color.png",
    "color.dng",
    "color.jpg",
    "truth.png",
    "capture.json",
    "disparity.png",
}
"""Every file that a capture may have."""

MOST_DISPARITY = 65535 / DISPARITY_STEPS
"""The largest disparity in pixels that ``disparity.png`` can hold."""


def write_capture(
    folder: Path,
    capture: Capture,
    record: Record,
    *,
    disparity: FloatArray | None = None,
    mono_raw: bool = False,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> tuple[Path, ...]:
    """Write mono.png, color.png and color.dng (or color.jpg of a phone), truth.png and capture.json.

    PNG files carry no metadata but an sRGB profile and a description, so that equal captures give equal pixels.

    Args:
        folder: made if it is missing.
        capture: what the cameras saw.
        record: how it came to be, for ``capture.json``.
        disparity: (H, W) true disparity of the mono view in pixels, NaN where unknown: also writes
            disparity.png. Numbers that its 16 bits cannot hold (0 and less, over 255) count as unknown.
        mono_raw: also write mono.dng, the samples of the mono sensor.
        overwrite: existing files may be replaced.
        inputs: files that must not be replaced in any case.

    Returns:
        The files, in the order of this description.

    Raises:
        OutputError: a file exists, cannot be made, or is left from a capture of another kind.
        UsageError: a disparity of another size.
    """
    contents = _contents(capture, record)
    if mono_raw and capture.mono_dn is not None:
        contents["mono.dng"] = _mono_dng(capture.mono_dn, record)
    if disparity is not None and disparity.shape != capture.mono.shape:
        raise UsageError(
            f"the disparity has {_size(disparity)} pixels, the mono picture {_size(capture.mono)}.",
            "Give the disparity of every pixel of the mono camera's view.",
        )
    if disparity is not None:
        contents["disparity.png"] = encode.png_bytes(
            disparity_codes(disparity), encode.Extras(provenance="disparity in 1/256 pixels", tagged=False)
        )
    for name in ALL - set(contents):
        # Two captures in one folder would pass for one.
        if (folder / name).exists():
            raise OutputError(f"{folder / name} is there from another capture.", "Use another folder.")
    with Outputs(overwrite=overwrite, inputs=inputs) as outputs:
        outputs.reserve_dir(folder)
        hidden = {name: outputs.reserve(folder / name) for name in contents}
        for name, data in contents.items():
            try:
                hidden[name].write_bytes(data)
            except OSError as error:
                raise OutputError(
                    f"{folder / name} cannot be written: {error.strerror or error}.",
                    "Check the disk and the folder.",
                ) from error
    return tuple(folder / name for name in contents)


def disparity_codes(disparity: FloatArray) -> NDArray[np.uint16]:
    """Disparity in pixels, NaN where unknown -> 16-bit codes of 1/256 pixel, 0 where unknown or not storable."""
    steps = np.rint(np.nan_to_num(disparity, nan=0.0) * np.float32(DISPARITY_STEPS))
    return np.where((steps >= 1) & (steps <= 65535), steps, 0).astype(np.uint16)


def _contents(capture: Capture, record: Record) -> dict[str, bytes]:
    """The files by name. They are small enough to be made before the first one is written."""
    made = f"simulated capture, {record.scene}, {record.level}"
    contents = {"mono.png": encode.png_bytes(capture.mono, encode.Extras(provenance=made))}
    if capture.jpeg is not None:
        contents["color.jpg"] = capture.jpeg
    else:
        contents["color.png"] = encode.png_bytes(capture.color, encode.Extras(provenance=made))
        contents["color.dng"] = _dng(capture, record)
    contents["truth.png"] = encode.png_bytes(capture.truth, encode.Extras(provenance=f"truth of a {made}"))
    contents["capture.json"] = _json(facts(record))
    return contents


def _dng(capture: Capture, record: Record) -> bytes:
    camera = record.settings.color
    # A protocol says what methods are told, and the noise is not among it.
    stated = (
        [stated_noise(camera.sensor, record.settings.color_saturation_e)] if record.protocol is None else None
    )
    return encode_dng(
        capture.mosaic,
        pattern=camera.pattern,
        black=camera.sensor.black,
        white=camera.sensor.white,
        white_balance=camera.response.white_balance,
        matrix=camera.response.matrix,
        noise=stated,
    )


def _mono_dng(dn: NDArray[np.uint16], record: Record) -> bytes:
    sensor = record.settings.mono.sensor
    noise = stated_noise(sensor, record.settings.mono_saturation_e)
    return encode_dng(dn, pattern=None, black=sensor.black, white=sensor.white, noise=[noise])


def stated_noise(sensor: Sensor, saturation_e: float) -> NoiseModel:
    """The noise of a simulated sensor's samples with black 0 and saturation 1, fixed patterns as at middle gray."""
    dark_e = sensor.read_noise_e**2 + sensor.row_noise_e**2 + sensor.dsnu_e**2
    rounding = 1 / 12 / (sensor.white - sensor.black) ** 2
    return NoiseModel(1 / saturation_e + sensor.prnu**2 * MIDDLE_GRAY, dark_e / saturation_e**2 + rounding)


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def _size(picture: NDArray[Any]) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
