"""Exact simplifications of an integer program: its outputs stay the same to the bit.

Channels that are the same number whatever the input (dead neurons, weights rounded to nothing) go, their share folded into the next
layer's bias. Tables that follow each other become one, and so does a value that is dequantised only to be quantised again; one before a
concatenation becomes part of it, one that changes nothing goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwcost.deploy.merging import Layers, by_name, with_fewer_tables
from hwcost.deploy.program import Convolution, Program
from hwcost.graph import Graph, Node, Parameter
from hwcost.ops.conv import Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.dense import Dense
from hwcost.passes.rewriting import only_consumer

Whole = NDArray[np.int64]
DEPTHWISE = (DepthwiseConv1d, DepthwiseConv2d)
ORDINARY = (Conv1d, Conv2d, Dense)


def simplified(program: Program) -> Program:
    """The program with less to do and the same outputs to the bit; its notes say what went."""
    return _without_dead_channels(with_fewer_tables(program))


# Channels that never change.


@dataclass(frozen=True, slots=True)
class _Chain:
    """An ordinary convolution or dense layer, depthwise ones after it, and the ordinary one that reads the last of them."""

    nodes: tuple[Node, ...]

    @property
    def inner(self) -> tuple[Node, ...]:
        """The layers that lose output channels."""
        return self.nodes[:-1]

    @property
    def reader(self) -> Node:
        """The layer that loses input channels."""
        return self.nodes[-1]


def _without_dead_channels(program: Program) -> Program:
    for found in list(_chains(program)):
        current = {node.name: node for node in program.graph.nodes}  # an earlier cut may have changed where this chain begins
        chain = _Chain(tuple(current[node.name] for node in found.nodes))
        layers = by_name(program)
        value, constant = _constants(chain, layers)
        reader: Any = layers[chain.reader.name]
        dead = constant & _harmless(reader, value)
        if dead.all():
            dead[0] = False  # a layer keeps one channel
        if dead.any():
            program = _cut(program, chain, value, np.flatnonzero(~dead))
    return program


def _chains(program: Program) -> Iterator[_Chain]:
    graph, layers = program.graph, by_name(program)
    for node in graph.nodes:
        if not _ordinary(node, layers):
            continue
        chain = [node]
        while (after := only_consumer(graph, chain[-1].output)) is not None and _keeps_channels(after, layers):
            chain.append(after)
        if after is not None and _ordinary(after, layers):
            yield _Chain((*chain, after))


def _ordinary(node: Node, layers: Layers) -> bool:
    layer = layers[node.name]
    return isinstance(node.op, ORDINARY) and isinstance(layer, Convolution) and layer.groups == 1


def _keeps_channels(node: Node, layers: Layers) -> bool:
    return isinstance(node.op, DEPTHWISE) and node.op.multiplier == 1


def _constants(chain: _Chain, layers: Layers) -> tuple[Whole, NDArray[np.bool_]]:
    """The value of each channel that the chain's last inner layer makes, and whether it is always that."""
    value = np.zeros(1, np.int64)
    constant = np.zeros(1, dtype=bool)
    for node in chain.inner:
        layer = layers[node.name]
        assert isinstance(layer, Convolution)
        own, always = _range_of(layer, -128, 127)
        if isinstance(node.op, DEPTHWISE):
            fed, _ = _range_of(layer, value, value)
            carried = constant & _harmless(layer, value) & ~always
            value, constant = np.where(carried, fed, own), always | carried
        else:
            value, constant = own, always
    return value, constant


def _range_of(layer: Convolution, low: Any, high: Any) -> tuple[Whole, NDArray[np.bool_]]:
    """The least output of each channel for inputs between `low` and `high`, and whether the largest is the same."""
    weights = layer.weights.reshape(len(layer.weights), -1).astype(np.int64)
    ends = np.asarray([np.broadcast_to(end, (len(weights),)) for end in (low, high)], np.int64)[:, :, None]
    least = np.minimum(weights * ends[0], weights * ends[1]).sum(axis=1) + layer.bias
    most = np.maximum(weights * ends[0], weights * ends[1]).sum(axis=1) + layer.bias
    made = [np.clip(_rescaled(total, layer) + layer.output_zero_point, layer.range.low, layer.range.high) for total in (least, most)]
    return made[0], made[0] == made[1]


def _rescaled(total: Whole, layer: Convolution) -> Whole:
    return np.asarray((total * layer.multiplier.astype(np.int64) + (1 << (layer.shift - 1))) >> layer.shift, np.int64)


def _harmless(reader: Convolution, value: Whole) -> NDArray[np.bool_]:
    """Whether a constant channel adds the same at every place: not where padding holds another number than the channel."""
    return np.asarray((value == reader.input_zero_point) | (not any(reader.padding)), bool)


def _cut(program: Program, chain: _Chain, value: Whole, kept: Whole) -> Program:
    """The program without the channels of the chain that are not kept."""
    layers, graph = by_name(program), program.graph
    for node in chain.inner:
        layers[node.name] = _fewer_outputs(layers[node.name], kept)
    gone = np.setdiff1d(np.arange(len(value)), kept)
    layers[chain.reader.name] = _fewer_inputs(layers[chain.reader.name], value, kept, gone)
    graph = _narrowed(graph, chain, kept)
    tensors = {**program.tensors, **{n.output: _thinner(program, n.output, len(kept)) for n in chain.inner}}
    what = "1 channel that is" if len(gone) == 1 else f"{len(gone)} channels that are"
    note = f"{what} the same whatever the input left out of '{chain.inner[-1].name}'"
    return Program(graph, tuple(layers[node.name] for node in graph.nodes), tensors, (*program.notes, note))


def _fewer_outputs(layer: object, kept: Whole) -> Convolution:
    assert isinstance(layer, Convolution)
    groups = 1 if layer.groups == 1 else len(kept)
    return replace(layer, weights=layer.weights[kept], bias=layer.bias[kept], multiplier=layer.multiplier[kept], groups=groups)


def _fewer_inputs(layer: object, value: Whole, kept: Whole, gone: Whole) -> Convolution:
    """What the channels that go always add is in the bias; it fits, as the whole accumulator does."""
    assert isinstance(layer, Convolution)
    added = (layer.weights[..., gone].astype(np.int64) * value[gone]).reshape(len(layer.weights), -1).sum(axis=1)
    return replace(layer, weights=np.ascontiguousarray(layer.weights[..., kept]), bias=(layer.bias + added).astype(np.int32))


def _thinner(program: Program, name: str, channels: int) -> Any:
    tensor = program.tensors[name]
    return replace(tensor, shape=(*tensor.shape[:-1], channels))


def _narrowed(graph: Graph, chain: _Chain, kept: Whole) -> Graph:
    """The graph with fewer channels in the chain, and constants cut to them."""
    changed = {node.name: node for node in chain.nodes}
    parameters: dict[str, Parameter] = dict(graph.parameters)
    for node in chain.nodes:
        axis = 1 if node is chain.reader else 0
        roles = []
        for role, name in node.parameters:
            if role == "bias" and node is chain.reader:
                roles.append((role, name))
                continue
            own = f"{name}.of.{node.name}"
            parameters[own] = _cut_parameter(parameters[name], own, axis, kept)
            roles.append((role, own))
        changed[node.name] = replace(node, parameters=tuple(roles))
    head = chain.nodes[0]
    changed[head.name] = replace(changed[head.name], op=head.op.with_width(len(kept)))
    used = {name for node in graph.nodes for _, name in changed.get(node.name, node).parameters}
    return replace(
        graph,
        nodes=tuple(changed.get(node.name, node) for node in graph.nodes),
        parameters={name: parameter for name, parameter in parameters.items() if name in used},
    )


def _cut_parameter(parameter: Parameter, name: str, axis: int, kept: Whole) -> Parameter:
    """A constant with those indices of an axis that are kept."""
    shape = tuple(len(kept) if i == axis else n for i, n in enumerate(parameter.shape))
    scales = parameter.quantisation
    if scales is not None and scales.axis == axis and scales.scale:
        zeros = tuple(scales.zero_point[i] for i in kept) if scales.zero_point else ()
        scales = replace(scales, scale=tuple(scales.scale[i] for i in kept), zero_point=zeros)
    read = parameter.read
    cut = None if read is None else (lambda: np.take(np.asarray(read()), kept, axis=axis))
    return replace(parameter, name=name, shape=shape, quantisation=scales, read=cut)


__all__ = ["simplified"]
