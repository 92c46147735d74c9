"""Parts of a tensor, which exporters cut in different ways: by one split, by slices, by an index, by a slice and a reshape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from hwcost.graph import Graph, Node
from hwcost.ops.gather import Gather
from hwcost.ops.joining import Slice, Split
from hwcost.ops.shape import Reshape
from hwcost.passes.rewriting import only_consumer, rewritten


class Part(NamedTuple):
    """One output of a slice or split: where on which axis it starts, and how long it is."""

    output: str
    axis: int
    start: int
    size: int


def unify_parts(graph: Graph) -> Graph:
    """One form for each: an index of an axis is a gather, slices one after the other over a whole axis are a split."""
    return _slices_as_split(_indices_as_gather(graph))


def _parts(node: Node) -> tuple[Part, ...]:
    """What a node cuts out without gaps; nothing for other operators."""
    if isinstance(node.op, Slice) and node.op.step == 1:
        return (Part(node.output, node.op.axis, node.op.start, node.op.stop - node.op.start),)
    if isinstance(node.op, Split):
        starts = [sum(node.op.sizes[:i]) for i in range(len(node.op.sizes))]
        return tuple(Part(*part) for part in zip(node.outputs, [node.op.axis] * len(starts), starts, node.op.sizes, strict=True))
    return ()


def _indices_as_gather(graph: Graph) -> Graph:
    """Parts of one element that are reshaped right after: the axis of one goes first, by a gather."""
    made: dict[str, list[Node]] = {}
    for node in graph.nodes:
        gathers = dict(_gathers(graph, node))
        used = [part.output for part in _parts(node) if graph.consumers[part.output] or part.output in graph.outputs]
        if used and set(used) == set(gathers):
            made[node.name] = [gather for gather, _ in gathers.values()]
            made |= {reshape.name: kept for _, (reshape, kept) in gathers.values()}
    if not made:
        return graph
    return rewritten(graph, [new for node in graph.nodes for new in made.get(node.name, [node])])


Replaced = tuple[Node, list[Node]]
"""A reshape, and what stands in its place: nothing if the gather does all of it."""


def _gathers(graph: Graph, node: Node) -> Iterator[tuple[str, tuple[Node, Replaced]]]:
    for number, part in enumerate(_parts(node)):
        reshape = only_consumer(graph, part.output)
        if part.size != 1 or reshape is None or not isinstance(reshape.op, Reshape):
            continue
        shape = graph.values[part.output].shape
        left, after = shape[: part.axis] + shape[part.axis + 1 :], graph.values[reshape.output].shape
        name = node.name if len(node.outputs) == 1 else f"{node.name}.{number}"
        output = reshape.output if left == after else f"{part.output}.index"
        kept = [] if left == after else [Node(reshape.name, Reshape.between(left, after), (output,), reshape.outputs)]
        yield part.output, (Node(name, Gather(part.axis, part.start), node.inputs, (output,)), (reshape, kept))


def _slices_as_split(graph: Graph) -> Graph:
    """Neighbouring slices of one value that cover an axis without overlap.

    Only neighbours: a split makes all of its parts at once, slices further apart are made when they are needed.
    """
    nodes: list[Node] = []
    for _, run in groupby(graph.nodes, key=_slice_of):
        group = list(run)
        split = _as_split(graph, group)
        nodes.extend(group if split is None else [split])
    return graph if len(nodes) == len(graph.nodes) else rewritten(graph, nodes)


def _slice_of(node: Node) -> tuple[str, int] | str:
    """Neighbours with the same key may be one split."""
    return (node.inputs[0], node.op.axis) if isinstance(node.op, Slice) and node.op.step == 1 else node.name


def _as_split(graph: Graph, group: list[Node]) -> Node | None:
    parts = sorted((part for node in group for part in _parts(node) if isinstance(node.op, Slice)), key=lambda part: part.start)
    if len(parts) < 2:
        return None
    ends = [0, *(part.start + part.size for part in parts)]
    axis, source = parts[0].axis, group[0].inputs[0]
    if [part.start for part in parts] != ends[:-1] or ends[-1] != graph.values[source].shape[axis]:
        return None
    return Node(group[0].name, Split(axis, tuple(part.size for part in parts)), (source,), tuple(part.output for part in parts))
