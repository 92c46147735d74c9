"""The same thing computed twice, which exporters do once."""

from __future__ import annotations

from hwcost.graph import Graph, Node
from hwcost.passes.rewriting import rewritten


def drop_duplicates(graph: Graph) -> Graph:
    """Of nodes with equal operators, inputs and parameters, the first."""
    first: dict[object, Node] = {}
    gone: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        key = (node.op, tuple(gone.get(name, name) for name in node.inputs), node.parameters)
        known = first.setdefault(key, node)
        if known is node or _stored(graph, known) != _stored(graph, node):
            nodes.append(node)
        else:
            gone |= dict(zip(node.outputs, known.outputs, strict=True))
    return rewritten(graph, nodes, renamed=gone) if gone else graph


def _stored(graph: Graph, node: Node) -> list[object]:
    return [graph.storage.get(output) for output in node.outputs]
