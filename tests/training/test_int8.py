"""Networks in 8 bits: taught with what rounding does, exported in parts, near to what they are in floating point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
safetensors_torch = pytest.importorskip("safetensors.torch")

from test_export import write_run  # noqa: E402

from dualcam.errors import DualcamError, UnavailableError  # noqa: E402
from dualcam.networks.blocks import UNet, reach_of_fine  # noqa: E402
from dualcam.neural import engine, manifest, parts, tiles  # noqa: E402
from dualcam.training import export as exporter  # noqa: E402
from dualcam.training import int8, loop, stages  # noqa: E402
from training_helpers import Memory, small  # noqa: E402

SHAPES = {"refec": {"channels": [6, 8, 8, 10], "blocks": [1, 2, 1, 1]}}
SHAPES["refcolor"] = SHAPES["refec"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder of weights in 8 bits, calibrated on made-up samples, and the run behind it."""
    folder = tmp_path_factory.mktemp("int8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporter, "Store", lambda *_: Memory())
        patch.setattr(exporter, "_CALIBRATION", 4)
        for name, shape in SHAPES.items():
            patch.setitem(__import__("test_export").SMALL, name, shape)
        run = write_run(folder / "run")
        text = (run / "config.toml").read_text().replace('hidden = ["a"]', "crop = 64")
        (run / "config.toml").write_text(text)
        exporter.export(run, folder / "w", date="2026-01-31", half=True, int8_samples=folder)
    return folder


def over(folder, name, precision, planes, limit=None):
    network = getattr(engine.load(folder / "w", threads=1, precision=precision), name)
    if limit:
        network.layout = replace(network.layout, limit=limit)
    return network.over(planes)


def planes(name, height, width):
    rng = np.random.default_rng(1)
    return rng.normal(0, 0.3, (len(engine.PLANES[name]), height, width)).astype(np.float32)


@pytest.mark.parametrize("name", ["refec", "refcolor", "refsr"])
def test_what_8_bits_give_is_near_to_floating_point(exported, name):
    given = planes(name, 96, 80)
    wide, short = (over(exported, name, precision, given) for precision in ("float32", "int8"))
    assert len(wide) == len(short) == len(engine.OUTPUTS[name])
    for a, b in zip(wide, short, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype == np.float32
        difference = float(np.sqrt(np.mean((a - b) ** 2)))
        assert 0 < difference < 0.25 * float(np.sqrt(np.mean(a**2)))


@pytest.mark.parametrize("name", ["refec", "refcolor"])
@pytest.mark.parametrize("size", [(210, 187), (64, 391)])
def test_tiles_give_what_the_whole_picture_gives(exported, name, size):
    given = planes(name, *size)
    whole = over(exported, name, "int8", given)
    layout = engine.load(exported / "w", precision="int8").refec.layout
    for side in (128, 150):
        assert tiles.tile_shape(*size, replace(layout, limit=side**2)) < tiles.tile_shape(*size, layout)
        for a, b in zip(over(exported, name, "int8", given, side**2), whole, strict=True):
            np.testing.assert_array_equal(a, b)


def test_of_refsr_only_the_coarsest_scale_is_rounded(exported):
    entry = manifest.read(exported / "w")["refsr"]
    assert engine.load(exported / "w").refsr.precision == "int8"
    graph = onnx.load(exported / "w" / entry.int8.file).graph
    kinds = {w.name: w.data_type for w in graph.initializer}
    short = {name for name, kind in kinds.items() if kind == onnx.TensorProto.INT8 and "weight" in name}
    assert short and all(name.startswith("net.middle.") for name in short)
    assert any(name.startswith("net.encoders.") for name in kinds)


def test_short_memory_halves_the_tiles(exported, monkeypatch):
    network = engine.load(exported / "w", threads=1, precision="int8").refec
    given, part = planes("refec", 200, 180), network.part
    wanted = network.over(given)

    def short(name, fed):
        if name == parts.UP and fed[parts.skip(0)][0].size > 75**2:
            raise MemoryError
        return part(name, fed)

    monkeypatch.setattr(network, "part", short)
    assert not network.shrunk
    np.testing.assert_array_equal(network.over(given)[0], wanted[0])
    assert network.shrunk
    monkeypatch.setattr(network, "part", lambda *_: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        network.over(given)


def test_8_bits_are_what_a_cpu_gets_and_only_where_there_are_any(exported, tmp_path):
    for precision, wanted in (("auto", "int8"), ("int8", "int8"), ("float32", "float32")):
        assert engine.load(exported / "w", precision=precision).precision == wanted
    assert engine.alone(exported / "w", "refec", device="cuda").precision == "float32"
    exporter.export(write_run(tmp_path / "run"), tmp_path / "w", date="2026-01-31")
    assert engine.load(tmp_path / "w").precision == "float32"
    with pytest.raises(UnavailableError, match="no 8-bit networks"):
        engine.load(tmp_path / "w", precision="int8")


def test_both_forms_have_the_same_weights_and_old_runtimes_know_them(exported):
    entry = manifest.read(exported / "w")["refec"]
    for file in (*entry.files, *manifest.read(exported / "w")["refsr"].files):
        model = onnx.load(exported / "w" / file.file)
        assert model.ir_version <= 9
        assert {o.version for o in model.opset_import if not o.domain} == {17}
    stored = onnx.load(exported / "w" / entry.int8.middle.file).graph.initializer
    short = {w.name: onnx.numpy_helper.to_array(w) for w in stored}
    wide = onnx.load(exported / "w" / entry.file).graph.initializer
    whole = {w.name: onnx.numpy_helper.to_array(w) for w in wide}
    name = "net.middle.0.first.weight"
    assert np.abs(whole[name + ".int8"]).max() == int8.LARGEST
    np.testing.assert_array_equal(whole[name + ".int8"], short[name + "_quantized"])


def test_training_goes_on_from_weights_in_8_bits(exported):
    config = small("refec")
    config = replace(config, refec=replace(config.refec, channels=(6, 8, 8, 10), blocks=(1, 2, 1, 1)))
    training = loop.prepare(config, torch.device("cpu"), {"refec": exported / "w" / "refec.onnx"})
    net, _ = exporter.load(exported / "run" / "refec.safetensors", "refec")
    int8.round_weights(net)
    for (name, a), b in zip(
        training.nets["refec"].state_dict().items(), net.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-6 if name in int8.weights(net) else 2e-3, rtol=1e-3)


def test_a_network_that_8_bits_cannot_hold_is_refused(exported, monkeypatch):
    monkeypatch.setattr(exporter, "Store", lambda *_: Memory())
    monkeypatch.setattr(exporter, "_CALIBRATION", 4)
    monkeypatch.setattr(exporter, "_INT8_TOLERANCE", 1e-4)
    with pytest.raises(DualcamError, match="in 8 bits is off by") as caught:
        exporter.export(exported / "run", exported / "new", date="2026-01-31", int8_samples=exported)
    assert "optimizer.int8" in caught.value.remedy and not (exported / "new").exists()


def test_rounding_while_training_is_what_the_export_does(exported):
    net, _ = exporter.load(exported / "run" / "refec.safetensors", "refec")
    given = torch.from_numpy(planes("refec", 64, 64))[None]
    with torch.no_grad():
        plain = net(given)
        int8.imitate(net)
        rounded = net(given)
    difference = float((rounded - plain).square().mean().sqrt())
    assert 0 < difference < 0.25 * float(plain.square().mean().sqrt())
    # The first and the last convolution see no rounding; the others' weights get gradients as if there were none.
    assert type(net.net.head) is type(net.net.tail) is torch.nn.Conv2d
    assert all(
        type(net.get_submodule(n.removesuffix(".weight"))) is int8.RoundedConv2d for n in int8.weights(net)
    )
    net(given).square().mean().backward()
    assert all(
        parameter.grad.abs().max() > 0 for name, parameter in net.named_parameters() if "weight" in name
    )


def test_the_setting_rounds_refec_and_refcolor_alone():
    nets = stages.networks(small("joint", int8=True))
    for name, net in nets.items():
        kinds = {type(layer) for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)}
        assert (int8.RoundedConv2d in kinds) == (name in int8.NETWORKS)
    plain = stages.networks(small("joint"))
    assert [*nets.state_dict()] == [*plain.state_dict()]


@pytest.mark.parametrize(
    ("blocks", "stride", "beside", "fine"), [((1, 2, 1), 2, 2, 2), ((2, 1), 2, 1, 1), ((1, 1, 1), 4, 0, 2)]
)
def test_the_fine_scales_look_as_far_as_is_said(blocks, stride, beside, fine):
    """Down: from the picture to what the coarse scales get. Up: from all that it is given to the result."""
    torch.manual_seed(0)
    net = UNet(1, 1, [2] * len(blocks), blocks, stride, beside).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(0.1, 1)
    halo = reach_of_fine(blocks, stride, beside, fine)
    unit = stride * 2**fine
    side = (2 * halo // unit + 4) * unit

    def leaf(share):
        channels = 1 if share == 1 else 2
        return torch.rand(1, channels, side // share, side // share, dtype=torch.double, requires_grad=True)

    picture = leaf(1)
    x = net.head(picture)
    for encode, down in zip(net.encoders[:fine], net.down[:fine], strict=True):
        x = down(encode(x))
    at = side // unit // 2
    (gradient,) = torch.autograd.grad(x[0, 0, at, at], picture)
    touched = gradient.abs().sum((0, 1)).nonzero()
    farthest = max(int(at * unit - touched.min()), int(touched.max()) - (at + 1) * unit + 1)

    skips = [leaf(stride * 2**scale) for scale in range(fine)]
    outer = x = leaf(unit)
    for scale in reversed(range(fine)):
        enlarged = torch.nn.functional.interpolate(net.up[scale](x), scale_factor=2.0, mode="bilinear")
        x = net.decoders[scale](enlarged + skips[scale])
    out = torch.nn.functional.pixel_shuffle(net.tail(x), stride)
    for offset in range(unit):
        pixel = at * unit + offset
        for given in (*skips, outer):
            (gradient,) = torch.autograd.grad(out[0, 0, pixel, pixel], given, retain_graph=True)
            touched, share = gradient.abs().sum((0, 1)).nonzero(), side // given.shape[-1]
            farthest = max(
                farthest, pixel - int(touched.min()) * share, (int(touched.max()) + 1) * share - 1 - pixel
            )
    assert farthest == halo
