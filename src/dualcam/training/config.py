"""Settings of a training run: a TOML file, checked, with defaults that are the shipped recipe's."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from dualcam.errors import UsageError

Stage = Literal["refec", "refcolor", "refsr", "joint"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Network:
    """Shape of one network; the class's own defaults where left out.

    Attributes:
        channels: of every scale.
        blocks: of every scale.
        unshuffle: pixels stacked as channels, in each direction (refSR only).
    """

    channels: tuple[int, ...] | None = None
    blocks: tuple[int, ...] | None = None
    unshuffle: int | None = None

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments that were given."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on.

    Attributes:
        seed: of the samples.
        pool: how many different samples there are.
        validation: how many held-back samples are scored.
        crop: side of a crop on the color camera's grid, pixels.
        batch: crops a step, over all processes.
        workers: processes that prepare batches ahead; 0 prepares them in the training process.
        hidden: planes that are set to 0, by their names, to see what they are worth.
    """

    seed: int = 0
    pool: int = 4000
    validation: int = 64
    crop: int = 96
    batch: int = 8
    workers: int = 0
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """Weights of the losses.

    Attributes:
        charbonnier: of the display colors.
        color: of the CIE94 difference.
        gradient: of neighbors' differences.
        confidence: of the confidence's likelihood.
        middle: of the two earlier networks' own losses in the joint stage.
    """

    charbonnier: float = 1.0
    color: float = 0.3
    gradient: float = 0.3
    confidence: float = 0.02
    middle: float = 0.3


@dataclass(frozen=True, slots=True)
class Optimizer:
    """How the weights move.

    Attributes:
        steps: length of the run; the learning rate falls over it by half a cosine.
        rate: highest learning rate of AdamW.
        least: lowest one.
        warmup: steps of linear rise.
        decay: weight decay.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are what is kept.
        amp: "bfloat16" or "none": precision of the convolutions.
    """

    steps: int = 30_000
    rate: float = 2e-3
    least: float = 1e-5
    warmup: int = 200
    decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.999
    amp: str = "bfloat16"


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run.

    Attributes:
        stage: what is trained.
        seed: of the first weights and of the crops.
        refec: its shape.
        refcolor: its shape.
        refsr: its shape.
        data: what is trained on.
        loss: weights of the losses.
        optimizer: how the weights move.
        threads: of torch on a CPU; 0 leaves it to torch.
        checkpoint_minutes: between two checkpoints.
    """

    stage: Stage
    seed: int = 0
    refec: Network = field(default_factory=Network)
    refcolor: Network = field(default_factory=Network)
    refsr: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    threads: int = 0
    checkpoint_minutes: float = 3.0


def read(path: Path, stage: Stage) -> Config:
    """Read a config file for a stage; a table named like the stage overrides the general values.

    Raises:
        UsageError: a file that is missing or no TOML, an unknown name or a value of the wrong kind.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Name a TOML file such as configs/refec.toml.") from error
    special = values.pop("stage", {})
    merged = _merged(values, special.get(stage, {}))
    return _build(Config, {**merged, "stage": stage}, str(path))


def write(config: Config) -> str:
    """The settings as TOML that ``read`` takes."""
    lines: list[str] = []
    tables: list[str] = []
    for name, value in dataclasses.asdict(config).items():
        if name == "stage":
            continue
        if isinstance(value, dict):
            inside = [f"{k} = {_toml(v)}" for k, v in value.items() if v is not None]
            tables += ["", f"[{name}]", *inside]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        out[key] = _merged(out.get(key, {}), value) if isinstance(value, dict) else value
    return out


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in dataclasses.fields(kind)}
    if unknown := set(values) - set(known):
        raise UsageError(
            f"{where} names {sorted(unknown)[0]!r}, which does not exist.", f"Use {', '.join(sorted(known))}."
        )
    ready: dict[str, Any] = {}
    for name, value in values.items():
        default = known[name].default_factory
        if isinstance(value, dict):
            if default is dataclasses.MISSING:
                raise UsageError(f"{where}: {name} is no table.", f"Write {name} = value.")
            value = _build(type(default()), value, f"{where}, [{name}]")
        elif isinstance(value, list):
            value = tuple(value)
        ready[name] = value
    try:
        return kind(**ready)
    except TypeError as error:
        raise UsageError(f"{where}: {error}.", "See the settings of training/config.py.") from error
