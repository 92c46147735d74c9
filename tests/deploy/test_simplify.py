"""Simplified programs give the same outputs to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hwcost
from hwcost.deploy.interpret import interpret
from hwcost.deploy.lower import lower
from hwcost.deploy.program import Concat, Convolution, Lookup, Program
from hwcost.kernels.facts import facts
from tests.deploy.qdq import Model


def _separable(folder: Path, seed: int, zero: int, pads: int, dead: float) -> Path:
    """Pointwise, depthwise and pointwise layers, some channels of which see weights of nothing, others a bias far below the range."""
    rng = np.random.default_rng(seed)
    model = Model(folder)
    x = model.input("x", (3, 6, 5), 0.02, 9)
    first = rng.integers(-127, 128, (8, 3, 1, 1)) * (rng.random((8, 1, 1, 1)) >= dead)
    low = np.where(rng.random(8) < dead, -(10**6), rng.integers(-500, 500, 8))
    a = model.node("Conv", [x, model.weights("w", first, 0.01), model.bias("b", low, 0.0002)], "a", 0.05, zero)
    second = rng.integers(-127, 128, (8, 1, 3, 3)) * (rng.random((8, 1, 1, 1)) >= dead)
    b = model.node("Conv", [a, model.weights("v", second, 0.01)], "d", 0.1, zero, group=8, pads=[pads] * 4)
    model.node("Conv", [b, model.weights("u", rng.integers(-127, 128, (4, 8, 3, 3)), 0.01)], "y", 0.2, -5, pads=[pads] * 4)
    return model.saved("y")


def _run(program: Program, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    feed = {name: rng.integers(-128, 128, spec.shape).astype(np.int8) for name, spec in program.graph.inputs.items()}
    return list(interpret(program, feed).values())


@given(st.integers(0, 10**6), st.sampled_from([-128, -3, 127]), st.integers(0, 1), st.sampled_from([0.2, 0.6, 1.0]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_channels_that_never_change_go_and_outputs_stay(tmp_path: Path, seed: int, zero: int, pads: int, dead: float) -> None:
    graph = hwcost.from_onnx(_separable(tmp_path, seed, zero, pads, dead))
    whole, less = lower(graph, simplify=False), lower(graph)
    for a, b in zip(_run(whole, seed), _run(less, seed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_notes_and_the_graph_say_which_channels_went(tmp_path: Path) -> None:
    program = lower(hwcost.from_onnx(_separable(tmp_path, 3, -128, 0, 0.6)))
    assert any("whatever the input left out of" in note for note in program.notes)
    first, second, _ = program.graph.steps
    assert first.output.shape[0] == second.output.shape[0] < 8
    assert program.tensors[first.node.output].shape[-1] == first.output.shape[0]


def test_a_constant_channel_stays_where_padding_holds_another_number(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (2, 4, 4), 0.02, 9)
    w = model.weights("w", np.asarray([[1, 2], [0, 0]]).reshape(2, 2, 1, 1), 0.01)
    a = model.node("Conv", [x, w, model.bias("b", np.asarray([0, 500]), 0.0002)], "a", 0.05, 0)
    model.node("Conv", [a, model.weights("u", np.ones((1, 2, 3, 3)), 0.01)], "y", 0.2, 0, pads=[1, 1, 1, 1])
    program = lower(hwcost.from_onnx(model.saved("y")))
    assert program.notes == ()
    assert program.graph.steps[0].output.shape[0] == 2


def test_tables_that_follow_each_other_are_one(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 5), 0.05, 3)
    model.node("Tanh", [model.node("Sigmoid", [x], "s", 1 / 256, -128)], "y", 1 / 128, 0)
    graph = hwcost.from_onnx(model.saved("y"))
    whole, less = lower(graph, simplify=False), lower(graph)
    assert [type(layer) for layer in less.layers] == [Lookup]
    for a, b in zip(_run(whole, 1), _run(less, 1), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("scale", [0.02, 0.05])
def test_a_table_before_a_concatenation_is_one_of_its_tables(tmp_path: Path, scale: float) -> None:
    # 0.02 is the concatenation's own, which then took the table's output as it was; from 0.05 it has a table of its own.
    model = Model(tmp_path)
    x, z = model.input("x", (3, 4, 4), 0.04, 3), model.input("z", (2, 4, 4), 0.02, -7)
    s = model.node("Tanh", [x], "s", scale, -7)
    model.node("Concat", [s, z], "y", 0.02, -7, axis=1)
    graph = hwcost.from_onnx(model.saved("y"))
    whole, less = lower(graph, simplify=False), lower(graph)
    assert [type(layer) for layer in whole.layers] == [Lookup, Concat]
    (joined,) = less.layers
    assert isinstance(joined, Concat)
    assert [table is not None for table in joined.tables] == [True, False]
    assert facts(less.graph.steps[0]).tables == 1
    assert less.notes == (f"the table '{graph.nodes[0].name}' is part of '{graph.nodes[1].name}'",)
    for a, b in zip(_run(whole, 2), _run(less, 2), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_table_stays_where_scales_do_not_tell_that_the_concatenation_has_one(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x, z = model.input("x", (3, 4, 4), 0.02, -7), model.input("z", (2, 4, 4), 0.02, -7)
    model.node("Concat", [model.node("Tanh", [x], "s", 0.02, -7), z], "y", 0.02, -7, axis=1)
    program = lower(hwcost.from_onnx(model.saved("y")))
    assert [type(layer) for layer in program.layers] == [Lookup, Concat]
    assert program.notes == ()


@pytest.mark.parametrize(("zero", "goes"), [(-128, True), (-127, False)])
def test_a_table_that_changes_nothing_goes(tmp_path: Path, zero: int, goes: bool) -> None:
    model = Model(tmp_path)
    positive = model.node("Abs", [model.input("x", (2, 4, 4), 0.02, zero)], "r", 0.02, zero)
    model.node("Conv", [positive, model.weights("w", np.arange(1, 5).reshape(2, 2, 1, 1), 0.01)], "y", 0.02, 0)
    graph = hwcost.from_onnx(model.saved("y"))
    whole, less = lower(graph, simplify=False), lower(graph)
    assert [type(layer) for layer in less.layers] == ([Convolution] if goes else [Lookup, Convolution])
    for a, b in zip(_run(whole, 3), _run(less, 3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_output_keeps_the_table_that_makes_it(tmp_path: Path) -> None:
    model = Model(tmp_path)
    model.node("Abs", [model.input("x", (2, 4), 0.02, -128)], "y", 0.02, -128)
    assert [type(layer) for layer in lower(hwcost.from_onnx(model.saved("y"))).layers] == [Lookup]
