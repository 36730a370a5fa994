"""The program feeds its networks what they were trained on: torch's chain and the exported one agree on a sample."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("safetensors.torch")

from test_export import network, write_run  # noqa: E402

from dualcam.camera.curves import encode  # noqa: E402
from dualcam.networks import joint  # noqa: E402
from dualcam.neural import claims, engine, features  # noqa: E402
from dualcam.neural.method import CLAIM, SHARE, Neural  # noqa: E402
from dualcam.simulation.settings import ColorCamera, Settings  # noqa: E402
from dualcam.training import export as exporter  # noqa: E402
from dualcam.training import samples  # noqa: E402
from dualcam.training.views import Views  # noqa: E402
from synthetic import Rig, world  # noqa: E402


@pytest.mark.parametrize(("raw", "pattern"), [(False, "RGGB"), (True, "RGGB"), (True, "GBRG")])
def test_the_program_is_the_chain_that_was_trained(tmp_path, monkeypatch, raw, pattern):
    torch.set_num_threads(1)
    exporter.export(write_run(tmp_path / "run"), tmp_path / "w", date="2026-01-31")
    view = world(Rig(), 96, 128)
    fed = []
    made = features.ec_input
    monkeypatch.setattr(features, "ec_input", lambda *a: fed.append(a) or made(*a))
    chosen = Settings(color=ColorCamera(pattern=pattern))
    right = np.roll(view.truth, -3, axis=1)
    views, refec = Views(view.truth, right, 3.0), engine.alone(tmp_path / "w", "refec", threads=1)
    sample = samples.shoot(views, chosen, np.random.default_rng(0), raw=raw, refec=refec)
    monkeypatch.undo()

    pair, measured, small, found, tone = fed[0]
    monkeypatch.setattr("dualcam.neural.method.exposure.fine_tone", lambda *_: tone)
    # What the program forbids its networks to claim is no part of the training.
    monkeypatch.setattr(claims, "allowed", lambda mono, *_: np.ones_like(mono))
    brightness = []

    def as_it_is(linear, mono, weights, unfitted, out):
        brightness.append(mono)
        out[...] = linear

    monkeypatch.setattr("dualcam.neural.sharpened.upsample.with_luminance", as_it_is)
    method = Neural(tmp_path / "w", threads=1)
    exposed = method.ref_ec(pair, measured, small, found, tone)
    colored = method.ref_color(small, exposed, found)
    pixels, confidence = method.ref_sr(colored, measured)

    nets = {name: network(name) for name in ("refec", "refcolor", "refsr")}
    planes = {
        name: torch.from_numpy(getattr(sample, name).astype(np.float32))[None]
        for name in (
            "ec",
            "ec_classical",
            "to_color",
            "to_color_second",
            "evidence",
            "fill",
            "mono_small",
            "mono",
            "mono_clean",
            "mono_sigma",
        )
    }
    with torch.no_grad():
        known = planes["ec"]
        ec = padded(torch.cat([known, planes["ec_classical"] - known[:, 3:4]], 1), 4)
        wanted = (ec[:, :3] + ec[:, 3:4] + nets["refec"](ec))[
            ..., : planes["ec"].shape[2], : planes["ec"].shape[3]
        ]
        top, left = (a - b for a, b in zip(wanted.shape[2:], exposed.color.shape[:2], strict=True))
        agree(exposed.color, wanted[..., top:, left:])
        fed_color, base = joint.color_planes(
            planes["mono_small"],
            joint.sample(wanted, planes["to_color"]),
            joint.sample(wanted, planes["to_color_second"]),
            planes["evidence"],
            planes["fill"],
        )
        h, w = base.shape[2:]
        residual, logit = (out[..., :h, :w] for out in nets["refcolor"](padded(fed_color, 4)))
        logit = float(CLAIM[0]) * logit + float(CLAIM[1])
        color = base + float(SHARE) * residual
        agree(colored.color, color)
        y, x = torch.meshgrid(torch.arange(96) + 0.5, torch.arange(128) + 0.5, indexing="ij")
        places = torch.stack([x * w / 128, y * h / 96], -1)[None]
        noise, known = (
            joint.sample(p, places) for p in (planes["mono_sigma"] / float(features.NOISE_UNIT), logit)
        )
        rough = joint.sample(color - planes["mono_small"], places, "bicubic")
        fed_sr, base = joint.sr_planes(
            planes["mono_clean"], planes["mono"] - planes["mono_clean"], rough, noise, known
        )
        residual, more, cleaner = nets["refsr"](fed_sr)
        agree(encode(pixels), (base + residual).clamp(0, 1))
        agree(confidence, torch.sigmoid(known + more))
        agree(
            encode(np.vstack(brightness)),
            (planes["mono_clean"] + float(features.NOISE_UNIT) * noise * cleaner).clamp(0, 1),
        )


def padded(planes, multiple):
    height, width = planes.shape[2:]
    missing = (0, -width % multiple, 0, -height % multiple)
    return torch.nn.functional.pad(planes, missing, mode="replicate")


def agree(found, wanted):
    """Samples are stored in 16 bits, and OpenCV looks up at steps of 1/32 pixel."""
    wanted = wanted[0].permute(1, 2, 0).numpy()
    difference = np.abs(found.reshape(wanted.shape) - wanted)
    assert difference.mean() < 1e-3
    assert np.quantile(difference, 0.999) < 0.02
