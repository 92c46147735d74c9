"""Latency models that ship are of the tables beside them, and of the runtime as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwcost.fit.linear import fit_linear, price
from hwcost.fit.samples import data_hash, samples_of
from hwcost.latency import read_model
from hwcost.latency.linear import LinearModel
from hwcost.records import read_together
from hwcost.shipped import measurements_folder
from hwcost.target import Target, load_core, load_device, load_runtime

pytest.importorskip("scipy")

MODELS = sorted(measurements_folder().glob("emulated-*/*/latency.json"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.parent.name)
def test_a_model_is_of_the_table_beside_it_and_of_the_fit_as_it_is(path: Path) -> None:
    model = read_model(path)
    device = replace(load_device("stm32l4r5")[0], core=model.core)  # cycles of an emulated core are of every device with it
    target = Target(device, load_core(model.core), load_runtime(model.about.runtime.partition("@")[0], model.core))
    samples = samples_of(read_together(sorted(path.parent.glob("*.csv"))).rows, target)
    assert model.refusal(target) is None, "run tools/fit_boards.py"
    assert model.about.data_sha256 == data_hash([sample.row for sample in samples]), "run tools/fit_boards.py"
    part = model.differentiable_part
    assert isinstance(part, LinearModel)
    sums = fit_linear(samples)
    for sample in samples[:: max(1, len(samples) // 300)]:
        assert price(part.parameters, sample) == pytest.approx(price(sums, sample), rel=1e-3), "run tools/fit_boards.py"


def test_some_ship() -> None:
    assert MODELS
