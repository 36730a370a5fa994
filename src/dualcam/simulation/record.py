"""What ``capture.json`` says: enough to make the capture again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dualcam._version import __version__
from dualcam.errors import InputError
from dualcam.simulation.settings import Settings

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a capture was made from: its name without folders, and its SHA-256 in hex."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """How a capture came to be.

    Attributes:
        settings: of the simulator.
        scene: name of the scene, part of the seed.
        level: name of the light level, or "custom".
        seed: the number that the user gave; 0 for the protocol's own capture.
        protocol: name of the protocol, or None where the settings are no protocol's.
        inputs: the pictures it was made from.
        parallax: largest synthetic disparity over the width, for a single photo; None for a pair.
        seeded_as: the light level that is part of the seed, where ``level`` is "custom".
    """

    settings: Settings
    scene: str
    level: str
    seed: int = 0
    protocol: str | None = None
    inputs: tuple[Source, ...] = ()
    parallax: float | None = None
    seeded_as: str | None = None


def source(path: Path) -> Source:
    """Name and checksum of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return Source(path.name, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", "Check the name and the rights."
        ) from error


def facts(record: Record) -> dict[str, Any]:
    """The contents of ``capture.json``: plain values, the most asked for first."""
    settings = record.settings
    scale = int(settings.scale) if settings.scale == int(settings.scale) else settings.scale
    return {
        "schema": SCHEMA,
        "dualcam": __version__,
        "protocol": record.protocol,
        "scene": record.scene,
        "level": record.level,
        "scale": scale,
        "seed": record.seed,
        "seeded_as": record.seeded_as or record.level,
        "parallax": record.parallax,
        "inputs": [asdict(one) for one in record.inputs],
        "electrons_at_white": {"mono": settings.mono_electrons, "color": settings.color_electrons},
        "electrons_at_saturation": {"mono": settings.mono_saturation_e, "color": settings.color_saturation_e},
        "settings": asdict(settings),
    }
