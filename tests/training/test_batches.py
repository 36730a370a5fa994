"""Batches: the same every time, shared without a rest, and crops that lie where they say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dualcam.networks import joint  # noqa: E402
from dualcam.neural.features import EC_PLANES  # noqa: E402
from dualcam.training import batches, turned  # noqa: E402
from dualcam.training.config import STAGES, Data  # noqa: E402
from training_helpers import Memory, made_up  # noqa: E402

DATA = Data(pool=6, validation=3, crop=32, batch=4)
TURNS = [turned.Turn((up, left), across) for up in (0, 1) for left in (0, 1) for across in (False, True)]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("stage", STAGES)
def test_a_batch_is_a_function_of_seed_and_step(stage):
    one, again = (batches.batch(Memory(), stage, DATA, 7, 3) for _ in range(2))
    assert same(one, again)
    assert not same(one, batches.batch(Memory(), stage, DATA, 7, 4))
    assert not same(one, batches.batch(Memory(), stage, DATA, 8, 3))
    assert all(v.dtype == torch.float32 and len(v) == 4 and v.isfinite().all() for v in one.values())


@pytest.mark.parametrize("stage", STAGES)
def test_ranks_share_a_batch_without_a_rest(stage):
    whole = batches.batch(Memory(), stage, DATA, 0, 1)
    parts = [batches.batch(Memory(), stage, DATA, 0, 1, rank, 2) for rank in (0, 1)]
    for name, value in whole.items():
        assert torch.equal(value[0::2], parts[0][name]) and torch.equal(value[1::2], parts[1][name])


@pytest.mark.parametrize("count", [2, 6])
def test_a_pool_of_one_kind_of_scale_is_no_trap(count):
    """Of two samples both have a small scale; a batch that wants the other kind takes them."""
    data = Data(pool=count, crop=32, batch=2)
    sizes = {
        batches.batch(Memory(count=count), "refsr", data, 0, step)["mono"].shape[-1] for step in range(12)
    }
    small, large = batches.fine_crop(32, near=True), batches.fine_crop(32, near=False)
    assert sizes == ({small} if count == 2 else {small, large})


def test_the_recipe_s_full_size_crops():
    assert (batches.fine_crop(96, near=True), batches.fine_crop(96, near=False)) == (88, 160)


def test_hidden_planes_are_zero():
    data = Data(pool=6, crop=32, batch=2, hidden=("trust", "raw"))
    planes = batches.batch(Memory(), "refec", data, 0, 0)["ec"]
    for index, name in enumerate(EC_PLANES):
        assert bool(planes[:, index].any()) == (name not in data.hidden)


@pytest.mark.parametrize("turn", TURNS)
def test_crops_of_the_mosaic_keep_its_phase(turn):
    """Red where it was, green on the other diagonal, blue where it was, however a crop is mirrored."""
    sample = made_up(np.random.default_rng(0), 2.0, 100, 110)
    odd_row, odd_column = (np.arange(n) % 2 for n in sample.ec.shape[1:])
    sample.ec[0] = odd_row[:, None] + odd_column
    fields = {name: getattr(sample, name) for name in sample.__dataclass_fields__}
    for stage in ("refec", "joint"):
        for seed in range(8):
            crop = batches.crop(fields, stage, DATA, False, np.random.default_rng(seed), turn)
            assert crop["ec"][0, :2, :2].tolist() == [[0, 1], [1, 2]]


def test_the_turns_are_the_eight_of_a_square():
    square = np.arange(16.0).reshape(1, 4, 4)
    found = {turned.crop({"a": square}, turn, {})["a"].tobytes() for turn in TURNS}
    assert found == {
        np.ascontiguousarray(p).tobytes()
        for k in range(4)
        for p in (np.rot90(square, k, (1, 2)), np.rot90(square[:, ::-1], k, (1, 2)))
    }
    assert {turned.Turn.draw(np.random.default_rng(seed)) for seed in range(100)} == set(TURNS)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_turned_crop_shows_what_the_straight_one_does(turn, scale):
    """Maps lead to the same values; where they lead out of the crop's box both repeat its border."""
    sample = made_up(np.random.default_rng(1), scale)
    fields = {name: getattr(sample, name) for name in sample.__dataclass_fields__}
    straight, other = (
        batches.crop(fields, "joint", DATA, scale < 1.8, np.random.default_rng(5), t)
        for t in (turned.STRAIGHT, turn)
    )
    tensors = {name: torch.from_numpy(value[None]) for name, value in other.items()}
    for name in ("mono", "truth", "evidence", "mono_noise"):
        wanted = turned.crop({name: straight[name]}, turn, {})[name]
        assert np.array_equal(other[name], wanted)
    for color, place in (
        ("ec_truth", "to_color"),
        ("ec_truth", "to_color_second"),
        ("mono_small", "to_small"),
    ):
        first = torch.from_numpy(straight[color][None]), torch.from_numpy(straight[place][None])
        wanted = turned.crop({"a": joint.sample(*first)[0].numpy()}, turn, {})["a"]
        found = joint.sample(tensors[color], tensors[place])[0].numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("stage", ["refec", "joint"])
def test_the_last_planes_of_refec_are_the_classical_color(stage):
    part = batches.batch(Memory(), stage, DATA, 0, 0)
    assert part["ec"].shape[1] == len(EC_PLANES)
    guide = part["ec"][:, EC_PLANES.index("guide")][:, None]
    torch.testing.assert_close(part["ec"][:, -3:] + guide, part["ec_classical"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_maps_of_a_crop_look_up_what_the_whole_sample_does(scale):
    """Through the box and the fine crop the same values arrive as through the sample's own maps."""
    sample = made_up(np.random.default_rng(1), scale)
    fields = {name: getattr(sample, name) for name in sample.__dataclass_fields__}
    for seed in range(4):
        crop = batches.crop(fields, "joint", DATA, scale < 1.8, np.random.default_rng(seed))
        part = {name: torch.from_numpy(value[None]) for name, value in crop.items()}
        # Where the crop lies: its mono is found in the sample.
        y, x = next(
            (y, x)
            for y in range(sample.mono_small.shape[1] - 31)
            for x in range(sample.mono_small.shape[2] - 31)
            if np.array_equal(sample.mono_small[:, y : y + 32, x : x + 32], crop["mono_small"])
        )
        color = torch.from_numpy(sample.ec_truth.astype(np.float32))[None]
        for name in ("to_color", "to_color_second"):
            warped = joint.sample(part["ec_truth"], part[name])
            whole = joint.sample(color, torch.from_numpy(getattr(sample, name))[None])
            # A pixel from the color picture's border the lookup repeats it in both, exactly.
            torch.testing.assert_close(warped, whole[..., y : y + 32, x : x + 32], atol=1e-5, rtol=0)
        fine = joint.sample(part["mono_small"], part["to_small"])
        places = crop["to_small"] * np.float32(scale) + np.float32(scale) * np.array([x, y], np.float32)
        again = joint.sample(
            torch.from_numpy(sample.mono_small.astype(np.float32))[None],
            torch.from_numpy(places / scale)[None].float(),
        )
        torch.testing.assert_close(fine, again, atol=1e-4, rtol=0)
        top, left = np.rint(places[0, 0, ::-1] - 0.5).astype(int)
        side = crop["mono"].shape[-1]
        assert np.array_equal(crop["mono"], sample.mono[:, top : top + side, left : left + side])


def test_validation_is_one_crop_of_every_sample():
    held_back = batches.validation(Memory(9), "joint", DATA)
    assert len(held_back) == 3 and all(len(b["mono"]) == 1 for b in held_back)
    assert same(held_back[1], batches.validation(Memory(9), "joint", DATA)[1])
