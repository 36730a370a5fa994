"""The networks' shapes, how they begin, and how far they look."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from dualcam.networks.blocks import UNet, reach  # noqa: E402
from dualcam.networks.refcolor import CANDIDATES, RefColor  # noqa: E402
from dualcam.networks.refec import RefEC  # noqa: E402
from dualcam.networks.refsr import RefSR  # noqa: E402
from dualcam.neural.features import COLOR_PLANES, EC_PLANES, SR_PLANES  # noqa: E402

SHAPES = [
    ((4,), (1,), 1, 0),
    ((4,), (2,), 2, 2),
    ((4, 4), (1, 1), 2, 1),
    ((4, 5), (1, 2), 4, 2),
    ((4, 4, 4), (1, 2, 1), 2, 2),
]


@pytest.mark.parametrize(("kind", "planes", "outputs"), [
    (RefEC, EC_PLANES, (3,)), (RefColor, COLOR_PLANES, (3, 1)), (RefSR, SR_PLANES, (3, 1, 1)),
])  # fmt: skip
def test_networks_keep_the_picture_s_size_and_begin_by_changing_little(kind, planes, outputs):
    torch.manual_seed(0)
    net = kind(channels=(8, 12), blocks=(1, 1))
    side = 2 * net.net.multiple
    out = net(torch.rand(2, len(planes), side, 3 * side))
    out = out if isinstance(out, tuple) else (out,)
    assert [tuple(o.shape) for o in out] == [(2, channels, side, 3 * side) for channels in outputs]
    assert all(0 < o.abs().mean() < 0.2 for o in out)


@pytest.mark.parametrize("chosen", range(len(CANDIDATES)))
def test_refcolor_gives_the_candidate_that_it_chooses(chosen):
    torch.manual_seed(0)
    net = RefColor(channels=(8, 12), blocks=(1, 1))
    with torch.no_grad():
        net.net.tail.weight.zero_()
        # Every output has four channels, one for each of the stacked pixels.
        net.net.tail.bias.view(-1, 4)[4 + chosen] = 200
        planes = torch.rand(2, len(COLOR_PLANES), 16, 24)
        residual, logit = net(planes)
    match, wanted = (COLOR_PLANES.index(CANDIDATES[which]) for which in (0, chosen))
    expected = planes[:, wanted : wanted + 3] - planes[:, match : match + 3]
    torch.testing.assert_close(residual, expected, atol=1e-7, rtol=1e-6)
    assert not logit.any()


@pytest.mark.parametrize(("channels", "blocks", "stride", "beside"), SHAPES)
def test_reach_is_the_distance_an_impulse_travels(channels, blocks, stride, beside):
    """Nothing arrives farther away than promised, and something does arrive from there."""
    torch.manual_seed(0)
    net = UNet(1, 1, channels, blocks, stride, beside).double()
    for parameter in net.parameters():
        # All positive: nothing cancels, so that everything that can arrive does.
        parameter.data = parameter.data.abs() + 0.1
    promised = reach(channels, blocks, stride, beside)
    multiple = net.multiple
    side = (2 * promised // multiple + 4) * multiple
    farthest = 0
    for offset in range(multiple):
        planes = torch.zeros(1, 1, multiple, side, dtype=torch.float64)
        at = side // 2 // multiple * multiple + offset
        moved = planes.clone()
        moved[..., at] = 1
        with torch.no_grad():
            touched = (net(moved) != net(planes)).any(dim=(0, 1, 2)).nonzero().flatten()
        farthest = max(farthest, int((touched - at).abs().max()))
    assert promised == farthest


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        UNet(1, 1, (4, 4), (1,))
