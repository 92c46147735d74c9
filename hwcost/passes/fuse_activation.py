"""Bounds on a layer's output, ReLU and the like, which kernels apply while they write it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hwcost.graph import Graph, Node
from hwcost.ops.activation import Clip, Relu
from hwcost.passes.rewriting import only_consumer, rewritten


def fuse_activation(graph: Graph) -> Graph:
    """ReLU or clip right after a layer that takes one becomes its attribute, where nothing else reads the layer's output."""
    fused: dict[str, Node] = {}
    gone: set[str] = set()
    for node in graph.nodes:
        bounds = only_consumer(graph, node.output) if _takes_bounds(node) else None
        if bounds is not None and isinstance(bounds.op, Relu | Clip):
            op: Any = node.op
            fused[node.name] = replace(node, op=replace(op, activation=bounds.op), outputs=bounds.outputs)
            gone.add(bounds.name)
    if not gone:
        return graph
    return rewritten(graph, [fused.get(node.name, node) for node in graph.nodes if node.name not in gone])


def _takes_bounds(node: Node) -> bool:
    return "activation" in node.op.attributes() and node.op.attributes()["activation"] is None
