"""What every reader of networks promises: a module read by torch and its exported file are the same network."""

from __future__ import annotations

import pytest
from torch.utils.flop_counter import FlopCounterMode

from hwcost.frontends.from_onnx import from_onnx
from hwcost.frontends.from_torch import as_written
from hwcost.passes import normalise
from tests.evaluating import assert_computes
from tests.exporting import zoo_file
from tests.zoo import ZOO
from tests.zoo.specimens import outputs_of

TOLERANCE = 1e-5
"""Relative to the largest weight: exporters fold batch norm in float32."""

UNCOUNTED = {"BidirectionalLSTM", "GRUHead", "LSTMSequence", "PlainRNN", "ScaledDotProduct", "SelfAttention"}
"""Modules with layers that torch's flop counter does not see: recurrent ones, and attention as it runs on a CPU."""

EXPORTED = [(name, exporter) for name, specimen in ZOO.items() for exporter in specimen.exporters]


@pytest.fixture(scope="module")
def written():
    return {name: as_written(*specimen.seeded()) for name, specimen in ZOO.items()}


@pytest.fixture(scope="module")
def graphs(written):
    """What `from_torch` gives."""
    return {name: normalise(graph) for name, graph in written.items()}


@pytest.mark.parametrize(("name", "exporter"), EXPORTED)
def test_a_module_and_its_exported_file_are_the_same_network(graphs, name, exporter):
    file = from_onnx(zoo_file(name, exporter))
    assert graphs[name].signature == file.signature
    assert graphs[name].same_values(file, tolerance=TOLERANCE)


@pytest.mark.parametrize("name", ZOO)
def test_the_network_computes_what_the_module_does_before_and_after_every_rewrite(written, graphs, name):
    _, inputs = ZOO[name].seeded()
    given, expected = tuple(x[0] for x in inputs), ZOO[name].outputs()
    assert_computes(written[name], given, expected)
    assert_computes(graphs[name], given, expected)


@pytest.mark.parametrize("name", [name for name in ZOO if name not in UNCOUNTED])
def test_macs_are_those_that_torch_counts(graphs, name):
    module, inputs = ZOO[name].seeded()
    with FlopCounterMode(display=False) as counter:
        outputs_of(module, inputs)
    assert graphs[name].macs == counter.get_total_flops() / 2


@pytest.mark.parametrize("name", ZOO)
def test_normalising_again_changes_nothing(graphs, name):
    again = normalise(graphs[name])
    assert again.nodes == graphs[name].nodes
    assert again == graphs[name]


def test_parameters_shared_by_layers_count_once(graphs):
    assert graphs["CalledTwice"].params == 4 * 4 * 9 + 4
    assert len(graphs["CalledTwice"].parameters) == 2


def test_the_zoo_is_as_large_as_promised():
    assert len(ZOO) >= 40
