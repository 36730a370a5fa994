"""Settings of a training run: a TOML file, checked, with defaults that are the shipped recipe's."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dualcam.errors import UsageError
from dualcam.neural.features import EC_PLANES

Stage = Literal["refec", "refcolor", "refsr", "joint"]
STAGES: tuple[Stage, ...] = get_args(Stage)
PRECISIONS = ("bfloat16", "none")

LEAST_CROP, MOST_CROP = 32, 96
"""Sides of a crop; the largest one fits into the smallest sample (512 pixels at scale 5, zoomed by 0.95)."""


@dataclass(frozen=True, slots=True)
class Network:
    """Shape of one network; the class's own defaults where left out.

    Attributes:
        channels: of every scale.
        blocks: of every scale.
        stride: pixels beside each other that one pixel of the first scale stands for (refSR only).
    """

    channels: tuple[int, ...] | None = None
    blocks: tuple[int, ...] | None = None
    stride: int | None = None

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
        crop: side of a crop on the color camera's grid, pixels, 32 to 96.
        batch: crops a step, over all processes.
        workers: processes that prepare batches ahead; 0 prepares them in the training process.
        error_least: refColor alone works with the true color and at least this share of the exposed color's error.
        error_most: the same, at most; drawn anew for every crop.
        hidden: planes of refEC that are set to 0, by their names (``EC_PLANES``), to see what they are worth.
    """

    seed: int = 0
    pool: int = 4000
    validation: int = 64
    crop: int = 96
    batch: int = 8
    workers: int = 0
    error_least: float = 0.0
    error_most: float = 1.2
    hidden: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _within("data.seed", self.seed, 0)
        _within("data.pool", self.pool, 1)
        _within("data.validation", self.validation, 1)
        _within("data.crop", self.crop, LEAST_CROP, MOST_CROP)
        _within("data.batch", self.batch, 1)
        _within("data.workers", self.workers, 0)
        _within("data.error_least", self.error_least, 0)
        _within("data.error_most", self.error_most, self.error_least)
        if unknown := [name for name in self.hidden if name not in EC_PLANES]:
            raise UsageError(
                f"data.hidden names {unknown[0]!r}, no plane of refEC.", f"Use {', '.join(EC_PLANES)}."
            )


@dataclass(frozen=True, slots=True)
class Loss:
    """Weights of the losses.

    Attributes:
        charbonnier: of the display colors.
        rms: of the display colors' root mean square error.
        color: of the CIE94 difference.
        gradient: of neighbors' differences.
        confidence: of the confidence's likelihood.
        middle: of the two earlier networks' own losses in the joint stage.
        brightness: share of the errors of brightness that count.
        mono: of the denoised mono picture, which gives the result its brightness (refSR and joint).
    """

    charbonnier: float = 1.0
    rms: float = 0.0
    color: float = 0.3
    gradient: float = 0.3
    confidence: float = 0.02
    middle: float = 0.3
    brightness: float = 1.0
    mono: float = 1.0

    def __post_init__(self) -> None:
        for name in ("charbonnier", "rms", "color", "gradient", "confidence", "middle", "mono"):
            _within(f"loss.{name}", getattr(self, name), 0)
        _within("loss.brightness", self.brightness, 0, 1)


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
        stay: share that the weights which the run began with have in those that it leaves at its end.
        amp: "bfloat16" or "none": precision of the convolutions.
        int8: whether refEC and refColor are trained with the rounding of their export in 8 bits.
    """

    steps: int = 30_000
    rate: float = 1e-3
    least: float = 1e-5
    warmup: int = 500
    decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.999
    stay: float = 0.0
    amp: str = "bfloat16"
    int8: bool = False

    def __post_init__(self) -> None:
        _within("optimizer.steps", self.steps, 1)
        _within("optimizer.rate", self.rate, 0)
        _within("optimizer.least", self.least, 0, self.rate)
        _within("optimizer.warmup", self.warmup, 0)
        _within("optimizer.decay", self.decay, 0)
        _within("optimizer.clip", self.clip, 1e-9)
        _within("optimizer.ema", self.ema, 0, 1)
        _within("optimizer.stay", self.stay, 0, 1)
        if self.amp not in PRECISIONS:
            raise UsageError(f"optimizer.amp is {self.amp!r}.", f"Use one of {', '.join(PRECISIONS)}.")


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
        checkpoint_minutes: between two checkpoints; 0 after every step.
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

    def __post_init__(self) -> None:
        _within("seed", self.seed, 0)
        _within("threads", self.threads, 0)
        _within("checkpoint_minutes", self.checkpoint_minutes, 0)


def read(path: Path, stage: Stage, changes: Sequence[str] = ()) -> Config:
    """Read a config file for a stage.

    Args:
        path: a TOML file. A table ``[stage.NAME.TABLE]`` overrides the general values in that stage.
        stage: what is trained.
        changes: texts such as "optimizer.steps=100", which override the file.

    Raises:
        UsageError: a file that is missing or no TOML, an unknown name, or a value of the wrong kind or out of range.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", "Name a TOML file such as configs/default.toml."
        ) from error
    special = values.pop("stage", {})
    if not isinstance(special, dict) or not all(isinstance(table, dict) for table in special.values()):
        raise UsageError(
            f"{path}: stage is no table of tables.", "Write [stage.joint.optimizer] and the like."
        )
    if unknown := sorted(set(special) - set(STAGES)):
        raise UsageError(f"{path} names the stage {unknown[0]!r}.", f"Use {', '.join(STAGES)}.")
    merged = _merged(values, special.get(stage, {}))
    for change in changes:
        merged = _merged(merged, _parsed(change))
    return _build(Config, {**merged, "stage": stage}, str(path) if not changes else f"{path} with --set")


def write(config: Config) -> str:
    """The settings as TOML that ``read`` takes; the stage is named in a comment."""
    lines = [f"# Stage {config.stage}."]
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


def differences(old: Config, new: Config) -> list[str]:
    """What differs between two runs' settings: "optimizer.steps: 100 -> 200" and the like."""
    before, after = _flat(old), _flat(new)
    return [f"{name}: {before[name]} -> {after[name]}" for name in after if before[name] != after[name]]


def _flat(config: Config) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in dataclasses.asdict(config).items():
        out |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return out


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _parsed(change: str) -> dict[str, Any]:
    """Read "optimizer.steps=100"; a value that is no TOML is a text."""
    name, equals, text = change.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--set {change} names no value.", "Write --set optimizer.steps=100 and the like.")
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for part in reversed(name.strip().split(".")):
        value = {part: value}
    return dict(value)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        inner = out.get(key, {})
        out[key] = _merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return out


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    known = get_type_hints(kind)
    if unknown := sorted(set(values) - set(known)):
        raise UsageError(
            f"{where} names {unknown[0]!r}, which does not exist.", f"Use {', '.join(sorted(known))}."
        )
    ready: dict[str, Any] = {}
    for name, value in values.items():
        wanted = known[name]
        if dataclasses.is_dataclass(wanted) and isinstance(value, dict):
            ready[name] = _build(wanted, value, f"{where}, [{name}]")
            continue
        value = _as_tuple(value)
        if not _fits(value, wanted):
            kinds = (
                str(wanted).replace("typing.", "") if get_origin(wanted) else f"of the kind {wanted.__name__}"
            )
            raise UsageError(f"{where}: {name} is {value!r}.", f"It has to be {kinds}.")
        ready[name] = float(value) if wanted is float else value
    return kind(**ready)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of a kind: a class, ``X | None``, ``tuple[X, ...]`` or ``Literal[...]``."""
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(wanted))
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(one, get_args(wanted)[0]) for one in value)
    if origin is Literal:
        return value in get_args(wanted)
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, (int, float)) if wanted is float else isinstance(value, wanted)


def _within(name: str, value: float, least: float, most: float = math.inf) -> None:
    if not least <= value <= most:
        limits = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
        raise UsageError(f"{name} is {value:g}.", f"Use {limits}.")
