"""Every ONNX reader, in every form its operator has had since opset 7: the graph computes what onnxruntime computes."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.errors import GraphError, UnsupportedOpError
from hwcost.frontends.from_onnx import from_onnx
from tests.onnx_files import FLOAT, answers, disagreement, floats, model, node
from tests.ops.onnx_cases import CASES, X, case, ints
from tests.ops.onnx_layer_cases import LAYERS

EXACT = 1e-5


def random_inputs(file):
    shapes = [([d.dim_value for d in info.type.tensor_type.shape.dim], info.type.tensor_type.elem_type) for info in file.graph.input]
    return [
        floats(*shape, seed=i + 9) if kind == FLOAT else np.arange(np.prod(shape)).reshape(shape) for i, (shape, kind) in enumerate(shapes)
    ]


@pytest.mark.parametrize(("file", "kinds"), [*LAYERS, *CASES])
def test_the_graph_computes_what_onnxruntime_computes(file, kinds):
    graph = from_onnx(file)
    assert [step.kind for step in graph.steps] == kinds
    assert disagreement(graph, file, *random_inputs(file)) < EXACT


@pytest.mark.parametrize(("file", "kinds"), [*LAYERS, *CASES])
def test_outputs_have_the_shapes_of_onnxruntimes(file, kinds):
    graph = from_onnx(file)
    wanted = answers(file, *random_inputs(file))
    assert [graph.values[name].elements for name in graph.outputs] == [array.size for array in wanted]


REFUSED = [
    case("3d", [node("Conv", ["x", "w"])], {"w": floats(2, 4, 3, 3, 3)}, {"x": [1, 4, 5, 5, 5]}, kinds="convolution over 3 axes"),
    case(
        "training",
        [node("BatchNormalization", ["x", *"sbmv"], ["y", "p", "q"], training_mode=1)],
        dict.fromkeys("sbmv", floats(4)),
        opset=15,
        kinds="training mode",
    ),
    case("computed-weights", [node("Conv", ["x", "w"])], None, {"x": [1, 4, 6, 6], "w": [2, 4, 3, 3]}, kinds="weights are computed"),
    case("group", [node("Conv", ["x", "w"], group=3)], {"w": floats(3, 2, 3, 3)}, kinds="3 groups do not go with"),
    case("reshape", [node("Reshape", ["x", "s"])], {"s": ints(1, 7, -1)}, kinds="cannot reshape"),
    case("across-batch", [node("Softmax", ["x"], axis=0)], opset=13, kinds="is the batch"),
    case("axis", [node("Softmax", ["x"], axis=4)], opset=13, kinds="axis 4 does not exist"),
    case("dynamic-shape", [node("Cast", ["x"], ["c"], to=7), node("Reshape", ["x", "c"])], inputs={"x": [4]}, kinds="depend on the input"),
    case("resize-channels", [node("Resize", ["x", "", "s"])], {"s": np.array([1, 2, 1, 1], np.float32)}, kinds="behind the channels only"),
    case("dropout", [node("Dropout", ["x", "", "t"])], {"t": np.array(True)}, kinds="random numbers"),
    case(
        "mode",
        [node("Resize", ["x", "", "s"], coordinate_transformation_mode="tf_crop_and_resize")],
        {"s": np.array([1, 1, 2, 2], np.float32)},
        kinds="not known",
    ),
    case(
        "peephole",
        [node("LSTM", ["x", "w", "r", "", "", "", "", "p"], hidden_size=5)],
        {"w": floats(1, 20, 3), "r": floats(1, 20, 5), "p": floats(1, 15)},
        {"x": [4, 1, 3]},
        kinds="peepholes",
    ),
    case(
        "short-sequence",
        [node("RNN", ["x", "w", "r", "", "n"], hidden_size=5)],
        {"w": floats(1, 5, 3), "r": floats(1, 5, 5), "n": np.array([3], np.int32)},
        {"x": [4, 1, 3]},
        kinds="shorter than the input",
    ),
]


@pytest.mark.parametrize(("file", "why"), REFUSED)
def test_what_is_not_known_is_refused_by_node_and_reason(file, why):
    with pytest.raises(GraphError, match=why) as caught:
        from_onnx(file)
    assert caught.value.node is not None
    assert "\n" not in str(caught.value)


def test_every_unknown_operator_is_listed_at_once():
    file = model(
        [node("NonMaxSuppression", ["x", "x"], ["a"]), node("Mine", ["x"], ["b"], domain="my.own"), node("Concat", ["a", "b"], axis=1)], X
    )
    with pytest.raises(UnsupportedOpError) as caught:
        from_onnx(file)
    assert caught.value.unsupported == (("nonmaxsuppression_a", "NonMaxSuppression"), ("mine_b", "my.own.Mine"))
