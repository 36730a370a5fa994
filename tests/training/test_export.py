"""What is exported computes what was trained, is described as it is, and appears whole or not at all."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
safetensors_torch = pytest.importorskip("safetensors.torch")

from typer.testing import CliRunner  # noqa: E402

from dualcam.cli.app import build  # noqa: E402
from dualcam.errors import InputError, OutputError, UnavailableError, UsageError  # noqa: E402
from dualcam.fusion.fuser import Fuser  # noqa: E402
from dualcam.networks.blocks import UNet, reach  # noqa: E402
from dualcam.neural import engine, features, manifest, tiles  # noqa: E402
from dualcam.neural import session as sessions  # noqa: E402
from dualcam.training import export as exporter  # noqa: E402
from dualcam.training import stages, starts  # noqa: E402
from synthetic import Light, Rig, shoot, world  # noqa: E402

SMALL = {
    "refec": {"channels": [6, 8], "blocks": [1, 1]},
    "refcolor": {"channels": [6, 8], "blocks": [1, 1]},
    "refsr": {"channels": [6, 8], "blocks": [1, 1], "stride": 2},
}
CLEAN = {"Conv", "LeakyRelu", "Add", "Resize", "DepthToSpace", "Slice"}
CHOICE = {"Clip", "Exp", "ReduceSum", "Mul", "Sub", "Div"}


def network(name, seed=0):
    torch.manual_seed(seed)
    made = stages.build(name, SMALL[name]).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return made


def write_run(folder, names=("refec", "refcolor", "refsr"), seed=0, **more):
    folder.mkdir()
    (folder / "config.toml").write_text(
        'seed = 3\nthreads = 1\n[data]\nhidden = ["a"]\n[optimizer]\nrate = 2e-3\n'
    )
    for name in names:
        facts = {"network": name, "config": json.dumps(SMALL[name]), "step": "70"} | more
        weights = {k: v.contiguous() for k, v in network(name, seed).state_dict().items()}
        safetensors_torch.save_file(weights, folder / f"{name}.safetensors", metadata=facts)
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("channels", "blocks", "stride", "beside"),
    [((3, 3), (1, 2), 2, 1), ((3, 3, 3), (1, 1, 1), 2, 2), ((3,), (2,), 4, 2), ((3, 3), (2, 1), 1, 0)],
)
def test_reach_holds_all_that_an_output_pixel_looks_at(channels, blocks, stride, beside):
    torch.manual_seed(0)
    net = UNet(2, 1, channels, blocks, stride, beside).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(0.1, 1)
    halo = reach(channels, blocks, stride, beside)
    side = (2 * halo // net.multiple + 4) * net.multiple
    planes = torch.rand(1, 2, side, side, dtype=torch.double, requires_grad=True)
    out, middle = net(planes), side // 2 // net.multiple * net.multiple
    farthest = 0
    for offset in range(net.multiple):
        at = middle + offset
        (gradient,) = torch.autograd.grad(out[0, 0, at, at], planes, retain_graph=True)
        touched = gradient.abs().sum((0, 1)).nonzero()
        farthest = max(farthest, int((touched - at).abs().max()))
    # Not less, or tiles would show; not more, or they would cost.
    assert farthest == halo


def test_onnx_computes_what_torch_does_at_any_size(run, tmp_path):
    done = exporter.export(run, tmp_path / "w", date="2026-01-31")
    assert [one.name for one in done] == ["refec", "refcolor", "refsr"]
    made = engine.load(tmp_path / "w", threads=1)
    for one in done:
        assert 0 <= one.error < 1e-4 and 0 < one.half_error < 0.05
        for height, width in ((16, 24), (40, 12)):
            planes = (
                np.random.default_rng(1)
                .normal(size=(len(one.entry.planes), height, width))
                .astype(np.float32)
            )
            with torch.no_grad():
                wanted = network(one.name)(torch.from_numpy(planes)[None])
            wanted = wanted if isinstance(wanted, tuple) else (wanted,)
            for a, b in zip(getattr(made, one.name).run(planes), wanted, strict=True):
                np.testing.assert_allclose(a, b[0].numpy(), atol=1e-4)


def test_tiles_of_an_exported_network_equal_the_whole(run, tmp_path):
    exporter.export(run, tmp_path / "w", date="2026-01-31")
    whole = engine.load(tmp_path / "w", threads=1).refcolor
    planes = np.random.default_rng(1).normal(size=(len(features.COLOR_PLANES), 150, 131)).astype(np.float32)
    wanted = tiles.whole(whole, planes)
    whole.layout = tiles.Layout(whole.layout.multiple, whole.layout.halo, 100**2)
    for a, b in zip(tiles.whole(whole, planes), wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_graph_is_clean_and_old_runtimes_know_it(run, tmp_path):
    exporter.export(run, tmp_path / "w", date="2026-01-31")
    for name in manifest.NETWORKS:
        model = onnx.load(tmp_path / "w" / f"{name}.onnx")
        kinds = Counter(node.op_type for node in model.graph.node)
        assert set(kinds) - {"Constant", "Identity"} <= CLEAN | (CHOICE if name == "refcolor" else set())
        assert kinds["DepthToSpace"] == kinds["Resize"] == 1
        assert model.ir_version <= 9 and [o.version for o in model.opset_import] == [17]
        assert [i.name for i in model.graph.input] == ["planes"]
        assert [o.name for o in model.graph.output] == list(engine.OUTPUTS[name])
        assert b"/src/" not in model.SerializeToString()


def test_weights_in_16_bits_are_half_the_size_and_nearly_the_same(run, tmp_path):
    wide = exporter.export(run, tmp_path / "wide", date="2026-01-31")
    short = exporter.export(run, tmp_path / "short", date="2026-01-31", half=True)
    full, less = engine.load(tmp_path / "wide", threads=1), engine.load(tmp_path / "short", threads=1)
    for one, other in zip(wide, short, strict=True):
        stored = onnx.load(tmp_path / "short" / other.entry.file).graph.initializer
        kinds = {w.data_type for w in stored if len(w.dims) > 1}
        assert kinds == {onnx.TensorProto.FLOAT16}
        assert other.entry.bytes < one.entry.bytes and other.error < 1e-4
        assert other.half_error == one.half_error
        planes = np.random.default_rng(1).normal(0, 0.5, (len(one.entry.planes), 32, 40)).astype(np.float32)
        a, b = (getattr(e, one.name).run(planes)[0] for e in (full, less))
        assert 0 < np.abs(a - b).max() < 5 * one.half_error


@pytest.mark.parametrize("half", [False, True])
def test_training_begins_where_exported_weights_left_off(run, tmp_path, half):
    exporter.export(run, tmp_path / "weights", date="2026-01-31", half=half)
    fresh = torch.nn.ModuleDict({name: stages.build(name, SMALL[name]) for name in SMALL})
    starts.begin(fresh, {name: tmp_path / "weights" / f"{name}.onnx" for name in SMALL})
    for name in SMALL:
        for key, trained in network(name).state_dict().items():
            wanted = trained.half().float() if half and trained.dim() > 1 else trained
            assert torch.equal(fresh[name].state_dict()[key], wanted), f"{name}.{key}"


def test_weights_that_are_no_start(run, tmp_path):
    exporter.export(run, tmp_path / "weights", date="2026-01-31")
    fresh = torch.nn.ModuleDict({"refec": stages.build("refec", {"channels": [4], "blocks": [1]})})
    with pytest.raises(UsageError, match="another shape"):
        starts.begin(fresh, {"refec": tmp_path / "weights" / "refec.onnx"})
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match="cannot be read"):
        starts.begin(fresh, {"refec": tmp_path / "broken.onnx"})


def test_manifest_and_cards_say_what_is_there(run, tmp_path):
    (run / "scores.json").write_text(
        json.dumps({"loss": 0.25, "night": {"psnr": 31.5, "note": "x", "bad": None}})
    )
    data = tmp_path / "photos"
    data.mkdir()
    (data / "index.csv").write_text("file,license\na/1.png,CC0\na/2.png,CC0\nb/1.png,CC BY 4.0\n")
    out = tmp_path / "w"
    exporter.export(run, out, date="2026-01-31", data=[data])
    entries = manifest.read(out)
    assert tuple(entries) == manifest.NETWORKS
    for name, entry in entries.items():
        sessions.checked(out / entry.file, entry.sha256)
        built = network(name)
        assert entry.parameters == sum(p.numel() for p in built.parameters())
        assert entry.halo == reach([6, 8], [1, 1], 2, 1 if name == "refsr" else 2) and entry.multiple == 4
        assert entry.run.step == 70 and entry.run.seed == 3 and entry.run.name == "run"
        assert entry.run.stage == "joint" and entry.run.config["optimizer.rate"] == 2e-3
        assert entry.run.scores == {"all": {"loss": 0.25}, "night": {"psnr": 31.5}}
        assert [(d.name, d.license) for d in entry.run.data] == [
            ("a (2 pictures)", "CC0"),
            ("b (1 pictures)", "CC BY 4.0"),
        ]
        card = (out / f"{name}.md").read_text("utf-8")
        for words in (entry.sha256, "CC BY 4.0", "31.5", "## Limits", "2026-01-31", *entry.planes):
            assert words in card


def test_multiply_adds_by_hand():
    net = torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.Conv2d(8, 2, 2, stride=2))
    assert exporter.multiply_adds(net, 4, 2) == 4 * 8 * 9 + 8 * 2 * 4 // 4


def test_one_network_joins_those_of_other_runs(run, tmp_path):
    out = tmp_path / "w"
    exporter.export(run, out, date="2026-01-31")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = write_run(tmp_path / "later", ["refsr"], seed=5)
    with pytest.raises(OutputError, match=r"refsr\.onnx exists"):
        exporter.export(other, out, date="2026-02-01")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    exporter.export(other, out, date="2026-02-01", force=True)
    entries = manifest.read(out)
    assert [e.run.name for e in entries.values()] == ["run", "run", "later"]
    assert entries["refsr"].run.stage == "refsr"
    assert (out / "refec.onnx").read_bytes() == before["refec.onnx"]
    assert engine.load(out).run == "run, later"


def test_what_cannot_be_exported(run, tmp_path):
    with pytest.raises(InputError, match="no trained network"):
        exporter.export(tmp_path, tmp_path / "w", date="2026-01-31")
    wrong = write_run(tmp_path / "wrong", ["refec"], network="refsr")
    with pytest.raises(InputError, match="'refsr', not refec"):
        exporter.export(wrong, tmp_path / "w", date="2026-01-31")
    other = write_run(tmp_path / "other", ["refec"], config='{"channels": [6, 9], "blocks": [1, 1]}')
    with pytest.raises(InputError, match=r"refec\.safetensors cannot be used"):
        exporter.export(other, tmp_path / "w", date="2026-01-31")
    path = run / "refsr.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"refsr\.safetensors cannot be used"):
        exporter.export(run, tmp_path / "w", date="2026-01-31")
    with pytest.raises(InputError, match=r"index\.csv"):
        exporter.export(run, tmp_path / "w", date="2026-01-31", data=[tmp_path])
    assert not (tmp_path / "w").exists()


def test_a_wrong_export_is_not_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "verify", lambda *_: 0.01)
    with pytest.raises(Exception, match=r"refec differs .* 0\.01"):
        exporter.export(run, tmp_path / "w", date="2026-01-31")
    assert not (tmp_path / "w").exists()


def test_the_command_and_a_fusion_with_its_weights(run, tmp_path):
    done = CliRunner().invoke(build(), ["export", str(run)], prog_name="dualcam")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == str(run / "weights")
    assert "refcolor: " in done.stderr and "multiply-adds" in done.stderr
    mono, color = shoot(world(Rig(), 64, 96), Light())
    fused = Fuser(weights=run / "weights", place="identity").fuse(mono, color)
    assert fused.method == "neural" and np.isfinite(fused.pixels).all()
    again = CliRunner().invoke(build(), ["export", str(run)], prog_name="dualcam")
    assert again.exit_code == 6 and "--force" in again.stderr


def test_refused_weights(tmp_path):
    with pytest.raises(UnavailableError):
        Fuser(weights=tmp_path)
