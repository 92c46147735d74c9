"""Chains of reshapes and of transposes, which exporters write differently for the same module."""

from __future__ import annotations

from dataclasses import replace

from hwcost.graph import Graph, Node
from hwcost.ops.shape import Reshape, Transpose
from hwcost.ops.storage import Identity
from hwcost.passes.rewriting import producers, rewritten


def merge_reshapes(graph: Graph) -> Graph:
    """Neighbouring reshapes become one, neighbouring transposes one, and those that change nothing none.

    A transpose that only moves axes of one element is a reshape.
    """
    while (simpler := _one_round(graph)) is not graph:
        graph = simpler
    return graph


def _one_round(graph: Graph) -> Graph:
    makers = producers(graph)
    gone: dict[str, str] = {}
    nodes: list[Node] = []
    changed = False
    for node in graph.nodes:
        simpler = _simplified(graph, node, makers)
        if simpler is None:
            gone[node.output] = node.inputs[0]
        else:
            nodes.append(simpler)
        changed = changed or simpler is not node
    return rewritten(graph, nodes, renamed=gone) if changed else graph


def _simplified(graph: Graph, node: Node, makers: dict[str, Node]) -> Node | None:
    """The node in simpler form, None where it does nothing."""
    if isinstance(node.op, Identity):
        return None
    if not isinstance(node.op, Reshape | Transpose):
        return node
    before, after = graph.values[node.inputs[0]], graph.values[node.output]
    if isinstance(node.op, Transpose) and node.op.moves_data(before):
        return _merged_transpose(node, makers)
    if before.shape == after.shape:
        return None
    plain = Reshape.between(before.shape, after.shape)
    maker = makers.get(node.inputs[0])
    if maker is not None and isinstance(maker.op, Reshape):
        return replace(node, op=Reshape.between(graph.values[maker.inputs[0]].shape, after.shape), inputs=maker.inputs)
    return node if node.op == plain else replace(node, op=plain)


def _merged_transpose(node: Node, makers: dict[str, Node]) -> Node | None:
    maker = makers.get(node.inputs[0])
    if not isinstance(node.op, Transpose) or maker is None or not isinstance(maker.op, Transpose):
        return node
    order = tuple(maker.op.order[axis] for axis in node.op.order)
    if order == tuple(range(len(order))):
        return replace(node, op=Identity(), inputs=maker.inputs)
    return replace(node, op=Transpose(order), inputs=maker.inputs)
