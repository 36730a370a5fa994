"""What a measured sensor adds to the simulator: full well, fixed patterns, and noise that is stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dualcam.camera import sensor as steps
from dualcam.errors import UsageError
from dualcam.evaluation import protocol
from dualcam.files.read import read
from dualcam.simulation.capture import read_out
from dualcam.simulation.settings import Sensor
from dualcam.simulation.write import stated_noise, write_capture


def flat(sensor, electrons, seed=0, size=(256, 256)):
    saturation = (sensor.white - sensor.black) / sensor.gain
    rng = np.random.default_rng(seed)
    return read_out(np.ones(size, np.float32), sensor, electrons, saturation, rng).astype(float)


def test_pixels_fill_before_the_converter_ends():
    sensor = Sensor(3.0, bits=14, black=500, gain=1.0, full_well_e=8000)
    assert (sensor.white, sensor.top) == (8500, 16383)
    dn = flat(sensor, 20000)
    assert dn.mean() == pytest.approx(8500, abs=1)
    assert dn.std() == pytest.approx(3, rel=0.1)  # read noise goes on over a full well


def test_without_a_full_well_the_converter_is_the_end():
    sensor = Sensor(3.0, bits=12, black=100, gain=1.0, full_well_e=1e6)
    assert sensor.white == sensor.top == 4095
    assert (flat(sensor, 1e5) == 4095).all()
    with pytest.raises(UsageError, match="needs a gain"):
        Sensor(full_well_e=1000)
    with pytest.raises(UsageError, match="nonuniformity"):
        Sensor(prnu=2)


def test_fixed_patterns_are_the_same_in_every_exposure():
    sensor = Sensor(1.0, bits=16, black=1000, gain=1.0, prnu=0.02, dsnu_e=5.0)
    first, second = (flat(sensor, 40000, seed) for seed in (1, 2))
    common = np.cov(first.ravel(), second.ravel())[0, 1]
    assert np.sqrt(common) / 40000 == pytest.approx(0.02, rel=0.03)
    dark = [flat(sensor, 1e-9, seed) for seed in (1, 2)]
    assert np.sqrt(np.cov(dark[0].ravel(), dark[1].ravel())[0, 1]) == pytest.approx(5, rel=0.05)
    np.testing.assert_array_equal(steps.fixed_pattern((4, 6), 1), steps.fixed_pattern((4, 6), 1))


@pytest.mark.parametrize("electrons", [20, 400, 1800])
def test_the_stated_noise_is_that_of_the_samples(electrons):
    sensor = Sensor(2.5, bits=12, black=64, gain=0.4, full_well_e=9000, dsnu_e=1.0)
    saturation = (sensor.white - sensor.black) / sensor.gain
    signal = (flat(sensor, electrons) - sensor.black) / (sensor.white - sensor.black)
    model = stated_noise(sensor, saturation)
    assert signal.var() == pytest.approx(model.shot * electrons / saturation + model.read, rel=0.03)


def test_captures_of_a_protocol_do_not_tell_the_noise(tmp_path):
    rng = np.random.default_rng(0)
    views = [rng.integers(0, 256, (128, 160, 3), np.uint8) for _ in range(2)]
    shot = protocol.capture(*views, scene="s", level="night", scale=2)
    record = protocol.record(scene="s", level="night", scale=2)
    write_capture(tmp_path / "protocol", shot, record)
    write_capture(tmp_path / "free", shot, replace(record, protocol=None))
    told, free = (read(tmp_path / name / "color.dng", "color") for name in ("protocol", "free"))
    assert told.noise is None and free.noise is not None
    np.testing.assert_array_equal(told.mosaic.samples, free.mosaic.samples)
