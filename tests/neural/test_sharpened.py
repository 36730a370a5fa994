"""Around refSR: bands of rows give what whole arrays give, and every answer of the network gets to its place."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dualcam.camera.curves import decode, encode
from dualcam.classical import upsample
from dualcam.classical.evidence import logistic
from dualcam.frame import Colored, NoiseModel, Tone
from dualcam.neural import features, sharpened, tiles
from dualcam.rig import warp
from synthetic import WEIGHTS

HEIGHT, WIDTH = 90, 124
NOISE = NoiseModel(2e-3, 1e-4)


def smooth(rng, *shape):
    return warp.resize(rng.normal(size=(4, 5, *shape[2:])).astype(np.float32), *shape[:2])


@pytest.fixture(params=[(45, 62), (31, 41), (90, 124)])
def given(request):
    """What refColor made, on the match grid of this size, and the mono picture."""
    rng = np.random.default_rng(0)
    h, w = request.param
    clean = np.clip(0.4 + 0.4 * smooth(rng, HEIGHT, WIDTH), 0, 1)
    mono = encode(warp.resize(clean, h, w))
    colored = Colored(
        mono,
        mono[..., None] + 0.3 * smooth(rng, h, w, 3),
        logistic(4 * smooth(rng, h, w)),
        np.full((h, w), 2, np.uint8),
        Tone(1.0, 1.0, np.asarray(WEIGHTS, np.float32)),
    )
    shot = clean + 0.02 * rng.normal(size=clean.shape).astype(np.float32)
    return colored, SimpleNamespace(mono=shot, mono_noise=NOISE, mono_cleaner=lambda: clean)


def answers(rng):
    return tuple((0.3 * rng.normal(size=(c, HEIGHT, WIDTH))).astype(np.float32) for c in (3, 1, 1))


def over(work, found, rows, columns):
    """One tile with some more rows and columns around it, as ``tiles.pieces`` does it."""
    more = slice(max(0, rows.start - 7), rows.stop), slice(max(0, columns.start - 9), columns.stop)
    planes, beside = work.feed(*more)
    here, there = slice(rows.start - more[0].start, None), slice(columns.start - more[1].start, None)
    work.use(
        tiles.Piece(
            rows,
            columns,
            tuple(p[..., here, there] for p in beside),
            tuple(p[:, rows, columns] for p in found),
        )
    )
    return planes


@pytest.mark.parametrize("band", [1, 20, 1000])
@pytest.mark.parametrize("asked", [False, True])
def test_bands_give_what_whole_arrays_give(given, band, asked, monkeypatch):
    monkeypatch.setattr(sharpened, "_BAND", band)
    colored, measured = given
    rng = np.random.default_rng(1)
    found, unfitted = answers(rng), rng.random((HEIGHT, WIDTH)) < 0.2 if asked else None
    work = sharpened.Sharpened(colored, measured, unfitted)
    for rows in (slice(0, 50), slice(50, HEIGHT)):
        for columns in (slice(0, 33), slice(33, WIDTH)):
            over(work, found, rows, columns)

    def large(picture, kind):
        return warp.enlarged_part(picture, slice(0, HEIGHT), slice(0, WIDTH), HEIGHT, WIDTH, kind)

    clean = measured.mono_cleaner()
    p = np.clip(colored.confidence, 1e-6, 1 - 1e-6).astype(np.float64)
    sigma = features.mono_sigma(decode(colored.mono), NOISE)
    noise, logit = np.moveaxis(
        large(np.dstack([sigma, np.log(p / (1 - p)).astype(np.float32)]), warp.LINEAR), -1, 0
    )
    display = encode(clean)[..., None] + large(colored.color - colored.mono[..., None], warp.CUBIC)
    display += np.dstack([*found[0]])
    brightness = encode(clean) + np.clip(noise, 0, 0.6) * found[2][0]
    wanted = upsample.with_luminance(
        features.shown(display), features.shown(brightness), colored.tone.weights, unfitted
    )
    np.testing.assert_allclose(work.pixels, wanted, atol=1e-5)
    np.testing.assert_allclose(work.confidence, logistic(logit + found[1][0]), atol=1e-5)
    assert asked == bool(work.pixels.max() > 1)


def test_planes_are_the_ones_that_the_network_knows(given):
    colored, measured = given
    work = sharpened.Sharpened(colored, measured)
    planes = over(work, answers(np.random.default_rng(2)), slice(20, 50), slice(30, 60))
    assert planes.shape == (len(features.SR_PLANES), 37, 39) and planes.dtype == np.float32
    named = dict(zip(features.SR_PLANES, planes, strict=True))
    rows, columns = slice(13, 50), slice(21, 60)
    np.testing.assert_array_equal(named["mono"], encode(measured.mono_cleaner()[rows, columns]))
    np.testing.assert_allclose(
        named["mono"] + named["grain"], encode(measured.mono[rows, columns]), atol=1e-6
    )
    assert 0 < named["noise"].min() and np.abs(named["confidence logit"]).max() <= 2
