"""Simulated sensors are recovered from their flats and darks, and what is no series is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from dualcam.camera.photon_transfer import measure
from dualcam.camera.transfer_plot import svg
from dualcam.errors import InputError
from dualcam.simulation.settings import Sensor
from flats import series, shots

SENSORS = {
    "12 bits, mono": (Sensor(2.5, bits=12, black=64, gain=0.4, full_well_e=9000, prnu=0.01), None),
    "12 bits, converter ends first": (Sensor(4.0, bits=12, black=100, gain=0.25, prnu=0.008), "GBRG"),
    "14 bits, RGGB": (
        Sensor(3.0, row_noise_e=1.0, bits=14, black=512, gain=1.6, full_well_e=9500, prnu=0.006, dsnu_e=1.5),
        "RGGB",
    ),
    "16 bits, mono": (Sensor(1.5, bits=16, black=500, gain=4.0, full_well_e=15000, prnu=0.005), None),
    "16 bits, RGGB": (Sensor(3.5, bits=16, black=1000, gain=1.2, full_well_e=50000), "BGGR"),
    "fixed patterns": (
        Sensor(6.0, bits=14, black=256, gain=0.5, full_well_e=25000, prnu=0.03, dsnu_e=8),
        None,
    ),
}


@pytest.mark.parametrize("name", SENSORS)
def test_a_known_sensor_is_recovered_within_three_percent(name):
    sensor, pattern = SENSORS[name]
    flats, darks = series(sensor, pattern, most=1.5 if pattern is None else 4)
    found = measure(shots(flats), shots(darks), pattern)
    full_well = (sensor.white - sensor.black) / sensor.gain
    read_noise = np.hypot(sensor.read_noise_e, sensor.row_noise_e)
    assert set(found.channels) == ({"mono"} if pattern is None else {"R", "G", "B"})
    for channel in (*found.channels.values(), found.pooled):
        assert channel.gain_dn_per_e == pytest.approx(sensor.gain, rel=0.03)
        assert channel.gain_e_per_dn == pytest.approx(1 / sensor.gain, rel=0.03)
        assert channel.read_noise_e == pytest.approx(read_noise, rel=0.03)
        assert channel.full_well_e == pytest.approx(full_well, rel=0.03)
        assert channel.saturation_dn == pytest.approx(sensor.white, rel=0.005)
        assert channel.prnu == pytest.approx(sensor.prnu, rel=0.1, abs=0.0015)
        assert channel.dsnu_e == pytest.approx(sensor.dsnu_e, rel=0.1, abs=0.2 * sensor.read_noise_e)
        assert channel.linearity_error < 0.01
        assert channel.fit_error < 0.05
    assert found.pooled.row_noise_e == pytest.approx(sensor.row_noise_e, abs=0.25)
    np.testing.assert_allclose(found.black_dn, sensor.black, atol=0.1)


def test_hot_pixels_and_strong_vignetting_change_nothing():
    sensor = SENSORS["12 bits, mono"][0]
    flats, darks = series(sensor, vignetting=0.7)
    hot = np.random.default_rng(5).random(darks[0][1].shape) < 0.003
    for _, dn, _ in (*flats, *darks):
        dn[hot] = np.minimum(dn[hot] + 900, 4095)
    found = measure(shots(flats), shots(darks))
    assert found.pooled.gain_dn_per_e == pytest.approx(0.4, rel=0.03)
    assert found.pooled.read_noise_e == pytest.approx(2.5, rel=0.03)
    assert found.pooled.full_well_e == pytest.approx(9000, rel=0.03)
    assert found.black_dn[0] == pytest.approx(64, abs=0.1)
    assert any("hot or dead" in note for note in found.notes)


def test_every_place_of_the_pattern_has_its_own_black():
    flats, darks = series(Sensor(3.0, bits=14, black=500, gain=1.0), "RGGB")
    offsets = np.array([[0, 7], [3, 12]])
    for _, dn, _ in (*flats, *darks):
        for row, column in np.ndindex(2, 2):
            part = dn[row::2, column::2]
            part[part < 16000] += np.uint16(offsets[row, column])
    np.testing.assert_allclose(
        measure(shots(flats), shots(darks), "RGGB").black_dn, 500 + offsets.ravel(), atol=0.2
    )


def test_without_saturation_full_well_is_a_lower_bound():
    sensor = SENSORS["16 bits, mono"][0]
    flats, darks = series(sensor, most=0.5)
    found = measure(shots(flats), shots(darks))
    assert found.pooled.saturation_dn is None
    assert found.pooled.gain_dn_per_e == pytest.approx(4, rel=0.03)
    assert 0.4 * 15000 < found.pooled.full_well_e < 0.55 * 15000
    assert any("full well is at least" in note for note in found.notes)


def test_samples_at_the_upper_end_of_sixteen_bits():
    """12 bits shifted up by four: gain and noise in DN are 16 times those of the converter, electrons stay."""
    flats, darks = series(SENSORS["12 bits, mono"][0])
    raised = [[(name, dn << 4, time) for name, dn, time in group] for group in (flats, darks)]
    found = measure(shots(raised[0]), shots(raised[1])).pooled
    assert found.gain_dn_per_e == pytest.approx(0.4 * 16, rel=0.03)
    assert found.read_noise_e == pytest.approx(2.5, rel=0.03)
    assert found.full_well_e == pytest.approx(9000, rel=0.03)


def test_black_at_zero_is_remarked():
    flats, darks = series(Sensor(3.0, bits=12, black=0, gain=0.4))
    assert any("of the darks are 0" in note for note in measure(shots(flats), shots(darks)).notes)


def srgb(dn, sensor):
    x = np.clip((dn.astype(float) - sensor.black) / (sensor.white - sensor.black), 0, 1)
    return np.rint(np.where(x < 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) * 65535).astype(
        np.uint16
    )


@pytest.mark.parametrize("most", [0.6, 1.5])
def test_files_with_a_transfer_curve_are_refused(most):
    sensor = SENSORS["12 bits, mono"][0]
    flats, darks = series(sensor, most=most)
    curved = [[(name, srgb(dn, sensor), time) for name, dn, time in group] for group in (flats, darks)]
    with pytest.raises(InputError, match=r"does not grow.*flat_"):
        measure(shots(curved[0]), shots(curved[1]))


def test_a_pair_that_does_not_fit_is_named():
    flats, darks = series(SENSORS["14 bits, RGGB"][0], "RGGB")
    rng = np.random.default_rng(0)
    for index in (8, 9):  # something moved
        name, dn, time = flats[index]
        flats[index] = name, (dn + rng.normal(0, 40, dn.shape)).astype(np.uint16), time
    with pytest.raises(InputError, match="flat_40 and flat_41 do not fit"):
        measure(shots(flats), shots(darks), "RGGB")


def test_single_flats_are_left_out_with_a_remark():
    flats, darks = series(SENSORS["12 bits, mono"][0])
    found = measure(shots(flats[:5] + flats[6:]), shots(darks))
    assert any("flat_20 has no second" in note for note in found.notes)
    assert found.pooled.gain_dn_per_e == pytest.approx(0.4, rel=0.03)


def test_series_that_cannot_be_measured():
    flats, darks = (shots(group) for group in series(SENSORS["12 bits, mono"][0], size=(80, 96)))
    with pytest.raises(InputError, match="two darks"):
        measure(flats, darks[:1])
    with pytest.raises(InputError, match="two flats"):
        measure(flats[:1], darks)
    with pytest.raises(InputError, match="same brightness"):
        measure(flats[::2], darks)
    with pytest.raises(InputError, match="no brighter"):
        measure(darks, darks)
    with pytest.raises(InputError, match="every flat is saturated"):
        measure(flats[-2:], darks)


def test_unstated_exposure_times_leave_linearity_open():
    flats, darks = series(SENSORS["12 bits, mono"][0])
    found = measure([replace(shot, exposure_s=None) for shot in shots(flats)], shots(darks))
    assert found.pooled.linearity_error is None
    assert any("linearity was not measured" in note for note in found.notes)


def test_a_bent_response_shows_in_the_linearity():
    """Signal lost in proportion to the square of the exposure: up to 8 % at full well."""
    flats, darks = series(SENSORS["16 bits, mono"][0])
    bent = []
    for name, dn, time in flats:
        signal = dn.astype(float) - 500
        bent.append((name, np.rint(500 + signal * (1 - 0.08 * signal / 60000)).astype(np.uint16), time))
    straight = measure(shots(flats), shots(darks)).pooled
    found = measure(shots(bent), shots(darks)).pooled
    assert straight.linearity_error < 0.003
    assert 0.005 < found.linearity_error < 0.05


@pytest.mark.parametrize("name", ["12 bits, mono", "14 bits, RGGB"])
def test_the_plot_is_a_picture_of_all_points(name):
    sensor, pattern = SENSORS[name]
    flats, darks = series(sensor, pattern, size=(128, 160))
    found = measure(shots(flats), shots(darks), pattern)
    root = ElementTree.fromstring(svg(found, "A & B <camera>"))
    circles = root.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == sum(len(points) for points in found.points.values()) + len(found.points)
    for circle in circles:
        assert 0 <= float(circle.get("cx")) <= 760 and 0 <= float(circle.get("cy")) <= 520
    assert "A & B <camera>" in {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
