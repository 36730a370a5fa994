"""Real cameras: their published numbers, and that simulated ones have them."""

from __future__ import annotations

import numpy as np
import pytest

from dualcam.errors import UsageError
from dualcam.simulation import cameras
from dualcam.simulation.capture import read_out
from dualcam.simulation.settings import Settings

NAMES = [camera.name for camera in cameras.CAMERAS]


def test_published_numbers():
    sony = cameras.find("sony-a7s2")
    assert sony.gains == (0.094, 6.01)
    assert sony.read.sigma_dn(1) == pytest.approx(np.exp(1.218))
    assert sony.read.sigma_dn(4, z=1) == pytest.approx(np.exp(0.541 * np.log(4) + 1.218 + 0.268))
    assert cameras.find("canon-5d4").row.sigma_dn(2) == pytest.approx(np.exp(0.471 * np.log(2) - 0.808))
    assert cameras.find("nikon-d850").read.sigma_dn(2) == pytest.approx(np.exp(0.563 * np.log(2) + 0.799))
    assert len(NAMES) >= 3 and len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("camera", cameras.CAMERAS, ids=NAMES)
def test_dark_frames_have_the_published_noise(camera):
    gain = np.sqrt(camera.gains[0] * camera.gains[1])
    sensor = cameras.sensor(camera, gain)
    dark = np.zeros((4000, 60), np.float32)
    dn = read_out(dark, sensor, 500, (sensor.white - sensor.black) / gain, np.random.default_rng(0)).astype(
        float
    )
    expected = camera.read.sigma_dn(gain) ** 2 + camera.row.sigma_dn(gain) ** 2 + 1 / 12
    assert dn.var() == pytest.approx(expected, rel=0.02)
    assert dn.mean() == pytest.approx(camera.black, abs=5 * np.sqrt(expected / 4000))


@pytest.mark.parametrize("camera", cameras.CAMERAS, ids=NAMES)
def test_photon_transfer_gives_gain_and_read_noise_back(camera):
    gain = np.sqrt(camera.gains[0] * camera.gains[1])
    sensor = cameras.sensor(camera, gain)
    saturation = (sensor.white - sensor.black) / gain
    rng = np.random.default_rng(1)
    means, variances = [], []
    for level in np.linspace(0.02, 0.5, 8):
        patch = np.full((250, 400), level, np.float32)
        dn = read_out(patch, sensor, saturation, saturation, rng).astype(float)
        means.append(dn.mean() - camera.black)
        variances.append(dn.var())
        # EMVA 1288: mean K mu_e, variance K^2 (sigma_d^2 + mu_e) + 1/12.
        assert means[-1] == pytest.approx(gain * level * saturation, rel=0.01)
    slope, _ = np.polyfit(means, variances, 1)
    assert slope == pytest.approx(gain, rel=0.03)


@pytest.mark.parametrize("camera", cameras.CAMERAS, ids=NAMES)
def test_colors(camera):
    response = cameras.response(camera)
    assert response.white_balance[1] == 1 and min(response.white_balance) >= 1
    np.testing.assert_allclose(np.array(response.matrix).sum(axis=1), 1, atol=1e-9)
    assert (np.diag(response.matrix) > 1).all()


def test_equipped_exposes_as_before_where_the_camera_can():
    night = Settings()
    fitted = cameras.equipped(night, mono="nikon-d850", color="sony-a7s2")
    assert fitted.mono_saturation_e == pytest.approx(night.mono_saturation_e)
    assert fitted.color_saturation_e == pytest.approx(night.color_saturation_e)
    assert fitted.color.response == cameras.response(cameras.find("sony-a7s2"))
    assert fitted.mono.response == night.mono.response
    # The A7S II has no gain that fills its range with 1000 electrons.
    assert cameras.equipped(night, mono="sony-a7s2").mono.sensor.gain == 6.01


def test_equipped_with_gains_alone():
    fitted = cameras.equipped(Settings(), mono_gain=2.0, color_gain=0.5)
    assert (fitted.mono.sensor.gain, fitted.color.sensor.gain) == (2.0, 0.5)
    assert (fitted.mono_saturation_e, fitted.color_saturation_e) == (4095 / 2, 4095 / 0.5)
    assert cameras.equipped(Settings()) == Settings()


def test_refusals():
    with pytest.raises(UsageError, match="no camera 'kodak'") as caught:
        cameras.find("kodak")
    assert all(name in caught.value.remedy for name in NAMES)
    with pytest.raises(UsageError, match="Sony A7S II"):
        cameras.sensor(cameras.find("sony-a7s2"), 7)
    with pytest.raises(UsageError, match=r"0\.01"):
        cameras.equipped(Settings(), color="canon-5d4", color_gain=0.01)
