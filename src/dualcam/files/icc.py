"""ICC profiles: a small exact parser for matrix and gray profiles, and the sRGB profile we embed.

Source of every number: ICC.1:2022 (tag layouts, curve types, D50 illuminant) and IEC 61966-2-1 (sRGB). The
conversion is relative colorimetric: the profile's white becomes linear (1, 1, 1).
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dualcam.camera import curves

Values = NDArray[np.float64]
Curve = Callable[[Values], NDArray[np.floating]]

_D50 = np.array([0.9642, 1.0, 0.8249])
_D65 = np.array([0.3127 / 0.3290, 1.0, (1 - 0.3127 - 0.3290) / 0.3290])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What an embedded profile says.

    Attributes:
        description: its name, such as "Display P3".
        space: data color space signature: "RGB", "GRAY", "CMYK", ...
        curves: one function a channel, device value [0, 1] -> linear [0, 1]; empty if the profile has none.
        matrix: (3, 3) profile's linear RGB -> linear sRGB, or None.
        data: the profile's bytes.
    """

    description: str
    space: str
    curves: tuple[Curve, ...]
    matrix: Values | None
    data: bytes

    @property
    def exact(self) -> bool:
        """Whether the parts parsed here are enough to convert without an LUT."""
        wanted = 3 if self.space == "RGB" else 1
        return len(self.curves) == wanted and (self.matrix is not None) == (self.space == "RGB")


def _xyz_of(x: float, y: float) -> Values:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _to_d50(*primaries: tuple[float, float]) -> Values:
    """(3, 3) linear RGB of a D65 space -> XYZ under D50, as a relative colorimetric profile states it."""
    columns = np.stack([_xyz_of(x, y) for x, y in primaries], axis=1)
    to_d65: Values = columns * np.linalg.solve(columns, _D65)
    return np.asarray(_adaptation() @ to_d65, dtype=np.float64)


def _adaptation() -> Values:
    """(3, 3) Bradford adaptation of XYZ from D65 to D50."""
    gain = np.diag(_BRADFORD @ _D50 / (_BRADFORD @ _D65))
    return np.asarray(np.linalg.solve(_BRADFORD, gain @ _BRADFORD), dtype=np.float64)


@functools.cache
def _srgb_to_d50() -> Values:
    return _to_d50((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))


def adobe_rgb() -> Profile:
    """The space of camera files that name Adobe RGB (1998) in their EXIF and embed no profile."""
    matrix = _matrix(_to_d50((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)))
    gamma = 563 / 256
    return Profile("Adobe RGB (by EXIF)", "RGB", (lambda x: np.maximum(x, 0) ** gamma,) * 3, matrix, b"")


def parse(data: bytes) -> Profile:
    """Read an ICC profile.

    Args:
        data: the profile's bytes.

    Raises:
        ValueError: it is damaged or no ICC profile.
    """
    try:
        return _parse(data)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError, np.linalg.LinAlgError) as error:
        raise ValueError("the ICC profile is damaged") from error


def _parse(data: bytes) -> Profile:
    if len(data) < 132 or data[36:40] != b"acsp":
        raise ValueError("not an ICC profile")
    (count,) = struct.unpack_from(">I", data, 128)
    if count > 200:
        raise ValueError("the ICC profile is damaged")
    tags: dict[bytes, bytes] = {}
    for i in range(count):
        name, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * i)
        if offset + size > len(data):
            raise ValueError("the ICC profile is cut off")
        tags[name] = data[offset : offset + size]
    space = data[16:20].decode("ascii").strip()
    lab = data[20:24] == b"Lab "
    trcs: tuple[Curve, ...] = ()
    matrix = None
    if space == "GRAY" and b"kTRC" in tags:
        gray = _curve(tags[b"kTRC"])
        trcs = (_lightness_to_linear(gray) if lab else gray,)
    elif (
        space == "RGB"
        and not lab
        and all(c + b"XYZ" in tags and c + b"TRC" in tags for c in (b"r", b"g", b"b"))
    ):
        trcs = tuple(_curve(tags[c + b"TRC"]) for c in (b"r", b"g", b"b"))
        matrix = _matrix(np.stack([_xyz(tags[c + b"XYZ"]) for c in (b"r", b"g", b"b")], axis=1))
    return Profile(_description(tags.get(b"desc", b"")), space, trcs, matrix, data)


def lut_to_srgb(display: NDArray[np.uint8], profile: Profile) -> NDArray[np.uint8] | None:
    """Convert through a profile that has only a lookup table.

    Args:
        display: (H, W, 1 or 3) device values, 8 bits.
        profile: a profile that is not ``exact``.

    Returns:
        The same shape, sRGB display values, 8 bits; None if LittleCMS cannot use the profile.
    """
    mode = "RGB" if display.shape[2] == 3 else "L"
    picture = Image.fromarray(display if mode == "RGB" else display[..., 0])
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile.data))
        # LittleCMS renders gray to gray only with a gray target, so gray goes to RGB and loses two equal
        # channels.
        done = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return None if done is None else np.asarray(done)[..., : display.shape[2]]


def _xyz(tag: bytes) -> Values:
    if tag[:4] != b"XYZ ":
        raise ValueError("the ICC profile is damaged")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _matrix(columns: Values) -> Values:
    if abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError("the primaries in the ICC profile do not span a color space")
    matrix = np.linalg.solve(_srgb_to_d50(), columns)
    white = matrix.sum(axis=1, keepdims=True)
    if np.all(np.abs(white - 1) < 0.01):
        # Stored primaries are rounded and their sum is not quite D50: keep neutrals exactly neutral.
        matrix = matrix / white
    # The many sRGB profiles differ by rounding only; sRGB data must come out untouched.
    return np.eye(3) if np.all(np.abs(matrix - np.eye(3)) < 2e-3) else np.asarray(matrix, dtype=np.float64)


def _curve(tag: bytes) -> Curve:
    curve = _stored_curve(tag)
    probe = np.linspace(0, 1, 1025)
    # Profiles state the sRGB curve by rounded parameters or a table: take the exact one for them.
    is_srgb = np.all(np.abs(curve(probe) - curves.decode(probe)) < 5e-5)
    return curves.decode if is_srgb else curve


def _stored_curve(tag: bytes) -> Curve:
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return lambda x: x
        if count == 1:
            gamma = struct.unpack_from(">H", tag, 12)[0] / 256
            return lambda x: np.maximum(x, 0) ** gamma
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64) / 65535
        return lambda x: np.interp(x, np.linspace(0, 1, count), table)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        if kind > 4:
            raise ValueError("the ICC profile has a curve of an unknown type")
        return _parametric(
            kind, [v / 65536 for v in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
        )
    raise ValueError("the ICC profile has a curve of an unknown type")


def _parametric(kind: int, p: list[float]) -> Curve:
    """Parametric curve types 0 to 4: all are (a x + b)^g + e from d on, and c x + f below."""
    g, a, b, c, d, e, f = p[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind > 0:
        a, b = p[1], p[2]
    if kind in (1, 2):
        if a == 0:
            raise ValueError("the ICC profile has a broken curve")
        d = -b / a
    if kind == 2:
        e = f = p[3]
    if kind > 2:
        c, d = p[3], p[4]
    if kind == 4:
        e, f = p[5], p[6]
    return lambda x: np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)


def _lightness_to_linear(curve: Curve) -> Curve:
    """Gray profiles with a Lab connection space give L* / 100 instead of Y."""

    def linear(x: Values) -> Values:
        lightness = curve(x) * 100
        return np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness * (27 / 24389))

    return linear


def _description(tag: bytes) -> str:
    if tag[:4] == b"desc":
        (count,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + count].decode("latin-1")
    elif tag[:4] == b"mluc":
        size, offset = struct.unpack_from(">II", tag, 20)
        text = tag[offset : offset + size].decode("utf-16-be", "replace")
    else:
        text = ""
    # Control characters could move the cursor of a terminal.
    return "".join(c for c in text if c.isprintable()).strip()


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def _words(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(coded), 28) + coded


@functools.cache
def srgb_profile(gray: bool = False, linear: bool = False) -> bytes:
    """The ICC v4 profile embedded in outputs: sRGB, or gray with the sRGB curve. Always the same bytes.

    Args:
        gray: for a gray picture.
        linear: with a straight line in place of the curve.
    """
    if linear:
        curve = b"para" + bytes(4) + struct.pack(">HH", 0, 0) + _fixed(1.0)
        name = "dualcam gray, linear" if gray else "sRGB, linear"
    else:
        curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0)
        curve += _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        name = "dualcam gray, sRGB curve" if gray else "sRGB"
    tags = {b"desc": _words(name), b"cprt": _words("No rights reserved (CC0)")}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + _fixed(*_D50)
    if gray:
        tags[b"kTRC"] = curve
    else:
        for i, c in enumerate((b"r", b"g", b"b")):
            tags[c + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(*_srgb_to_d50()[:, i])
            tags[c + b"TRC"] = curve
        tags[b"chad"] = b"sf32" + bytes(4) + _fixed(*_adaptation().ravel())
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    placed: dict[bytes, int] = {}
    for name_, content in tags.items():
        if content not in placed:  # the three curves share one place
            placed[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name_, placed[content], len(content))
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"", 0x04200000, b"mntr", b"GRAY" if gray else b"RGB ", b"XYZ "
    )
    head += (
        struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + bytes(24) + struct.pack(">I", 0) + _fixed(*_D50)
    )
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
