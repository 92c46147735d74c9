"""Folding before quantising leaves the answers as they were."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from hwcost.deploy.folding import fold_dense, join_hard_swish, norms_as_convolutions


def model(nodes, **constants):
    tensors = [numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in constants.items()]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n]) for name, n in (("x", 4), ("y", 3)))
    return helper.make_model(helper.make_graph(nodes, "net", [x], [y], tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answers(network):
    return ReferenceEvaluator(network).run(None, {"x": np.float32([[1.0, -2.0, 0.5, 3.0]])})[0]


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("biased", [False, True])
def test_a_batch_norm_goes_into_the_dense_layer_before_it(turned, biased):
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((3, 4) if turned else (4, 3))
    norm = {name: rng.uniform(0.5, 2, 3) for name in ("scale", "shift", "mean", "variance")}
    inputs = ["x", "w", "b"] if biased else ["x", "w"]
    bias = {"b": rng.standard_normal(3)} if biased else {}
    nodes = [
        helper.make_node("Gemm", inputs, ["h"], name="dense", transB=turned),
        helper.make_node("BatchNormalization", ["h", *norm], ["y"], name="norm", epsilon=0.01),
    ]
    network = model(nodes, w=weights, **bias, **norm)
    before = answers(network)
    fold_dense(network)
    assert [node.name for node in network.graph.node] == ["dense"]
    assert len(network.graph.initializer) == 2
    np.testing.assert_allclose(answers(network), before, rtol=1e-5)


def test_what_others_read_is_not_folded():
    norm = {name: np.ones(3) for name in ("scale", "shift", "mean", "variance")}
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"], name="dense"),
        helper.make_node("BatchNormalization", ["h", *norm], ["n"], name="norm"),
        helper.make_node("Add", ["h", "n"], ["y"], name="add"),
    ]
    network = model(nodes, w=np.ones((4, 3)), **norm)
    before = onnx.ModelProto.FromString(network.SerializeToString())
    fold_dense(network)
    assert network == before


@pytest.mark.parametrize(("alpha", "found"), [(1 / 6, ["Gemm", "HardSwish"]), (0.2, ["Gemm", "HardSigmoid", "Mul"])])
def test_hard_swish_is_one_node_again(alpha, found):
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"], name="dense"),
        helper.make_node("HardSigmoid", ["h"], ["g"], name="gate", alpha=alpha, beta=0.5),
        helper.make_node("Mul", ["h", "g"], ["y"], name="product"),
    ]
    network = model(nodes, w=np.random.default_rng(2).standard_normal((4, 3)))
    before = answers(network)
    join_hard_swish(network)
    assert [node.op_type for node in network.graph.node] == found
    np.testing.assert_allclose(answers(network), before, rtol=1e-5)


def alone(shape, **changed):
    """A batch norm of the network's input."""
    rng = np.random.default_rng(5)
    channels = shape[1]
    statistics = {name: rng.uniform(0.5, 2, channels) for name in ("scale", "shift", "mean", "variance")} | changed
    tensors = [numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in statistics.items()]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    node = helper.make_node("BatchNormalization", ["x", "scale", "shift", "mean", "variance"], ["y"], name="norm", epsilon=0.01)
    return helper.make_model(helper.make_graph([node], "net", [x], [y], tensors), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("shape", [(1, 3, 5), (1, 3, 4, 5)])
@pytest.mark.parametrize("scale", [[0.5, -1.0, 2.0], [0.0, 0.0, 1e-3]])
def test_a_batch_norm_on_its_own_is_a_depthwise_convolution(shape, scale):
    network = alone(shape, scale=scale)
    x = np.random.default_rng(6).standard_normal(shape).astype(np.float32)
    before = ReferenceEvaluator(network).run(None, {"x": x})[0]
    norms_as_convolutions(network)
    assert [node.op_type for node in network.graph.node] == ["Conv"]
    assert len(network.graph.initializer) == 2
    onnx.checker.check_model(network, full_check=True)
    np.testing.assert_allclose(ReferenceEvaluator(network).run(None, {"x": x})[0], before, rtol=1e-5, atol=1e-6)


def test_a_batch_norm_of_features_stays():
    network = alone((1, 3))
    before = onnx.ModelProto.FromString(network.SerializeToString())
    norms_as_convolutions(network)
    assert network == before
