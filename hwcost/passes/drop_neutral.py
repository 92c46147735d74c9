"""Arithmetic with a number that changes nothing: plus 0, times 1, to the power of 1."""

from __future__ import annotations

from typing import Any

from hwcost.graph import Graph, Node
from hwcost.ops.binary import Add, Div, Mul, Pow, Sub
from hwcost.passes.matching import Matching
from hwcost.passes.rewriting import rewritten

NEUTRAL: dict[type[Any], float] = {Add: 0.0, Sub: 0.0, Mul: 1.0, Div: 1.0, Pow: 1.0}


def drop_neutral(graph: Graph) -> Graph:
    """The network without such arithmetic; the bounds that a dropped operator had stay as an activation of their own."""
    matching = Matching(graph)
    made = {node.name: _rest(node) for node in graph.nodes if _changes_nothing(matching, node)}
    if not made:
        return graph
    gone = {node.output: node.inputs[0] for node in graph.nodes if node.name in made and made[node.name] is None}
    nodes = (made.get(node.name, node) for node in graph.nodes)
    return rewritten(graph, [node for node in nodes if node is not None], renamed=gone)


def _changes_nothing(matching: Matching, node: Node) -> bool:
    op: Any = node.op
    if type(op) not in NEUTRAL or op.constant != () or (op.constant_first and isinstance(op, Sub | Div | Pow)):
        return False
    values = matching.graph.values
    if not values[node.inputs[0]].is_float or not values[node.output].is_float:
        return False
    return matching.number(node) == NEUTRAL[type(op)]


def _rest(node: Node) -> Node | None:
    """The activation that was fused into a node."""
    bounds = node.op.attributes()["activation"]
    return None if bounds is None else Node(node.name, bounds, node.inputs, node.outputs)
