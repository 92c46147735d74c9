"""Lowered networks give what onnxruntime gives for the same file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

import hwcost  # noqa: E402
from hwcost.deploy.interpret import interpret  # noqa: E402
from hwcost.deploy.lower import lower  # noqa: E402
from hwcost.errors import GraphError  # noqa: E402
from hwcost.tensor import Quantisation  # noqa: E402
from hwcost.verify.oracle import input_ranges, noise, own_answers  # noqa: E402
from tests.deploy.qdq import Model, both, furthest  # noqa: E402

RNG = np.random.default_rng(7)


def _weights(*shape: int) -> Any:
    return RNG.integers(-127, 128, shape)


@pytest.mark.parametrize("name", ["resnet8", "dscnn", "autoencoder"])
def test_the_reference_networks_follow_onnxruntime(shared: Path, name: str) -> None:
    path = shared / "models" / f"mlperf_tiny_{name}_int8_qdq.onnx"
    program = lower(hwcost.from_onnx(path))
    session = ort.InferenceSession(str(path))
    (given,) = session.get_inputs()
    rng, same, apart = np.random.default_rng(1), 0, []
    for _ in range(20):
        x = rng.integers(-128, 128, [1, *given.shape[1:]]).astype(np.int8)
        (mine,) = interpret(program, {given.name: x}).values()
        theirs = session.run(None, {given.name: x})[0][0]
        same += int(mine.argmax() == theirs.argmax())
        apart.append(np.abs(mine.astype(int) - theirs))
    assert same == 20
    # The average pool of ResNet-8 meets exact halves, which onnxruntime rounds to even; its dense layer and softmax magnify that.
    assert np.mean(np.concatenate(apart) <= 1) >= (0.9 if name == "resnet8" else 0.999)


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((3, 7, 6), (5, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((4, 9, 9), (6, 2, 3, 3), {"group": 2, "strides": [2, 2], "pads": [0, 1, 2, 1]}),
    ((4, 9, 8), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    ((3, 8, 8), (6, 1, 2, 2), {"group": 3}),
    ((2, 9, 9), (3, 2, 3, 3), {"dilations": [2, 2]}),
    ((5, 11), (4, 5, 3), {"pads": [2, 0], "strides": [2]}),
    ((5, 11), (5, 1, 3), {"group": 5, "dilations": [2]}),
]


@pytest.mark.parametrize(("shape", "weights", "attributes"), CONVOLUTIONS)
@pytest.mark.parametrize("unsigned", [False, True])
def test_convolutions(tmp_path: Path, shape: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any], unsigned: bool) -> None:
    model = Model(tmp_path, unsigned)
    zero = 200 if unsigned else 72
    x = model.input("x", shape, 0.02, zero)
    scale = RNG.uniform(0.001, 0.01, weights[0]).astype(np.float32)
    w = model.weights("w", _weights(*weights), scale)
    b = model.bias("b", RNG.integers(-2000, 2000, weights[0]), np.float32(0.02) * scale)
    model.node("Conv", [x, w, b], "y", 0.05, 100 if unsigned else -28, **attributes)
    assert furthest(model.saved("y")) <= 1


@pytest.mark.parametrize("activation", ["Relu", "Clip"])
def test_bounds_fused_into_a_convolution_clamp_its_integers(tmp_path: Path, activation: str) -> None:
    model = Model(tmp_path)
    x = model.input("x", (3, 5, 5), 0.02, -3)
    w = model.weights("w", _weights(4, 3, 3, 3), 0.004)
    from onnx import helper

    bounds = [] if activation == "Relu" else [model.constant("low", np.float32(0)), model.constant("high", np.float32(1.5))]
    model.nodes.append(helper.make_node("Conv", [x, w], ["c"]))
    model.node(activation, ["c", *bounds], "y", 0.02, -100)
    mine, theirs, program = both(model.saved("y"))
    assert np.abs(mine[0].astype(int) - theirs[0][0]).max() <= 1
    assert mine[0].min() == -100
    assert len(program.layers) == 1


def test_transposed_convolution(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 5, 4), 0.03, 11)
    w = model.weights("w", _weights(4, 3, 3, 3), RNG.uniform(0.002, 0.01, 3), axis=1)
    model.node("ConvTranspose", [x, w], "y", 0.06, 5, strides=[2, 2], pads=[1, 0, 0, 1], output_padding=[1, 0])
    assert furthest(model.saved("y")) <= 1


def test_grouped_transposed_convolution(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 5, 4), 0.03, 11)
    w = model.weights("w", _weights(4, 3, 3, 3), 0.004)
    model.node("ConvTranspose", [x, w], "y", 0.06, 5, group=2, strides=[2, 1])
    assert furthest(model.saved("y")) <= 1


def test_flattened_images_reach_dense_layers_without_a_move(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (3, 4, 5), 0.02, 5)
    w = model.weights("w", _weights(4, 3, 1, 1), 0.004)
    y = model.node("Conv", [x, w], "c", 0.02, -10)
    flat = model.node("Flatten", [y], "f", 0.02, -10)
    v = model.weights("v", _weights(80, 6), 0.004)
    model.node("MatMul", [flat, v], "y", 0.08, 3)
    path = model.saved("y")
    assert furthest(path) <= 1
    assert [type(layer).__name__ for layer in both(path)[2].layers] == ["Convolution", "Alias", "Convolution"]


def test_a_flattened_image_that_is_an_output_is_moved_to_the_files_order(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (3, 4, 5), 0.02, 5)
    w = model.weights("w", _weights(4, 3, 1, 1), 0.004)
    y = model.node("Conv", [x, w], "c", 0.02, -10)
    model.node("Flatten", [y], "f", 0.02, -10)
    path = model.saved("f")
    assert furthest(path) <= 1
    assert type(both(path)[2].layers[-1]).__name__ == "Move"


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_two_activations(tmp_path: Path, op: str) -> None:
    model = Model(tmp_path)
    x, z = model.input("x", (4, 3, 5), 0.02, 127), model.input("z", (4, 1, 1), 0.05, -128)
    model.node(op, [x, z], "y", 0.11, 12)
    assert furthest(model.saved("y")) <= 1


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("first", [False, True])
def test_an_activation_and_a_constant(tmp_path: Path, op: str, first: bool) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 3, 5), 0.02, 12)
    c = model.weights("c", np.asarray([50, -3, 100, 20]).reshape(1, 4, 1, 1), 0.03)
    w = model.weights("w", _weights(4, 4, 1, 1), 0.004)
    y = model.node("Conv", [x, w], "k", 0.05, -10)
    model.node(op, [c, y] if first else [y, c], "y", 0.04, 12)
    assert furthest(model.saved("y")) <= 1


UNARY = ["Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Selu", "LeakyRelu", "Softplus", "Softsign", "Exp", "Erf", "Abs", "Neg"]


@pytest.mark.parametrize("op", [*UNARY, "Sign", "Sin", "Cos", "Floor", "Ceil", "Round", "Sqrt", "Log", "Reciprocal"])
def test_functions_of_one_value(tmp_path: Path, op: str) -> None:
    model = Model(tmp_path)
    positive = op in ("Sqrt", "Log", "Reciprocal")
    x = model.input("x", (3, 40), 0.03, -128 if positive else 9)
    shifted = model.node("Add", [x, model.weights("one", np.asarray([25]), 0.01)], "s", 0.03, -128) if positive else x
    model.node(op, [shifted], "y", 0.03, -20)
    assert furthest(model.saved("y")) <= 1


@pytest.mark.parametrize("axis", [-1, 1])
def test_softmax(tmp_path: Path, axis: int) -> None:
    model = Model(tmp_path)
    x = model.input("x", (5, 10), 0.04, 3)
    model.node("Softmax", [x], "y", 1 / 256, -128, axis=axis)
    assert furthest(model.saved("y")) <= 1


POOLS: list[dict[str, Any]] = [
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [2, 2]},
    {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1]},
]


@pytest.mark.parametrize("attributes", [*POOLS, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}])
def test_average_pools(tmp_path: Path, attributes: dict[str, Any]) -> None:
    model = Model(tmp_path)
    model.node("AveragePool", [model.input("x", (3, 7, 8), 0.03, 50)], "y", 0.02, -4, **attributes)
    assert furthest(model.saved("y")) <= 1


@pytest.mark.parametrize("attributes", POOLS)
def test_max_pools_are_exact(tmp_path: Path, attributes: dict[str, Any]) -> None:
    model = Model(tmp_path)
    model.node("MaxPool", [model.input("x", (3, 7, 8), 0.03, 50)], "y", 0.03, 50, **attributes)
    assert furthest(model.saved("y")) == 0


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceMin"])
def test_over_all_places(tmp_path: Path, op: str) -> None:
    model = Model(tmp_path)
    attributes = {"axes": [2, 3], "keepdims": 0} if op.startswith("Reduce") else {}
    model.node(op, [model.input("x", (3, 7, 8), 0.03, 50)], "y", 0.03, 50, **attributes)
    assert furthest(model.saved("y")) <= ("Mean" in op or "Average" in op)


def test_concat_of_two_scales(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x, z = model.input("x", (3, 4, 4), 0.03, 50), model.input("z", (2, 4, 4), 0.05, -7)
    model.node("Concat", [x, z], "y", 0.05, -7, axis=1)
    assert furthest(model.saved("y")) <= 1


MOVES: list[tuple[str, dict[str, Any], list[tuple[str, Any]]]] = [
    ("Transpose", {"perm": [0, 2, 3, 1]}, []),
    ("Slice", {}, [("starts", [1]), ("ends", [4]), ("axes", [2])]),
    ("Slice", {}, [("starts", [-1]), ("ends", [-100]), ("axes", [3]), ("steps", [-2])]),
    ("Pad", {"mode": "constant"}, [("pads", [0, 0, 1, 2, 0, 1, 0, 3])]),
    ("Pad", {"mode": "reflect"}, [("pads", [0, 0, 1, 2, 0, 0, 1, 3])]),
    ("Gather", {"axis": 1}, [("indices", [2, 0, 0, 3])]),
    ("DepthToSpace", {"blocksize": 2}, []),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, []),
    ("SpaceToDepth", {"blocksize": 2}, []),
    ("Reshape", {}, [("shape", [1, 8, 2, 12])]),
]


@pytest.mark.parametrize(("op", "attributes", "constants"), MOVES)
def test_moves_are_exact(tmp_path: Path, op: str, attributes: dict[str, Any], constants: list[tuple[str, Any]]) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 6, 8), 0.03, 50)
    w = model.weights("w", np.eye(4).reshape(4, 4, 1, 1), 1.0)
    y = model.node("Conv", [x, w], "c", 0.03, 50)  # so that memory is channels last
    model.node(op, [y, *(model.constant(name, np.asarray(values, np.int64)) for name, values in constants)], "y", 0.03, 50, **attributes)
    assert furthest(model.saved("y")) == 0


@pytest.mark.parametrize("coordinates", ["asymmetric", "half_pixel", "align_corners"])
@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
def test_resize_to_the_nearest(tmp_path: Path, coordinates: str, rounding: str) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 6, 8), 0.03, 50)
    sizes = model.constant("sizes", np.asarray([1, 4, 9, 12], np.int64))
    attributes = {"mode": "nearest", "coordinate_transformation_mode": coordinates, "nearest_mode": rounding}
    model.node("Resize", [x, "", "", sizes], "y", 0.03, 50, **attributes)
    assert furthest(model.saved("y")) == 0


def test_products_of_two_activations(tmp_path: Path) -> None:
    model = Model(tmp_path)
    a, b = model.input("a", (2, 5, 7), 0.02, 9), model.input("b", (2, 7, 3), 0.03, -20)
    model.node("MatMul", [a, b], "y", 0.03, 4)
    assert furthest(model.saved("y")) <= 1


def test_split_is_a_move_for_each_part(tmp_path: Path) -> None:
    from onnx import helper

    model = Model(tmp_path)
    x = model.input("x", (6, 4, 4), 0.03, 5)
    sizes = model.constant("sizes", np.asarray([2, 4], np.int64))
    model.nodes.append(helper.make_node("Split", [x, sizes], ["p", "q"], axis=1))
    for name in ("p", "q"):
        model.stored(name, f"{name}.out", 0.03, 5)
    assert furthest(model.saved("p.out", "q.out")) == 0


def test_everything_that_cannot_be_lowered_is_named_at_once(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (4, 6), 0.03, 50)
    y = model.node("LogSoftmax", [x], "first", 0.05, 50)
    model.node("ReduceL2", [y], "second", 0.05, 50, axes=[2])
    with pytest.raises(GraphError, match=r"(?s)2 faults.*log_softmax.*reduce_l2"):
        lower(hwcost.from_onnx(model.saved("second")))


def test_a_sum_that_overflows_int32_is_refused_by_name(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x = model.input("x", (2, 3, 3), 1e-7, 0)
    w = model.weights("w", _weights(2, 2, 1, 1), 1e-4)
    b = model.bias("b", np.asarray([5, 2**31 - 1]), 1e-11)
    model.node("Conv", [x, w, b], "y", 0.03, 50)
    with pytest.raises(GraphError, match="int32 overflow in output channel 1"):
        lower(hwcost.from_onnx(model.saved("y")))


@pytest.mark.parametrize("scale", [0.0, np.inf, np.nan, -0.5])
def test_degenerate_scales_are_refused_by_name(tmp_path: Path, scale: float) -> None:
    model = Model(tmp_path)
    x = model.input("x", (2, 3, 3), 0.1, 0)
    model.node("Conv", [x, model.weights("w", _weights(2, 2, 1, 1), 0.1)], "y", 0.03, 50)
    graph = hwcost.from_onnx(model.saved("y"))
    wrong = replace(graph.inputs["x"], quantisation=Quantisation((scale,), (0,)))
    with pytest.raises(GraphError, match=r"expected scales above 0.*'x'"):
        lower(replace(graph, inputs={"x": wrong}))


def test_a_float_layer_in_between_is_named_with_the_way_out(tmp_path: Path) -> None:
    from onnx import helper

    model = Model(tmp_path)
    x = model.input("x", (2, 3, 3), 0.1, 0)
    model.nodes.append(helper.make_node("Sigmoid", [x], ["s"]))
    model.node("Tanh", ["s"], "y", 0.01, 0)
    with pytest.raises(GraphError, match=r"sigmoid computes on floats.*hwcost quantize"):
        lower(hwcost.from_onnx(model.saved("y")))


@pytest.mark.parametrize("op", ["Slice", "MaxPool", "Max"])
def test_operators_that_pick_across_scales_get_a_table(tmp_path: Path, op: str) -> None:
    model = Model(tmp_path)
    x, z = model.input("x", (3, 6, 6), 0.03, 50), model.input("z", (3, 6, 6), 0.02, -7)
    limits = [model.constant(name, np.asarray([n], np.int64)) for name, n in (("starts", 1), ("ends", 4), ("axes", 2))]
    others = {"Slice": limits, "MaxPool": [], "Max": [z]}[op]
    made = model.node(op, [x, *others], "m", 0.05, 3, **({"kernel_shape": [2, 2]} if op == "MaxPool" else {}))
    if op != "Max":
        model.node("GlobalMaxPool", [z], "other", 0.02, -7)
    model.node("Tanh", [made], "y", 1 / 128, 0)
    assert furthest(model.saved("m", "y")) <= 1


def test_a_value_is_moved_where_layers_need_it_in_two_orders(tmp_path: Path) -> None:
    model = Model(tmp_path)
    x, b = model.input("x", (3, 4, 5), 0.02, 5), model.input("b", (3, 5, 2), 0.03, 5)
    c = model.node("Conv", [x, model.weights("w", _weights(3, 3, 1, 1), 0.004)], "c", 0.02, -10)
    model.node("MatMul", [c, b], "y", 0.05, 3)
    model.node("GlobalAveragePool", [c], "g", 0.02, 3)
    assert furthest(model.saved("y", "g")) <= 1


def test_a_value_is_moved_behind_a_layer_that_makes_it_in_another_order(tmp_path: Path) -> None:
    # The matrix product makes rows as the graph has them; the sum lies as the convolution's output, channels last.
    model = Model(tmp_path)
    x, b = model.input("x", (3, 4, 5), 0.02, 5), model.input("b", (3, 5, 5), 0.03, 5)
    c = model.node("Conv", [x, model.weights("w", _weights(3, 3, 1, 1), 0.004)], "c", 0.02, -10)
    p = model.node("MatMul", [c, b], "p", 0.05, 3)
    s = model.node("Add", [p, c], "s", 0.06, 1)
    model.node("Conv", [s, model.weights("v", _weights(2, 3, 1, 1), 0.004)], "y", 0.02, 0)
    assert furthest(model.saved("y")) <= 2  # Four layers, each of which may turn a step the other way; another order is dozens apart.


def test_a_batch_norm_between_a_sum_and_dense_layers_deploys(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tests.nas.zoo import NETWORKS
    from tools.deploying.networks import write_int8

    kind, shape = NETWORKS["Mixer"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        path = write_int8(kind(), shape, tmp_path / "mixer.onnx", 3)
    graph = hwcost.from_onnx(path)
    assert {node.op.kind for node in graph.nodes}.isdisjoint({"batch_norm", "dequantize", "quantize"})
    program = lower(graph)
    found = own_answers(path, program, noise(path, 5, input_ranges(program))).agreement
    assert found.ort_max_lsb <= 1
