"""sensor.json: what ``dualcam sensor`` measured, written and read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from dualcam._version import __version__
from dualcam.camera.sensor import PATTERNS
from dualcam.camera.sensor_model import Channel, SensorModel
from dualcam.errors import InputError

FORMAT = "dualcam sensor"
VERSION = 1
"""Of the file format. Files of a later version are refused, unknown keys of this one are left alone."""

_LARGEST = 10_000_000
_NUMBERS = {
    "gain_dn_per_e",
    "read_noise_dn",
    "read_noise_e",
    "row_noise_e",
    "full_well_e",
    "dsnu_e",
    "fit_error",
}
_AGAIN = "Make it anew with `dualcam sensor`."


def to_json(sensor: SensorModel) -> str:
    """The text of a sensor file."""
    values: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "dualcam": __version__,
        "camera": {"make": sensor.make, "model": sensor.model, "iso": sensor.iso},
        "width": sensor.width,
        "height": sensor.height,
        "bits": sensor.bits,
        "pattern": sensor.pattern,
        "black_dn": [_rounded(level) for level in sensor.black_dn],
        "pooled": _channel(sensor.pooled),
        "channels": {name: _channel(channel) for name, channel in sensor.channels.items()},
        "files": {"flats": list(sensor.flats), "darks": list(sensor.darks)},
        "notes": list(sensor.notes),
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def read_sensor(path: str | Path) -> SensorModel:
    """Read a sensor file.

    Args:
        path: the file, as ``dualcam sensor`` writes it.

    Raises:
        InputError: missing, not JSON, not a sensor file, of a later version, or with numbers that make no sense.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is not a sensor file: it is far too large.", _AGAIN)
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"the sensor file {path} cannot be read: {error.strerror or error}.",
            "Check the name and the rights.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a sensor file: it is no JSON.", _AGAIN) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f'{path} is not a sensor file: its "format" is not "{FORMAT}".', _AGAIN)
    version = values.get("version")
    if version != VERSION:
        raise InputError(
            f"{path} is a sensor file of version {version!r}; this dualcam reads version {VERSION}.",
            "Use the dualcam that made it, or a later one, or measure the sensor again.",
        )
    try:
        return _sensor(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"the sensor file {path} is damaged: {what}.", _AGAIN) from error


def _rounded(value: float | None) -> float | None:
    """Seven digits: more than any measurement has, and few enough to read."""
    return None if value is None else float(f"{value:.7g}")


def _channel(channel: Channel) -> dict[str, float | None]:
    rounded = {name: _rounded(value) for name, value in asdict(channel).items()}
    return {"gain_e_per_dn": _rounded(channel.gain_e_per_dn), **rounded}


def _sensor(values: dict[str, Any]) -> SensorModel:
    pattern = values["pattern"]
    if pattern is not None and pattern not in PATTERNS:
        raise ValueError(f"there is no color filter {pattern!r}")
    wanted = {"mono"} if pattern is None else {"R", "G", "B"}
    if set(values["channels"]) != wanted:
        raise ValueError(f"its channels are {sorted(values['channels'])}, not {sorted(wanted)}")
    black = tuple(_number("black_dn", level, 0) for level in values["black_dn"])
    if len(black) not in (1, 4):
        raise ValueError(f"it has {len(black)} black levels, not 1 or 4")
    bits = int(_number("bits", values["bits"], 1))
    if bits > 32:
        raise ValueError(f"it has {bits} bits")
    camera, files = values.get("camera", {}), values.get("files", {})
    iso = camera.get("iso")
    return SensorModel(
        width=int(_number("width", values["width"], 1)),
        height=int(_number("height", values["height"], 1)),
        bits=bits,
        pattern=pattern,
        black_dn=black,
        channels={
            name: _read_channel(f"channel {name}", values["channels"][name], black) for name in sorted(wanted)
        },
        pooled=_read_channel("pooled", values["pooled"], black),
        make=str(camera.get("make", "")),
        model=str(camera.get("model", "")),
        iso=None if iso is None else _number("iso", iso, 0),
        flats=tuple(str(name) for name in files.get("flats", ())),
        darks=tuple(str(name) for name in files.get("darks", ())),
        notes=tuple(str(note) for note in values.get("notes", ())),
    )


def _read_channel(where: str, values: dict[str, Any], black: tuple[float, ...]) -> Channel:
    numbers = {
        field.name: None
        if values[field.name] is None and field.name not in _NUMBERS
        else _number(f"{field.name} of {where}", values[field.name], 0)
        for field in fields(Channel)
    }
    channel = Channel(**numbers)  # type: ignore[arg-type]  # None only where the class has it
    if channel.gain_dn_per_e <= 0 or channel.full_well_e <= 0:
        raise ValueError(f"gain or full well of {where} is 0")
    if channel.saturation_dn is not None and channel.saturation_dn <= max(black):
        raise ValueError(f"the saturation of {where} is not over black")
    return channel


def _number(name: str, value: Any, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is {value!r}, no number")
    if not math.isfinite(value) or value < least:
        raise ValueError(f"{name} is {value!r}")
    return float(value)
