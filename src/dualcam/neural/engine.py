"""The three networks of a folder of weights, made known by its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dualcam.errors import UnavailableError
from dualcam.neural import devices, features, manifest
from dualcam.neural.manifest import Entry, Int8
from dualcam.neural.network import AnyNetwork, Network, PartedNetwork
from dualcam.neural.session import OnnxSession

PLANES = {"refec": features.EC_PLANES, "refcolor": features.COLOR_PLANES, "refsr": features.SR_PLANES}
"""What the networks of this version are fed; others cannot be run."""

# Pixels of refSR's tiles side by side, two of the usual ones: while one is computed the next is prepared. The others
# have more planes, and little to prepare.
_TOGETHER = 2 * 768**2
# A GPU has more memory, and pauses between tiles; while one is computed another is on its way there or back.
_GPU_TILE = 2048**2
# So that its trial is not the starting of a hundred small tasks.
_GPU_TRIAL = 1024

OUTPUTS = {"refec": ("residual",), "refcolor": ("residual", "logit"), "refsr": ("residual", "logit", "mono")}
"""Names of what they return."""


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """The three networks of a folder of weights.

    Attributes:
        refec: (11, h, w) -> (3, h, w).
        refcolor: (32, h, w) -> (3, h, w), (1, h, w).
        refsr: (7, H, W) -> (3, H, W), (1, H, W), (1, H, W).
        run: name of the training run behind them, of each one where they differ.
        name: of what runs them, ``devices.ONNXRUNTIME`` or ``devices.TORCH``.
    """

    refec: AnyNetwork
    refcolor: AnyNetwork
    refsr: Network
    run: str
    name: str = devices.ONNXRUNTIME

    @property
    def precision(self) -> str:
        """What they compute in."""
        networks = (self.refec, self.refcolor, self.refsr)
        return ", ".join(dict.fromkeys(network.precision for network in networks))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how they run."""
        named = (("refEC", self.refec), ("refColor", self.refcolor), ("refSR", self.refsr))
        return tuple(
            f"{name} ran in tiles of {network.layout.limit / 1e6:.2g} megapixels at most, since memory is short"
            for name, network in named
            if network.shrunk
        )


def load(
    folder: Path,
    threads: int | None = None,
    device: str = devices.CPU,
    precision: str = "auto",
    engine: str = devices.AUTO,
) -> Engine:
    """Make the networks of a folder of weights known; nothing is read but the manifest.

    Args:
        folder: holds ``manifest.toml`` and the ONNX files.
        threads: threads every network may use; None for as many as OpenCV uses.
        device: of ``devices.DEVICES``.
        precision: of ``devices.PRECISIONS``.
        engine: of ``devices.ENGINES``.

    Raises:
        UnavailableError: the manifest is missing or damaged, or has not all three networks of this version, or the
            engine, device or precision cannot be had.
        UsageError: the engine knows no such device or precision.
    """
    engine = devices.settle(engine, device)
    precision = devices.settle_precision(engine, device, precision)
    entries = manifest.read(folder)
    missing = [name for name in manifest.NETWORKS if name not in entries]
    if missing:
        raise UnavailableError(
            f"the weights in {folder} lack {' and '.join(missing)}.",
            "Export a run of these networks to the same folder.",
        )
    if precision == "int8" and not any(entry.int8 for entry in entries.values()):
        raise UnavailableError(
            f"the weights in {folder} have no 8-bit networks.",
            "Export them with --int8, or use --precision float32.",
        )
    refec, refcolor = (
        alone(folder, name, threads, device, precision, engine) for name in manifest.NETWORKS[:2]
    )
    refsr = alone(folder, manifest.NETWORKS[2], threads, device, precision, engine)
    assert isinstance(refsr, Network)
    runs = dict.fromkeys(entries[name].run.name for name in manifest.NETWORKS)
    return Engine(refec, refcolor, refsr, ", ".join(runs), engine)


def alone(
    folder: Path,
    name: str,
    threads: int | None = None,
    device: str = devices.CPU,
    precision: str = "auto",
    engine: str = devices.ONNXRUNTIME,
) -> AnyNetwork:
    """One network of a folder of weights, by name; in 8 bits if it has them and that is wanted.

    Takes what ``load`` does; ``engine`` is settled.

    Raises:
        UnavailableError: the manifest is missing or damaged, or has no such network of this version.
    """
    entries = manifest.read(folder)
    if name not in entries:
        raise UnavailableError(
            f"the weights in {folder} lack {name}.", f"Export a run of {name} to the same folder."
        )
    entry = entries[name]
    if entry.planes != PLANES[name]:
        raise UnavailableError(
            f"{name} in {folder} wants other input than this version makes.",
            "Use weights that were exported by this version of dualcam.",
        )
    together = _TOGETHER if name == "refsr" else 0
    if engine == devices.TORCH:
        return _on_torch(folder, name, entry, threads, device, precision, together)
    if entry.int8 and (precision == "int8" or (precision == "auto" and devices.DEVICES[device].int8)):
        if isinstance(entry.int8, Int8):
            return PartedNetwork(folder, entry, entry.int8, OUTPUTS[name], threads, device)
        session = OnnxSession(folder, entry.int8, device)
        return Network(session, entry, OUTPUTS[name], threads, together, precision="int8")
    return Network(OnnxSession(folder, entry, device), entry, OUTPUTS[name], threads, together)


def _on_torch(
    folder: Path, name: str, entry: Entry, threads: int | None, device: str, precision: str, together: int
) -> Network:
    devices.torch()
    # Not before: it imports torch.
    from dualcam.networks.session import TorchSession

    precision = devices.settle_precision(devices.TORCH, device, precision)
    session = TorchSession(folder, entry, name, OUTPUTS[name], device, half=precision == "float16")
    if device == devices.CPU:
        return Network(session, entry, OUTPUTS[name], threads, together, precision=precision)
    return Network(
        session, entry, OUTPUTS[name], threads, 2 * _GPU_TILE, _GPU_TILE, precision, trial=_GPU_TRIAL
    )
