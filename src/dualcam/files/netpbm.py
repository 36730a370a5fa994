"""PGM and PPM (plain and binary, up to 16 bits) and PFM (float): formats simple enough to read by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dualcam.files.samples import Header, Samples, check_size

_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")


def _head(data: bytes) -> tuple[list[bytes], int]:
    """The four header words, and where the samples begin (one white space after the last word)."""
    words: list[bytes] = []
    at = 0
    while len(words) < 4:
        match = _TOKEN.match(data, at)
        if match is None or match.end() >= len(data):
            raise ValueError("its header is incomplete")
        words.append(match.group(1))
        at = match.end()
    return words, at + 1


def header(data: bytes, path: Path) -> Header:
    """Facts of a PGM, PPM or PFM file; ``white`` is the stated maximum value.

    Raises:
        ValueError: the header is broken or the file is shorter than it says.
        InputError: a size that is refused.
    """
    (magic, width_word, height_word, last), start = _head(data)
    width, height = int(width_word), int(height_word)
    check_size(width, height, path)
    channels = 1 if magic in (b"P2", b"P5", b"Pf") else 3
    if magic in (b"Pf", b"PF"):
        if float(last) == 0.0:
            raise ValueError("its scale is 0")
        if len(data) - start < width * height * channels * 4:
            raise ValueError("it ends early")
        return Header("PFM", width, height, channels, 32, "float32", 1.0)
    white = int(last)
    if not 0 < white < 65536:
        raise ValueError(f"its maximum value is {white}")
    size = 1 if white < 256 else 2
    if magic in (b"P5", b"P6") and len(data) - start < width * height * channels * size:
        raise ValueError("it ends early")
    return Header(
        format="PGM" if channels == 1 else "PPM",
        width=width,
        height=height,
        channels=channels,
        bits=white.bit_length(),
        sample="uint8" if size == 1 else "uint16",
        white=float(white),
        white_is_stated=True,
    )


def samples(data: bytes, header: Header, out: Samples | None = None) -> Samples:
    """Decode the pixels.

    Args:
        data: the file.
        header: its facts.
        out: where the samples are to lie; None for a new array.

    Returns:
        (H, W, 1 or 3) uint8, uint16 or float32, top row first; not ``out`` for plain files.

    Raises:
        ValueError: fewer samples than the header says, or words that are no numbers.
    """
    (magic, _, _, last), start = _head(data)
    shape = (header.height, header.width, header.channels)
    count = shape[0] * shape[1] * shape[2]
    if out is None:
        out = np.empty(shape, header.sample)
    if header.format == "PFM":
        # A negative scale marks little-endian samples; rows run from the bottom up.
        stored = np.frombuffer(data, "<f4" if float(last) < 0 else ">f4", count, start)
        out[...] = stored.reshape(shape)[::-1]
        return out
    if magic in (b"P5", b"P6"):
        stored = np.frombuffer(data, "u1" if header.sample == "uint8" else ">u2", count, start)
        out[...] = stored.reshape(shape)
        return out
    words = re.sub(rb"#[^\n\r]*", b"", data[start - 1 :]).split()
    if len(words) < count:
        raise ValueError("it ends early")
    numbers = np.array(words[:count]).astype(np.int64)
    if numbers.min() < 0 or numbers.max() > 65535:
        raise ValueError("a sample lies outside its range")
    return numbers.reshape(shape).astype(header.sample)
