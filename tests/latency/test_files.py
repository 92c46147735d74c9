"""Files of fitted models: what is written is read again, and whatever else is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwcost.errors import MeasurementError
from hwcost.latency import choose, read_model, write_model
from hwcost.latency.fitted import About, Ratios
from hwcost.latency.linear import LinearModel, LinearParameters, Sum
from hwcost.ops import Dense
from hwcost.records import Layer
from hwcost.target import Target
from hwcost.tensor import int8

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


def model(runtime: str = "tflm-cmsis-nn@2026.10", device: str = "stm32l4r5") -> LinearModel:
    errors = {"*": Ratios(99, (0.8, 0.9, 1.0, 1.1, 1.2))}
    about = About(runtime, "cortex-m4", device, 120e6, "measured", 99, "0" * 64, errors=errors, ranges={"dense": (10.0, 1e4)})
    return LinearModel.of(about, LinearParameters({"*": Sum({"mac": 2.0, "layer": 100.0})}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_model(tmp_path / "model.json", model())
    return tmp_path / "model.json"


def test_what_is_written_is_read_again(path: Path) -> None:
    assert read_model(path) == model()


def test_a_layer_costs_the_sum_of_its_shares(path: Path) -> None:
    found = read_model(path).predict(Layer(Dense(10), (int8(64),)).graph(), TARGET)
    assert found.latency_s == pytest.approx((2.0 * 640 + 100) / 120e6)


def test_a_wider_confidence_is_a_wider_interval() -> None:
    graph = Layer(Dense(10), (int8(64),)).graph()
    wide, narrow = (model().predict(graph, TARGET, confidence=level).interval_s for level in (0.9, 0.5))
    assert wide is not None
    assert narrow is not None
    # Of 99 held-out rows, 25 lie below the quantile at (0.25 * 100 - 1) / 98.
    assert narrow[0] * 120e6 / 1380 == pytest.approx(0.8 + 0.4 * 24 / 98)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:200], "cut off"),
        (lambda text: "", "cut off"),
        (lambda text: text.replace("100.0", "NaN"), "NaN"),
        (lambda text: text.replace("100.0", "1e999"), "changed after"),
        (lambda text: text.replace("100.0", "101.0"), "changed after"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "newer"),
        (lambda text: text.replace('"linear"', '"magic"'), "magic"),
        (lambda text: text.replace('"about"', '"abuot"'), "abuot"),
        (lambda text: "[" * 100_000, "nested"),
        (lambda text: "[]", "schema"),
    ],
)
def test_anything_else_is_refused(path: Path, change, said: str) -> None:
    path.write_text(change(path.read_text()))
    with pytest.raises(MeasurementError, match=said) as refused:
        read_model(path)
    assert "\n" not in str(refused.value)


def test_negative_cycles_are_refused_even_with_the_right_checksum(tmp_path: Path) -> None:
    about = model().about
    write_model(tmp_path / "bad.json", LinearModel.of(about, LinearParameters({"*": Sum({"mac": -2.0})})))
    with pytest.raises(MeasurementError, match="at least 0"):
        read_model(tmp_path / "bad.json")


def installed(folder: Path, one: LinearModel) -> None:
    write_model(folder / one.about.device / one.runtime.partition("@")[0] / "latency.json", one)


def test_the_users_folder_comes_before_the_figures_of_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWCOST_MEASUREMENTS", str(tmp_path))
    assert choose(TARGET).basis.method == "analytic"
    installed(tmp_path, model())
    assert choose(TARGET) == model()


def test_a_stale_model_is_passed_over_when_found_and_refused_when_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWCOST_MEASUREMENTS", str(tmp_path))
    stale = model("tflm-cmsis-nn@2020.01")
    installed(tmp_path, stale)
    found = choose(TARGET)
    assert found.basis.method == "analytic"
    assert "2020.01" in found.notes[0]
    with pytest.raises(MeasurementError, match="stale"):
        stale.predict(Layer(Dense(10), (int8(64),)).graph(), TARGET)


def test_another_device_is_refused() -> None:
    with pytest.raises(MeasurementError, match="nrf52840"):
        model().predict(Layer(Dense(10), (int8(64),)).graph(), Target.load("nrf52840", runtime="tflm-cmsis-nn"))


def test_a_model_of_an_emulated_core_is_of_every_device_with_it() -> None:
    emulated = model(device="emulated-cortex-m4")
    assert emulated.refusal(Target.load("nrf52840", runtime="tflm-cmsis-nn")) is None


def test_sizes_nobody_measured_are_remarked() -> None:
    found = model().predict(Layer(Dense(1000), (int8(64),)).graph(), TARGET)
    assert any("outside of the sizes" in remark for remark in found.remarks)


def test_files_are_plain(path: Path) -> None:
    assert json.loads(path.read_text())["parameters"]["sums"]["*"]["cycles"] == {"mac": 2.0, "layer": 100.0}
