"""Nodes whose results nobody reads: the last states of a recurrent layer, a branch for training."""

from __future__ import annotations

from hwcost.graph import Graph
from hwcost.passes.rewriting import rewritten


def drop_unused(graph: Graph) -> Graph:
    """The network without nodes that lead to no output, and without parameters that no node reads."""
    return rewritten(graph, graph.nodes)
