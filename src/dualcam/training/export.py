"""From a training run to files that ONNX Runtime runs: networks, manifest, model cards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from dualcam.errors import DualcamError, InputError, OutputError
from dualcam.files.outputs import Outputs
from dualcam.frame import FloatArray
from dualcam.networks.blocks import reach_of_fine
from dualcam.neural import manifest, parts
from dualcam.neural.engine import OUTPUTS, PLANES
from dualcam.neural.manifest import Entry, File, Int8, Int8InOne, Run
from dualcam.training import batches, card, graph, graph_int8, int8, origins, stages
from dualcam.training import config as configs
from dualcam.training.sources import Sources
from dualcam.training.store import Store

TOLERANCE = 1e-4
"""ONNX Runtime and torch may differ by this, display."""

# 8 bits may change what a network adds by this share of it.
_INT8_TOLERANCE = 0.25
# Samples that give the ranges of its layers.
_CALIBRATION = 48

# Sides of tiles: the larger, the less is computed twice, and the more memory is taken. refColor has the most planes;
# refSR's tiles come two at a time.
# The parts in 8 bits need less memory, and lose less at the edges of tiles.
_INT8_TILE = 640
# Their finest scales, which are computed tile by tile.
_FINE = 2
_TILES = {"refec": 1536, "refcolor": 1408, "refsr": 768}


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one network.

    Attributes:
        name: "refec", "refcolor" or "refsr".
        entry: its entry in the manifest.
        error: largest difference between ONNX Runtime and torch on random planes.
        half_error: largest difference that weights stored in 16 bits make on random planes; they halve the file.
    """

    name: str
    entry: Entry
    error: float
    half_error: float


def export(
    run: Path,
    out: Path,
    *,
    date: str,
    data: Sequence[Path] = (),
    half: bool = False,
    int8_samples: Path | None = None,
    force: bool = False,
) -> tuple[Exported, ...]:
    """Write the networks of a run; those of other runs that ``out`` holds stay. All files appear, or none.

    Args:
        run: folder of a training run.
        out: folder for the weights; made if needed.
        date: of the export, YYYY-MM-DD.
        data: folders that were trained on, each with an ``index.csv`` (columns file, license).
        half: store the weights of convolutions in 16 bits; they are computed with in 32.
        int8_samples: folder of prepared samples; the networks are written in 8 bits, too, calibrated with them. Both
            forms of refEC and refColor then have the same weights, rounded to 8 bits.
        force: networks that ``out`` holds may be replaced.

    Returns:
        What became of every network of the run.

    Raises:
        InputError: the run, a data folder or the samples cannot be used.
        OutputError: a network exists in ``out``, or it cannot be written.
        DualcamError: the exported network does not compute what the trained one does.
    """
    files = {name: run / f"{name}.safetensors" for name in manifest.NETWORKS}
    files = {name: path for name, path in files.items() if path.is_file()}
    if not files:
        raise InputError(
            f"{run} holds no trained network.", "Name the folder that `dualcam train --out` made."
        )
    entries = manifest.read(out) if manifest.there(out) else {}
    sets, done = origins.datasets(data), []
    written: dict[str, bytes] = {}
    for name, path in files.items():
        target = out / f"{name}.onnx"
        if target.exists() and not force:
            raise OutputError(f"{target} exists.", "Use --force or another folder for --out.")
        network, step = load(path, name)
        planes = None
        if int8_samples is not None:
            planes = calibration(name, int8_samples, run)
        one, contents = exported(name, network, origins.run(run, files, date, step, sets), half, planes)
        written |= contents
        entries[name] = one.entry
        written[f"{name}.md"] = card.card(name, one.entry).encode()
        done.append(one)
    ordered = {name: entries[name] for name in manifest.NETWORKS if name in entries}
    written[manifest.NAME] = manifest.text(ordered).encode()
    with Outputs(overwrite=True, inputs=files.values()) as outputs:
        outputs.reserve_dir(out)
        for name, content in written.items():
            outputs.reserve(out / name).write_bytes(content)
    return tuple(done)


def load(path: Path, name: str) -> tuple[nn.Module, int]:
    """Rebuild a network from a safetensors file of a run; also gives its step.

    Raises:
        InputError: the file is damaged, or of another network.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            facts = stored.metadata() or {}
            weights = {key: stored.get_tensor(key) for key in stored.keys()}
        if facts.get("network") != name:
            raise InputError(
                f"{path} holds {facts.get('network')!r}, not {name}.", "Do not rename files of a run."
            )
        network = stages.build(name, json.loads(facts["config"]))
        network.load_state_dict(weights)
        return network.eval(), int(facts["step"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"{path} cannot be used: {first}.", "Use the file as `dualcam train` left it."
        ) from error


def exported(
    name: str, network: nn.Module, run: Run, half: bool, planes: Sequence[FloatArray] | None
) -> tuple[Exported, dict[str, bytes]]:
    """What becomes of a network, and the files; also in 8 bits where there are planes to calibrate with.

    Args:
        name: "refec", "refcolor" or "refsr".
        network: is changed where its weights are rounded.
        run: where it comes from.
        half: store weights in 16 bits.
        planes: (C, h, w) each, or None.

    Raises:
        DualcamError: the exported network does not compute what this one does.
    """
    unet, inputs = network.net, len(PLANES[name])
    rounding = rounding_error(network, inputs, unet.multiple)
    eight: tuple[str, ...] = ()
    # What is compared and described below is what will be run.
    if planes is not None and name in int8.NETWORKS:
        eight = int8.weights(network)
        int8.round_weights(network)
    if half:
        network.load_state_dict(_rounded(network, eight))
    content = graph.to_onnx(network, inputs, unet.multiple, OUTPUTS[name], half, eight)
    files = {f"{name}.onnx": content}
    short: Int8 | Int8InOne | None = None
    if planes is not None and name in int8.MIDDLE:
        fast = graph_int8.middle_to_int8(graph.to_onnx(network, inputs, unet.multiple, OUTPUTS[name]), planes)
        files |= {f"{name}.int8.onnx": fast}
        error = _int8_error(name, content, [fast], planes)
        short = Int8InOne(**asdict(_file(f"{name}.int8.onnx", fast)), error=error)
    elif planes is not None:
        plain = graph.to_onnx(network, inputs, unet.multiple, OUTPUTS[name])
        fine = min(_FINE, len(unet.blocks) - 1)
        made = graph_int8.to_int8(plain, planes, OUTPUTS[name], fine)
        files |= {f"{name}.int8.{part}.onnx": fast for part, fast in made.items()}
        short = Int8(
            **{part: _file(f"{name}.int8.{part}.onnx", fast) for part, fast in made.items()},
            halo=reach_of_fine(unet.blocks, unet.stride, unet.beside, fine),
            tile=_INT8_TILE,
            error=_int8_error(name, content, [made[part] for part in parts.PARTS], planes),
        )
    entry = Entry(
        **asdict(_file(f"{name}.onnx", content)),
        parameters=sum(p.numel() for p in network.parameters()),
        multiply_adds=multiply_adds(network, inputs, unet.multiple),
        planes=PLANES[name],
        halo=unet.reach,
        multiple=unet.multiple,
        tile=_TILES[name],
        run=run,
        int8=short,
    )
    error = verify(network, content, inputs, unet.multiple)
    if not error < TOLERANCE:
        raise DualcamError(
            f"the exported {name} differs from the trained one by {error:.2g}.",
            "Please report this with the run.",
        )
    return Exported(name, entry, error, rounding), files


def _file(name: str, content: bytes) -> File:
    return File(name, hashlib.sha256(content).hexdigest(), len(content))


def calibration(name: str, folder: Path, run: Path) -> list[FloatArray]:
    """Planes (C, h, w) of a network from the first training samples of a folder.

    Raises:
        InputError: there are too few samples, or they or the run's settings cannot be used.
    """
    stage = cast("configs.Stage", name)
    data = replace(configs.read(run / "config.toml", stage).data, validation=_CALIBRATION)
    store = Store(folder, data.seed, Sources(), "train")
    with torch.no_grad():
        return [stages.fed(name, batch)[0].numpy() for batch in batches.validation(store, stage, data)]


def _int8_error(name: str, content: bytes, fast: Sequence[bytes], planes: Sequence[FloatArray]) -> float:
    """Root mean square difference that 8 bits make to what the network adds.

    Raises:
        DualcamError: it is no longer the same network.
    """
    wide, short = _session(content), [_session(part) for part in fast]

    def through_parts(planes: FloatArray) -> FloatArray:
        known = {parts.INPUT: planes[None]}
        for session in short:
            names = [one.name for one in session.get_outputs()]
            known |= zip(
                names, session.run(names, {i.name: known[i.name] for i in session.get_inputs()}), strict=True
            )
        return known[OUTPUTS[name][0]]

    wanted = np.concatenate([wide.run(OUTPUTS[name][:1], {parts.INPUT: p[None]})[0].ravel() for p in planes])
    found = np.concatenate([through_parts(p).ravel() for p in planes])
    error, size = (float(np.sqrt(np.mean(x.astype(np.float64) ** 2))) for x in (found - wanted, wanted))
    if not error < _INT8_TOLERANCE * size:
        raise DualcamError(
            f"{name} in 8 bits is off by {error:.2g}, while it adds {size:.2g}.",
            "Export without --int8, or train it with optimizer.int8 = true first.",
        )
    return error


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def verify(network: nn.Module, content: bytes, planes: int, multiple: int) -> float:
    """Largest difference between torch and ONNX Runtime on random planes of two sizes."""
    session = _session(content)
    worst = 0.0
    for fed in _random(planes, multiple):
        with torch.no_grad():
            wanted = _tensors(network(fed))
        worst = max(worst, _apart(session.run(None, {parts.INPUT: fed.numpy()}), wanted))
    return worst


def rounding_error(network: nn.Module, planes: int, multiple: int) -> float:
    """Largest difference on random planes that weights of 16 bits make."""
    worst = 0.0
    for fed in _random(planes, multiple):
        with torch.no_grad():
            short = _tensors(torch.func.functional_call(network, _rounded(network), (fed,)))
            worst = max(worst, _apart([t.numpy() for t in short], _tensors(network(fed))))
    return worst


def _random(planes: int, multiple: int) -> list[Tensor]:
    rng = np.random.default_rng(0)
    sizes = (3 * multiple, 8 * multiple), (7 * multiple, 5 * multiple)
    return [torch.from_numpy(rng.normal(0, 0.5, (1, planes, *size)).astype(np.float32)) for size in sizes]


def _rounded(network: nn.Module, others: Collection[str] = ()) -> dict[str, Tensor]:
    """Weights as 16 bits hold them; biases, which are few, and some others as they are."""
    return {
        k: v.half().float() if v.ndim > 1 and k not in others else v for k, v in network.state_dict().items()
    }


def _tensors(out: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return out if isinstance(out, tuple) else (out,)


def _apart(found: Sequence[FloatArray], wanted: Sequence[Tensor]) -> float:
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True))


def multiply_adds(network: nn.Module, planes: int, multiple: int) -> int:
    """Multiplications of all convolutions per pixel of the input, rounded."""
    total = 0

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += out.numel() * layer.weight[0].numel()

    handles = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    side = 2 * multiple
    with torch.no_grad():
        network(torch.zeros(1, planes, side, side))
    for handle in handles:
        handle.remove()
    return round(total / side**2)
