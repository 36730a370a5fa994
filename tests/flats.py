"""Flats and darks of simulated sensors, by the project's simulator."""

from __future__ import annotations

import numpy as np

from dualcam.camera.flat_levels import Shot
from dualcam.simulation.capture import read_out
from dualcam.simulation.settings import Sensor

# What the filters of a Bayer sensor let through of the lamp.
FILTERS = {"R": 0.55, "G": 1.0, "B": 0.45}


def light(size, pattern=None, vignetting=0.0):
    """(H, W) light of an even lamp behind lens and filters, 1 at the brightest."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((y + 0.5) / height - 0.5, (x + 0.5) / width - 0.5) / np.hypot(0.5, 0.5)
    shade = 1 - vignetting * radius**2
    for site, letter in enumerate(pattern or ""):
        shade[site // 2 :: 2, site % 2 :: 2] *= FILTERS[letter]
    return shade.astype(np.float32)


def series(
    sensor: Sensor, pattern=None, *, size=(240, 320), vignetting=0.3, levels=9, most=1.5, drift=0.01, seed=1
):
    """Two flats a level from 1 % of full well up, the second a little brighter, and four darks: (flats, darks)."""
    rng = np.random.default_rng(seed)
    shade = light(size, pattern, vignetting)
    saturation = (sensor.white - sensor.black) / sensor.gain

    def dn(electrons):
        return read_out(shade, sensor, electrons, saturation, rng)

    flats = []
    for number, electrons in enumerate(np.geomspace(0.01, most, levels) * saturation):
        for turn in range(2):
            flats.append((f"flat_{number}{turn}", dn(electrons * (1 + drift * turn)), electrons / saturation))
    darks = [(f"dark_{turn}", dn(1e-9), None) for turn in range(4)]
    return flats, darks


def shots(pictures):
    """Pictures of ``series`` as ``photon_transfer`` takes them."""
    return [Shot(name, lambda dn=dn: dn, time) for name, dn, time in pictures]
