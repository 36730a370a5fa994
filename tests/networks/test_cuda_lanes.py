"""The way of a tile through a GPU, walked on the processor: a stand-in for CUDA notes what is asked of it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from dualcam import parallel  # noqa: E402
from dualcam.errors import UnavailableError  # noqa: E402
from dualcam.networks import cuda as networks_cuda  # noqa: E402
from dualcam.neural import engine, manifest  # noqa: E402


class Gpu:
    """Runs at once what is asked of it, and keeps what a graph consists of."""

    def __init__(self):
        self.asked, self.graphs, self.lanes = [], [], []
        self.room = float("inf")
        self.capturing = None


class Graph:
    """What was captured, to be computed again into the same places."""

    def __init__(self):
        self.again = None

    def replay(self):
        self.again()


@pytest.fixture
def gpu(monkeypatch):
    from dualcam.networks import session

    made = Gpu()

    class Lane(networks_cuda.Lane):
        def __init__(self, compute, shape, kind):
            made.lanes.append(self)
            super().__init__(compute, shape, kind)

        def _all(self):
            if self.shape[1] * self.shape[2] > made.room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            found = super()._all()
            if made.capturing is not None:
                graph, made.capturing = made.capturing, None
                made.asked.append("capture")

                def again():
                    made.asked.append("replay")
                    for place, out in zip(found, networks_cuda.Lane._all(self), strict=True):
                        place.copy_(out)

                for place in found:
                    place.zero_()  # capturing computes nothing
                graph.again = again
            return found

    @contextmanager
    def capture(graph, stream, capture_error_mode):
        assert stream is not None and capture_error_mode == "thread_local"
        made.capturing = graph
        yield

    class Event:
        def __init__(self, blocking):
            assert blocking

        def record(self, stream):
            self.recorded = True

        def synchronize(self):
            assert self.recorded

    monkeypatch.setattr(networks_cuda, "Lane", Lane)
    monkeypatch.setattr(networks_cuda, "_DEVICE", "cpu")
    monkeypatch.setattr(networks_cuda, "_PINNED", False)
    monkeypatch.setattr(session, "CUDA", "cpu")  # sessions on the processor take the way of the GPU
    monkeypatch.setattr(torch.cuda, "Stream", object)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: made.asked.append("synchronize"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: made.asked.append("empty"))
    return made


def planes(seed, height=32, width=48):
    return np.random.default_rng(seed).normal(0, 0.5, (7, height, width)).astype(np.float32)


def same(found, wanted, atol=1e-4):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


@pytest.mark.parametrize(("precision", "atol"), [("float32", 1e-4), ("float16", 4e-3)])
def test_many_tiles_of_a_shape_become_a_graph(gpu, precision, atol):
    usual = engine.alone(manifest.SHIPPED, "refsr", 1, precision="float32")
    made = engine.alone(manifest.SHIPPED, "refsr", 1, precision=precision, engine="torch")
    kept = []
    for seed in range(6):
        kept.append(made.run(planes(seed)))
    assert gpu.asked == ["synchronize", "capture", "replay", "replay", "replay"]
    for seed, found in enumerate(kept):  # none was overwritten by the next
        same(found, usual.run(planes(seed)), atol)
    made.run(planes(0, 16, 16))
    made.run(planes(0))
    # A lane for every shape, kept only as long as tiles of that shape come.
    assert [lane.shape[1:] for lane in gpu.lanes] == [(32, 48), (16, 16), (32, 48)]


def test_two_lanes_side_by_side(gpu, monkeypatch):
    monkeypatch.setattr(parallel, "threads", lambda: 2)
    usual = engine.alone(manifest.SHIPPED, "refsr", 1, precision="float32")
    made = engine.alone(manifest.SHIPPED, "refsr", 2, engine="torch")
    made.layout = replace(made.layout, limit=150 * 160, together=10**9)
    picture = planes(3, 150, 420)
    same(made.over([*picture]), usual.over([*picture]))
    assert 1 <= len(gpu.lanes) <= 2


def test_tiles_are_halved_where_memory_is_short(gpu):
    usual = engine.alone(manifest.SHIPPED, "refsr", 1, precision="float32")
    made = engine.alone(manifest.SHIPPED, "refsr", 1, engine="torch")
    picture = planes(4, 128, 420)
    gpu.room = 128 * 420 * 0.7
    same(made.over([*picture]), usual.over([*picture]))
    assert made.shrunk and "empty" in gpu.asked
    gpu.room = 10
    with pytest.raises(MemoryError, match="out of memory"):
        made.over([*picture])


def test_a_gpu_that_fails_is_told_with_the_remedy(gpu, monkeypatch):
    made = engine.alone(manifest.SHIPPED, "refsr", 1, engine="torch")

    def failing(lane, planes):
        raise RuntimeError("CUDA error: no kernel image is available\nmore")

    monkeypatch.setattr(networks_cuda.Lane, "run", failing)
    with pytest.raises(UnavailableError, match=r"no kernel image is available\. ") as caught:
        made.run(planes(0))
    assert "--device cpu" in caught.value.remedy
