"""What every kind of fitted model keeps, whichever it is: files, targets, versions, intervals, tables of a layer and gradients."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from hwcost.errors import MeasurementError, NotDifferentiableError
from hwcost.fit import fit
from hwcost.graph import Graph, Node, Parameter
from hwcost.kernels import choose as choose_kernel
from hwcost.latency import FittedModel, choose, read_model, write_model
from hwcost.latency.files import KINDS, model_text
from hwcost.latency.model import Unpriced
from hwcost.ops import Conv2d
from hwcost.records import Conditions, Layer, Measurement
from hwcost.sizes import Size
from hwcost.target import Target
from hwcost.tensor import Quantisation, int8

pytest.importorskip("sklearn")

TARGET = Target.load("stm32l4r5", runtime="hwcost-c")
CONDITIONS = Conditions(TARGET.device.name, TARGET.core.name, TARGET.clock_hz, "hwcost-c", TARGET.runtime.version)
PADS = ((1, 1), (1, 1))
INS, OUTS = (4, 6, 8, 12, 16, 20, 24, 32), (4, 5, 8, 11, 12, 16, 19, 24, 28, 32, 40, 48, 56, 64)
FOLLOWED = {"linear", "lookup", "calibrated"}
"""Kinds that claim gradients; the loss follows a part of the others."""


def conv(into: int, out: Size) -> Layer:
    return Layer(Conv2d(out, (3, 3), padding=PADS, bias=False), (int8(into, 8, 8),))


@cache
def rows() -> tuple[Measurement, ...]:
    """A board on which every layer takes cycles of its own shape, and a fifth more where channels are odd."""
    widths = [(into, out) for into in INS for out in OUTS]
    layers = [conv(into, out) for into, out in widths]
    cycles = [(1.3 * 576 * into * out + 900 + 40 * out) * (1.2 if out % 2 else 1) for into, out in widths]
    return tuple(
        Measurement("", "", layer, CONDITIONS, "measured", "a pencil", cycles=taken) for layer, taken in zip(layers, cycles, strict=True)
    )


@cache
def model_of(kind: str) -> FittedModel:
    """A fit of the kind, whose accuracy by kind of layer and intervals are its own."""
    return fit(rows(), TARGET, kind, baselines=False).model  # type: ignore[arg-type]


every = pytest.mark.parametrize("kind", KINDS)
NEW = (conv(10, 20), conv(28, 36), conv(7, 13))


def cycles(model: FittedModel, layer: Layer) -> Size:
    step = layer.step
    found = model.kernel_cycles(step, choose_kernel(step, TARGET.runtime, TARGET.core), TARGET)
    assert not isinstance(found, Unpriced)
    return found


@every
def test_a_file_is_plain_json_and_predicts_the_same(kind: str, tmp_path: Path) -> None:
    model = model_of(kind)
    write_model(tmp_path / "model.json", model)
    table = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert (table["kind"], table["schema"]) == (kind, 1)
    again = read_model(tmp_path / "model.json")
    assert again == model
    assert model_text(again) == model_text(model)
    assert [again.predict(layer.graph(), TARGET) for layer in NEW] == [model.predict(layer.graph(), TARGET) for layer in NEW]


@every
def test_rows_and_models_of_another_device_are_refused(kind: str) -> None:
    other = Target.load("nrf52840", runtime="hwcost-c")
    with pytest.raises(MeasurementError, match="nrf52840"):
        model_of(kind).predict(NEW[0].graph(), other)
    with pytest.raises(MeasurementError, match="stm32l4r5"):
        fit(rows(), other, kind, baselines=False)  # type: ignore[arg-type]


@every
def test_a_stale_version_is_passed_over_with_words_and_refused_by_name(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(kind)
    old = type(model).of(replace(model.about, runtime="hwcost-c@0.0"), model.parameters)
    home = tmp_path / TARGET.device.name / "hwcost-c" / "latency.json"
    write_model(home, old)
    monkeypatch.setenv("HWCOST_MEASUREMENTS", str(tmp_path))
    chosen = choose(TARGET)
    assert chosen != old
    assert any("passed over" in note and "stale" in note for note in chosen.notes)  # type: ignore[union-attr]
    with pytest.raises(MeasurementError, match="stale"):
        old.predict(NEW[0].graph(), TARGET)
    write_model(home, model)
    assert choose(TARGET) == model


@every
@pytest.mark.parametrize("layer", NEW, ids=str)
def test_the_interval_holds_the_prediction_and_grows_with_confidence(kind: str, layer: Layer) -> None:
    model = model_of(kind)
    narrow, wide = (model.predict(layer.graph(), TARGET, confidence=level).interval_s for level in (0.5, 0.95))
    assert narrow is not None
    assert wide is not None
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]
    ratios = model.about.errors["conv2d"].values
    seconds = model.predict(layer.graph(), TARGET).latency_s
    assert ratios[0] <= wide[0] / seconds <= 1.001 or ratios[0] > 1
    assert ratios[-1] >= wide[1] / seconds >= 0.999 or ratios[-1] < 1


@every
def test_a_table_of_a_layer_adds_up_to_its_price(kind: str) -> None:
    model = model_of(kind)
    explained = model if hasattr(model, "explain") else model.differentiable_part
    if not hasattr(explained, "explain"):
        assert kind == "lookup"  # what was measured has no parts
        return
    for layer in NEW:
        step = layer.step
        kernel = choose_kernel(step, TARGET.runtime, TARGET.core)
        shares = explained.explain(step, kernel, TARGET)
        assert sum(share.cycles for share in shares) == pytest.approx(cycles(explained, layer))  # type: ignore[arg-type]


@every
def test_gradients_are_there_where_they_are_claimed_and_refused_elsewhere(kind: str) -> None:
    model = model_of(kind)
    assert model.differentiable == (kind in FOLLOWED)
    width = torch.tensor(20.0, dtype=torch.float64, requires_grad=True)
    searched = searched_conv(width)
    if not model.differentiable and getattr(model.parameters, "forests", {}):
        with pytest.raises(NotDifferentiableError, match="differentiable_part"):
            model.predict(searched, TARGET)
    followed = model.differentiable_part
    assert followed is not None
    found = followed.predict(searched, TARGET).latency_s
    assert float(found.detach()) == pytest.approx(followed.predict(searched_conv(20), TARGET).latency_s)
    found.backward()
    assert width.grad is not None
    assert 0 < float(width.grad) < float(found.detach())


def searched_conv(width: Size) -> Graph:
    x, op = int8(16, 8, 8), Conv2d(width, (3, 3), padding=PADS, bias=False)
    weight = Parameter("weight", op.parameters(x)["weight"], 8, Quantisation(axis=0), "int")
    return Graph({"x": x}, ("y",), (Node("conv", op, ("x",), ("y",), (("weight", "weight"),)),), {"weight": weight})


def test_auto_tries_every_kind_whose_inputs_are_there() -> None:
    fitted = fit(rows(), TARGET, baselines=False)
    assert set(fitted.tried) == set(KINDS)
    assert fitted.tried[fitted.model.kind]["*"].mape <= 1.02 * min(found["*"].mape for found in fitted.tried.values())


def test_auto_leaves_tables_to_rows_of_few_forms() -> None:
    layers = [Layer(Conv2d(8 + at % 3, (3, 3), padding=PADS, bias=False), (int8(4 + at % 5, 8 + at // 2, 8),)) for at in range(24)]
    sized = [replace(row, layer=layer) for row, layer in zip(rows()[:24], layers, strict=True)]
    assert "lookup" not in fit(sized, TARGET, baselines=False).tried
