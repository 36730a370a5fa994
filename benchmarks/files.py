"""Seconds and memory of reading and writing pictures, against OpenCV in the same session.

    python benchmarks/files.py [--megapixels 12 50] [--repeat 3] [--formats png tif ppm dng] [--json FILE]

Mono of 16 bits and color of 8 bits and a quarter of the size are read, as for a fusion at scale 2; color of 16 bits is
written. They are noisy, as pictures are. OpenCV reads and writes the same samples and does less: no checksums, no
transfer curve, no profile, integers and not linear floats. DNG is written only, and OpenCV does not write it.

Every measurement is a process of its own, and dualcam and OpenCV take turns. Times are the best of the repetitions,
without start-up and imports. Memory is by how much reading or writing raised the peak of the process, the picture that
is read included: for dualcam's floats, for OpenCV integers. Needs a system with ``getrusage`` (Linux, macOS).
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# numpy, OpenCV and dualcam are imported in the child processes only: a child begins its life with the peak memory of
# its parent, so the parent has to stay small for the figures to be true.

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_READ, _WRITTEN = ("png", "tif", "ppm"), ("png", "tif", "ppm", "dng")
_DEFLATE = 32946  # as a value of OpenCV's IMWRITE_TIFF_COMPRESSION: OpenCV's default is LZW


def make(folder: Path, megapixels: float) -> None:
    """Write mono and color files of every format that is read, and the color picture to be written, as an array."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5 / 2) * 2
    height = round(width * 3 / 8) * 2
    small = rng.random((9, 12, 3), np.float32)

    def scene(columns: int, rows: int, noise: float) -> Any:
        picture = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
        picture += rng.standard_normal(picture.shape, np.float32) * np.float32(noise)
        return np.clip(picture, 0, 1, out=picture)

    written = scene(width, height, 0.01)
    np.save(folder / "written.npy", written)
    mono = np.rint(written[..., 1] * 65535).astype(np.uint16)
    color = np.rint(scene(width // 2, height // 2, 0.01) * 255).astype(np.uint8)
    for suffix in _READ:
        packing = [cv2.IMWRITE_TIFF_COMPRESSION, _DEFLATE] if suffix == "tif" else []
        cv2.imwrite(str(folder / f"mono.{'pgm' if suffix == 'ppm' else suffix}"), mono, packing)
        cv2.imwrite(str(folder / f"color.{suffix}"), color, packing)


def one(what: str, program: str, path: Path) -> dict[str, float]:
    """Measure one call in this process: seconds and MiB."""
    import resource

    import cv2
    import numpy as np

    import dualcam

    picture = np.load(path.with_name("written.npy")) if what == "write" else None
    few = np.random.default_rng(0).random((32, 32, 3), np.float32)
    codes = (
        np.rint(picture * 65535).astype(np.uint16) if picture is not None and program == "opencv" else None
    )
    # Libraries are loaded and threads started before the clock runs.
    with tempfile.TemporaryDirectory() as folder:
        small = dualcam.write(Path(folder) / f"a{path.suffix if what == 'write' else '.tif'}", few)
        if what == "read":
            dualcam.read(small, "color")
    call: Callable[[], Any]
    if program == "opencv":
        call = (
            (lambda: cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
            if what == "read"
            else lambda: cv2.imwrite(str(path), codes, [cv2.IMWRITE_TIFF_COMPRESSION, _DEFLATE])
        )
    elif what == "read":
        role = "color" if path.stem == "color" else "mono"
        call = lambda: dualcam.read(path, role)  # noqa: E731
    else:
        call = lambda: dualcam.write(path, picture, overwrite=True)  # noqa: E731
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    kept = call()
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if kept is None or kept is False:
        raise SystemExit(f"error: {program} cannot {what} {path}")
    held = picture if picture is not None else kept if program == "opencv" else kept.pixels
    return {
        "seconds": seconds,
        "mib": (after - before) * _RSS_UNIT / 2**20,
        "picture_mib": held.nbytes / 2**20,
    }


def child(*arguments: str | float | Path) -> str:
    """Run this script with other arguments, and give back what it printed."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def measure(megapixels: float, formats: list[str], repeat: int) -> list[dict[str, Any]]:
    """All cases of one size, as rows of the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child("--make", folder, megapixels)
        cases = [("read", f"mono.{'pgm' if f == 'ppm' else f}") for f in _READ if f in formats]
        cases += [("read", f"color.{f}") for f in _READ if f in formats]
        cases += [("write", f"written.{f}") for f in _WRITTEN if f in formats]
        for what, file in cases:
            best: dict[str, dict[str, float]] = {}
            programs = ("dualcam",) if file.endswith("dng") else ("dualcam", "opencv")
            for _ in range(repeat):
                for program in programs:
                    found = json.loads(child("--one", what, program, folder / file))
                    old = best.get(program, found)
                    best[program] = {key: min(value, found[key]) for key, value in old.items()}
            rows.append({"megapixels": megapixels, "what": what, "file": file, **best})
            print(line(rows[-1]), flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    """One row as Markdown."""
    ours, theirs = row["dualcam"], row.get("opencv")
    cells = [f"{row['megapixels']:g}", row["what"], row["file"], f"{ours['seconds']:.2f}"]
    cells += (
        [f"{theirs['seconds']:.2f}", f"{ours['seconds'] / theirs['seconds']:.2f}"] if theirs else ["", ""]
    )
    cells += [f"{ours['mib']:.0f}", f"{ours['picture_mib']:.0f}", f"{theirs['mib']:.0f}" if theirs else ""]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, nargs="+", default=[12, 50])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=list(_WRITTEN), choices=_WRITTEN)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(Path(options.make[0]), float(options.make[1]))
        return
    if options.one:
        what, program, path = options.one
        print(json.dumps(one(what, program, Path(path))))
        return
    print("| MP | what | file | dualcam s | OpenCV s | ratio | dualcam MiB | its picture MiB | OpenCV MiB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    rows = [row for size in options.megapixels for row in measure(size, options.formats, options.repeat)]
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
