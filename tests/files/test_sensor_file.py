"""sensor.json comes back as it was written, and what is none is refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualcam.camera.sensor_model import Channel, SensorModel
from dualcam.errors import InputError
from dualcam.files.sensor_file import read_sensor, to_json

NUMBER = st.floats(1e-6, 1e6).map(lambda x: float(f"{x:.7g}"))
MAYBE = st.none() | NUMBER


@st.composite
def channels(draw):
    numbers = [draw(NUMBER) for _ in range(5)]
    saturation = draw(st.none() | st.floats(70000, 1e6).map(lambda x: float(f"{x:.7g}")))
    return Channel(*numbers, saturation, draw(MAYBE), draw(NUMBER), draw(MAYBE), draw(NUMBER))


@st.composite
def sensors(draw):
    pattern = draw(st.sampled_from([None, "RGGB", "GBRG"]))
    names = ["mono"] if pattern is None else ["B", "G", "R"]
    levels = st.floats(0, 60000).map(lambda x: float(f"{x:.7g}"))
    black = draw(st.lists(levels, min_size=4, max_size=4)) if pattern else [draw(levels)]
    return SensorModel(
        draw(st.integers(1, 9999)),
        draw(st.integers(1, 9999)),
        draw(st.integers(8, 16)),
        pattern,
        tuple(black),
        {name: draw(channels()) for name in names},
        draw(channels()),
        make=draw(st.text(max_size=9)),
        model="Model",
        iso=draw(MAYBE),
        flats=("a.dng",),
        darks=("b.dng", "c.dng"),
        notes=("a remark",),
    )


@settings(max_examples=40)
@given(sensors())
def test_a_sensor_file_comes_back(tmp_path_factory, sensor):
    path = tmp_path_factory.mktemp("s") / "sensor.json"
    path.write_text(to_json(sensor), encoding="utf-8")
    assert read_sensor(path) == sensor


CHANNEL = Channel(2.0, 5.0, 2.45, 0.0, 1000.0, 2100.0, 0.01, 0.5, None, 0.01)
PLAIN = SensorModel(64, 48, 12, None, (100.0,), {"mono": CHANNEL}, CHANNEL)


def test_the_file_says_what_it_is():
    values = json.loads(to_json(PLAIN))
    assert (values["format"], values["version"]) == ("dualcam sensor", 1)
    assert values["channels"]["mono"]["gain_e_per_dn"] == 0.5


def changed(**changes):
    values = json.loads(to_json(PLAIN))
    for key, value in changes.items():
        place = values
        *parents, last = key.split("__")
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return json.dumps(values)


def test_unknown_keys_are_left_alone(tmp_path):
    path = tmp_path / "sensor.json"
    path.write_text(changed(more=1, pooled__more=2))
    assert read_sensor(path) == PLAIN


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nonsense", "no JSON"),
        ("[1, 2]", '"format" is not'),
        ("{}", '"format" is not'),
        ("[" * 20000, "no JSON"),
        (changed(version=2), "version 2"),
        (changed(version=...), "version None"),
        (changed(bits=...), "'bits' is missing"),
        (changed(bits=99), "99"),
        (changed(width="wide"), "width is 'wide'"),
        (changed(pattern="XYZW"), "XYZW"),
        (changed(pattern="RGGB"), "channels"),
        (changed(black_dn=[1, 2]), "2 black levels"),
        (changed(black_dn=7), "damaged"),
        (changed(channels=[]), "channels"),
        (changed(channels__mono=None), "damaged"),
        (changed(channels__mono__gain_dn_per_e=0), "gain or full well"),
        (changed(channels__mono__read_noise_dn=-1), "read_noise_dn of channel mono"),
        (changed(channels__mono__read_noise_dn=None), "read_noise_dn of channel mono"),
        (changed(channels__mono__full_well_e=True), "full_well_e"),
        (changed(channels__mono__saturation_dn=50), "not over black"),
        (changed(pooled__prnu=...), "'prnu' is missing"),
        (changed(pooled__read_noise_e=float("nan")), "read_noise_e of pooled is nan"),
        (changed(camera=3), "damaged"),
    ],
)
def test_what_is_no_sensor_file_is_refused(tmp_path, text, what):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.json") as caught:
        read_sensor(path)
    assert what in caught.value.cause and caught.value.remedy


def test_a_missing_file_and_a_picture(tmp_path):
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        read_sensor(tmp_path / "none.json")
    (tmp_path / "p.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(InputError, match="no JSON"):
        read_sensor(tmp_path / "p.json")
