"""What every stage makes of a batch: the networks' outputs and their losses."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dualcam.errors import UsageError
from dualcam.networks import joint
from dualcam.networks.exported import KINDS
from dualcam.neural.features import NOISE_UNIT
from dualcam.training import int8, losses
from dualcam.training.batches import BOX_MARGIN, fine_crop
from dualcam.training.config import LEAST_CROP, MOST_CROP, Config, Loss, Stage

Batch = Mapping[str, Tensor]
Result = tuple[Tensor, dict[str, Tensor]]
Labs = tuple[Tensor, Tensor]

NETWORKS: dict[Stage, tuple[str, ...]] = {
    "refec": ("refec",),
    "refcolor": ("refcolor",),
    "refsr": ("refsr",),
    "joint": ("refec", "refcolor", "refsr"),
}
"""Which networks a stage trains."""


def build(name: str, arguments: Mapping[str, object]) -> nn.Module:
    """A network by name, with fresh weights from torch's global seed.

    Raises:
        UsageError: arguments that do not make a network.
    """
    try:
        return KINDS[name](**arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{name} cannot be built: {error}.", f"Change the table [{name}] of the config."
        ) from error


def networks(config: Config) -> nn.ModuleDict:
    """The networks of a stage by name.

    Raises:
        UsageError: a shape that does not make a network, or one that does not divide the crops.
    """
    nets = nn.ModuleDict(
        {name: build(name, getattr(config, name).arguments()) for name in NETWORKS[config.stage]}
    )
    for name, net in nets.items():
        for side in _sides(name, config):
            if side % net.net.multiple:
                raise UsageError(
                    f"{name} takes pictures apart by {net.net.multiple}, and crops of {side} pixels do not divide so "
                    f"(data.crop is {config.data.crop}).",
                    f"Use data.crop = {LEAST_CROP} or {MOST_CROP}, or fewer scales in [{name}].",
                )
        if config.optimizer.int8 and name in int8.NETWORKS:
            int8.imitate(net)
    return nets


def _sides(name: str, config: Config) -> tuple[int, ...]:
    """Sides of the squares that a network sees in this stage, pixels."""
    size = config.data.crop
    if name == "refsr":
        return fine_crop(size, near=True), fine_crop(size, near=False)
    return (size + BOX_MARGIN,) if (name, config.stage) == ("refec", "joint") else (size,)


class Step(nn.Module):
    """A stage's networks with their loss as one module, so that all gradients flow through one forward call.

    Args:
        nets: of ``networks``.
        config: the run.
    """

    def __init__(self, nets: nn.ModuleDict, config: Config) -> None:
        super().__init__()
        self.nets = nets
        self._config = config

    def forward(self, batch: Batch) -> Result:
        """Batch -> loss per crop (B,), and numbers to log, each (B,)."""
        return _STAGES[self._config.stage](self.nets, batch, self._config)


def _refec(nets: nn.ModuleDict, batch: Batch, config: Config) -> Result:
    out, truth = _expose(nets, batch["ec"], config), batch["ec_truth"]
    return picture_loss(out, truth, config.loss), {
        "psnr": psnr(out, truth),
        "psnr_chroma": psnr_chroma(out, truth),
        "classical": psnr(batch["ec_classical"], truth),
    }


def _refcolor(nets: nn.ModuleDict, batch: Batch, config: Config) -> Result:
    # Not quite the exposed color at hand: refColor must not lean on one refEC.
    data = config.data
    share = data.error_least + (data.error_most - data.error_least) * batch["share"].view(-1, 1, 1, 1)
    color = batch["ec_truth"] + share * (batch["exposed"] - batch["ec_truth"])
    out, logit, base = _color(nets, color, batch, config)
    return _color_loss(out, logit, base, batch, config.loss)


def _color_loss(out: Tensor, logit: Tensor, base: Tensor, batch: Batch, loss: Loss) -> Result:
    truth = batch["truth_small"]
    labs = _labs(out, truth)
    sure = loss.confidence * losses.confidence(logit, *labs)
    return picture_loss(out, truth, loss) + sure, {
        "psnr": psnr(out, truth),
        "psnr_chroma": psnr_chroma(out, truth),
        "base": psnr(base, truth),
        "de": _difference(labs),
    }


def _refsr(nets: nn.ModuleDict, batch: Batch, config: Config) -> Result:
    out, _, mono = _enlarge(nets, *_true_color(batch), batch, config)
    truth = batch["truth"]
    total = picture_loss(out, truth, config.loss) + _mono_loss(mono, batch, config.loss)
    return total, {"psnr": psnr(out, truth), **_mono_scores(mono, batch)}


def _true_color(batch: Batch) -> tuple[Tensor, Tensor]:
    """What refSR gets in place of refColor's answer, when it is trained by itself: color and logit."""
    # Any confidence, so that what refSR makes of the color does not hang on it.
    logit = (12 * batch["share"] - 6).view(-1, 1, 1, 1).expand_as(batch["mono_small"])
    # The true color with the brightness of the mono picture, noise and all, as refColor hands it on: where it differed,
    # it would give away what mono is without noise.
    weights = batch["evidence"][:, -3:, 0, 0]
    return joint.with_luminance(batch["truth_small"], batch["mono_small"], weights), logit


def _mono_loss(mono: Tensor, batch: Batch, loss: Loss) -> Tensor:
    truth = batch["mono_truth"]
    near = loss.charbonnier * losses.charbonnier(mono, truth) + loss.rms * losses.rms(mono, truth)
    return loss.mono * (near + loss.gradient * losses.gradient(mono, truth))


def _mono_scores(mono: Tensor, batch: Batch) -> dict[str, Tensor]:
    truth = batch["mono_truth"]
    return {"psnr_mono": psnr(mono, truth), "psnr_mono_base": psnr(batch["mono_clean"], truth)}


def _joint(nets: nn.ModuleDict, batch: Batch, config: Config) -> Result:
    exposed = _expose(nets, batch["ec"], config)
    color, logit, base = _color(nets, exposed, batch, config)
    out, sure, mono = _enlarge(nets, color, logit, batch, config)
    truth, loss = batch["truth"], config.loss
    with torch.no_grad():
        shown = joint.with_luminance(out, mono, batch["evidence"][:, -3:, 0, 0])
    middle = picture_loss(exposed, batch["ec_truth"], loss) + _color_loss(color, logit, base, batch, loss)[0]
    labs = _labs(shown, truth)
    total = picture_loss(out, truth, loss) + loss.confidence * losses.confidence(sure, *labs)
    return total + _mono_loss(mono, batch, loss) + loss.middle * middle, {
        "psnr": psnr(shown, truth),
        "psnr_chroma": psnr_chroma(out, truth),
        "psnr_refec": psnr(exposed, batch["ec_truth"]),
        "psnr_refcolor": psnr(color, batch["truth_small"]),
        "de": _difference(labs),
        **_mono_scores(mono, batch),
    }


_STAGES = {"refec": _refec, "refcolor": _refcolor, "refsr": _refsr, "joint": _joint}


def fed(name: str, batch: Batch) -> Tensor:
    """The planes that a network gets: of a batch of its own stage, (B, C, h, w)."""
    if name == "refec":
        return batch["ec"]
    if name == "refcolor":
        return _color_fed(batch["exposed"], batch)[0]
    return _fine_fed(*_true_color(batch), batch)[0]


def _expose(nets: nn.ModuleDict, planes: Tensor, config: Config) -> Tensor:
    base = planes[:, :3] + planes[:, 3:4]
    return base + _run(nets["refec"], planes, config)


def _color(nets: nn.ModuleDict, color: Tensor, batch: Batch, config: Config) -> tuple[Tensor, Tensor, Tensor]:
    planes, base = _color_fed(color, batch)
    residual, logit = _run(nets["refcolor"], planes, config)
    return base + residual, logit, base


def _color_fed(color: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    warped, other = (joint.sample(color, batch[name]) for name in ("to_color", "to_color_second"))
    return joint.color_planes(batch["mono_small"], warped, other, batch["evidence"], batch["fill"])


def _enlarge(
    nets: nn.ModuleDict, color: Tensor, logit: Tensor, batch: Batch, config: Config
) -> tuple[Tensor, Tensor, Tensor]:
    planes, base, noise, logit = _fine_fed(color, logit, batch)
    residual, more, cleaner = _run(nets["refsr"], planes, config)
    return base + residual, logit + more, batch["mono_clean"] + float(NOISE_UNIT) * noise * cleaner


def _fine_fed(color: Tensor, logit: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The planes of refSR, and what its answers are added to: color, noise and logit at full size."""
    places = batch["to_small"]
    difference = joint.sample(color - batch["mono_small"], places, "bicubic")
    noise, logit = (joint.sample(p, places) for p in (batch["mono_noise"], logit))
    clean = batch["mono_clean"]
    planes, base = joint.sr_planes(clean, batch["mono"] - clean, difference, noise, logit)
    return planes, base, noise, logit


def _run(net: nn.Module, planes: Tensor, config: Config) -> Tensor:
    """Run a network in reduced precision, and go on in full precision."""
    with torch.autocast(planes.device.type, torch.bfloat16, enabled=config.optimizer.amp == "bfloat16"):
        out = net(planes)
    return tuple(o.float() for o in out) if isinstance(out, tuple) else out.float()


def picture_loss(out: Tensor, truth: Tensor, loss: Loss) -> Tensor:
    """Weighted sum of the losses of a picture.

    Args:
        out: (B, 3, H, W) display.
        truth: the same.
        loss: the weights.

    Returns:
        (B,).
    """
    out = losses.dimmed(out, truth, loss.brightness)
    total = loss.charbonnier * losses.charbonnier(out, truth) + loss.gradient * losses.gradient(out, truth)
    if loss.rms:
        total = total + loss.rms * losses.rms(out, truth)
    return total + loss.color * losses.color_difference(*_labs(out, truth)) if loss.color else total


def _labs(out: Tensor, truth: Tensor) -> Labs:
    return losses.lab(out), losses.lab(truth)


def _difference(labs: Labs) -> Tensor:
    with torch.no_grad():
        return 100 * losses.color_difference(*labs)


def psnr(out: Tensor, truth: Tensor) -> Tensor:
    """PSNR of display pictures clipped to [0, 1], dB, (B,)."""
    with torch.no_grad():
        error = ((out.clamp(0, 1) - truth) ** 2).flatten(1).mean(1)
        return -10 * torch.log10(error.clamp_min(1e-10))


def psnr_chroma(out: Tensor, truth: Tensor) -> Tensor:
    """The same with the true brightness, which the program takes from mono in the end."""
    with torch.no_grad():
        return psnr(losses.dimmed(out, truth, 0.0), truth)
