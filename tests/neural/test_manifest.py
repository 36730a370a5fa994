"""What the manifest says comes back as it was, and what is wrong with one is told."""

from __future__ import annotations

import dataclasses

import pytest

import untrained
from dualcam.errors import UnavailableError
from dualcam.neural import manifest
from dualcam.neural.manifest import DataSet, Entry, File, Int8, Int8InOne, Run

ENTRY = Entry(
    "refec.onnx",
    "ab" * 32,
    12,
    3,
    4,
    ("red - guide", "raw"),
    38,
    8,
    2048,
    Run(
        'night "1" \\ \x7f é',
        "joint",
        "2026-02-03",
        5,
        600,
        {"optimizer.rate": 2e-3, "data.pool": 4, "amp": True, "name": "a = b"},
        (DataSet("photos\n", "CC0"), DataSet("stereo", "terms; cite")),
        {"night, raw": {"psnr": 31.25, "ΔE": 2.0}, "dark": {"psnr": float("inf")}},
    ),
)


def write(folder, text):
    (folder / manifest.NAME).write_text(text, "utf-8")
    return folder


def test_what_is_written_is_read(tmp_path):
    entries = {"refec": ENTRY, "refsr": dataclasses.replace(ENTRY, file="refsr.onnx")}
    assert manifest.read(write(tmp_path, manifest.text(entries))) == entries


def test_both_forms_in_8_bits_are_read(tmp_path):
    parts = (File(f"refec.int8.{part}.onnx", "cd" * 32, 5) for part in ("down", "middle", "up"))
    in_one = Int8InOne("refsr.int8.onnx", "ef" * 32, 7, 1e-5)
    entries = {
        "refec": dataclasses.replace(ENTRY, int8=Int8(*parts, halo=9, tile=64, error=0.25)),
        "refsr": dataclasses.replace(ENTRY, file="refsr.onnx", int8=in_one),
    }
    assert manifest.read(write(tmp_path, manifest.text(entries))) == entries
    assert [file.file for file in entries["refsr"].files] == ["refsr.onnx", "refsr.int8.onnx"]


def test_results_depend_on_what_stands_apart_from_the_run(tmp_path):
    import tomllib

    better = dataclasses.replace(ENTRY, run=dataclasses.replace(ENTRY.run, scores={"night": {"psnr": 40.0}}))
    one, other = (tomllib.loads(manifest.text({"refec": e})) for e in (ENTRY, better))
    assert one != other
    one.pop("run"), other.pop("run")
    assert one == other


def test_no_manifest(tmp_path):
    assert not manifest.there(tmp_path)
    with pytest.raises(UnavailableError, match=r"manifest\.toml") as caught:
        manifest.read(tmp_path)
    assert "dualcam export" in caught.value.remedy


GOOD = manifest.text({"refec": ENTRY})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("schema = ", "cannot be read"),
        (GOOD.replace("schema = 1", "schema = 99"), "schema 99"),
        (GOOD.replace("halo = 38\n", ""), "halo"),
        (GOOD.replace("halo = 38", 'halo = "38"'), "sizes"),
        (GOOD.replace("multiple = 8", "multiple = 0"), "sizes"),
        (GOOD.replace('file = "refec.onnx"', 'file = "../refec.onnx"'), "refec.onnx"),
        (GOOD.replace("[run.refec]", "[run.other]"), "Run"),
        ("schema = 1\nnetworks = 3\nrun = 4", "lacks"),
    ],
)
def test_manifests_that_cannot_be_used(tmp_path, text, named):
    with pytest.raises(UnavailableError, match=named) as caught:
        manifest.read(write(tmp_path, text))
    assert caught.value.remedy


def test_shipped_weights_if_there_are_any():
    if not manifest.there(manifest.SHIPPED):
        pytest.skip("this checkout ships no weights")
    entries = manifest.read(manifest.SHIPPED)
    assert tuple(entries) == manifest.NETWORKS
    sizes = {name: (manifest.SHIPPED / entry.file).stat().st_size for name, entry in entries.items()}
    assert sizes == {name: entry.bytes for name, entry in entries.items()}
    assert sum(sizes.values()) <= 10e6
    assert sum(entry.parameters for entry in entries.values()) <= 4e6
    for name, entry in entries.items():
        assert entry.run != untrained.RUN and entry.run.data, name
        assert entry.sha256 in (manifest.SHIPPED / f"{name}.md").read_text("utf-8")
