"""Samples: the same every time, right in their geometry, kept whole."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

import untrained
from dualcam.camera.curves import encode
from dualcam.errors import InputError, UsageError
from dualcam.neural import engine
from dualcam.neural.features import COLOR_PLANES, EC_PLANES
from dualcam.rig import warp
from dualcam.simulation import geometry
from dualcam.simulation.settings import ColorCamera, Geometry, MonoCamera, SceneLight, Sensor, Settings
from dualcam.training import samples, store, views
from dualcam.training.sources import Sources, find
from synthetic import psnr, scene
from training_helpers import pictures


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    photos, stereo = pictures(tmp_path_factory.mktemp("samples"), photos=2, pairs=1)
    return find([photos], [stereo], "train")


def equal(a, b):
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=True) for f in fields(samples.Sample)
    )


def test_a_sample_is_always_the_same_and_others_differ(found):
    one, again, other = (samples.make(index, 0, found, "train") for index in (3, 3, 4))
    assert equal(one, again)
    assert one.mono.shape != other.mono.shape or not np.array_equal(one.mono, other.mono)
    val = samples.make(3, 0, found, "val")
    assert val.mono.shape != one.mono.shape or not np.array_equal(val.mono, one.mono)


@pytest.mark.parametrize("index", range(4))
def test_fields_fit_each_other(found, index):
    made = samples.make(index, 1, found, "train")
    color, small, full = made.ec.shape[1:], made.mono_small.shape[1:], made.mono.shape[1:]
    assert made.ec.shape == (len(EC_PLANES) - 3, *color) and made.evidence.shape == (8, *small)
    assert made.ec_truth.shape == made.ec_classical.shape == made.exposed.shape == (3, *color)
    assert made.to_color.shape == made.to_color_second.shape == (*small, 2)
    assert made.mono_sigma.shape == (1, *small)
    assert made.truth_small.shape == (3, *small) and made.truth.shape == (3, *full)
    assert min(*color, *small) >= 96
    for field in fields(samples.Sample):
        assert np.isfinite(getattr(made, field.name).astype(np.float32)).all(), field.name
    assert made.fill.shape == (11, *small)
    assert made.mono_clean.shape == made.mono_truth.shape == made.mono.shape
    noise, left = (
        np.abs(p.astype(np.float32) - made.mono_truth).mean() for p in (made.mono, made.mono_clean)
    )
    assert 0 < left < noise
    # Mono, both matches with their luma, evidence, fillings, the blend, and ones.
    assert 1 + 2 * (3 + 1) + len(made.evidence) + len(made.fill) + 3 + 1 == len(COLOR_PLANES)
    weights = made.evidence[-3:, 0, 0]
    assert weights.astype(float).sum() == pytest.approx(1, abs=2e-3)


def shot(raw, pattern="RGGB", scale=2.0, shift=12, rig=None):
    """A bright, clean capture of two views that are one wide picture, ``shift`` pixels apart."""
    wide = scene(240, 240 + shift, 4)
    seen = views.Views(wide[:, shift:].copy(), wide[:, : wide.shape[1] - shift].copy(), 0.0)
    chosen = Settings(
        light=SceneLight(1e5, 1.0),
        scale=scale,
        mono=MonoCamera(sensor=Sensor(read_noise_e=0.1)),
        color=ColorCamera(pattern=pattern, geometry=rig or Geometry(), sensor=Sensor(read_noise_e=0.1)),
    )
    return seen, chosen, samples.shoot(seen, chosen, np.random.default_rng(0), raw=raw)


@pytest.mark.parametrize("scale", [1.0, 2.0, 2.6])
def test_the_true_map_brings_the_color_truth_to_the_mono_truth(scale):
    """Also the map that matching found, where there is hardly any noise."""
    # A point at x of the left view is seen at x + 12 of the right one: the right view is the wide picture's left part.
    seen, chosen, made = shot(raw=False, scale=scale)
    rows, columns = made.mono_small.shape[1:]
    height, width = seen.left.shape[:2]
    places = warp.centers(rows, columns) * np.array([width / columns, height / rows], np.float32)
    true = geometry.to_color(
        places + np.array([12, 0], np.float32), (height, width), scale, chosen.color.geometry
    )
    color = np.moveaxis(made.ec_truth.astype(np.float32), 0, -1)
    truth = np.moveaxis(made.truth_small.astype(np.float32), 0, -1)
    inner = np.s_[8:-8, 8:-20]
    right = psnr(warp.sample(color, true.astype(np.float32), interpolation=warp.CUBIC)[inner], truth[inner])
    wrong = psnr(warp.sample(color, places / np.float32(scale))[inner], truth[inner])
    assert right > 27 and right > wrong + 6
    for found in (made.to_color, made.to_color_second):
        assert np.median(np.linalg.norm(found - true, axis=-1)[inner]) < 0.5
    np.testing.assert_array_equal(
        truth.astype(np.float16), encode(warp.resize(seen.left, rows, columns)).astype(np.float16)
    )


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_a_raw_mosaic_begins_with_red(pattern):
    _, _, made = shot(raw=True, pattern=pattern)
    assert made.light[3] == 1 and (made.ec[EC_PLANES.index("raw")] == 1).all()
    # Mosaic and guide are differences to mono; with mono added again, a site holds its own color of the truth.
    mosaic = (made.ec[EC_PLANES.index("mosaic - guide")] + made.ec[EC_PLANES.index("guide")]).astype(
        np.float32
    )
    truth = made.ec_truth.astype(np.float32)
    rows, columns = (length // 2 * 2 for length in mosaic.shape)
    sites = [(slice(y, rows, 2), slice(x, columns, 2)) for y in (0, 1) for x in (0, 1)]
    inner = np.s_[4:-4, 4:-12]
    for site, channel in zip(sites, (0, 1, 1, 2), strict=True):
        apart = [np.abs(mosaic[site] - truth[c][site])[inner].mean() for c in range(3)]
        assert np.argmin(apart) == channel, (site, apart)


@pytest.mark.parametrize("pattern", ["RGGB", "GBRG"])
def test_a_file_shows_its_mosaic_and_others_have_none(pattern, monkeypatch):
    _, _, made = shot(raw=False, pattern=pattern)
    mosaic, raw = (made.ec[EC_PLANES.index(name)].astype(np.float32) for name in ("mosaic - guide", "raw"))
    assert (raw == 1).all()
    # It begins with red; what was put before the first row and column is no sample.
    inside = np.s_[2::2, 2::2]
    red, green, blue = made.ec[:3].astype(np.float32)
    np.testing.assert_allclose(mosaic[inside], red[inside], atol=2e-3)
    np.testing.assert_allclose(mosaic[3::2, 3::2], blue[3::2, 3::2], atol=2e-3)
    np.testing.assert_allclose(mosaic[2::2, 3::2], green[2::2, 3::2], atol=2e-3)
    monkeypatch.setattr(samples, "remosaiced", lambda frame: frame)
    _, _, made = shot(raw=False, pattern=pattern)
    assert not made.ec[EC_PLANES.index("mosaic - guide")].any() and not made.ec[EC_PLANES.index("raw")].any()


def test_what_is_saved_is_read(found, tmp_path):
    made = samples.make(0, 0, found, "train")
    samples.save(made, tmp_path / "a.npz")
    assert equal(made, samples.load(tmp_path / "a.npz"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_store_makes_once_and_reads_ever_after(found, tmp_path, monkeypatch):
    kept = store.Store(tmp_path, 0, found, "train")
    assert 2 not in kept
    names = ("mono", "light")
    first = kept.fields(2, names)
    assert 2 in kept
    monkeypatch.setattr(samples, "make", None)
    second = kept.fields(2, names)
    again = store.Store(tmp_path, 0, Sources(), "train").fields(2, names)
    for name in names:
        assert np.array_equal(first[name], second[name]) and np.array_equal(first[name], again[name])
        assert np.array_equal(first[name], getattr(samples.load(tmp_path / "train" / "000002.npz"), name))


def test_a_store_is_not_mixed_and_says_what_it_lacks(found, tmp_path, monkeypatch):
    store.Store(tmp_path, 0, found, "train")
    with pytest.raises(UsageError, match="another seed"):
        store.Store(tmp_path, 1, found, "train")
    with pytest.raises(UsageError, match="other pictures"):
        store.Store(tmp_path, 0, replace(found, photos=found.photos[1:]), "train")
    with monkeypatch.context() as later, pytest.raises(UsageError, match="version"):
        later.setattr(samples, "MAKING", samples.MAKING + 1)
        store.Store(tmp_path, 0, found, "train")
    with pytest.raises(InputError, match="--photos"):
        store.Store(tmp_path, 0, Sources(), "train").fields(0, ("mono",))
    (tmp_path / "train" / "000000.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match="damaged"):
        store.Store(tmp_path, 0, found, "train").fields(0, ("mono",))


def test_a_network_exposes_the_color_for_refcolor(found, tmp_path):
    weights = untrained.weights(tmp_path / "w", strength=0.1)
    plain, made = (
        samples.make(0, 0, found, "train", net) for net in (None, engine.alone(weights, "refec", 1))
    )
    np.testing.assert_array_equal(plain.exposed, plain.ec_classical)
    assert not np.array_equal(made.exposed, plain.exposed) and not np.array_equal(made.fill, plain.fill)
    for field in fields(samples.Sample):
        if field.name not in ("exposed", "fill"):
            np.testing.assert_array_equal(getattr(made, field.name), getattr(plain, field.name))
    folder = tmp_path / "s"
    kept = store.Store(folder, 0, found, "train", weights)
    np.testing.assert_array_equal(kept.fields(0, ("exposed",))["exposed"], made.exposed)
    with pytest.raises(UsageError, match="refEC"):
        store.Store(folder, 0, found, "train")
