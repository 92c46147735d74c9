"""The reference networks against published counts, against the trained files they stand for, and against their own exports."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hwcost.frontends.from_onnx import from_onnx
from hwcost.frontends.from_torch import from_torch
from hwcost.tasks import REGISTRY, reference_network
from tests.exporting import onnx_file

# mlcommons/tiny, benchmark/training: counted in the .tflite files, without constants that only tell shapes.
MACS = {"autoencoder": 264_192, "dscnn": 2_656_768, "mobilenetv1": 7_489_664, "resnet8": 12_501_632}
PARAMS = {"autoencoder": 265_864, "dscnn": 22_604, "mobilenetv1": 210_850, "resnet8": 77_706}

TCN_MACS = 128 * (9 * 32 * 3 + 32 * 32 * 3 + 9 * 32 + 3 * 2 * 32 * 32 * 3) + 32 * 6
TCN_PARAMS = (9 * 32 * 3 + 32) + (32 * 32 * 3 + 32) + (9 * 32 + 32) + 3 * 2 * (32 * 32 * 3 + 32) + (32 * 6 + 6)
RESNET18_PARAMS = 11_279_112

INT8_FILES = {
    "autoencoder": "mlperf_tiny_autoencoder_int8_qdq.onnx",
    "dscnn": "mlperf_tiny_dscnn_int8_qdq.onnx",
    "resnet8": "mlperf_tiny_resnet8_int8_qdq.onnx",
}


@pytest.fixture(scope="module")
def networks():
    """The networks with statistics as if trained: neither 0 nor 1, which an exporter could leave out."""
    torch.manual_seed(0)
    made = {name: reference_network(name).eval() for name in REGISTRY}
    for network in made.values():
        for name, values in network.state_dict().items():
            if values.is_floating_point() and bool((values == values.flatten()[0]).all()):
                torch.nn.init.uniform_(values, *((-0.5, 0.5) if name.endswith(("mean", "bias")) else (0.5, 1.5)))
    return made


@pytest.fixture(scope="module")
def graphs(networks):
    return {name: from_torch(network, network.example_input()) for name, network in networks.items()}


def layers(graph):
    """What each node does, to which values and with which parameters, however they are stored."""
    numbers = {name: i for i, name in enumerate(graph.inputs)}
    rows = []
    for step in graph.steps:
        wires = tuple(numbers[name] for name in step.node.inputs)
        numbers |= {name: len(numbers) + i for i, name in enumerate(step.node.outputs)}
        rows.append((step.node.op, wires, step.output.shape, tuple((role, parameter.shape) for role, parameter in step.parameters)))
    return rows


@pytest.mark.parametrize("name", MACS)
def test_macs_are_the_published_ones(graphs, name):
    assert graphs[name].macs == MACS[name]


@pytest.mark.parametrize("name", PARAMS)
def test_parameters_are_the_published_ones(graphs, name):
    assert graphs[name].params == PARAMS[name]


@pytest.mark.parametrize("name", REGISTRY)
def test_macs_are_those_that_torch_counts(networks, graphs, name):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        networks[name](networks[name].example_input())
    assert graphs[name].macs == counter.get_total_flops() / 2


def test_the_temporal_network_counts_what_its_layers_say(graphs):
    assert graphs["tcn"].macs == TCN_MACS
    assert graphs["tcn"].params == TCN_PARAMS


def test_resnet18_has_the_parameters_of_torchvision_with_200_classes(networks, graphs):
    assert sum(parameter.numel() for parameter in networks["resnet18"].parameters()) == RESNET18_PARAMS
    # Folding a batch norm keeps one bias of its two vectors per channel.
    channels = 64 + 4 * 64 + 4 * 128 + 128 + 4 * 256 + 256 + 4 * 512 + 512
    assert graphs["resnet18"].params == RESNET18_PARAMS - channels


@pytest.mark.parametrize("name", INT8_FILES)
def test_the_trained_int8_file_has_the_same_layers(graphs, shared, name):
    trained = from_onnx(shared / "models" / INT8_FILES[name])
    assert layers(graphs[name]) == layers(trained)
    assert trained.macs == MACS[name]
    assert trained.params == PARAMS[name]


def test_the_trained_float_file_has_the_same_layers_in_another_order(graphs, shared):
    trained = from_onnx(shared / "models" / "mlperf_tiny_resnet8_float.onnx")
    without_order = [
        Counter((op, shape, parameters) for op, _, shape, parameters in layers(graph)) for graph in (graphs["resnet8"], trained)
    ]
    assert without_order[0] == without_order[1]


def test_mobilenet_has_the_published_resolutions(graphs):
    depthwise = [step.output.shape for step in graphs["mobilenetv1"].steps if step.kind == "depthwise_conv2d"]
    assert depthwise == [
        (8, 48, 48), (16, 24, 24), (32, 24, 24), (32, 12, 12), (64, 12, 12), (64, 6, 6), *[(128, 6, 6)] * 5, (128, 3, 3), (256, 3, 3)
    ]  # fmt: skip


@pytest.mark.parametrize("exporter", ["dynamo", "legacy"])
@pytest.mark.parametrize("name", REGISTRY)
def test_a_network_and_its_exported_file_are_the_same(networks, graphs, name, exporter):
    file = from_onnx(onnx_file(networks[name], (networks[name].example_input(),), exporter=exporter))
    assert graphs[name].signature == file.signature
    assert graphs[name].same_values(file, tolerance=1e-5)


@pytest.mark.parametrize("name", REGISTRY)
def test_only_layers_are_left(graphs, name):
    """No padding, batch norm or activation of its own, and every name is a module's path."""
    assert {"pad", "batch_norm", "relu", "identity"}.isdisjoint(step.kind for step in graphs[name].steps)
    modules = {path for path, _ in reference_network(name).named_modules()}
    weighted = [step.node.name for step in graphs[name].steps if step.work.macs]
    assert set(weighted) <= modules
