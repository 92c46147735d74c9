"""Lookup models: exact where measured, linear between, marked beyond."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwcost.errors import MeasurementError
from hwcost.graph import Graph, Node, Parameter
from hwcost.kernels import choose
from hwcost.latency.files import read_model, write_model
from hwcost.latency.fitted import About
from hwcost.latency.lookup import LookupModel, LookupParameters, Table, form_of, work_of
from hwcost.latency.model import Unpriced
from hwcost.ops import AveragePool2d, Conv2d, Dense, DepthwiseConv2d
from hwcost.records import Conditions, Layer, Measurement
from hwcost.target import Target
from hwcost.tensor import int8

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
CONDITIONS = Conditions("stm32l4r5", "cortex-m4", 120e6, TARGET.runtime.name, TARGET.runtime.version)
PADS = ((1, 1), (1, 1))


def conv(ins, outs, size=12):
    return Layer(Conv2d(outs, (3, 3), padding=PADS), (int8(ins, size, size),))


def model_of(*measured):
    from hwcost.fit.tabulating import tabulate

    rows = [Measurement("", "", layer, CONDITIONS, "measured", "here", cycles=cycles) for layer, cycles in measured]
    about = About(TARGET.runtime.reference, "cortex-m4", "stm32l4r5", 120e6, "measured", len(rows), "0" * 64)
    return LookupModel.of(about, tabulate(rows, TARGET))


def cycles(model, layer):
    step = layer.step
    return model.kernel_cycles(step, choose(step, TARGET.runtime, TARGET.core), TARGET)


GRID = [(conv(i, o), 100.0 * i * o + 7 * o) for i in (8, 16, 32) for o in (4, 8)]


def test_measured_layers_are_exact():
    model = model_of(
        *GRID, (Layer(Dense(10), (int8(64),)), 999.0), (Layer(DepthwiseConv2d((3, 3), padding=PADS), (int8(8, 12, 12),)), 55.0)
    )
    assert [cycles(model, layer) for layer, _ in GRID] == [measured for _, measured in GRID]
    assert cycles(model, Layer(Dense(10), (int8(64),))) == 999


@given(st.integers(8, 32), st.integers(4, 8))
def test_between_points_of_a_grid_cycles_are_linear(ins, outs):
    # The plane 100 i o + 7 o is linear along each axis, so that interpolation gives it back.
    assert cycles(model_of(*GRID), conv(ins, outs)) == pytest.approx(100.0 * ins * outs + 7 * outs)


def test_layers_measured_twice_are_their_median():
    assert cycles(model_of((conv(8, 4), 10.0), (conv(8, 4), 30.0), (conv(8, 4), 20.0)), conv(8, 4)) == 20


def test_a_search_sees_the_slope_between_points():
    width = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    op = Conv2d(width, (3, 3), padding=PADS, bias=False)
    x = int8(16, 12, 12)
    weight = Parameter("w", op.parameters(x)["weight"], 8, kind="int")
    graph = Graph({"x": x}, ("y",), (Node("conv", op, ("x",), ("y",), (("weight", "w"),)),), {"w": weight})
    predicted = model_of(*GRID).predict(graph, TARGET).latency_s
    predicted.backward()
    assert float(predicted.detach()) == pytest.approx((100 * 16 * 6 + 7 * 6) / 120e6)
    assert float(width.grad) == pytest.approx((100 * 16 + 7) / 120e6)


def test_guesses_beyond_the_table_are_named():
    model = model_of(*GRID)
    inside, outside, elsewhere = conv(12, 6), conv(64, 8), conv(16, 8, size=20)
    assert model.predict(inside.graph(), TARGET).remarks == ()
    for layer in (outside, elsewhere):
        assert "guessed beyond" in model.predict(layer.graph(), TARGET).remarks[0]
        assert cycles(model, layer) > 0


def test_another_form_is_guessed_by_its_work():
    assert cycles(model_of((conv(16, 8), 144_000.0)), conv(16, 8, size=24)) == pytest.approx(4 * 144_000)


def test_scattered_points_are_exact_and_averaged_between():
    scattered = ((conv(8, 4), 1000.0), (conv(16, 8), 4000.0), (conv(8, 8), 2000.0), (conv(32, 4), 4000.0))
    model = model_of(*scattered)
    assert [cycles(model, layer) for layer, _ in scattered] == pytest.approx([measured for _, measured in scattered])
    assert cycles(model, conv(16, 4)) == pytest.approx(2000, rel=0.05)


def test_kinds_without_a_row_have_no_price():
    pool = Layer(AveragePool2d((2, 2), (2, 2)), (int8(8, 12, 12),))
    assert isinstance(cycles(model_of(*GRID), pool), Unpriced)


def test_a_file_gives_the_same_model(tmp_path):
    model = model_of(*GRID)
    write_model(tmp_path / "model.json", model)
    read = read_model(tmp_path / "model.json")
    assert cycles(read, conv(12, 6)) == cycles(model, conv(12, 6))
    assert read.basis.method == "lookup"


def test_no_rows_make_no_table():
    with pytest.raises(MeasurementError, match="at least one layer"):
        model_of()


def test_tables_with_holes_or_doubles_are_refused():
    form = form_of(choose(conv(8, 4).step, TARGET.runtime, TARGET.core).layer)
    with pytest.raises(ValueError, match="as many"):
        Table(form, (8,), (4, 8), (1.0,), (1.0,))
    with pytest.raises(ValueError, match="once"):
        Table(form, (8, 8), (4, 4), (1.0, 2.0), (1.0, 1.0))
    assert LookupParameters({"*": (Table(form, (8,), (4,), (1.0,), (1.0,)),)})


def test_work_is_macs_where_there_are_any():
    assert work_of(choose(conv(8, 4).step, TARGET.runtime, TARGET.core).layer) == conv(8, 4).step.work.macs
