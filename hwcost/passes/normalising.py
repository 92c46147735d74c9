"""The one form of a network, whichever exporter wrote it: the sequence of all passes."""

from __future__ import annotations

from collections.abc import Callable

from hwcost.graph import Graph

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = ()
"""In the order they are applied."""


def normalise(graph: Graph) -> Graph:
    """The network in normal form; normalising again changes nothing."""
    for rewrite in PASSES:
        graph = rewrite(graph)
    return graph
