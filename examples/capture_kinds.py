"""A simulated capture, stored the ways in which cameras of the sky and of factories store theirs.

    dualcam simulate photo.jpg -o capture
    python examples/capture_kinds.py capture kinds

writes, all of 12 bits and linear: L.fits and OSC.fits (with a color filter and row order in the header), L.ser and
OSC.ser (two frames each), mono.raw and color.raw (samples only), mono.pgm and color.pgm (color is a mosaic, too).
Needs astropy: pip install "dualcam[astro]".
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

import dualcam

TOP = 4095
SER_COLORS = {"": 0, "RGGB": 8, "GRBG": 9, "GBRG": 10, "BGGR": 11}
Samples = NDArray[np.uint16]


def write_fits(path: Path, dn: Samples, pattern: str) -> None:
    """As N.I.N.A. and others store it: unsigned 16 bits, top row first, and the header says so."""
    picture = fits.PrimaryHDU(dn)
    picture.header["ROWORDER"] = "TOP-DOWN"
    picture.header["SATURATE"] = TOP
    picture.header["INSTRUME"] = "Simulated camera"
    picture.header["EXPTIME"] = (0.5, "[s]")
    if pattern:
        picture.header["BAYERPAT"] = pattern
    picture.writeto(path, overwrite=True)


def write_ser(path: Path, frames: list[Samples], pattern: str) -> None:
    """SER version 3, 12 bits, little-endian (which the field after the color says with a 0, as most programs do)."""
    height, width = frames[0].shape
    numbers = (0, SER_COLORS[pattern], 0, width, height, 12, len(frames))
    head = struct.pack("<14s7i120x2q", b"LUCAM-RECORDER", *numbers, 0, 0)
    path.write_bytes(head + b"".join(frame.astype("<u2").tobytes() for frame in frames))


def main(capture: Path, out: Path) -> None:
    """Write all kinds of one capture."""
    out.mkdir(parents=True, exist_ok=True)
    mono = dualcam.read(capture / "mono.png", "mono").pixels[..., 0]
    mosaic = dualcam.read(capture / "color.dng", "color").mosaic
    if mosaic is None:
        raise SystemExit(f"{capture / 'color.dng'} holds no mosaic")
    for name, sky, linear, pattern in (
        ("mono", "L", mono, ""),
        ("color", "OSC", mosaic.samples, mosaic.pattern),
    ):
        dn = np.rint(np.clip(linear, 0, 1) * TOP).astype(np.uint16)
        write_fits(out / f"{sky}.fits", dn, pattern)
        write_ser(out / f"{sky}.ser", [dn, dn], pattern)
        (out / f"{name}.raw").write_bytes(dn.astype("<u2").tobytes())
        head = f"P5\n{dn.shape[1]} {dn.shape[0]}\n{TOP}\n".encode()
        (out / f"{name}.pgm").write_bytes(head + dn.astype(">u2").tobytes())
        print(f"{name}: {dn.shape[1]}x{dn.shape[0]}x12{pattern and ':' + pattern}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
