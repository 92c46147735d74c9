"""Global pools around which exporters move axes: a pool over one axis as one over two."""

from __future__ import annotations

from dataclasses import replace

from hwcost.graph import Graph, Node
from hwcost.ops.pool import GlobalAveragePool, GlobalMaxPool
from hwcost.ops.shape import Reshape
from hwcost.passes.rewriting import producers, rewritten


def lift_global_pool(graph: Graph) -> Graph:
    """A reshape that keeps the channels, before a global pool, goes behind it: the pool covers all positions, however they lie."""
    makers = producers(graph)
    made: dict[str, list[Node]] = {}
    for node in graph.nodes:
        reshape = makers.get(node.inputs[0]) if node.inputs else None
        if isinstance(node.op, GlobalAveragePool | GlobalMaxPool) and reshape is not None and _keeps_channels(graph, reshape):
            made[node.name] = _lifted(graph, node, reshape)
    if not made:
        return graph
    stored = {f"{output}.pooled": storage for output, storage in graph.storage.items()}
    nodes = [new for node in graph.nodes for new in made.get(node.name, [node])]
    return rewritten(replace(graph, storage={**stored, **graph.storage}), nodes)


def _keeps_channels(graph: Graph, node: Node) -> bool:
    before, after = graph.values[node.inputs[0]].shape, graph.values[node.output].shape
    return isinstance(node.op, Reshape) and len(before) > 1 and before[0] == after[0]


def _lifted(graph: Graph, node: Node, reshape: Node) -> list[Node]:
    x = graph.values[reshape.inputs[0]]
    pooled = f"{node.output}.pooled"
    pool = replace(node, inputs=reshape.inputs, outputs=(pooled,))
    after = Reshape.between(node.op.infer(x).shape, graph.values[node.output].shape)
    return [pool, Node(f"{node.name}.reshape", after, (pooled,), node.outputs)]
