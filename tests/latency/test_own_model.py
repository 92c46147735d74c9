"""The model that docs/add-a-latency-model.md shows is one: what is shared works for it."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hwcost
from hwcost.errors import MeasurementError
from hwcost.latency import Basis
from hwcost.ops import Dense
from hwcost.records import Layer, read_records
from hwcost.target import Target
from hwcost.tensor import int8


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "add-a-latency-model.md").read_text(encoding="utf-8")


@pytest.fixture
def model(page: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    module = ModuleType("table_model")
    monkeypatch.setitem(sys.modules, "table_model", module)  # where dataclasses look their own module up
    exec(compile(code, "add-a-latency-model.md", "exec"), module.__dict__)
    basis = Basis("lookup", "measured", "a table")
    return module.TableModel("a table", "tflm-cmsis-nn@2026.10", "cortex-m4", basis, {(Dense(10), (64,)): 1200.0})


def test_a_table_prices_what_it_holds(model: Any) -> None:
    target = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
    assert model.predict(Layer(Dense(10), (int8(64),)).graph(), target).latency_s == 1200 / 120e6
    assert model.predict(Layer(Dense(11), (int8(64),)).graph(), target).reason == "this layer was never run ('dense')"


def test_a_check_takes_it(model: Any) -> None:
    target = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
    cost = hwcost.check(Layer(Dense(10), (int8(64),)).graph(), target, latency_model=model).cost
    assert (cost.latency_s, cost.basis["latency_s"].method) == (1200 / 120e6, "lookup")


def test_it_refuses_another_core(model: Any) -> None:
    with pytest.raises(MeasurementError, match="cortex-m7"):
        model.predict(Layer(Dense(10), (int8(64),)).graph(), Target.load("stm32h743", runtime="tflm-cmsis-nn"))


def test_the_rows_it_shows_can_be_read(page: str, tmp_path: Path) -> None:
    (text,) = re.findall(r"```\n(# title.*?)```", page, re.DOTALL)
    (tmp_path / "rows.csv").write_text(text)
    records = read_records(tmp_path / "rows.csv")
    assert records.provenance["licence"] == "CC0"
    assert [row.layer.step.work.macs for row in records.rows if row.layer] == [32 * 32 * 16 * 27, 16 * 16 * 32 * 16]
    assert len(list(csv.reader(text.splitlines()))) == 5
