"""Seconds and memory of the whole program: ``dualcam fuse`` on pairs of growing size.

    python benchmarks/end_to_end.py [--methods classical neural] [--megapixels 1 4 12] [--repeat 2] [--threads N]
        [--weights DIR] [--json FILE]

Every case is the program as a user starts it, in a process of its own: start-up, reading, the eight hops and
writing a 16-bit PNG. The pictures are the demo pair brought to size, with the mono camera at twice the resolution
of the color camera. Because machines differ, each time is also given as a ratio to a reference that runs in the
same session with the same number of threads: OpenCV's non-local means on the color picture plus DIS optical flow
at the mono size, the usual first two steps of a hand-written fusion.

All methods and the reference take turns on the same pair. Times are the best of the repetitions. Needs a system with
``os.wait4`` (Linux, macOS).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

# numpy and OpenCV are imported in the child processes only: a child begins its life with the peak memory of its
# parent, so the parent has to stay small for the figures to be true.

SCALE = 2
PROGRAM = [sys.executable, "-c", "from dualcam.cli.main import run; run()"]
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_METHODS = ("classical", "neural")
_WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "dualcam" / "weights" / "manifest.toml"

Run = tuple[float, float, dict[str, Any]]
"""Wall-clock seconds, peak memory in MiB, and the report of one run."""


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Run a command to its end.

    Returns:
        Wall-clock seconds, peak resident memory in MiB, and what it wrote to stdout.

    Raises:
        SystemExit: the command failed.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        if child.returncode:
            raise SystemExit(f"error: exit code {child.returncode}\n{err.read().decode(errors='replace')}")
        return seconds, usage.ru_maxrss * _RSS_UNIT / 2**20, out.read().decode()


def make_pair(megapixels: float, folder: Path) -> None:
    """Write mono.png (16 bits) and color.png (8 bits): the demo pair at another size, with fresh noise on top."""
    import cv2
    import numpy as np

    demo = Path(__file__).resolve().parents[1] / "src" / "dualcam" / "demo"
    small_mono = cv2.imread(str(demo / "mono.png"), cv2.IMREAD_GRAYSCALE)
    small_color = cv2.imread(str(demo / "color.png"), cv2.IMREAD_COLOR)
    factor = (megapixels * 1e6 / small_mono.size) ** 0.5 / SCALE
    width, height = (round(side * factor) for side in small_mono.shape[::-1])
    rng = np.random.default_rng(0)

    def sized(picture: Any, size: tuple[int, int], noise: float) -> Any:
        how = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_CUBIC
        larger = cv2.resize(picture.astype(np.float32), size, interpolation=how)
        # Enlarging makes noise smooth, which no camera does.
        larger += rng.standard_normal(larger.shape, np.float32) * noise
        return np.clip(larger / 255, 0, 1)

    mono = sized(small_mono, (SCALE * width, SCALE * height), 5.0)
    cv2.imwrite(str(folder / "mono.png"), np.rint(mono * 65535).astype(np.uint16))
    color = sized(small_color, (width, height), 2.5)
    cv2.imwrite(str(folder / "color.png"), np.rint(color * 255).astype(np.uint8))


def reference(folder: Path) -> None:
    """Time the reference on a pair and print the seconds (reading not counted)."""
    import cv2

    mono = cv2.imread(str(folder / "mono.png"), cv2.IMREAD_GRAYSCALE)
    color = cv2.imread(str(folder / "color.png"), cv2.IMREAD_COLOR)
    started = time.perf_counter()
    clean = cv2.fastNlMeansDenoisingColored(color)
    gray = cv2.cvtColor(clean, cv2.COLOR_BGR2GRAY)
    placed = cv2.equalizeHist(cv2.resize(gray, mono.shape[::-1], interpolation=cv2.INTER_CUBIC))
    cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(cv2.equalizeHist(mono), placed, None)
    print(time.perf_counter() - started)


def run_size(
    megapixels: float, methods: dict[str, list[str]], repeat: int, environment: dict[str, str]
) -> list[dict[str, Any]]:
    """Measure one size: the best of ``repeat`` runs of every method and of the reference, taken in turn.

    Args:
        megapixels: of the mono picture.
        methods: options of ``dualcam fuse`` by name of the method.
        repeat: runs of each.
        environment: of the processes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        worker = [sys.executable, __file__, "--folder", name]
        measured([*worker, "--worker", "make", "--megapixels", str(megapixels)], environment)
        runs: dict[str, list[Run]] = {method: [] for method in methods}
        references = []
        for _ in range(repeat):
            for method, options in methods.items():
                runs[method].append(run_once(folder, options, environment))
            references.append(float(measured([*worker, "--worker", "reference"], environment)[2]))
    return [
        case_of(method, min(found, key=lambda run: run[0]), min(references)) for method, found in runs.items()
    ]


def run_once(folder: Path, options: list[str], environment: dict[str, str]) -> Run:
    """Run ``dualcam fuse`` on the pair of a folder: seconds, peak memory in MiB, its report."""
    report = folder / "report.json"
    inputs = [str(folder / "mono.png"), str(folder / "color.png")]
    command = [*PROGRAM, "fuse", *inputs, "-o", str(folder / "out.png"), "--report", str(report), "-q"]
    seconds, peak, _ = measured([*command, *options, "--overwrite"], environment)
    return seconds, peak, json.loads(report.read_text(encoding="utf-8"))


def case_of(method: str, best: Run, reference_seconds: float) -> dict[str, Any]:
    """The figures of one size and method."""
    seconds, peak, facts = best
    if facts["method"] != method:
        raise SystemExit(f"error: {facts['method']} ran instead of {method}")
    hops = {hop["name"]: hop["seconds"] for hop in facts["hops"]}
    out = facts["output"]
    return {
        "megapixels": out["width"] * out["height"] / 1e6,
        "mono": [out["width"], out["height"]],
        "color": [facts["inputs"]["color"]["width"], facts["inputs"]["color"]["height"]],
        "method": method,
        "seconds": seconds,
        "peak_mib": peak,
        "reference_seconds": reference_seconds,
        "ratio": seconds / reference_seconds,
        "hops": hops,
        "around_the_hops": seconds - sum(hops.values()),
    }


def markdown(cases: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """Write the tables: all cases, then the hops of every method."""
    lines = [
        ", ".join(f"{key} {value}" for key, value in about.items()),
        "",
        "| method | mono | color | seconds | s per MP | peak memory, MiB | MiB per MP | reference, s "
        "| times the reference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        size = case["megapixels"]
        lines.append(
            f"| {case['method']} | {_size(case['mono'])} ({size:.1f} MP) | {_size(case['color'])} "
            f"| {case['seconds']:.2f} | {case['seconds'] / size:.2f} | {case['peak_mib']:.0f} "
            f"| {case['peak_mib'] / size:.0f} | {case['reference_seconds']:.2f} | {case['ratio']:.2f} |"
        )
    for method in dict.fromkeys(case["method"] for case in cases):
        lines += ["", f"Seconds by hop, {method}:", ""]
        lines += hop_table([case for case in cases if case["method"] == method])
    return "\n".join(lines)


def hop_table(cases: list[dict[str, Any]]) -> list[str]:
    """The hops of one method, a column a size."""
    lines = [
        "| hop | " + " | ".join(f"{case['megapixels']:.1f} MP" for case in cases) + " |",
        "|---" * (len(cases) + 1) + "|",
    ]
    for hop in cases[0]["hops"]:
        lines.append(f"| {hop} | " + " | ".join(f"{case['hops'][hop]:.2f}" for case in cases) + " |")
    rest = " | ".join(f"{case['around_the_hops']:.2f}" for case in cases)
    return [*lines, f"| start-up, writing | {rest} |"]


def _size(sides: list[int]) -> str:
    return f"{sides[0]} × {sides[1]}"


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description="Seconds and memory of the whole program dualcam fuse.")
    # dualcam itself is not imported here, for the reason above.
    known = _METHODS if _WEIGHTS.is_file() else _METHODS[:1]
    parser.add_argument(
        "--methods", nargs="+", choices=_METHODS, metavar="NAME", help="all that can run without it"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="for the neural method, instead of the shipped ones"
    )
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12], metavar="MP")
    parser.add_argument("--repeat", type=int, default=2, help="runs of each case; the best counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads for both sides")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    parser.add_argument("--worker", choices=("make", "reference"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == "make":
        make_pair(options.megapixels[0], options.folder)
    elif options.worker == "reference":
        reference(options.folder)
    else:
        names = ("OPENCV_FOR_THREADS_NUM", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(options.threads))}
        methods = {name: ["--method", name] for name in options.methods or known}
        if options.weights:
            methods["neural"] = ["--method", "neural", "--weights", str(options.weights)]
        cases = []
        for size in options.megapixels:
            print(f"measuring {size:g} megapixels ...", file=sys.stderr)
            cases += run_size(size, methods, max(1, options.repeat), environment)
        about = {
            "dualcam": version("dualcam"),
            "OpenCV": version("opencv-python-headless"),
            "Python": platform.python_version(),
            "machine": platform.machine(),
            "CPUs": os.cpu_count(),
            "threads": options.threads,
        }
        print(markdown(cases, about))
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"about": about, "cases": cases}, indent=2)
            options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
