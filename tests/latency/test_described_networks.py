"""The layers that whole-network measurements are priced by are those of the networks everybody else means."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hwcost import from_onnx, from_torch
from hwcost.graph import Graph, Step
from hwcost.records import read_network

SAME = {
    "resnet8": ("resnet8", "mlperf_tiny_resnet8_int8_qdq.onnx"),
    "ds_cnn": ("dscnn", "mlperf_tiny_dscnn_int8_qdq.onnx"),
    "mobilenet_v1_025_96": ("mobilenetv1", None),
    "autoencoder": ("autoencoder", "mlperf_tiny_autoencoder_int8_qdq.onnx"),
}


def multiplying(steps: list[Step]) -> Counter[tuple[object, ...]]:
    """Layers that multiply, by all that a price may ask; in any order, since skips may be listed before or after."""
    counted = [step for step in steps if step.work.macs]
    return Counter((step.kind, step.inputs[0].shape, step.output.shape, step.work.macs, step.work.params) for step in counted)


def described(name: str) -> Counter[tuple[object, ...]]:
    return multiplying([layer.step for layer in read_network(name).values()])


@pytest.mark.parametrize("name", SAME)
def test_a_described_network_is_the_reference_network(name: str) -> None:
    from hwcost.tasks import reference_network

    network = reference_network(SAME[name][0]).eval()
    graph: Graph = from_torch(network, network.example_input())
    assert multiplying(list(graph.steps)) == described(name)


@pytest.mark.parametrize("name", [name for name, (_, file) in SAME.items() if file])
def test_a_described_network_is_the_trained_one(name: str, shared: Path) -> None:
    file = SAME[name][1]
    assert file is not None
    graph: Graph = from_onnx(shared / "models" / file)
    assert multiplying(list(graph.steps)) == described(name)
