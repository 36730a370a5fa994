"""Seconds and memory of the whole program: ``dualcam fuse`` on pairs of growing size.

    python benchmarks/speed.py [--methods classical neural] [--megapixels 2 12] [--scales 2 4] [--repeat 2]
        [--threads N] [--weights DIR] [--device NAME] [--engines onnxruntime torch] [--json FILE]

Every case is the program as a user starts it, in a process of its own: start-up, reading, the eight hops and
writing a 16-bit PNG. The pictures are the demo pair brought to size. Because machines differ, each time is also
given as a ratio to two references that run in the same session with the same number of threads:

- **usual**: OpenCV's non-local means on the color picture plus DIS optical flow at the mono size, the first two
  steps of a hand-written fusion, in memory.
- **floor**: what cannot be saved: the networks' multiply-adds at the speed of this machine's matrix product in 32 bits,
  and reading and writing the pictures with OpenCV.
- **U-Net**: a plain one of 1.35 million parameters over the whole mono picture, in PyTorch, as most published methods
  would be run; by a tile, and only where torch is installed.

With torch the three networks alone are timed, too: dualcam's own engine in 8 and in 32 bits, and PyTorch (eager), on
the same tile. Beside what every run took stands what it had foretold.

``--engines`` measures the neural method once by each of them; with torch among them, ``benchmarks/speed_gpu.py`` is
run, too, which tells what a GPU makes of the networks where there is one.

All methods and the references take turns on the same pair. Times are the best of the repetitions; Python's bytecode is
kept, as it is for an installed program. Needs a system with
``os.wait4`` (Linux, macOS).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

# numpy and OpenCV are imported in the child processes only: a child begins its life with the peak memory of its
# parent, so the parent has to stay small for the figures to be true.

PROGRAM = [sys.executable, "-c", "from dualcam.cli.main import run; run()"]
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_METHODS = ("classical", "neural")
_ENGINES = ("onnxruntime", "torch")
# Side of the tile that networks alone are timed on, and how often; channels of the plain U-Net, full resolution first.
_TILE, _TILES = 512, 4
_PLAIN = (32, 48, 96, 112, 128)
_WEIGHTS = Path(__file__).resolve().parents[1] / "src" / "dualcam" / "weights" / "manifest.toml"

Run = tuple[float, float, dict[str, Any]]
"""Wall-clock seconds, peak memory in MiB, and the report of one run."""


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float, str, str]:
    """Run a command to its end.

    Returns:
        Wall-clock seconds, peak resident memory in MiB, and what it wrote to stdout and to stderr.

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
        said = err.read().decode(errors="replace")
        if child.returncode:
            raise SystemExit(f"error: exit code {child.returncode}\n{said}")
        return seconds, usage.ru_maxrss * _RSS_UNIT / 2**20, out.read().decode(), said


def make_pair(megapixels: float, folder: Path, scale: int = 2) -> None:
    """Write mono.png (16 bits) and color.png (8 bits): the demo pair at another size, with fresh noise on top.

    Args:
        megapixels: of the mono picture.
        folder: for both.
        scale: mono pixels per color pixel, along each side.
    """
    import cv2
    import numpy as np

    demo = Path(__file__).resolve().parents[1] / "src" / "dualcam" / "demo"
    small_mono = cv2.imread(str(demo / "mono.png"), cv2.IMREAD_GRAYSCALE)
    small_color = cv2.imread(str(demo / "color.png"), cv2.IMREAD_COLOR)
    factor = (megapixels * 1e6 / small_mono.size) ** 0.5 / scale
    width, height = (round(side * factor) for side in small_mono.shape[::-1])
    rng = np.random.default_rng(0)

    def sized(picture: Any, size: tuple[int, int], noise: float) -> Any:
        how = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_CUBIC
        larger = cv2.resize(picture.astype(np.float32), size, interpolation=how)
        # Enlarging makes noise smooth, which no camera does.
        larger += rng.standard_normal(larger.shape, np.float32) * noise
        return np.clip(larger / 255, 0, 1)

    mono = sized(small_mono, (scale * width, scale * height), 5.0)
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


def floor(folder: Path) -> None:
    """Print the seconds that a matrix product of 10^9 multiply-adds takes, and reading and writing the pictures."""
    import cv2
    import numpy as np

    side = 2048
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((side, side), np.float32) for _ in range(2))
    products = []
    for _ in range(5):
        started = time.perf_counter()
        a @ b
        products.append((time.perf_counter() - started) / side**3 * 1e9)
    started = time.perf_counter()
    mono = cv2.imread(str(folder / "mono.png"), cv2.IMREAD_UNCHANGED)
    cv2.imread(str(folder / "color.png"), cv2.IMREAD_COLOR)
    cv2.imwrite(str(folder / "floor.png"), cv2.merge([mono, mono, mono]))
    print(json.dumps({"product": min(products), "files": time.perf_counter() - started}))


def networks(weights: Path, threads: int) -> None:
    """Print nanoseconds a pixel of every network by every engine, and of the plain U-Net, on one tile."""
    import numpy as np

    from dualcam.neural import engine

    rng = np.random.default_rng(0)
    entries = tomllib.loads((weights / "manifest.toml").read_text(encoding="utf-8"))
    planes = {
        name: rng.standard_normal((len(facts["planes"]), _TILE, _TILE), np.float32)
        for name, facts in entries["networks"].items()
    }
    out: dict[str, dict[str, float]] = {name: {} for name in planes}
    for name, precision in product(planes, ("int8", "float32")):
        network = engine.alone(weights, name, threads, precision=precision)
        if network.precision == precision:
            out[name][precision] = best(lambda: network.try_out(planes[name]))  # noqa: B023

    # Not before: its threads would be in the way of ONNX Runtime's.
    import torch

    from dualcam.networks import exported
    from dualcam.networks.blocks import UNet

    torch.set_num_threads(threads)
    with torch.inference_mode():
        for name, fed in planes.items():
            made = exported.network(name, (weights / f"{name}.onnx").read_bytes())
            out[name]["PyTorch"] = best(lambda: made(torch.from_numpy(fed)[None]))  # noqa: B023
        plain = UNet(4, 3, _PLAIN, (1,) * len(_PLAIN), stride=1)
        out["U-Net"] = {"PyTorch": best(lambda: plain(torch.zeros(1, 4, _TILE, _TILE)))}
    out["U-Net"]["parameters"] = sum(p.numel() for p in plain.parameters())
    print(json.dumps(out))


def best(work: Callable[[], object]) -> float:
    """Nanoseconds a pixel of a tile, best of a few; the first does not count."""
    seconds = []
    for _ in range(_TILES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:]) / _TILE**2 * 1e9


def multiply_adds(weights: Path) -> dict[str, int]:
    """What every network of a folder of weights computes for a pixel of its input, by name."""
    text = (weights / "manifest.toml").read_text(encoding="utf-8")
    return {name: facts["multiply_adds"] for name, facts in tomllib.loads(text)["networks"].items()}


def run_size(
    megapixels: float,
    scale: int,
    methods: dict[str, list[str]],
    weights: Path,
    repeat: int,
    environment: dict[str, str],
) -> list[dict[str, Any]]:
    """Measure one size: the best of ``repeat`` runs of every method and of the references, taken in turn.

    Args:
        megapixels: of the mono picture.
        scale: mono pixels per color pixel, along each side.
        weights: folder of the networks.
        methods: options of ``dualcam fuse`` by name of the method, or "neural, " and an engine.
        repeat: runs of each.
        environment: of the processes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        worker = [sys.executable, __file__, "--folder", name]
        size = ["--megapixels", str(megapixels), "--scales", str(scale)]
        measured([*worker, "--worker", "make", *size], environment)
        runs: dict[str, list[Run]] = {method: [] for method in methods}
        references, floors = [], []
        for _ in range(repeat):
            for method, options in methods.items():
                runs[method].append(run_once(folder, options, environment))
            references.append(float(measured([*worker, "--worker", "reference"], environment)[2]))
            floors.append(json.loads(measured([*worker, "--worker", "floor"], environment)[2]))
    speed, files = (min(found[key] for found in floors) for key in ("product", "files"))
    out = []
    for method, found in runs.items():
        case = case_of(method, min(found, key=lambda run: run[0]), min(references))
        computed = 0.0
        if method.startswith("neural"):
            # refEC and refColor see the color camera's pixels, refSR the mono camera's.
            pixels = {"refsr": case["megapixels"] / 1e3}
            small = case["color"][0] * case["color"][1] / 1e9
            computed = sum(n * pixels.get(name, small) for name, n in multiply_adds(weights).items())
        least = computed * speed + files
        out.append(case | {"scale": scale, "floor_seconds": least, "times_floor": case["seconds"] / least})
    return out


def run_once(folder: Path, options: list[str], environment: dict[str, str]) -> Run:
    """Run ``dualcam fuse`` on the pair of a folder: seconds, peak memory in MiB, its report."""
    report = folder / "report.json"
    inputs = [str(folder / "mono.png"), str(folder / "color.png")]
    command = [*PROGRAM, "fuse", *inputs, "-o", str(folder / "out.png"), "--report", str(report)]
    seconds, peak, _, said = measured([*command, *options, "--overwrite"], environment)
    told = re.search(r"about (\d+) (s|min), ([\d.]+) GB", said)
    if told is None:
        raise SystemExit(f"error: no forecast in {said!r}")
    facts = json.loads(report.read_text(encoding="utf-8"))
    facts["foretold_seconds"] = float(told[1]) * (60 if told[2] == "min" else 1)
    facts["foretold_mib"] = float(told[3]) * 1e9 / 2**20
    return seconds, peak, facts


def case_of(method: str, best: Run, reference_seconds: float) -> dict[str, Any]:
    """The figures of one size and method."""
    seconds, peak, facts = best
    wanted, _, engine = method.partition(", ")
    if facts["method"] != wanted:
        raise SystemExit(f"error: {facts['method']} ran instead of {wanted}")
    ran = next((hop["facts"].get("engine") for hop in facts["hops"] if hop["name"] == "refEC"), None)
    if engine and ran != engine:
        raise SystemExit(f"error: {ran} ran instead of {engine}")
    hops = {hop["name"]: hop["seconds"] for hop in facts["hops"]}
    out = facts["output"]
    return {
        "megapixels": out["width"] * out["height"] / 1e6,
        "mono": [out["width"], out["height"]],
        "color": [facts["inputs"]["color"]["width"], facts["inputs"]["color"]["height"]],
        "method": method,
        "seconds": seconds,
        "peak_mib": peak,
        "foretold_seconds": facts["foretold_seconds"],
        "foretold_mib": facts["foretold_mib"],
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
        "| method | mono | color | seconds | s per MP | foretold, s | peak memory, MiB | foretold, MiB | usual, s "
        "| times the usual | floor, s | times the floor |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        size = case["megapixels"]
        lines.append(
            f"| {case['method']} | {_size(case['mono'])} ({size:.1f} MP) | {_size(case['color'])} "
            f"| {case['seconds']:.2f} | {case['seconds'] / size:.2f} | {case['foretold_seconds']:.0f} "
            f"| {case['peak_mib']:.0f} | {case['foretold_mib']:.0f} "
            f"| {case['reference_seconds']:.2f} | {case['ratio']:.2f} "
            f"| {case['floor_seconds']:.2f} | {case['times_floor']:.2f} |"
        )
    for method in dict.fromkeys(case["method"] for case in cases):
        lines += ["", f"Seconds by hop, {method}:", ""]
        lines += hop_table([case for case in cases if case["method"] == method])
    return "\n".join(lines)


def network_table(alone: dict[str, dict[str, float]], cases: list[dict[str, Any]]) -> list[str]:
    """Networks alone, by engine, and what the plain U-Net would take for the pictures of the cases."""
    engines = ("int8", "float32", "PyTorch")
    lines = [
        "",
        f"Networks alone, nanoseconds per pixel of their input, on {_TILE} × {_TILE} pixels:",
        "",
        "| network | dualcam, 8 bits | dualcam, 32 bits | PyTorch, eager |",
        "|---|---|---|---|",
    ]
    for name, found in alone.items():
        cells = " | ".join(f"{found[engine]:.0f}" if engine in found else "" for engine in engines)
        title = f"U-Net, {found['parameters']:,.0f} parameters" if name == "U-Net" else name
        lines.append(f"| {title} | {cells} |")
    plain = alone["U-Net"]["PyTorch"] / 1e3
    ratios = ", ".join(
        f"{case['seconds'] / (plain * case['megapixels']):.2f} ({case['megapixels']:.1f} MP × {case['scale']})"
        for case in cases
        if case["method"].startswith("neural")
    )
    return [*lines, "", f"The whole program in times of that U-Net over the mono picture: {ratios}."]


def hop_table(cases: list[dict[str, Any]]) -> list[str]:
    """The hops of one method, a column a size."""
    names = [f"{case['megapixels']:.1f} MP × {case['scale']}" for case in cases]
    lines = [
        "| hop | " + " | ".join(names) + " |",
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
    parser.add_argument("--megapixels", type=float, nargs="+", default=[2, 12], metavar="MP")
    parser.add_argument(
        "--scales", type=int, nargs="+", default=[2], metavar="N", help="mono pixels per color pixel"
    )
    parser.add_argument("--device", metavar="NAME", help="of the neural method; see dualcam fuse --help")
    parser.add_argument(
        "--engines",
        nargs="+",
        choices=_ENGINES,
        metavar="NAME",
        help="of the neural method, one row for each",
    )
    parser.add_argument("--repeat", type=int, default=2, help="runs of each case; the best counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads for both sides")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    parser.add_argument(
        "--worker", choices=("make", "reference", "floor", "networks"), help=argparse.SUPPRESS
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == "make":
        make_pair(options.megapixels[0], options.folder, options.scales[0])
    elif options.worker == "reference":
        reference(options.folder)
    elif options.worker == "floor":
        floor(options.folder)
    elif options.worker == "networks":
        networks(options.weights, options.threads)
    else:
        names = ("OPENCV_FOR_THREADS_NUM", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(options.threads))}
        # An installed program has its bytecode: here the first run of a session makes it.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        bytecode = tempfile.TemporaryDirectory()
        environment["PYTHONPYCACHEPREFIX"] = bytecode.name
        methods = {name: ["--method", name] for name in options.methods or known}
        if "neural" in methods:
            methods["neural"] += ["--weights", str(options.weights)] if options.weights else []
            methods["neural"] += ["--device", options.device] if options.device else []
        if "neural" in methods and options.engines:
            plain = methods.pop("neural")
            methods |= {f"neural, {name}": [*plain, "--engine", name] for name in options.engines}
        weights = options.weights or _WEIGHTS.parent
        cases = []
        for size, scale in product(options.megapixels, options.scales):
            print(f"measuring {size:g} megapixels, scale {scale} ...", file=sys.stderr)
            cases += run_size(size, scale, methods, weights, max(1, options.repeat), environment)
        about = {
            "dualcam": version("dualcam"),
            "OpenCV": version("opencv-python-headless"),
            "Python": platform.python_version(),
            "machine": platform.machine(),
            "CPUs": os.cpu_count(),
            "threads": options.threads,
        }
        print(markdown(cases, about))
        alone = {}
        if any(name.startswith("neural") for name in methods) and find_spec("torch") and find_spec("onnx"):
            worker = [sys.executable, __file__, "--worker", "networks", "--weights", str(weights)]
            alone = json.loads(measured([*worker, "--threads", str(options.threads)], environment)[2])
            print("\n".join(network_table(alone, cases)))
        if "torch" in (options.engines or ()):
            worker = [
                sys.executable,
                str(Path(__file__).with_name("speed_gpu.py")),
                "--weights",
                str(weights),
            ]
            print("\n" + measured(worker, environment)[2])
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"about": about, "cases": cases, "networks": alone}, indent=2)
            options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
