"""Measure what ``dualcam.fusion.forecast`` foretells, and print its tables.

    python benchmarks/fit_forecast.py [--megapixels 1 5 16] [--scales 2 4] [--large 28 50]

Every case is a process of its own; the pictures are those of ``benchmarks/speed.py``. For every hop, seconds (in
units of the standard task) and peak memory are fitted as sums of shares of the sizes, none of them negative, so that
relative errors are least. The memory of pictures so large that they are kept in half precision (``camera.half``) is
fitted by itself, at scale 2. ``benchmarks/speed.py`` shows how true the forecasts come. Needs Linux, for the memory of
hops.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from dualcam.fusion.forecast import LARGE
from speed import make_pair

METHODS = ("classical", "neural")


def case(folder: Path, method: str) -> dict[str, Any]:
    """Fuse a pair in this process: seconds and peak memory of every hop, and the two trials."""
    import cv2

    from dualcam import memory
    from dualcam.cli.app import build
    from dualcam.files.write import write
    from dualcam.fusion import forecast
    from dualcam.fusion.fuser import Fuser

    build()
    memory.reuse()
    fuser = Fuser(method)
    peaks: dict[str, float] = {}
    # The machine is tried out before the work, as a forecast does it.
    mono, color = (
        cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED).shape[:2] for name in ("mono.png", "color.png")
    )
    unit = forecast.standard_task()
    loads = fuser.method.loads(mono, color, color)
    begun = time.perf_counter()
    fusion = fuser.fuse(
        folder / "mono.png", folder / "color.png", on_hop=lambda hop: peaks.update({hop.name: peak()})
    )
    seconds = {hop.name: hop.seconds for hop in fusion.hops}
    started = time.perf_counter()
    write(folder / "out.png", fusion.pixels, bits=16, overwrite=True)
    seconds["write"] = time.perf_counter() - started
    peaks["write"] = peak()
    total = time.perf_counter() - begun
    return {
        "mono": mono,
        "color": color,
        "unit": unit,
        "seconds": seconds,
        "total": total,
        "networks": {name: load.seconds for name, load in loads.items()},
        "mib": peaks,
    }


def peak() -> float:
    """Peak resident memory since the last call, MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return found


def line(sizes: list[list[float]], values: list[float]) -> list[float]:
    """The shares of least relative squares, none negative."""
    a, b = np.array(sizes), np.maximum(values, 1e-6)
    columns = a.shape[1]
    best, found = np.inf, np.zeros(columns)
    for count in range(1, columns + 1):
        for kept in combinations(range(columns), count):
            part = a[:, kept] / b[:, None]
            shares = np.linalg.lstsq(part, np.ones(len(b)), rcond=None)[0]
            error = float(np.square(part @ shares - 1).sum())
            if (shares >= 0).all() and error < best:
                best, found = error, np.zeros(columns)
                found[list(kept)] = shares
    return [float(share) for share in found]


def sizes_of(found: dict[str, Any]) -> list[float]:
    """One, and the megapixels of mono and color."""
    return [1.0, *(height * width / 1e6 for height, width in (found["mono"], found["color"]))]


def main() -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser(description="Fit the tables of dualcam.fusion.forecast.")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 5, 16])
    parser.add_argument("--scales", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--large", type=float, nargs="+", default=[28, 50])
    parser.add_argument("--worker", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(case(options.folder, options.worker)))
        return
    cases: dict[str, list[dict[str, Any]]] = {
        method + large: [] for method in METHODS for large in ("", LARGE)
    }
    sizes = [(size, scale, "") for size, scale in product(options.megapixels, options.scales)]
    for size, scale, large in [*sizes, *((size, 2, LARGE) for size in options.large)]:
        with tempfile.TemporaryDirectory() as name:
            make_pair(size, Path(name), scale)
            for method in METHODS:
                command = [sys.executable, __file__, "--worker", method, "--folder", name]
                out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                found = json.loads(out.splitlines()[-1])
                cases[method + large].append(found)
                print(f"{size:g} MP, scale {scale}, {method}: {found['total']:.1f} s", file=sys.stderr)
    for title in ("UNITS", "MIB"):
        print(f"{title}: Mapping[str, Mapping[str, Row]] = {{")
        for method, done in cases.items():
            if title == "UNITS" and method.endswith(LARGE):
                continue
            print(f'    "{method}": {{')
            for hop in done[0]["seconds"]:
                if title == "UNITS":
                    rows = [[*sizes_of(one), one["networks"].get(hop, 0.0) / one["unit"]] for one in done]
                    row = line(rows, [one["seconds"][hop] / one["unit"] for one in done])
                else:
                    row = line([sizes_of(one) for one in done], [one["mib"][hop] for one in done])
                print(f'        "{hop}": ({", ".join(f"{share:.3g}" for share in row)}),')
            print("    },")
        print("}")


if __name__ == "__main__":
    main()
