"""What a GPU makes of the networks: milliseconds for a large picture, frames per second of a small one.

    python benchmarks/speed_gpu.py [--megapixels 12] [--frames 60] [--weights DIR] [--device NAME] [--json FILE]

Every engine that offers the device (``cuda``) takes part, PyTorch in 16 and in 32 bits. Rows are the three networks, a
scale of 2 between mono and color:

- **arrays to arrays**: planes in the computer's memory to results there, tiles and copies included;
- **on the GPU** (PyTorch only): the same tiles, from planes that are there already, without copies;
- **frames**: the networks alone over one frame after the other, and the whole of ``Fuser.stream``, whose placing and
  matching stay with the processor.

Where there is no GPU it says so, and measures nothing. ``--device cpu`` tries the program itself out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dualcam import memory
from dualcam.errors import UnavailableError
from dualcam.fusion.fuser import Fuser
from dualcam.neural import devices, engine, manifest, tiles

# Height and width of a frame of the mono camera; that of the color camera has half of both.
_FRAME = 800, 1280
_RUNS = 5
_DEMO = Path(__file__).resolve().parents[1] / "src" / "dualcam" / "demo"


def ways(device: str) -> Iterator[tuple[str, str]]:
    """Engines and precisions that compute on a device."""
    for name in (devices.ONNXRUNTIME, devices.TORCH):
        try:
            devices.settle(name, device)
        except UnavailableError as error:
            print(f"without {name}: {error.cause}")
            continue
        yield from ((name, precision) for precision in ("float16", "float32") if _has(name, precision))


def _has(name: str, precision: str) -> bool:
    return name == devices.TORCH or precision == "float32"


def measure(options: argparse.Namespace, name: str, precision: str) -> dict[str, Any]:
    """All figures of one engine."""
    folder, device = options.weights, options.device
    nets = engine.load(folder, device=device, precision=precision, engine=name)
    height = round((options.megapixels * 1e6 * 0.75) ** 0.5)
    mono = height, round(options.megapixels * 1e6 / height)
    out: dict[str, Any] = {"engine": name, "precision": precision, "ms": {}, "ms_on_gpu": {}}
    with memory.kept():
        for key, size in sizes(mono).items():
            network = getattr(nets, key)
            planes = fed(network.inputs, size)
            out["ms"][key] = 1e3 * best(lambda: network.over([*planes]))  # noqa: B023
            if name == devices.TORCH and device == devices.CUDA:
                out["ms_on_gpu"][key] = on_gpu(network, size, precision)
        frame = {key: fed(getattr(nets, key).inputs, size) for key, size in sizes(_FRAME).items()}

        def networks() -> None:
            for key, planes in frame.items():
                getattr(nets, key).over([*planes])

        out["frames_networks"] = 1 / best(networks, 4 * _RUNS)
    out["frames_stream"] = stream(
        Fuser("neural", device, weights=folder, precision=precision, engine=name), options
    )
    return out


def sizes(mono: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """Heights and widths that the networks see."""
    color = mono[0] // 2, mono[1] // 2
    return {"refec": color, "refcolor": color, "refsr": mono}


def fed(count: int, size: tuple[int, int]) -> Any:
    return np.random.default_rng(0).standard_normal((count, *size), np.float32) * np.float32(0.3)


def best(work: Callable[[], object], runs: int = _RUNS) -> float:
    """Seconds, best of some; the first, which opens and warms, do not count."""
    seconds = []
    for _ in range(runs + 4):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds[4:])


def on_gpu(network: Any, size: tuple[int, int], precision: str) -> float:
    """Milliseconds of all tiles of a picture, by the GPU's own clock."""
    import torch

    shape = tiles.tile_shape(*size, network.layout)
    count, _ = tiles.load(*size, network.layout)
    made = network._session.network()
    kind = torch.float16 if precision == "float16" else torch.float32
    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False)
    with torch.inference_mode(), exact:
        planes = torch.randn((1, network.inputs, *shape), device="cuda").to(kind)
        spans = []
        for _ in range(_RUNS):
            first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            first.record()
            made(planes)
            last.record()
            last.synchronize()
            spans.append(first.elapsed_time(last))
    return count * min(spans[1:])


def stream(fuser: Fuser, options: argparse.Namespace) -> float:
    """Frames per second of the whole program in memory: the demo pair at the size of a frame, with fresh noise."""
    height, width = _FRAME
    mono = cv2.resize(cv2.imread(str(_DEMO / "mono.png"), cv2.IMREAD_GRAYSCALE), (width, height))
    color = cv2.resize(cv2.imread(str(_DEMO / "color.png")), (width // 2, height // 2))[..., ::-1]
    rng = np.random.default_rng(0)

    def noisy(picture: Any) -> Any:
        return np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)

    pairs = [(noisy(mono), noisy(color)) for _ in range(4)]
    fusions = fuser.stream(pairs[number % 4] for number in range(options.frames + 4))
    for _ in range(4):
        next(fusions)
    started = time.perf_counter()
    count = sum(1 for _ in fusions)
    return count / (time.perf_counter() - started)


def lines(found: list[dict[str, Any]], megapixels: float) -> Iterator[str]:
    """The table."""
    yield f"| engine | refEC, refColor, refSR at {megapixels:g} MP, ms | together | on the GPU alone | " + (
        f"{_FRAME[1]} × {_FRAME[0]}: networks, frames/s | whole stream, frames/s |"
    )
    yield "|---" * 6 + "|"
    for row in found:
        each = ", ".join(f"{ms:.1f}" for ms in row["ms"].values())
        alone = f"{sum(row['ms_on_gpu'].values()):.1f}" if row["ms_on_gpu"] else ""
        yield (
            f"| {row['engine']}, {row['precision']} | {each} | {sum(row['ms'].values()):.1f} | {alone} "
            f"| {row['frames_networks']:.1f} | {row['frames_stream']:.1f} |"
        )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        description="Milliseconds and frames per second of the networks on a GPU."
    )
    parser.add_argument("--megapixels", type=float, default=12, metavar="MP", help="of the large picture")
    parser.add_argument("--frames", type=int, default=60, help="of the stream")
    parser.add_argument("--weights", type=Path, default=manifest.SHIPPED, metavar="DIR")
    parser.add_argument("--device", default=devices.CUDA, metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    options = parser.parse_args()
    found = [measure(options, *way) for way in ways(options.device)]
    if not found:
        print(f"no device {options.device!r} at hand: nothing was measured")
        return
    print("\n".join(lines(found, options.megapixels)))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
