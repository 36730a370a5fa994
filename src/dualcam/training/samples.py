"""One training sample: two views, shot by a random rig, walked through the program's own hops up to the networks.

Sample ``i`` of a seed is always the same, so that training can be resumed, shared between machines and repeated.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np

from dualcam.camera import develop, sensor
from dualcam.camera.curves import encode
from dualcam.camera.measure import measure
from dualcam.camera.remosaic import remosaiced
from dualcam.classical import exposure
from dualcam.classical.colorize import gather
from dualcam.classical.exemplar import exemplars
from dualcam.files.read import from_array
from dualcam.files.whole import write_whole
from dualcam.frame import Exposed, FloatArray, Frame, Mosaic, Pair, Placement
from dualcam.neural import features
from dualcam.neural.method import expose
from dualcam.neural.network import AnyNetwork
from dualcam.neural.tiles import Planes
from dualcam.rig import warp
from dualcam.rig.matching import match, match_grid
from dualcam.simulation import capture, geometry
from dualcam.simulation.codes import Codes8, Codes16, display8, display16
from dualcam.simulation.settings import Settings
from dualcam.training import rigs, views
from dualcam.training.sources import Sources, Split

# The denoised color is kept by itself.
_EC_STORED = len(features.EC_PLANES) - 3
MAKING = 4
"""Counts the ways in which samples have been made: those of two ways are never mixed in a folder."""
_SPLIT_SEEDS = {"train": 1, "val": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What the stages train on; display domain, float16 but for the map, planes first.

    The color view is (h', w'), the match grid (h, w), the mono view (H, W).

    Attributes:
        ec: (8, h', w'), ``EC_PLANES`` but the last three, padded so that a mosaic that shows begins with red.
        ec_truth: (3, h', w'), the clean color view.
        ec_classical: (3, h', w'), what the classical refEC makes of it; minus the guide, the last of ``EC_PLANES``.
        exposed: (3, h', w'), what refColor is to work with: a refEC network's picture, or the classical one's.
        to_color: (h, w, 2) float32, map from the match grid to the color view.
        to_color_second: (h, w, 2) float32, the same by the second match.
        evidence: (8, h, w), ``COLOR_PLANES`` from "disagreement" to the weights.
        fill: (11, h, w), ``COLOR_PLANES`` from "red filling" to "shrink", of ``exposed``.
        mono_small: (1, h, w), denoised.
        truth_small: (3, h, w).
        mono: (1, H, W), noisy.
        mono_clean: (1, H, W), denoised.
        mono_truth: (1, H, W), without its noise.
        mono_sigma: (1, h, w), its noise.
        truth: (3, H, W), the clean mono view in color.
        light: (5,) float32: electrons at white, exposure ratio, scale, 1 for raw, 1 for a phone's JPEG.
    """

    ec: FloatArray
    ec_truth: FloatArray
    ec_classical: FloatArray
    exposed: FloatArray
    to_color: FloatArray
    to_color_second: FloatArray
    evidence: FloatArray
    fill: FloatArray
    mono_small: FloatArray
    truth_small: FloatArray
    mono: FloatArray
    mono_clean: FloatArray
    mono_truth: FloatArray
    mono_sigma: FloatArray
    truth: FloatArray
    light: FloatArray


def make(index: int, seed: int, sources: Sources, split: Split, refec: AnyNetwork | None = None) -> Sample:
    """Make a sample.

    Args:
        index: which.
        seed: of the whole collection.
        sources: pictures to make it from.
        split: "train" or "val"; part of the seed.
        refec: the network that exposes the color for refColor; None for the classical refEC.
    """
    rng = np.random.default_rng([seed, _SPLIT_SEEDS[split], index])
    size = int(rng.choice([320, 384, 448]))
    chosen = rigs.settings(size, rng)
    if chosen.scale > 2.5:
        size = 512
    seen = views.draw(sources, size, rng)
    if rng.random() < 0.4:
        # Pictures of the night are dark; a few highlights clip.
        bright = np.float32(rng.uniform(0.25, 1.3))
        seen = replace(seen, left=np.clip(seen.left * bright, 0, 1), right=np.clip(seen.right * bright, 0, 1))
    raw = chosen.color.phone is None and rng.random() < 0.35
    return shoot(seen, chosen, rng, raw=raw, refec=refec)


def shoot(
    seen: views.Views,
    chosen: Settings,
    rng: np.random.Generator,
    *,
    raw: bool,
    refec: AnyNetwork | None = None,
) -> Sample:
    """Take both pictures of two views and prepare what the networks are fed.

    Args:
        seen: the views.
        chosen: light and cameras.
        rng: noise, and what the program does not know exactly.
        raw: whether the program gets the mosaic or a demosaiced file.
        refec: as in ``make``.
    """
    mono_dn = capture.mono_samples(seen.left, chosen, rng)
    color_dn = capture.color_samples(seen.right, chosen, rng)
    mono_codes = capture.mono_file(mono_dn, chosen.mono)
    mono = from_array(mono_codes, "mono")
    mono = replace(mono, origin=replace(mono.origin, bits=16, curve="srgb"))
    color = _raw_frame(color_dn, chosen) if raw else remosaiced(_file_frame(color_dn, chosen, rng))
    pair = Pair(mono, color, _placement(seen, chosen, rng))
    measured = measure(mono, color)
    grid = match_grid(pair)
    small = warp.resize(measured.mono_clean, grid.height, grid.width)
    tone = exposure.rough_tone(pair)
    found = match(grid, encode(small), exposure.rough_luma(color.pixels, tone), twice=True)
    tone = exposure.fine_tone(pair, small, found, tone)
    fed = features.ec_input(pair, measured, small, found, tone)
    known, guide = fed.planes[:_EC_STORED], np.asarray(fed.planes[3])
    classical = np.dstack([np.asarray(plane) + guide for plane in fed.planes[_EC_STORED:]])
    exposed = classical if refec is None else expose(refec, fed)
    top, left = fed.phase
    evidence = gather(small, Exposed(exposed, fed.sigma, tone), found)
    example = exemplars(small, evidence.difference, evidence.reliable, tone.weights)
    sigma = features.mono_sigma(small, measured.mono_noise)
    exposure_of_white = np.float32(chosen.mono_electrons / chosen.mono_saturation_e)
    mono_truth = np.clip(capture.mono_view(seen.left, chosen.mono) * exposure_of_white, 0, 1)
    clean = geometry.integrate(seen.right, chosen.scale, chosen.color.geometry)
    light = [
        chosen.light.electrons,
        chosen.light.exposure_ratio,
        chosen.scale,
        raw,
        chosen.color.phone is not None,
    ]

    def half(picture: FloatArray | Planes, rows: int = 0, columns: int = 0) -> FloatArray:
        if isinstance(picture, np.ndarray):
            planes = picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
        else:
            planes = np.stack(picture)
        return np.pad(planes, ((0, 0), (rows, 0), (columns, 0)), mode="edge").astype(np.float16)

    def placed(positions: FloatArray) -> FloatArray:
        return (positions + np.array([left, top], np.float32)).astype(np.float32)

    return Sample(
        ec=half(known, top, left),
        ec_truth=half(encode(clean), top, left),
        ec_classical=half(classical, top, left),
        exposed=half(exposed, top, left),
        to_color=placed(found.to_color),
        to_color_second=placed(features.second(found).to_color),
        evidence=half(features.match_evidence(found, evidence.sigma, tone)),
        fill=half(features.fillings(evidence, example)),
        mono_small=half(encode(small)),
        truth_small=half(encode(np.clip(warp.resize(seen.left, *small.shape), 0, 1))),
        mono=half(encode(mono.pixels[..., 0])),
        mono_clean=half(encode(measured.mono_cleaner())),
        mono_truth=half(encode(mono_truth)),
        mono_sigma=half(sigma),
        truth=half(encode(seen.left)),
        light=np.array(light, np.float32),
    )


def _raw_frame(dn: Codes16, chosen: Settings) -> Frame:
    camera = chosen.color
    samples = sensor.to_linear(dn, camera.sensor.bits, camera.sensor.black)
    balance = np.array(camera.response.white_balance, np.float32)
    mosaic = Mosaic(samples, camera.pattern, balance, np.array(camera.response.matrix, np.float32))
    frame = from_array(np.ascontiguousarray(develop.develop(mosaic)), "color")
    return replace(
        frame, mosaic=mosaic, origin=replace(frame.origin, bits=camera.sensor.bits, curve="linear")
    )


def _file_frame(dn: Codes16, chosen: Settings, rng: np.random.Generator) -> Frame:
    """A demosaiced file: mostly OpenCV's edge-aware demosaic and 8 bits, else other programs' ways."""
    camera = chosen.color
    kind = rng.random()
    if camera.phone is not None or kind < 0.6:
        return _display_frame(capture.color_file(dn, camera)[0], 8)
    if kind < 0.8:
        return _display_frame(display16(capture.developed16(dn, camera), 65535), 16)
    linear = _raw_frame(dn, chosen).pixels if kind < 0.92 else _bilinear(dn, chosen)
    return _display_frame(display8(sensor.to_16_bits(linear)), 8)


def _display_frame(codes: Codes8 | Codes16, bits: int) -> Frame:
    frame = from_array(codes, "color")
    return replace(frame, origin=replace(frame.origin, bits=bits, curve="srgb"))


def _bilinear(dn: Codes16, chosen: Settings) -> FloatArray:
    camera = chosen.color
    codes = {
        "RGGB": cv2.COLOR_BayerBG2RGB,
        "BGGR": cv2.COLOR_BayerRG2RGB,
        "GRBG": cv2.COLOR_BayerGB2RGB,
        "GBRG": cv2.COLOR_BayerGR2RGB,
    }
    linear = sensor.to_linear(dn, camera.sensor.bits, camera.sensor.black)
    rgb = cv2.cvtColor(sensor.to_16_bits(linear), codes[camera.pattern]).astype(np.float32) / np.float32(
        65535
    )
    balanced = rgb * np.array(camera.response.white_balance, np.float32)
    return develop.to_srgb(balanced, np.array(camera.response.matrix, np.float32))


def _placement(seen: views.Views, chosen: Settings, rng: np.random.Generator) -> Placement:
    """The placement that the program would find: the rig's own with the middle parallax removed, not quite exact."""
    height, width = seen.left.shape[:2]
    here = warp.centers(8, 8) * np.array([width / 8, height / 8], np.float32)
    there = geometry.to_color(
        here - np.array([seen.shift, 0], np.float32), (height, width), chosen.scale, chosen.color.geometry
    )
    matrix, _ = cv2.findHomography(here.reshape(-1, 2), there.reshape(-1, 2))
    turn, zoom = rng.normal(0, 0.0007), 1 + rng.normal(0, 0.001)
    center = np.array([width / 2, height / 2])
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wrong = np.eye(3)
    wrong[:2, :2] = linear
    wrong[:2, 2] = center - linear @ center + rng.normal(0, 0.5, 2)
    matrix = matrix @ wrong
    scale = chosen.scale / chosen.color.geometry.zoom
    return Placement(matrix, scale, 1.0, 1.0, 0, 0.0, "identity")


def save(sample: Sample, path: Path) -> None:
    """Write a sample as .npz; it appears whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **{field.name: getattr(sample, field.name) for field in fields(Sample)})
    write_whole(path, buffer.getvalue())


def load(path: Path) -> Sample:
    """Read what ``save`` wrote."""
    with np.load(path) as data:
        return Sample(**{field.name: data[field.name] for field in fields(Sample)})
