"""Networks written channels last: their transposes go, and they compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.frontends.from_onnx import as_written, from_onnx
from hwcost.passes.drop_layout import drop_layout
from tests.onnx_files import disagreement, floats, model, node

EXACT = 1e-5
LAST = {"x": [1, 6, 5, 4]}
FIRST = {"x": [1, 4, 6, 5]}
W = {"w": floats(4, 4, 3, 3), "v": floats(4, 4, 3, 3, seed=1), "b": floats(4)}


def to_first(x, y):
    return node("Transpose", [x], [y], perm=[0, 3, 1, 2])


def to_last(x, y):
    return node("Transpose", [x], [y], perm=[0, 2, 3, 1])


def conv(x, y, weight="w"):
    return node("Conv", [x, weight], [y], pads=[1, 1, 1, 1])


def read(nodes, inputs=None, constants=None, **more):
    """The graph in normal form, which must compute what onnxruntime computes."""
    file = model(nodes, inputs or LAST, {**W, **(constants or {})}, **more)
    graph = from_onnx(file)
    shapes = [[d.dim_value for d in each.type.tensor_type.shape.dim] for each in file.graph.input]
    assert disagreement(graph, file, *(floats(*shape, seed=7) for shape in shapes)) < EXACT
    return graph


def kinds(graph):
    return [step.kind for step in graph.steps]


def test_a_convolution_between_transposes_is_a_convolution():
    graph = read([to_first("x", "a"), conv("a", "b_"), to_last("b_", "y")])
    assert kinds(graph) == ["conv2d"]
    assert graph.inputs["x"].shape == (4, 6, 5)
    assert graph.notes == ("input 'x' is taken channels first: 4x6x5", "an output is given channels first instead of 6x5x4")


def test_what_stands_between_two_layouts_is_computed_in_one():
    middle = [to_last("c", "l"), node("Add", ["l", "b"], ["m"]), node("Sigmoid", ["m"], ["s"]), to_first("s", "t")]
    graph = read([to_first("x", "a"), conv("a", "c"), *middle, conv("t", "y", "v")])
    assert kinds(graph) == ["conv2d", "sigmoid", "conv2d"]


def test_a_residual_sum_in_the_other_layout():
    block = [conv("a", "c"), to_last("c", "l"), node("Relu", ["l"], ["r"]), to_first("r", "t"), conv("t", "d", "v"), to_last("d", "e")]
    graph = read(
        [
            conv("x", "o"),
            to_last("o", "p"),
            to_first("p", "a"),
            *block,
            node("Add", ["p", "e"], ["s"]),
            to_first("s", "f"),
            node("MaxPool", ["f"], kernel_shape=[2, 2]),
        ],
        FIRST,
    )
    assert kinds(graph) == ["conv2d", "conv2d", "conv2d", "add", "max_pool2d"]


def test_a_gate_of_one_element_per_channel():
    gate = [node("ReduceMean", ["l", "hw"], ["g"]), node("Sigmoid", ["g"], ["s"])]
    graph = read(
        [conv("x", "c"), to_last("c", "l"), *gate, node("Mul", ["l", "s"], ["m"]), to_first("m", "y")], FIRST, {"hw": np.array([1, 2])}
    )
    assert kinds(graph) == ["conv2d", "global_average_pool", "sigmoid", "mul"]


def test_a_mean_over_positions_is_a_global_pool_and_leaves_no_transpose():
    graph = read(
        [conv("x", "c"), to_last("c", "l"), node("ReduceMean", ["l", "hw"], ["g"], keepdims=0), node("Gemm", ["g", "d"])],
        FIRST,
        {"hw": np.array([1, 2]), "d": floats(4, 3)},
    )
    assert kinds(graph) == ["conv2d", "global_average_pool", "reshape", "dense"]


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        (node("Softmax", ["l"], ["m"], axis=3), "softmax"),
        (node("Concat", ["l", "l"], ["m"], axis=1), "concat"),
        (node("Pad", ["l", "p"], ["m"]), "pad"),
        (node("Slice", ["l", "one", "two", "axis"], ["m"]), "slice"),
        (node("Mul", ["l", "row"], ["m"]), "mul"),
        (node("Clip", ["l", "low"], ["m"]), "clip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_operators_with_axes_have_them_renamed(op, kind):
    stored = {
        "p": np.array([0, 1, 0, 0, 0, 2, 0, 0]),
        "one": np.array([1]),
        "two": np.array([3]),
        "axis": np.array([2]),
        "row": floats(5, 1),
        "low": np.float32(-0.1),
    }
    graph = read(
        [node("MaxPool", ["x"], ["c"], kernel_shape=[1, 1]), to_last("c", "l"), op, to_first("m", "f"), node("GlobalMaxPool", ["f"])],
        FIRST,
        stored,
    )
    assert kinds(graph) == ["max_pool2d", kind, "global_max_pool"]


def test_a_split_is_computed_in_the_other_layout():
    parts = node("Split", ["l"], ["m", "n"], axis=3, num_outputs=2)
    graph = read([conv("x", "c"), to_last("c", "l"), parts, to_first("m", "f"), to_first("n", "g"), node("Add", ["f", "g"])], FIRST)
    assert kinds(graph) == ["conv2d", "split", "add"]


def test_before_a_dense_layer_the_columns_are_moved_instead():
    nodes = [conv("x", "c"), to_last("c", "l"), node("Flatten", ["l"], ["f"]), node("Gemm", ["f", "d"], transB=1)]
    graph = read(nodes, FIRST, {"d": floats(3, 120)})
    assert kinds(graph) == ["conv2d", "reshape", "dense"]
    moved = graph.parameters[dict(graph.nodes[-1].parameters)["weight"]].array()
    np.testing.assert_array_equal(moved, floats(3, 120).reshape(3, 6, 5, 4).transpose(0, 3, 1, 2).reshape(3, 120))


def test_a_weight_that_others_read_is_not_moved():
    flat = [conv("x", "c"), to_last("c", "l"), node("Flatten", ["l"], ["f"]), node("Flatten", ["c"], ["g"])]
    graph = read(
        [*flat, node("Gemm", ["f", "d"], ["h"], transB=1), node("Gemm", ["g", "d"], ["i"], transB=1), node("Add", ["h", "i"])],
        FIRST,
        {"d": floats(3, 120)},
    )
    assert "transpose" in kinds(graph)


def test_transposes_that_are_work_stay():
    norm = node("LayerNormalization", ["l", "s", "b"], ["n"], axis=-1)
    graph = read([conv("x", "c"), to_last("c", "l"), norm, to_first("n", "t"), conv("t", "y", "v")], FIRST, {"s": floats(4)})
    assert kinds(graph) == ["conv2d", "transpose", "layer_norm", "transpose", "conv2d"]


def test_an_input_read_in_both_layouts_stays_as_it_is():
    graph = read(
        [
            to_first("x", "a"),
            conv("a", "c"),
            node("ReduceMax", ["c", "hw"], ["m"], keepdims=0),
            node("ReduceMax", ["x", "h"], ["n"], keepdims=0),
            node("Add", ["m", "n"]),
        ],
        LAST,
        {"hw": np.array([2, 3]), "h": np.array([1, 2])},
    )
    assert graph.inputs["x"].shape == (6, 5, 4)


def test_an_input_of_one_channel_is_taken_channels_first():
    graph = read(
        [node("Reshape", ["x", "s"], ["a"]), conv("a", "y", "u")],
        {"x": [1, 6, 5, 1]},
        {"s": np.array([1, 1, 6, 5]), "u": floats(2, 1, 3, 3)},
    )
    assert kinds(graph) == ["conv2d"]
    assert graph.inputs["x"].shape == (1, 6, 5)


def test_sequences_with_channels_last():
    nodes = [node("Transpose", ["x"], ["a"], perm=[0, 2, 1]), node("Conv", ["a", "k"], ["c"]), node("Transpose", ["c"], perm=[0, 2, 1])]
    graph = read(nodes, {"x": [1, 9, 3]}, {"k": floats(5, 3, 2)})
    assert kinds(graph) == ["conv1d"]
    assert graph.inputs["x"].shape == (3, 9)


def test_nothing_to_drop_is_the_same_network():
    graph = as_written(model([conv("x", "y")], FIRST, W))
    assert drop_layout(graph) is graph
