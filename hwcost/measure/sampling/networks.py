"""Layers of one network, or of every network that a search may visit."""

from __future__ import annotations

from collections.abc import Iterable

from hwcost.errors import InputError
from hwcost.graph import Graph
from hwcost.measure.sampling.filling import spread_out
from hwcost.measure.sampling.limits import Limits
from hwcost.records import Layer
from hwcost.tensor import Quantisation, TensorSpec

__all__ = ["layers_of", "sample_network", "sample_space"]


def sample_network(graph: Graph, limits: Limits, count: int | None = None) -> list[Layer]:
    """The different layers of a network that do something, `count` of them at most. InputError where none fits the device."""
    return sample_space([graph], limits, count)


def sample_space(graphs: Iterable[Graph], limits: Limits, count: int | None = None) -> list[Layer]:
    """The different layers of many networks, `count` of them at most, spread over the space of sizes.

    A search lists its own networks: this room knows nothing of how they are found.
    """
    found = {repr(layer): layer for graph in graphs for layer in layers_of(graph) if limits.allow(layer)}
    if not found:
        raise InputError("none of the layers fits the device, or none does anything: expected at least one to measure")
    layers = list(found.values())
    return layers if count is None else spread_out(layers, count)


def layers_of(graph: Graph) -> list[Layer]:
    """Each node of the network's int8 program on its own, scales left out; views of memory are no layers."""
    return [
        Layer(step.node.op, tuple(_plain(spec) for spec in step.inputs), step.weight_bits or 8)
        for step in graph.as_int8().steps
        if step.node.op.moves_data(*step.inputs) and not any(spec.is_float for spec in (*step.inputs, *step.outputs))
    ]


def _plain(spec: TensorSpec) -> TensorSpec:
    """Without the network's scales."""
    shape = tuple(int(n) for n in spec.shape)
    return TensorSpec(shape, spec.bits) if spec.quantisation is None else TensorSpec(shape, spec.bits, Quantisation(), "int")
