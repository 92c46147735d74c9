"""Biases and factors written as layers of their own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hwcost.frontends.from_onnx import as_written, from_onnx
from hwcost.passes.fold_affine import MOST_IN_A_ROW, fold_affine
from tests.onnx_files import disagreement, floats, model, node

EXACT = 1e-5
IMAGE = {"x": [1, 3, 5, 5]}
ROWS = {"x": [1, 4, 6]}
W, D = {"w": floats(2, 3, 3, 3)}, {"d": floats(6, 5)}
CONV, DENSE = node("Conv", ["x", "w"], ["c"]), node("MatMul", ["x", "d"], ["c"])


def folded(nodes, inputs, constants):
    """The network after the pass alone, which must compute the same and be left as it is the second time."""
    file = model(nodes, inputs, constants)
    graph = fold_affine(as_written(file))
    assert disagreement(graph, file, *(floats(*shape, seed=3) for shape in inputs.values())) < EXACT
    assert fold_affine(graph) is graph
    return graph


def kinds(graph):
    return [step.kind for step in graph.steps]


@pytest.mark.parametrize(
    ("op", "operands", "constant"),
    [
        ("Add", ["c", "k"], floats(2, 1, 1)),
        ("Add", ["k", "c"], floats(1, 2, 1, 1)),
        ("Sub", ["c", "k"], floats(2, 1, 1)),
        ("Mul", ["c", "k"], floats(2, 1, 1)),
        ("Div", ["c", "k"], floats(2, 1, 1) + 3),
        ("Add", ["c", "k"], np.float32(0.5)),
        ("Mul", ["c", "k"], np.float32(-2)),
    ],
)
def test_a_constant_per_channel_goes_into_a_convolution(op, operands, constant):
    graph = folded([CONV, node(op, operands)], IMAGE, {**W, "k": constant})
    assert kinds(graph) == ["conv2d"]
    assert graph.params == 54 + (2 if op in {"Add", "Sub"} else 0)


@pytest.mark.parametrize(("op", "constant"), [("Add", floats(5)), ("Mul", floats(5)), ("Add", np.float32(1))])
def test_a_constant_per_feature_goes_into_a_dense_layer(op, constant):
    assert kinds(folded([DENSE, node(op, ["c", "k"])], ROWS, {**D, "k": constant})) == ["dense"]


def test_several_constants_go_in_one_after_the_other():
    nodes = [CONV, node("Mul", ["c", "k"], ["m"]), node("Add", ["m", "l"], ["a"]), node("Mul", ["a", "k"], ["n"]), node("Sub", ["n", "l"])]
    graph = folded(nodes, IMAGE, {**W, "k": floats(2, 1, 1), "l": floats(2, 1, 1, seed=5)})
    assert kinds(graph) == ["conv2d"]


@pytest.mark.parametrize(
    ("op", "operands", "constant"),
    [
        ("Sub", ["k", "c"], floats(2, 1, 1)),
        ("Div", ["k", "c"], floats(2, 1, 1)),
        ("Add", ["c", "k"], floats(3)),
        ("Mul", ["c", "k"], floats(2, 3, 3)),
        ("Pow", ["c", "k"], np.float32(2)),
        ("Max", ["c", "k"], np.float32(2)),
    ],
)
def test_other_constants_stay(op, operands, constant):
    assert len(folded([CONV, node(op, operands)], IMAGE, {**W, "k": constant}).nodes) == 2


def test_a_constant_stays_where_the_layer_is_read_without_it_too():
    nodes = [CONV, node("Add", ["c", "k"], ["a"]), node("Mul", ["a", "c"])]
    assert kinds(folded(nodes, IMAGE, {**W, "k": floats(2, 1, 1)})) == ["conv2d", "add", "mul"]


def test_a_constant_stays_where_the_weights_are_shared():
    nodes = [CONV, node("Conv", ["x", "w"], ["e"], dilations=[1, 1]), node("Add", ["c", "k"], ["a"]), node("Mul", ["a", "e"])]
    assert kinds(folded(nodes, IMAGE, {**W, "k": floats(2, 1, 1)})) == ["conv2d", "conv2d", "add", "mul"]


def test_a_very_long_run_of_constants_stays():
    names = ["c", *(f"m{i}" for i in range(MOST_IN_A_ROW)), "y"]
    chain = [node("Mul", [before, "k"], [after]) for before, after in pairwise(names)]
    assert len(folded([CONV, *chain], IMAGE, {**W, "k": floats(2, 1, 1)}).nodes) == MOST_IN_A_ROW + 2


def test_quantised_weights_keep_their_integers_and_take_the_factor_into_their_scale():
    stored = np.arange(-15, 15, dtype=np.int8).reshape(6, 5)
    nodes = [node("DequantizeLinear", ["q", "s"], ["d"]), DENSE, node("Mul", ["c", "k"])]
    graph = folded(nodes, ROWS, {"q": stored, "s": np.float32(0.5), "k": np.array([1, 2, 3, 4, 5], np.float32)})
    (layer,) = graph.steps
    weight = dict(layer.parameters)["weight"]
    assert weight.quantisation.scale == (0.5, 1.0, 1.5, 2.0, 2.5)
    assert weight.quantisation.axis == 0
    np.testing.assert_array_equal(weight.array(), stored.T)


def test_a_negative_factor_of_quantised_weights_stays():
    nodes = [node("DequantizeLinear", ["q", "s"], ["d"]), DENSE, node("Mul", ["c", "k"])]
    graph = folded(nodes, ROWS, {"q": np.ones((6, 5), np.int8), "s": np.float32(0.5), "k": np.float32(-1)})
    assert kinds(graph) == ["dense", "mul"]


def test_the_bias_of_a_layer_is_named_after_the_constant():
    graph = from_onnx(model([DENSE, node("Add", ["c", "bias"])], ROWS, {**D, "bias": floats(5)}))
    assert dict(graph.nodes[0].parameters)["bias"] == "bias"
