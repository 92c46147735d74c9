"""Layers of a network, and of the networks a search may visit."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcost.errors import InputError
from hwcost.measure.sampling import Limits, sample_network, sample_space
from hwcost.records import read_network
from hwcost.records.measurement import Layer

LIMITS = Limits(10**6, 10**6, 10**7)


def graphs(name: str) -> list:  # type: ignore[type-arg]
    return [layer.graph() for layer in read_network(name).values()]


def test_equal_layers_of_a_network_are_measured_once() -> None:
    described = read_network("autoencoder")
    assert len(described) == 10
    assert (
        len(sample_space([layer.graph() for layer in described.values()], LIMITS))
        == len({repr(layer) for layer in described.values()})
        < 10
    )


def test_a_layer_of_a_network_comes_without_its_scales() -> None:
    layer = next(iter(read_network("resnet8").values()))
    (found,) = sample_network(layer.graph(), LIMITS)
    assert isinstance(found, Layer)
    assert found.op == layer.op
    assert found.inputs[0].quantisation is not None
    assert found.inputs[0].quantisation.scale == ()


def test_views_of_memory_are_no_layers() -> None:
    kinds = {layer.op.kind for layer in sample_space(graphs("mobilenet_v1_025_96"), LIMITS)}
    assert "reshape" not in kinds
    assert {"conv2d", "depthwise_conv2d"} <= kinds


def test_a_network_none_of_whose_layers_fits_is_refused() -> None:
    with pytest.raises(InputError, match="none of the layers fits"):
        sample_space(graphs("resnet8"), Limits(10, 10))


def test_a_search_is_sampled_at_widths_between_its_ends() -> None:
    pytest.importorskip("torch")
    from hwcost.nas.visiting import visited

    config = Path(__file__).resolve().parents[3] / "examples" / "digits.toml"
    found = list(visited(config, 12))
    assert len(found) == 12
    widest, narrowest = found[0].macs, found[1].macs
    assert all(narrowest <= graph.macs <= widest for graph in found)
    layers = sample_space(found, LIMITS, 30)
    assert len(layers) == 30
    assert len({layer.step.output.channels for layer in layers if layer.op.kind == "conv2d"}) > 5
