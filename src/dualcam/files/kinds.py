"""Which kind of file this is, by its first bytes and never by its name."""

from __future__ import annotations

from pathlib import Path

from dualcam.errors import InputError

TO_TIFF = "Develop it to a 16-bit TIFF or PNG with a raw converter (darktable, RawTherapee, dcraw -6 -T)."
TO_DNG = "Convert it to DNG, or develop it to a 16-bit TIFF with a raw converter (darktable, RawTherapee)."
_TO_PNG = "Convert it to PNG or TIFF, for example with ImageMagick: magick FILE out.png."
_TO_FRAME = "Extract a single frame as PNG first, for example: ffmpeg -i FILE -frames:v 1 out.png."
_READABLE = (
    "dualcam reads PNG, JPEG, WebP, TIFF, PGM, PPM, PFM, FITS, SER, and raw files of Bayer and monochrome "
    "cameras."
)
_FLAT = (
    "If it holds samples and no header, say how they are stored, such as --mono-raw 1280x1024x8 or "
    "--color-raw 1280x1024x12:RGGB."
)

STREAMED = ("PNG", "TIFF", "SER")
"""Kinds that are read from the disk part by part, and not loaded as a whole."""

# Raw files that begin like any TIFF.
_RAW_SUFFIXES = {".dng", ".nef", ".nrw", ".cr2", ".arw", ".sr2", ".pef", ".srw", ".3fr", ".erf", ".kdc"}
# Raw files that do not: first bytes, name of the format.
_RAW_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
    (b"IIU\0", "RW2"),
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"\0MRM", "MRW"),
)

# First bytes, what to call the file, what to do about it.
_KNOWN_BUT_UNREAD: tuple[tuple[bytes, str, str], ...] = (
    (b"XISF0100", "an XISF picture", "Convert it to FITS, for example with Siril or PixInsight."),
    (b"GIF8", "a GIF", _TO_PNG),
    (b"\xff\x0a", "a JPEG XL picture", _TO_PNG),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture", _TO_PNG),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", _TO_PNG),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", _TO_PNG),
    (b"BM", "a BMP picture", _TO_PNG),
    (b"8BPS", "a Photoshop document", "Export it as 16-bit TIFF."),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture", "Convert it to a 32-bit float TIFF."),
    (b"#?RADIANCE", "a Radiance HDR picture", "Convert it to a 32-bit float TIFF."),
    (b"P1", "a PBM bitmap, which holds only black and white", "Give a gray PGM or a PNG."),
    (b"P4", "a PBM bitmap, which holds only black and white", "Give a gray PGM or a PNG."),
    (b"P7", "a PAM picture", _TO_PNG),
    (b"FOVb", "a camera raw file of a sensor with three layers (Sigma Foveon)", TO_TIFF),
    (b"\x1aE\xdf\xa3", "a video", _TO_FRAME),
    (b"\0\0\x01\xba", "a video", _TO_FRAME),
    (b"FLV\x01", "a video", _TO_FRAME),
    (b"OggS", "a video or sound file", _TO_FRAME),
    (b"%PDF", "a PDF document, not a picture", "Export the picture in it as PNG or TIFF."),
    (b"PK\x03\x04", "a zip archive, not a picture", "Unpack it and give the picture inside."),
    (b"\x1f\x8b", "a gzip archive, not a picture", "Unpack it and give the picture inside."),
)
_ISO_PICTURES = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def raw_error(path: Path) -> InputError:
    """The error for a camera raw file where only ready pictures make sense."""
    return InputError(f"{path} is a camera raw file, which cannot be used here.", TO_TIFF)


def raw_format(start: bytes, path: Path) -> str:
    """Name of a raw format that is no DNG: "CR2", "RAF", ...; by the suffix where the first bytes do not tell."""
    if start[8:10] == b"CR":
        return "CR2"
    if start[4:12] == b"ftypcrx ":
        return "CR3"
    suffix = path.suffix.lower()
    by_suffix = suffix[1:].upper() if suffix in _RAW_SUFFIXES - {".dng", ".cr2"} else "raw"
    return next((name for magic, name in _RAW_STARTS if start.startswith(magic)), by_suffix)


def identify(start: bytes, path: Path) -> str:
    """Name the decoder for a file.

    Args:
        start: the first 64 bytes (fewer if the file is shorter).
        path: the file, for messages; its suffix only tells raw files from other TIFFs.

    Returns:
        "PNG", "JPEG", "WebP", "TIFF" (which may still turn out to be raw inside), "Netpbm", "FITS", "SER" or "raw".

    Raises:
        InputError: the file is of another kind, which the message names, with the way to convert it.
    """
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        if start[8:12] in (b"IIII", b"MMMM") or path.suffix.lower() == ".iiq":
            # Their samples need corrections, column by column, that LibRaw hands over only after developing.
            raise InputError(f"{path} is a camera raw file (Phase One), which dualcam cannot read.", TO_TIFF)
        return "raw" if start[8:10] == b"CR" or path.suffix.lower() in _RAW_SUFFIXES else "TIFF"
    if any(start.startswith(magic) for magic, _ in _RAW_STARTS) or start[4:12] == b"ftypcrx ":
        return "raw"
    if start[:2] in (b"P2", b"P3", b"P5", b"P6", b"Pf", b"PF") and start[2:3].isspace():
        return "Netpbm"
    if start.startswith(b"SIMPLE  ="):
        return "FITS"
    if start.startswith(b"LUCAM-RECORDER"):
        return "SER"
    raise _refusal(start, path)


def _refusal(start: bytes, path: Path) -> InputError:
    for magic, kind, remedy in _KNOWN_BUT_UNREAD:
        # "BM" and "P1" also begin words; a bitmap has a zero byte or white space soon after.
        text = magic[0] in b"BP" and start[2:3].isalnum() and b"\0" not in start[:16]
        if start.startswith(magic) and not text:
            return InputError(f"{path} is {kind}.", f"{remedy} {_READABLE}".strip())
    if start[:4] == b"RIFF":
        return InputError(f"{path} is a video or sound file.", f"{_TO_FRAME} {_READABLE}")
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in _ISO_PICTURES:
            return InputError(f"{path} is a HEIC picture.", f"{_TO_PNG} {_READABLE}")
        if brand in (b"avif", b"avis"):
            return InputError(f"{path} is an AVIF picture.", f"{_TO_PNG} {_READABLE}")
        return InputError(f"{path} is a video.", f"{_TO_FRAME} {_READABLE}")
    return InputError(f"{path} is not a picture that dualcam can read.", f"{_READABLE} {_FLAT}")


def load(path: Path, *, flat: bool = False) -> tuple[str, bytes]:
    """Read a picture file into memory, after looking at its first bytes.

    Args:
        path: the file.
        flat: it has no header, so that its first bytes say nothing.

    Returns:
        The decoder's name as ``identify`` gives it, or "flat", and all bytes of the file; of ``STREAMED`` kinds only
        the first 64.

    Raises:
        InputError: missing, a directory or device, empty, unreadable, or of a kind that has no decoder.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory, not a picture.", "Give one file for each camera.")
        if not path.exists():
            raise InputError(f"{path} does not exist.", "Check the name and the folder.")
        if not path.is_file():
            raise InputError(f"{path} is not a regular file.", "Give a picture file.")
        with path.open("rb") as stream:
            # A video of many gigabytes must be refused without being read.
            start = stream.read(64)
            if not start:
                raise InputError(f"{path} is empty (0 bytes).", "Copy it again from the camera.")
            kind = "flat" if flat else identify(start, path)
            return kind, start if kind in STREAMED else start + stream.read()
    except PermissionError as error:
        raise InputError(f"{path} cannot be opened: no permission.", "Change its access rights.") from error
    except (OSError, ValueError) as error:
        # ValueError: a null character in the name.
        raise InputError(f"{path} cannot be read: {error}.", "Check the name and the disk.") from error
