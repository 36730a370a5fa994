"""FITS, SER and packed flat files for the tests, written apart from the code that reads them."""

from __future__ import annotations

import io
import struct

import numpy as np


def fits(array, compressed=None, first_table=False, **cards):
    """A FITS file of one picture, first row first."""
    from astropy.io import fits as astropy_fits

    hdus = [astropy_fits.PrimaryHDU()]
    if first_table:
        column = astropy_fits.Column("a", "E", array=np.zeros(3, np.float32))
        hdus.append(astropy_fits.BinTableHDU.from_columns([column]))
    if compressed:
        hdus.append(astropy_fits.CompImageHDU(array, compression_type=compressed))
    elif first_table:
        hdus.append(astropy_fits.ImageHDU(array))
    else:
        hdus = [astropy_fits.PrimaryHDU(array)]
    for name, value in cards.items():
        hdus[-1].header[name.replace("_", "-")] = value
    buffer = io.BytesIO()
    astropy_fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()


def ser(frames, color=0, bits=16, flag=0, big=False, stamps=(), count=None, instrument=b"ZWO ASI178MC"):
    """A SER file of frames (H, W) or (H, W, 3); ``flag`` is what the header says about the byte order."""
    height, width = frames[0].shape[:2]
    head = struct.pack(
        "<14s7i40s40s40s2q",
        b"LUCAM-RECORDER",
        0,
        color,
        flag,
        width,
        height,
        bits,
        len(frames) if count is None else count,
        b"",
        instrument,
        b"",
        0,
        0,
    )
    kind = "u1" if bits <= 8 else ">u2" if big else "<u2"
    body = b"".join(np.ascontiguousarray(frame).astype(kind).tobytes() for frame in frames)
    return head + body + b"".join(struct.pack("<q", stamp) for stamp in stamps)


def packed_p(array, bits):
    """GenICam: one stream of bits, the lowest first."""
    stream = sum(int(v) << (bits * i) for i, v in enumerate(array.ravel()))
    return stream.to_bytes(-(-array.size * bits // 8), "little")


def packed_gige(array, bits):
    """GigE Vision: high byte, both low parts, high byte."""
    low = bits - 8
    out = bytearray()
    flat = [int(v) for v in array.ravel()]
    for a, b in zip(flat[0::2], flat[1::2], strict=True):
        mask = 2**low - 1
        out += bytes([a >> low, (a & mask) | (b & mask) << 4, b >> low])
    return bytes(out)


def packed_mipi(array, bits, row=0):
    """MIPI CSI-2: the high bytes of 4 (12 bits: 2) samples, then their low bits, the first sample's lowest."""
    group, low = {10: 4, 12: 2, 14: 4}[bits], bits - 8
    rows = []
    for line in array:
        values = [int(v) for v in line] + [0] * (-len(line) % group)
        out = bytearray()
        for i in range(0, len(values), group):
            four = values[i : i + group]
            out += bytes(v >> low for v in four)
            rest = sum((v & (2**low - 1)) << (low * j) for j, v in enumerate(four))
            out += rest.to_bytes(group * low // 8, "little")
        rows.append(bytes(out).ljust(row, b"\xaa"))
    return b"".join(rows)
