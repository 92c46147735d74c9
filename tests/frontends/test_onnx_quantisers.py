"""Files that onnxruntime's quantiser makes of float ones: the integer program that was projected from the float file.

What quantising makes of a network is known before it is done: `Graph.as_int8`. Here the two are held against each other.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from hwcost.frontends.from_onnx import from_onnx
from hwcost.graph import Graph
from hwcost.tasks import REGISTRY, reference_network
from tests.exporting import onnx_file, zoo_file
from tests.onnx_files import disagreement

ZOO = [
    "InvertedResidual",
    "Ghost",
    "UNet",
    "Residual",
    "TwoInputs",
    "TwoOutputs",
    "pools",
    "conv1d_stack",
    "grouped",
    "asymmetric_pad",
    "pixel_shuffle",
]
"""Networks whose every layer the quantiser quantises."""

STEPS = 2.01
"""Of the output's scale: a rounding on the way may fall to either side."""


class Calibration(CalibrationDataReader):
    """Three random inputs."""

    def __init__(self, file: bytes) -> None:
        rng = np.random.default_rng(0)
        inputs = onnx.ModelProto.FromString(file).graph.input
        shapes = {each.name: [d.dim_value for d in each.type.tensor_type.shape.dim] for each in inputs}
        self.rest = iter([{name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(3)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.rest, None)


def statically(file: bytes, folder, form=QuantFormat.QDQ, activations=QuantType.QInt8, weights=QuantType.QInt8, per_channel=True) -> bytes:
    made = folder / "quantised.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            onnx.ModelProto.FromString(file),
            made,
            Calibration(file),
            form,
            per_channel=per_channel,
            activation_type=activations,
            weight_type=weights,
        )
    return made.read_bytes()


def layers(graph: Graph, *, scales: bool = True) -> Counter[Any]:
    """What each node computes from what, however it is called and wherever in the order it stands.

    Of a fused activation nothing: the quantiser drops a ReLU where the smallest integer already means 0.
    """
    meaning: dict[str, Any] = {
        name: (name == next(iter(graph.inputs)), spec.shape, spec.bits, spec.kind) for name, spec in graph.inputs.items()
    }
    found: Counter[Any] = Counter()
    for step in graph.steps:
        op = replace(step.node.op, activation=None) if "activation" in step.node.op.attributes() else step.node.op
        parameters = tuple((role, p.shape, p.bits, p.kind, *([p.scales] if scales else [])) for role, p in step.parameters)
        made = tuple((output.shape, output.bits, output.kind, output.quantisation is None) for output in step.outputs)
        key = hash((op, tuple(meaning[name] for name in step.node.inputs), parameters, made))
        meaning |= {name: (key, i) for i, name in enumerate(step.node.outputs)}
        found[op.kind, key] += 1
    return found


@pytest.fixture(scope="module")
def networks() -> dict[str, bytes]:
    """As users hand them to the quantiser: batch norm folded, by whichever exporter folds it for that network."""
    torch.manual_seed(0)
    made = {name: reference_network(name).eval() for name in REGISTRY}
    exporters = {name: "dynamo" if name == "autoencoder" else "legacy" for name in made}
    return {name: onnx_file(network, (network.example_input(),), exporter=exporters[name]) for name, network in made.items()}


@pytest.mark.parametrize("name", REGISTRY)
def test_a_reference_network_becomes_what_was_projected(networks, tmp_path, name):
    quantised = from_onnx(statically(networks[name], tmp_path))
    projected = from_onnx(networks[name]).as_int8()
    assert layers(quantised) == layers(projected)
    assert (quantised.macs, quantised.params) == (projected.macs, projected.params)


FORMS = {
    "qdq": {},
    "qdq-per-tensor": {"per_channel": False},
    "operators": {"form": QuantFormat.QOperator},
    "operators-per-tensor": {"form": QuantFormat.QOperator, "per_channel": False},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [name for name in ZOO if name != "InvertedResidual"])
def test_a_small_network_becomes_what_was_projected_in_every_form(tmp_path, name, form):
    file = zoo_file(name, "legacy")
    quantised = from_onnx(statically(file, tmp_path, **FORMS[form]))
    per_channel = FORMS[form].get("per_channel", True)
    assert layers(quantised, scales=per_channel) == layers(from_onnx(file).as_int8(), scales=per_channel)


TYPES = {
    "int8": (QuantType.QInt8, QuantType.QInt8, 8, "int", 8),
    "uint8": (QuantType.QUInt8, QuantType.QUInt8, 8, "uint", 8),
    "int16": (QuantType.QInt16, QuantType.QInt8, 16, "int", 8),
    "int4-weights": (QuantType.QInt8, QuantType.QInt4, 8, "int", 4),
}


@pytest.mark.parametrize("types", TYPES)
def test_every_integer_type_is_kept(tmp_path, types):
    activations, weights, bits, kind, weight_bits = TYPES[types]
    graph = from_onnx(statically(zoo_file("pools", "legacy"), tmp_path, activations=activations, weights=weights))
    assert {(step.output.bits, step.output.kind) for step in graph.steps} == {(bits, kind)}
    assert {step.weight_bits for step in graph.steps if step.work.macs} == {weight_bits}


def quantised_files(tmp_path) -> Iterator[tuple[str, bytes]]:
    for name in ZOO:
        for form, options in FORMS.items():
            yield f"{name}-{form}", statically(zoo_file(name, "legacy"), tmp_path, **options)
        yield f"{name}-uint8", statically(zoo_file(name, "legacy"), tmp_path, activations=QuantType.QUInt8, weights=QuantType.QUInt8)


def test_quantised_networks_compute_what_onnxruntime_computes(tmp_path):
    for name, file in quantised_files(tmp_path):
        graph = from_onnx(file)
        inputs = Calibration(file).get_next()
        assert disagreement(graph, file, *inputs.values()) < STEPS, name


@pytest.mark.parametrize("name", ["LSTMSequence", "BidirectionalLSTM", "Residual", "conv_bn_relu", "layer_norm"])
def test_dynamic_quantisation_leaves_floats_between_layers_and_integers_inside(tmp_path, name):
    file = zoo_file(name, "legacy")
    made = tmp_path / "dynamic.onnx"
    quantize_dynamic(onnx.ModelProto.FromString(file), made)
    graph, before = from_onnx(made), from_onnx(file)
    assert (graph.macs, graph.params) == (before.macs, before.params)
    weights = [parameter for step in graph.steps if step.work.macs for role, parameter in step.parameters if role.startswith("weight")]
    assert {parameter.bits for parameter in weights} == {8}
    assert all(spec.is_float for spec in (*graph.inputs.values(), *(graph.values[name] for name in graph.outputs)))


@pytest.mark.parametrize("name", ZOO)
def test_normalising_again_changes_nothing(tmp_path, name):
    from hwcost.passes import normalise

    graph = from_onnx(statically(zoo_file(name, "legacy"), tmp_path))
    assert normalise(graph) is graph
