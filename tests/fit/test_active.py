"""Measuring goes where models disagree and stops at the error asked for: on a world whose times are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hwcost.errors import InputError, MeasurementError
from hwcost.fit.active import BATCH, FIRST, Predict, measure_until, profile_until
from hwcost.measure.profiling import Backend
from hwcost.measure.sampling import Limits, sample_kind
from hwcost.records import Conditions, Layer, Measurement, read_records
from hwcost.target import Target

LIMITS = Limits(64 * 1024, 256 * 1024, 1_000_000)
CONDITIONS = Conditions("world", "core", 1e6, "kernels", "1")
LAYERS = sample_kind("pointwise", 150, LIMITS)


def features(layer: Layer) -> np.ndarray:
    work = layer.step.work
    return np.array([float(work.macs), float(work.out_elements), float(work.in_elements), 1.0])


def cycles(layer: Layer) -> float:
    return float(features(layer) @ [1.5, 12.0, 3.0, 400.0])


def measured(layers: Sequence[Layer], noise: float = 0.0) -> list[Measurement]:
    rng = np.random.default_rng(len(layers))
    return [
        Measurement("", "", layer, CONDITIONS, "emulated", "a world", cycles=cycles(layer) * float(np.exp(noise * rng.normal())))
        for layer in layers
    ]


def fitted(rows: Sequence[Measurement]) -> Predict:
    taken = np.array([row.cycles for row in rows], dtype=float)
    table = np.array([features(row.layer) for row in rows if row.layer is not None]) / taken[:, None]
    weights, *_ = np.linalg.lstsq(table, np.ones(len(rows)), rcond=None)
    return lambda layer: float(features(layer) @ weights)


def test_a_world_without_noise_is_known_after_two_rounds() -> None:
    found = measure_until(0.01, LAYERS, measured, fitted)
    assert found.reached
    assert len(found.rounds) == 2
    assert len(found.rows) == FIRST + 2 * BATCH
    assert found.rounds[-1].worst < 1e-6


def test_no_layer_is_measured_twice() -> None:
    found = measure_until(1e-9, LAYERS, lambda layers: measured(layers, noise=0.1), fitted)
    assert not found.reached
    assert len({repr(row.layer) for row in found.rows}) == len(found.rows) == len(LAYERS)


def test_a_model_that_is_wrong_about_some_layers_asks_for_them() -> None:
    def kinked(layers: Sequence[Layer]) -> list[Measurement]:
        rows = measured(layers)
        return [row for row in rows if row.layer is not None and row.layer.inputs[0].shape[0] % 2 == 0]

    found = measure_until(0.01, LAYERS, kinked, fitted)
    assert found.reached
    assert all(row.layer is not None and row.layer.inputs[0].shape[0] % 2 == 0 for row in found.rows)


def test_layers_that_cannot_be_priced_count_as_wholly_wrong() -> None:
    found = measure_until(0.5, LAYERS[:60], measured, lambda rows: lambda layer: None)
    assert not found.reached
    assert {one.error for one in found.rounds} == {1.0}


@pytest.mark.parametrize("error", [0.0, -1.0, 1.0, float("nan")])
def test_an_error_that_is_none_is_refused(error: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        measure_until(error, LAYERS, measured, fitted)


def test_nothing_to_measure_is_said() -> None:
    with pytest.raises(InputError, match="layers to choose from"):
        measure_until(0.1, [], measured, fitted)
    with pytest.raises(MeasurementError, match="nothing to fit"):
        measure_until(0.1, LAYERS, lambda layers: [], fitted)


def test_an_emulated_core_is_measured_until_a_linear_model_knows_it(tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    pytest.importorskip("scipy")
    target = Target.load("stm32l4r5", "hwcost-c")
    layers = sample_kind("dense", 80, Limits(16 * 1024, 64 * 1024, 50_000))
    path = tmp_path / "rows.csv"
    found = profile_until(0.2, {"dense": layers}, target, path, backend=Backend(workers=1))
    assert found["dense"].reached
    assert len(read_records(path).rows) == len(found["dense"].rows) < len(layers)
