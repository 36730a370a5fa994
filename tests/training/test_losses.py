"""Losses against scikit-image, one value per sample."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skimage import color as skimage_color  # noqa: E402

from dualcam.training import losses  # noqa: E402
from synthetic import to_linear  # noqa: E402


def pictures(seed=0, batch=3):
    return torch.rand(2, batch, 3, 20, 24, generator=torch.Generator().manual_seed(seed)).unbind(0)


def reference_lab(display):
    return skimage_color.rgb2lab(np.moveaxis(display.double().numpy(), 1, -1))


def test_lab_is_scikit_image_s():
    out, _ = pictures()
    np.testing.assert_allclose(np.moveaxis(losses.lab(out).numpy(), 1, -1), reference_lab(out), atol=0.08)
    white = losses.lab(torch.ones(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(white, torch.tensor([100.0, 0, 0]), atol=0.02, rtol=0)


def grays_and_opposites():
    """Colors at the seams of the formula: gray, black, equal, opposite hues, blue."""
    lab = [
        (50, 0, 0),
        (0, 0, 0),
        (50, 2.5, 0),
        (50, -2.5, 0),
        (50, 0, 1e-3),
        (30, 20, -60),
        (30, -20, 60),
        (99, 80, 3),
    ]
    first, second = np.meshgrid(range(len(lab)), range(len(lab)))
    return (np.array(lab, np.float64)[index.ravel()] for index in (first, second))


def test_ciede2000_is_scikit_image_s():
    rng = np.random.default_rng(0)
    a, b = (rng.uniform([0, -100, -100], [100, 100, 100], (20_000, 3)) for _ in range(2))
    near = a + rng.normal(0, 3, a.shape)
    seams = grays_and_opposites()
    for first, second in ((a, b), (a, near), tuple(seams)):
        ours = losses.ciede2000(*(torch.from_numpy(p.T.copy())[None, :, :, None] for p in (first, second)))
        theirs = skimage_color.deltaE_ciede2000(first, second)
        np.testing.assert_allclose(ours.flatten().numpy(), theirs, atol=1e-3)
    single = losses.ciede2000(*(torch.from_numpy(p.T.copy())[None, :, :, None].float() for p in (a, near)))
    np.testing.assert_allclose(single.flatten().numpy(), skimage_color.deltaE_ciede2000(a, near), atol=2e-3)


def test_the_color_difference_is_cie94():
    """Small ones agree with scikit-image's CIE94; its rounding at zero is 0.1, and large ones are bent."""
    rng = np.random.default_rng(1)
    truth = rng.uniform([20, -60, -60], [80, 60, 60], (4, 50, 3))
    for spread in (1.0, 4.0):
        out = truth + rng.normal(0, spread, truth.shape)
        ours = losses.color_difference(
            *(torch.from_numpy(np.moveaxis(p, -1, 1)[..., None].copy()) for p in (out, truth))
        )
        # scikit-image weighs by the first color, we by the true one.
        theirs = skimage_color.deltaE_ciede94(truth, out).mean(1)
        np.testing.assert_allclose(100 * ours.numpy(), theirs, atol=0.02)
    far = torch.tensor([100.0, 0, 0]).view(1, 3, 1, 1)
    assert losses.color_difference(far, 0 * far).item() == pytest.approx((20 + 0.2 * 80) / 100, rel=1e-3)


def test_confidence_is_the_likelihood_of_being_within_five():
    truth = torch.tensor([50.0, 10, 10]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    out = truth.clone()
    out[1, 0] += 30  # far beyond 5
    for value in (-2.0, 0.0, 3.0):
        logit = torch.full((2, 1, 4, 4), value)
        probability = 1 / (1 + np.exp(-value))
        wanted = [-np.log(probability), -np.log(1 - probability)]
        np.testing.assert_allclose(losses.confidence(logit, out, truth).numpy(), wanted, rtol=1e-5)
    # The best constant is the share that is right: 3 of 4 here.
    out = truth[:1].clone()
    out[:, 0, :1] += 30
    scores = [
        losses.confidence(torch.full((1, 1, 4, 4), float(np.log(p / (1 - p)))), out, truth[:1])
        for p in (0.6, 0.75, 0.9)
    ]
    assert scores[1] < scores[0] and scores[1] < scores[2]


def test_one_value_a_sample_and_none_disturbs_another():
    out, truth = pictures()
    logit = torch.zeros(3, 1, 20, 24)
    found = {
        "charbonnier": losses.charbonnier(out, truth),
        "rms": losses.rms(out, truth),
        "gradient": losses.gradient(out, truth),
        "color": losses.color_difference(losses.lab(out), losses.lab(truth)),
        "confidence": losses.confidence(logit, losses.lab(out), losses.lab(truth)),
    }
    for name, value in found.items():
        assert value.shape == (3,), name
    for n in range(3):
        assert losses.charbonnier(out[n : n + 1], truth[n : n + 1])[0] == pytest.approx(
            found["charbonnier"][n].item()
        )
        assert losses.gradient(out[n : n + 1], truth[n : n + 1])[0] == pytest.approx(
            found["gradient"][n].item()
        )


def test_known_values():
    truth = torch.full((1, 3, 6, 6), 0.5)
    assert losses.charbonnier(truth + 0.3, truth).item() == pytest.approx(0.3, rel=1e-4)
    assert losses.charbonnier(truth, truth).item() == pytest.approx(0.001)
    assert losses.rms(truth + torch.tensor([0.3, 0.4]).repeat(3), truth).item() == pytest.approx(
        0.125**0.5, rel=1e-4
    )
    assert losses.gradient(truth + 0.3, truth).item() == pytest.approx(0, abs=1e-6)
    ramp = torch.arange(6.0).view(1, 1, 1, 6) * 0.1
    assert losses.gradient(truth + ramp, truth).item() == pytest.approx(0.05, rel=1e-4)
    assert to_linear(0.5) == pytest.approx(losses.decode(torch.tensor(0.5)).item(), rel=1e-5)


def test_brightness_gives_way_and_color_stays():
    out, truth = pictures()
    luma = lambda p: (p * torch.tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)).sum(1, keepdim=True)  # noqa: E731
    for share in (0.0, 0.3, 1.0):
        found = losses.dimmed(out, truth, share)
        torch.testing.assert_close(luma(found - truth), share * luma(out - truth), atol=1e-6, rtol=0)
        torch.testing.assert_close(found - luma(found), out - luma(out), atol=1e-6, rtol=0)


def test_gradients_are_finite_at_black_white_gray_and_beyond():
    for value in (-0.2, 0.0, 0.5, 1.0, 1.3):
        out = torch.full((1, 3, 4, 4), value, requires_grad=True)
        truth = torch.full((1, 3, 4, 4), min(max(value, 0), 1))
        total = losses.color_difference(losses.lab(out), losses.lab(truth)) + losses.charbonnier(out, truth)
        total.sum().backward()
        assert out.grad.isfinite().all(), value
