"""The trained MLPerf Tiny networks as ONNX: read, brought to normal form, and computing what onnxruntime computes."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.frontends.from_onnx import from_onnx
from hwcost.passes import normalise
from tests.onnx_files import disagreement

# mlcommons/tiny, benchmark/training: MACs, parameters, layers, input as the application hands it over.
FILES = {
    "mlperf_tiny_resnet8_int8_qdq.onnx": (12_501_632, 77_706, 16, (32, 32, 3)),
    "mlperf_tiny_dscnn_int8_qdq.onnx": (2_656_768, 22_604, 13, (49, 10, 1)),
    "mlperf_tiny_autoencoder_int8_qdq.onnx": (264_192, 265_864, 10, (640,)),
    "mlperf_tiny_resnet8_float.onnx": (12_501_632, 77_706, 16, (3, 32, 32)),
}
INTEGERS = [name for name in FILES if "int8" in name]
STEPS = 1.001
"""Of the output's scale."""
EXACT = 1e-5


@pytest.mark.parametrize("name", FILES)
def test_counts_are_the_published_ones(shared, name):
    graph = from_onnx(shared / "models" / name)
    assert (graph.macs, graph.params, len(graph.nodes)) == FILES[name][:3]


@pytest.mark.parametrize("name", INTEGERS)
def test_every_layer_computes_on_integers(shared, name):
    graph = from_onnx(shared / "models" / name)
    assert {(spec.bits, spec.kind) for spec in graph.values.values()} == {(8, "int")}
    assert {parameter.bits for step in graph.steps for role, parameter in step.parameters if role == "weight"} == {8}
    assert {parameter.bits for step in graph.steps for role, parameter in step.parameters if role == "bias"} == {32}
    assert {"quantize", "dequantize", "transpose"}.isdisjoint(step.kind for step in graph.steps)


@pytest.mark.parametrize("name", FILES)
def test_the_network_computes_what_onnxruntime_computes(shared, name):
    file = (shared / "models" / name).read_bytes()
    graph = from_onnx(file)
    rng = np.random.default_rng(0)
    shape = (1, *FILES[name][3])
    x = rng.integers(-128, 128, shape).astype(np.int8) if name in INTEGERS else rng.standard_normal(shape).astype(np.float32)
    assert disagreement(graph, file, x) < (STEPS if name in INTEGERS else EXACT)


def test_the_float_network_as_int8_is_the_int8_network(shared):
    projected = from_onnx(shared / "models" / "mlperf_tiny_resnet8_float.onnx").as_int8()
    quantised = from_onnx(shared / "models" / "mlperf_tiny_resnet8_int8_qdq.onnx")
    sizes = [
        sorted((step.kind, step.output.shape, step.weight_bytes, step.work.macs) for step in graph.steps)
        for graph in (projected, quantised)
    ]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("name", FILES)
def test_normalising_again_changes_nothing(shared, name):
    graph = from_onnx(shared / "models" / name)
    assert normalise(graph) is graph
