"""Batch norm at inference is one factor and one offset per channel: the layer before it takes them into its weights and bias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from hwcost.graph import Graph, Node, Parameter
from hwcost.ops.base import Op
from hwcost.ops.conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, DepthwiseConv1d, DepthwiseConv2d
from hwcost.ops.dense import Dense
from hwcost.ops.norm import BatchNorm
from hwcost.passes.rewriting import only_consumer, rewritten

Array: TypeAlias = "np.ndarray[Any, Any]"

OUT_FIRST = (Conv1d, Conv2d, DepthwiseConv1d, DepthwiseConv2d, Dense)
"""Layers whose weights have the output channels in front."""
TRANSPOSED = (ConvTranspose1d, ConvTranspose2d)
"""Layers whose weights are `(in, out / groups, kernel...)`."""


def fold_batch_norm(graph: Graph) -> Graph:
    """Batch norm after a layer with weights becomes part of them, where nothing else reads that layer's output.

    Values are computed when asked. A weight used by several layers is folded into a copy for each batch norm.
    """
    folded: dict[str, Node] = {}
    gone: set[str] = set()
    parameters: dict[str, Parameter] = {}
    for node in graph.nodes:
        norm = only_consumer(graph, node.output) if isinstance(node.op, OUT_FIRST + TRANSPOSED) else None
        if norm is not None and _can_fold(graph, node, norm):
            folded[node.name], made = _folded(graph, node, norm)
            parameters |= made
            gone.add(norm.name)
    if not gone:
        return graph
    return rewritten(graph, [folded.get(node.name, node) for node in graph.nodes if node.name not in gone], parameters=parameters)


def _can_fold(graph: Graph, node: Node, norm: Node) -> bool:
    op: Any = node.op
    if not isinstance(norm.op, BatchNorm) or op.activation is not None or not graph.values[node.output].is_float:
        return False
    if isinstance(op, Dense) and len(graph.values[node.output].shape) != 1:
        return False  # The norm's channels are the leading axis, the layer's the last.
    return all(graph.parameters[name].kind == "float" for _, name in (*node.parameters, *norm.parameters))


def _folded(graph: Graph, node: Node, norm: Node) -> tuple[Node, dict[str, Parameter]]:
    """The layer with the norm inside, and its new parameters."""
    own, stored = dict(node.parameters), dict(norm.parameters)
    weight, bias = graph.parameters[own["weight"]], graph.parameters.get(own.get("bias", ""))
    statistics = {role: graph.parameters[name] for role, name in stored.items()}
    op: Any = node.op
    epsilon: float = norm.op.epsilon  # type: ignore[attr-defined]
    shared = sum(own["weight"] in dict(other.parameters).values() for other in graph.nodes) > 1
    weight_name = f"{own['weight']}.{stored['scale']}" if shared else own["weight"]
    bias_name = f"{own.get('bias', weight_name)}.{stored['bias']}" if shared else own.get("bias", stored["bias"])
    made = {
        weight_name: replace(weight, name=weight_name, read=lambda: _weights(node.op, weight, statistics, epsilon)),
        bias_name: replace(statistics["bias"], name=bias_name, read=lambda: _bias(bias, statistics, epsilon)),
    }
    changed = replace(op, bias=True)
    return Node(node.name, changed, node.inputs, norm.outputs, (("weight", weight_name), ("bias", bias_name))), made


def _factor(statistics: Mapping[str, Parameter], epsilon: float) -> Array:
    scale, variance = (statistics[role].array().astype(np.float64) for role in ("scale", "variance"))
    factor: Array = scale / np.sqrt(variance + epsilon)
    return factor


def _weights(op: Op, weight: Parameter, statistics: Mapping[str, Parameter], epsilon: float) -> Array:
    values, factor = weight.array(), _factor(statistics, epsilon)
    if isinstance(op, TRANSPOSED):
        grouped = values.reshape(op.groups, values.shape[0] // op.groups, *values.shape[1:])
        scaled = grouped * factor.reshape(op.groups, 1, values.shape[1], *(1 for _ in values.shape[2:]))
        return scaled.reshape(values.shape).astype(values.dtype)
    return (values * factor.reshape(-1, *(1 for _ in values.shape[1:]))).astype(values.dtype)


def _bias(bias: Parameter | None, statistics: Mapping[str, Parameter], epsilon: float) -> Array:
    shift, mean = statistics["bias"].array(), statistics["mean"].array().astype(np.float64)
    before = 0.0 if bias is None else bias.array()
    moved: Array = (before - mean) * _factor(statistics, epsilon) + shift
    return moved.astype(shift.dtype)
