"""Settings check themselves."""

from __future__ import annotations

import dataclasses

import pytest

from dualcam.errors import UsageError
from dualcam.simulation import settings as tree


def test_settings_are_values():
    assert tree.Settings() == tree.Settings() and hash(tree.Settings()) == hash(tree.Settings())
    with pytest.raises(dataclasses.FrozenInstanceError):
        tree.Settings().scale = 3
    assert tree.Settings().is_straight


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: tree.SceneLight(electrons=0), "0"),
        (lambda: tree.SceneLight(exposure_ratio=-1), "-1"),
        (lambda: tree.MonoResponse((0.5, 0.5, 0.5)), "0.5"),
        (lambda: tree.MonoResponse((1.2, -0.1, -0.1)), "-0.1"),
        (lambda: tree.MonoResponse(infrared=-0.1), "-0.1"),
        (lambda: tree.ColorResponse((0, 1, 1)), "0"),
        (lambda: tree.ColorResponse(matrix=((2, 0, 0), (0, 1, 0), (0, 0, 1))), "sum 1"),
        (lambda: tree.ColorResponse(matrix=((1, 0, 0), (1, 0, 0), (0, 0, 1))), "inverted"),
        (lambda: tree.Lens(blur_px=-1), "-1"),
        (lambda: tree.Lens(vignetting=1), "1"),
        (lambda: tree.Geometry(zoom=0), "zoom"),
        (lambda: tree.Geometry(distortion=2), "2"),
        (lambda: tree.Geometry(shift_px=(0, float("nan"))), "nan"),
        (lambda: tree.Sensor(read_noise_e=-2), "-2"),
        (lambda: tree.Sensor(bits=20), "20"),
        (lambda: tree.Sensor(bits=12.5), "12.5"),
        (lambda: tree.Sensor(bits=10, black=1000), "1000"),
        (lambda: tree.Sensor(gain=0), "0"),
        (lambda: tree.Phone(quality=101), "101"),
        (lambda: tree.Phone(contrast=2), "2"),
        (lambda: tree.ColorCamera(pattern="RGBG"), "RGBG"),
        (lambda: tree.Settings(scale=0.5), "0.5"),
        (lambda: tree.Settings(scale=17), "17"),
        (lambda: tree.Settings(scale=float("inf")), "inf"),
    ],
)
def test_refusals_name_the_value_and_help(make, named):
    with pytest.raises(UsageError, match=named) as caught:
        make()
    assert caught.value.remedy


def test_color_pixels_grow_up_to_a_limit():
    for scale, area in ((1, 1), (1.5, 2.25), (2, 4), (4, 4)):
        assert tree.Settings(scale=scale).color_electrons == 1000 * area / 8
    assert not tree.Settings(color=tree.ColorCamera(geometry=tree.Geometry(skew_px=1))).is_straight
