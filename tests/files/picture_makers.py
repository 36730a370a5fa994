"""Small generated pictures and hand-made file bytes for the tests of ``dualcam.files``."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

D65_XY = (0.3127, 0.3290)
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))


def rgb(height=32, width=40, seed=0, dtype=np.uint8):
    """A smooth colored picture that fills the range of the type."""
    y, x = np.mgrid[0:height, 0:width]
    r = 0.5 + 0.5 * np.sin(x / 6 + seed)
    g = 0.5 + 0.5 * np.cos(y / 5 + seed)
    b = (x + y) / (height + width)
    return scaled(np.stack([r, g, b], -1), dtype)


def gray(height=32, width=40, seed=0, dtype=np.uint8):
    return rgb(height, width, seed, dtype)[..., 0]


def scaled(unit, dtype):
    if np.issubdtype(dtype, np.floating):
        return unit.astype(dtype)
    return np.round(unit * np.iinfo(dtype).max).astype(dtype)


def to_linear(display):
    d = np.asarray(display, np.float64)
    return np.where(d <= 0.04045, d / 12.92, ((d + 0.055) / 1.055) ** 2.4)


def to_display(linear):
    x = np.asarray(linear, np.float64)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def linear_of(array):
    """What an sRGB-encoded integer picture has to read as, (H, W, C)."""
    out = to_linear(array / np.iinfo(array.dtype).max)
    return out if out.ndim == 3 else out[..., None]


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(array, color=None, depth=None, extra=b"", packed=None):
    """A PNG written by hand: filter 0, one IDAT. ``packed`` gives rows of already packed bytes."""
    depth = depth or array.dtype.itemsize * 8
    color = {2: 0, 3: 2}[array.ndim] if color is None else color
    if packed is None:
        packed = array.astype(array.dtype.newbyteorder(">")).reshape(array.shape[0], -1).view(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], depth, color, 0, 0, 0)
    body = (
        png_chunk(b"IHDR", head) + extra + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def pillow(array, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array, **options):
    buffer = io.BytesIO()
    options.setdefault("photometric", "rgb" if array.ndim == 3 else "minisblack")
    options.setdefault("metadata", None)
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def _fixed(*values):
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def _xyz(xy):
    return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])


def rgb_to_xyz(primaries, white=D65_XY):
    columns = np.stack([_xyz(p) for p in primaries], axis=1)
    return columns * np.linalg.solve(columns, _xyz(white))


def bradford_to_d50(white=D65_XY):
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    gain = (cone @ np.array([0.9642, 1.0, 0.8249])) / (cone @ _xyz(white))
    return np.linalg.inv(cone) @ np.diag(gain) @ cone


def curve_gamma(gamma):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def curve_table(values):
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def curve_para(kind, *values):
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _fixed(*values)


SRGB_PARA = curve_para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def icc(tags, space=b"RGB ", pcs=b"XYZ "):
    """An ICC profile from (signature, content) pairs."""
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"Test\0" + bytes(90), **tags}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + _fixed(0.9642, 1.0, 0.8249)
    tags[b"cprt"] = b"text" + bytes(4) + b"none\0"
    start, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, b"mntr", space, pcs)
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def matrix_icc(primaries, curve):
    columns = bradford_to_d50() @ rgb_to_xyz(primaries)
    tags = {}
    for i, c in enumerate((b"r", b"g", b"b")):
        tags[c + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(*columns[:, i])
        tags[c + b"TRC"] = curve
    return icc(tags)


def gray_icc(curve, pcs=b"XYZ "):
    return icc({b"kTRC": curve}, b"GRAY", pcs)


def exif_block(orientation=1, thumbnail=b""):
    """An EXIF block with a camera, an exposure and, if asked for, a thumbnail in a second directory."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model 7", orientation
    exif[0x8769] = {
        0x829A: 0.01,
        0x829D: 2.8,
        0x8827: 1600,
        0x920A: 35.0,
        0x9003: "2024:05:01 22:10:03",
        0x927C: b"MAKERNOTE",
    }
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 0.0)}
    block = exif.tobytes()[6:]
    if thumbnail:
        # Chain a second directory with the thumbnail behind the first one (big-endian, as Pillow writes).
        (first,) = struct.unpack_from(">I", block, 4)
        (count,) = struct.unpack_from(">H", block, first)
        link = first + 2 + 12 * count
        at = len(block) + len(block) % 2
        block = block.ljust(at, b"\0")
        entries = struct.pack(">HHHII", 2, 0x0201, 4, 1, at + 30) + struct.pack(
            ">HHII", 0x0202, 4, 1, len(thumbnail)
        )
        block = block[:link] + struct.pack(">I", at) + block[link + 4 :] + entries + bytes(4) + thumbnail
    return b"Exif\0\0" + block


def stored_as(array, orientation):
    """Store an upright picture so that the given orientation turns it upright again (by the EXIF table)."""
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, 1),  # shown turned clockwise, so stored turned counterclockwise
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    return np.ascontiguousarray(undo(array))
