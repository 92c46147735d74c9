"""Readers of quantised layers, and the pass that makes integer layers of them, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.errors import GraphError
from hwcost.frontends.from_onnx import from_onnx
from hwcost.ops import onnx_readers
from hwcost.ops.reading import ONNX_READERS
from tests.onnx_files import FLOAT, INT8, INT64, MICROSOFT, UINT8, disagreement, floats, model, node
from tests.ops.onnx_cases import CASES
from tests.ops.onnx_layer_cases import LAYERS
from tests.ops.onnx_quantised_cases import DYNAMIC, OPERATORS, PAIRS, S, case, quantised, whole

STEPS = 2.001
"""Of the output's scale: each of two roundings may fall to either side."""

UNTRIED = {
    (MICROSOFT, "DynamicQuantizeLSTM"): "onnxruntime's quantiser writes it: tests/frontends/test_onnx_quantisers.py",
    (MICROSOFT, "QLinearReduceMean"): "onnxruntime has no kernel for it",
}


def random_inputs(file):
    makers = {
        FLOAT: floats,
        INT8: whole,
        UINT8: lambda *shape: whole(*shape, dtype=np.uint8),
        INT64: lambda *shape: np.ones(shape, np.int64),
    }
    infos = [info.type.tensor_type for info in file.graph.input]
    shapes = [[d.dim_value for d in info.shape.dim] for info in infos]
    return [makers.get(info.elem_type, lambda *n: np.ones(n, bool))(*shape) for info, shape in zip(infos, shapes, strict=True)]


@pytest.mark.parametrize(("file", "kinds"), [*PAIRS, *OPERATORS])
def test_integer_layers_compute_what_onnxruntime_computes(file, kinds):
    graph = from_onnx(file)
    assert [step.kind for step in graph.steps] == kinds
    assert disagreement(graph, file, *random_inputs(file)) < STEPS


@pytest.mark.parametrize(("file", "kinds"), DYNAMIC)
def test_dynamic_quantisation_is_a_quantise_node_and_a_layer_with_integer_weights(file, kinds):
    graph = from_onnx(file)
    assert [step.kind for step in graph.steps] == kinds
    quantise, layer = graph.steps
    assert (quantise.output.bits, quantise.output.kind) == (8, "uint")
    assert (layer.weight_bits, layer.output.is_float) == (8, True)
    assert graph.parameters[dict(layer.node.parameters)["weight"]].quantisation.scale == (pytest.approx(0.01),)
    # In real numbers the layer computes what the file computes; the input here is not rounded, the file's is to one of 255 steps.
    assert disagreement(graph, file, *random_inputs(file)) < 0.05


def test_every_reader_is_tried():
    onnx_readers.load()
    files = [parameter.values[0] for parameter in (*LAYERS, *CASES, *PAIRS, *OPERATORS, *DYNAMIC)]
    tried = {(each.domain, each.op_type) for file in files for each in file.graph.node}
    assert {(domain, op) for domain, op in ONNX_READERS if (domain, op) not in tried} == set(UNTRIED)


def test_weights_keep_their_integers_and_biases_have_32_bits():
    graph = from_onnx(PAIRS[0].values[0])
    (layer,) = graph.steps
    parameters = dict(layer.parameters)
    assert (parameters["weight"].bits, parameters["weight"].kind, parameters["weight"].quantisation.axis) == (8, "int", 0)
    assert parameters["weight"].array().dtype == np.int8
    assert (parameters["bias"].bits, parameters["bias"].kind, parameters["bias"].quantisation) == (32, "int", None)
    assert parameters["bias"].array().dtype == np.int32


def test_what_the_application_does_is_said_in_notes():
    graph = from_onnx(PAIRS[0].values[0])
    assert graph.notes == (
        "input 'x' is taken as 8-bit integers: quantising it is left to the application",
        "an output is given as 8-bit integers: dequantising it is left to the application",
    )


@pytest.mark.parametrize(("bits", "kind", "largest"), [(4, "int", 7), (4, "uint", 15)])
def test_weights_of_four_bits_take_half_a_byte_each(bits, kind, largest):
    from onnx import TensorProto, helper

    element = TensorProto.INT4 if kind == "int" else TensorProto.UINT4
    file = model(
        [*quantised("x"), node("DequantizeLinear", ["w", "ws", ""], ["wf"]), node("Gemm", ["x_r", "wf"], ["m"]), *quantised("m")],
        {"x": [1, 6]},
        {**S, "ws": np.float32(0.1)},
        outputs=["m_r"],
        opset=21,
    )
    file.graph.initializer.append(helper.make_tensor("w", element, [6, 5], [largest] * 15 + [1] * 15))
    (layer,) = from_onnx(file).steps
    weight = dict(layer.parameters)["weight"]
    assert (weight.bits, weight.kind, weight.bytes) == (bits, kind, 15)
    assert weight.array().shape == (5, 6)
    assert weight.array()[0].tolist() == [largest] * 3 + [1] * 3


@pytest.mark.parametrize(
    ("nodes", "constants", "why"),
    [
        ([node("QuantizeLinear", ["x", "s"])], {"s": np.float32(0)}, "not a number above 0"),
        ([node("QuantizeLinear", ["x", "s"])], {"s": np.float32(np.nan)}, "not a number above 0"),
        ([node("QuantizeLinear", ["x", "s"])], {"s": np.ones(3, np.float32)}, "3 scales for the 4 indices of axis 1"),
        ([node("QuantizeLinear", ["x", "s", "z"])], {"s": np.ones(4, np.float32), "z": np.zeros(3, np.int8)}, "4 scales and 3 zero points"),
        ([node("QuantizeLinear", ["x", "s"], block_size=2)], {"s": np.ones((1, 2, 6, 6), np.float32)}, "blocks of a tensor"),
        ([node("QuantizeLinear", ["x", "s"], output_dtype=17)], {"s": np.float32(1)}, "type 17"),
    ],
)
def test_scales_that_make_no_sense_are_refused(nodes, constants, why):
    (parameter,) = [case("x", nodes, constants, opset=21)]
    with pytest.raises(GraphError, match=why):
        from_onnx(parameter.values[0])
