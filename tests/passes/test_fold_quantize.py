"""Which layers compute on integers, where integers and floats meet, and what is stored how."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.checking import float_islands
from hwcost.frontends.from_onnx import as_written, from_onnx
from hwcost.passes import normalise
from hwcost.passes.fold_quantize import fold_quantize
from tests.onnx_files import INT8, disagreement, floats, model, node
from tests.ops.onnx_cases import CASES
from tests.ops.onnx_layer_cases import LAYERS
from tests.ops.onnx_quantised_cases import DYNAMIC, OPERATORS, PAIRS, SCALES, quantised

STEPS = 2.001
X = {"x": [1, 4, 6, 6]}


def read(nodes, constants=None, inputs=None, **more):
    file = model(nodes, inputs or X, {**SCALES, **(constants or {})}, **more)
    graph = from_onnx(file)
    shape = [d.dim_value for d in file.graph.input[0].type.tensor_type.shape.dim]
    x = floats(*shape, seed=3)
    assert (
        disagreement(
            graph, file, x if file.graph.input[0].type.tensor_type.elem_type == 1 else np.arange(x.size).reshape(shape).astype(np.int8)
        )
        < STEPS
    )
    return graph


def kinds(graph):
    return [step.kind for step in graph.steps]


def bits(graph):
    return [step.output.bits for step in graph.steps]


def test_a_layer_between_pairs_computes_on_integers():
    graph = read([*quantised("x"), node("Sigmoid", ["x_r"], ["s_"]), *quantised("s_", "t", "u")], outputs=["s__r"])
    assert (kinds(graph), bits(graph)) == (["sigmoid"], [8])
    assert graph.inputs["x"].quantisation.scale == (pytest.approx(0.05),)
    assert graph.values[graph.outputs[0]].quantisation.scale == (pytest.approx(0.1),)


def test_a_float_input_that_is_read_as_such_too_stays_a_float():
    graph = read([*quantised("x"), node("Sigmoid", ["x_r"], ["s_"]), *quantised("s_", "t", "u"), node("Mul", ["s__r", "x"])])
    assert graph.inputs["x"].is_float
    assert kinds(graph) == ["quantize", "sigmoid", "dequantize", "mul"]


def test_operators_that_select_take_the_scale_of_what_they_select_from():
    graph = read(
        [
            *quantised("x"),
            node("MaxPool", ["x_r"], ["m"], kernel_shape=[2, 2]),
            node("Transpose", ["m"], ["t_"], perm=[0, 1, 3, 2]),
            node("Softmax", ["t_"], axis=1),
        ]
    )
    assert kinds(graph) == ["max_pool2d", "transpose", "dequantize", "softmax"]
    assert bits(graph) == [8, 8, 32, 32]


def test_operators_that_select_pass_the_scale_they_are_read_with_back():
    layers = [node("Exp", ["x_r"], ["e"]), node("Flatten", ["e"], ["f"]), node("Relu", ["f"], ["r"]), *quantised("r", "t", "u")]
    graph = read([*quantised("x"), *layers], outputs=["r_r"])
    assert (kinds(graph), bits(graph)) == (["exp", "reshape", "relu"], [8, 8, 8])


def test_joined_integers_of_different_scales_are_joined_under_the_scale_of_the_result():
    pairs = [*quantised("x"), node("Neg", ["x_r"], ["n"]), *quantised("n", "t", "u")]
    graph = read([*pairs, node("Concat", ["x_r", "n_r"], ["c"], axis=1), *quantised("c")], outputs=["c_r"])
    assert kinds(graph) == ["neg", "concat"]
    assert {step.output.bits for step in graph.steps} == {8}


def test_joined_integers_of_different_scales_and_none_of_their_own_are_floats():
    pairs = [*quantised("x"), node("Neg", ["x_r"], ["n"]), *quantised("n", "t", "u")]
    graph = read([*pairs, node("Concat", ["x_r", "n_r"], axis=1)])
    assert kinds(graph) == ["neg", "dequantize", "dequantize", "concat"]


def test_what_a_float_layer_makes_is_rounded_before_floats_read_it():
    graph = read([node("Neg", ["x"], ["n"]), *quantised("n"), node("Exp", ["n_r"])])
    assert kinds(graph) == ["neg", "quantize", "dequantize", "exp"]


def test_float_islands_are_named():
    w = {"w": np.ones((4, 4, 1, 1), np.int8), "ws": np.float32(0.1)}
    conv = [node("DequantizeLinear", ["w", "ws"], ["wf"]), node("Conv", ["x_r", "wf"], ["c"]), *quantised("c", "t", "u")]
    graph = read(
        [
            *quantised("x"),
            *conv,
            node("Softmax", ["c_r"], ["s_"], axis=1),
            node("Exp", ["s_"], ["e"]),
            *quantised("e"),
            node("Relu", ["e_r"]),
        ],
        w,
    )
    assert kinds(graph) == ["conv2d", "dequantize", "softmax", "exp", "quantize", "relu"]
    assert float_islands(graph) == ("softmax_s_", "exp_e")


def test_a_layer_with_float_weights_computes_on_floats():
    conv = [node("Conv", ["x_r", "w"], ["c"]), *quantised("c", "t", "u")]
    graph = read([*quantised("x"), *conv], {"w": floats(2, 4, 1, 1)}, outputs=["c_r"])
    assert kinds(graph) == ["dequantize", "conv2d", "quantize"]


def test_a_float_bias_of_an_integer_layer_is_rounded_to_the_accumulator():
    w = {"w": np.full((2, 4, 1, 1), 3, np.int8), "ws": np.float32(0.1), "b": np.array([0.0149, -1.0], np.float32)}
    conv = [node("DequantizeLinear", ["w", "ws"], ["wf"]), node("Conv", ["x_r", "wf", "b"], ["c"]), *quantised("c", "t", "u")]
    graph = read([*quantised("x"), *conv], w, outputs=["c_r"])
    bias = graph.parameters["b"]
    # A step of the accumulator is 0.05 times 0.1.
    assert bias.array().tolist() == [3, -200]
    assert (bias.bits, bias.kind, bias.quantisation) == (32, "int", None)


def test_indices_are_no_real_numbers():
    graph = read([*quantised("x"), node("ArgMax", ["x_r"], axis=1, keepdims=0)])
    assert kinds(graph) == ["arg_max"]
    assert graph.values[graph.outputs[0]].quantisation is None


def test_an_input_of_integers_has_had_its_scale_all_along():
    nodes = [
        node("Reshape", ["x", "shape"], ["r"]),
        node("DequantizeLinear", ["r", "s", "z"], ["f"]),
        node("Relu", ["f"], ["q"]),
        *quantised("q"),
    ]
    graph = read(nodes, {"shape": np.array([1, 2, 72])}, {"x": ([1, 4, 6, 6], INT8)}, outputs=["q_r"])
    assert graph.inputs["x"].quantisation.scale == (pytest.approx(0.05),)
    assert graph.notes == ("an output is given as 8-bit integers: dequantising it is left to the application",)


def test_a_float_network_is_left_alone():
    graph = as_written(model([node("Relu", ["x"])], X))
    assert fold_quantize(graph) is graph


@pytest.mark.parametrize("file", [parameter.values[0] for parameter in (*LAYERS, *CASES, *PAIRS, *OPERATORS, *DYNAMIC)])
def test_normalising_again_changes_nothing(file):
    graph = from_onnx(file)
    assert normalise(graph) is graph
