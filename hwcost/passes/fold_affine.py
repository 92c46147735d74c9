"""A bias or a factor per channel written as a layer of its own behind the weights it belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hwcost.graph import Graph, Node, Parameter
from hwcost.ops.base import Op
from hwcost.ops.binary import Add, Div, Mul, Sub
from hwcost.ops.conv import Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.dense import Dense
from hwcost.passes.real_numbers import Array, numbers
from hwcost.passes.rewriting import only_consumer, rewritten
from hwcost.sizes import equal
from hwcost.tensor import Quantisation

LAYERS = (Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d, Dense)
"""Layers whose weights have the output channels in front."""

MOST_IN_A_ROW = 16
"""Each constant folded into a layer is one more step when its values are asked for; no exporter writes more than two or three."""


def fold_affine(graph: Graph) -> Graph:
    """Constants added to, or multiplied with, each channel of a layer with weights become part of its bias and weights.

    Only where nothing else reads the layer's output and its parameters. Values are computed when asked; of quantised weights, the
    scales take the factor and the stored integers stay.
    """
    uses = Counter(name for node in graph.nodes for _, name in node.parameters)
    layers: dict[str, Node] = {}
    gone: set[str] = set()
    changed: dict[str, Parameter] = {}
    for node in graph.nodes:
        if isinstance(node.op, LAYERS):
            run = _Run(graph, uses, node)
            if run.inside:
                layers[node.name] = run.layer
                gone.update(run.inside)
                changed |= run.changed
    if not gone:
        return graph
    return rewritten(graph, [layers.get(node.name, node) for node in graph.nodes if node.name not in gone], parameters=changed)


class _Run:
    """A layer with all constants behind it inside: the operators that have gone, and the parameters that have changed."""

    def __init__(self, graph: Graph, uses: Mapping[str, int], layer: Node) -> None:
        self.layer = layer
        self.inside: list[str] = []
        self.changed: dict[str, Parameter] = {}
        while (after := self._next(graph, uses)) is not None:
            self.inside.append(after.name)
        if len(self.inside) > MOST_IN_A_ROW:
            self.inside.clear()

    def _next(self, graph: Graph, uses: Mapping[str, int]) -> Node | None:
        """Take in the operator behind the layer; None if there is none that can be."""
        after = only_consumer(graph, self.layer.output)
        if after is None or len(self.inside) > MOST_IN_A_ROW or any(uses.get(name, 1) > 1 for _, name in self.layer.parameters):
            return None
        own = {role: self.changed.get(name) or graph.parameters[name] for role, name in self.layer.parameters}
        made = _folded(graph, self.layer, after, own, uses)
        if made is None:
            return None
        self.layer, changed = made
        self.changed |= changed
        return after


def _folded(
    graph: Graph, node: Node, after: Node, own: dict[str, Parameter], uses: Mapping[str, int]
) -> tuple[Node, dict[str, Parameter]] | None:
    """The layer, whose parameters are `own`, with the constant inside, and its new parameters; None if it cannot be."""
    op: Any = node.op
    if not isinstance(after.op, Add | Sub | Mul | Div) or op.activation is not None or not graph.values[node.output].is_float:
        return None
    operand = _by_channel(graph, node, after)
    if operand is None or any(parameter.read is None for parameter in own.values()):
        return None
    if isinstance(after.op, Add | Sub):
        changed = _with_offset(own, operand, after.op)
    else:
        changed = None if after.op.constant_first and isinstance(after.op, Div) else _with_factor(own, operand, after.op)
    if changed is None:
        return None
    stored = dict(after.parameters)["operand"]
    bias = stored if uses[stored] == 1 else f"{stored}.{node.name}"
    names = {"bias": bias, **dict(node.parameters)}
    roles = tuple((role, names[role]) for role in ("weight", "bias") if role in changed)
    layer = Node(node.name, replace(op, bias="bias" in changed), node.inputs, after.outputs, roles)
    return _bounded(layer, after.op), {names[role]: replace(parameter, name=names[role]) for role, parameter in changed.items()}


def _bounded(layer: Node, op: Any) -> Node:
    """The layer with the activation that the folded operator had."""
    bounds: Op | None = op.activation
    whole: Any = layer.op
    return layer if bounds is None else replace(layer, op=replace(whole, activation=bounds))


def _by_channel(graph: Graph, node: Node, after: Node) -> Parameter | None:
    """The constant of `after` as one number per channel of the layer, or one in all; None if it is anything else."""
    spans: Any = after.op.attributes()["constant"]
    if spans is None:
        return None
    operand = graph.parameters[dict(after.parameters)["operand"]]
    axis = len(spans) - 1 if isinstance(node.op, Dense) else 0
    if operand.read is None or any(spans[:axis]) or any(spans[axis + 1 :]):
        return None
    channels = node.op.own_width if node.op.width is not None else graph.values[node.output].channels
    return operand if equal(operand.elements, 1) or equal(operand.elements, channels) else None


def _with_offset(own: dict[str, Parameter], operand: Parameter, op: Add | Sub) -> dict[str, Parameter] | None:
    if isinstance(op, Sub) and op.constant_first:
        return None
    weight, bias = own["weight"], own.get("bias")
    channels = weight.shape[0]
    if bias is None and isinstance(op, Add) and equal(operand.elements, channels):
        read = operand.read
        return {**own, "bias": replace(operand, shape=(channels,), quantisation=_along_first(operand), read=lambda: _flat(read))}
    sign = -1.0 if isinstance(op, Sub) else 1.0

    def moved() -> Array:
        before = 0.0 if bias is None else numbers(bias)
        return np.broadcast_to(before + sign * numbers(operand).reshape(-1), (channels,)).astype(np.float32)

    return {**own, "bias": Parameter("bias", (channels,), read=moved)}


def _flat(read: Any) -> Array:
    return np.asarray(read()).reshape(-1)


def _along_first(operand: Parameter) -> Quantisation | None:
    """The scales of a constant that becomes a vector."""
    quantisation = operand.quantisation
    return quantisation if quantisation is None or quantisation.axis is None else replace(quantisation, axis=0)


def _with_factor(own: dict[str, Parameter], operand: Parameter, op: Mul | Div) -> dict[str, Parameter] | None:
    weight, bias = own["weight"], own.get("bias")

    def factor() -> Array:
        values: Array = numbers(operand).reshape(-1)
        return np.reciprocal(values) if isinstance(op, Div) else values

    changed = _scaled(weight, factor) if weight.quantisation is None else _rescaled(weight, factor())
    if changed is None:
        return None
    if bias is None:
        return {**own, "weight": changed}
    return {"weight": changed, "bias": Parameter("bias", bias.shape, read=lambda: (numbers(bias) * factor()).astype(np.float32))}


def _scaled(weight: Parameter, factor: Any) -> Parameter:
    def values() -> Array:
        stored = weight.array()
        return np.asarray(stored * factor().reshape(-1, *(1 for _ in stored.shape[1:])), dtype=stored.dtype)

    return replace(weight, read=values)


def _rescaled(weight: Parameter, factor: Array) -> Parameter | None:
    """Quantised weights whose scales take the factor; None where a scale would not be above 0."""
    quantisation = weight.quantisation
    if quantisation is None or not quantisation.scale or not np.all(factor > 0) or not np.all(np.isfinite(factor)):
        return None
    scales = np.asarray(quantisation.scale) * factor
    count = scales.size
    if count > 1 and quantisation.axis not in {None, 0}:
        return None
    zeros = quantisation.zero_point or (0,) * len(quantisation.scale)
    spread = zeros * (count // len(zeros))
    axis = None if count == 1 else 0
    return replace(weight, quantisation=Quantisation(tuple(float(s) for s in scales), spread, axis))
