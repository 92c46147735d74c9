"""Reshapes and transposes that together are less than their parts: a merge of axes, an exchange, and the axes split again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hwcost.graph import Graph, Node
from hwcost.ops.base import Op
from hwcost.ops.shape import Reshape, Transpose
from hwcost.ops.storage import Identity
from hwcost.passes.rewriting import only_consumer, producers, rewritten


class Atom(NamedTuple):
    """A piece of an input axis: how far apart its elements lie in the input, and how many there are."""

    axis: int
    stride: int
    size: int


Axes = list[list[Atom]]
"""For each axis of a value, the pieces it consists of, the outermost first."""


def shorten_axis_moves(graph: Graph) -> Graph:
    """A chain of reshapes and transposes becomes at most a reshape, a transpose and a reshape, if that is less than it was."""
    makers = producers(graph)
    made: dict[str, list[Node]] = {}
    gone: set[str] = set()
    for node in reversed(graph.nodes):
        chain = [] if node.name in gone else _chain(graph, node, makers)
        shorter = _shorter(graph, chain) if len(chain) > 1 else None
        if shorter is not None:
            made[node.name] = shorter
            gone.update(each.name for each in chain[:-1])
    if not made:
        return graph
    return rewritten(graph, [new for node in graph.nodes if node.name not in gone for new in made.get(node.name, [node])])


def _chain(graph: Graph, node: Node, makers: dict[str, Node]) -> list[Node]:
    """The reshapes and transposes that end in `node`, used by nothing else, in order."""
    chain: list[Node] = []
    current: Node | None = node
    while current is not None and isinstance(current.op, Reshape | Transpose):
        if chain and only_consumer(graph, current.output) is not chain[0]:
            break
        chain.insert(0, current)
        current = makers.get(current.inputs[0])
    return chain


def _shorter(graph: Graph, chain: Sequence[Node]) -> list[Node] | None:
    source, last = chain[0].inputs[0], chain[-1]
    shape, after = graph.values[source].shape, graph.values[last.output].shape
    axes: Axes | None = [[Atom(axis, stride, n)] for axis, (stride, n) in enumerate(zip(_strided(shape), shape, strict=True))]
    for node in chain:
        if axes is not None:
            axes = _moved(axes, node, graph.values[node.output].shape)
    if axes is None:
        return None
    return _as_nodes(source, shape, list(_merged(atom for axis in axes for atom in axis)), after, last, len(chain))


def _moved(axes: Axes, node: Node, shape: Sequence[int]) -> Axes | None:
    if isinstance(node.op, Transpose):
        return [axes[axis] for axis in node.op.order]
    return _regrouped(axes, shape)


def _strided(shape: Sequence[int]) -> list[int]:
    strides = [1]
    for n in reversed(shape[1:]):
        strides.insert(0, strides[0] * n)
    return strides[: len(shape)]


def _regrouped(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """The same pieces as axes of another shape, cut where need be; None if a cut does not come out even."""
    waiting = list(_merged(atom for axis in axes for atom in axis))
    made: Axes = []
    for n in shape:
        taken: list[Atom] = []
        while n > 1:
            if not waiting:
                return None
            axis, stride, size = waiting.pop(0)
            if n % size and size % n:
                return None
            outer = min(n, size)
            taken.append(Atom(axis, stride * (size // outer), outer))
            if size > outer:
                waiting.insert(0, Atom(axis, stride, size // outer))
            n //= outer
        made.append(taken)
    return made


def _merged(atoms: Iterator[Atom]) -> Iterator[Atom]:
    """Pieces of one input axis that lie one behind the other, as one; those of one element say nothing."""
    before: Atom | None = None
    for atom in atoms:
        if atom.size == 1:
            continue
        if before is not None and before.axis == atom.axis and before.stride == atom.stride * atom.size:
            before = Atom(atom.axis, atom.stride, before.size * atom.size)
            continue
        if before is not None:
            yield before
        before = atom
    if before is not None:
        yield before


def _as_nodes(source: str, shape: Sequence[int], atoms: list[Atom], after: Sequence[int], last: Node, length: int) -> list[Node] | None:
    """Cut, exchange and join; None if that takes as many nodes as there were."""
    inputs = sorted(atoms, key=lambda atom: -atom.stride)
    if inputs == atoms:
        whole = Identity() if tuple(shape) == tuple(after) else Reshape.between(tuple(shape), tuple(after))
        return list(_named(source, [("", whole)], last))
    cut, joined = (tuple(atom.size for atom in order) for order in (inputs, atoms))
    steps: list[tuple[str, Op]] = [("order", Transpose(tuple(inputs.index(atom) for atom in atoms)))]
    if cut != tuple(shape):
        steps.insert(0, ("cut", Reshape.between(tuple(shape), cut)))
    if joined != tuple(after):
        steps.append(("join", Reshape.between(joined, tuple(after))))
    return list(_named(source, steps, last)) if len(steps) < length else None


def _named(source: str, steps: Sequence[tuple[str, Op]], last: Node) -> Iterator[Node]:
    """The steps one behind the other; the last has the name and output of the chain's last node."""
    value = source
    for suffix, op in steps[:-1]:
        yield Node(f"{last.name}.{suffix}", op, (value,), (f"{last.output}.{suffix}",))
        value = f"{last.output}.{suffix}"
    yield Node(last.name, steps[-1][1], (value,), last.outputs)
